// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE system_operations
#include "system/console.hpp"
#include "system/png_text.hpp"
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/workspace.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <sstream>
#include <utility>

/// Every operation, through the console, through the command line for people, and as JSON; and what
/// each answers against its schema.

using namespace system_test;
using nlohmann::json;

namespace {

/// A request, and the command line that asks for the same.
struct sample {
  const char* operation;
  json arguments;
  words typed;                    ///< empty: no command does just this
  bool prints_the_result = true;  ///< with --json, and not something made of several results
};

struct asked_library {
  workspace space;
  library podstudio{space.data};
  std::ostringstream answers;

  asked_library() {
    make_folder(space.root);
    auto made = run({{"sh", MAKE_MEDIA, space.root}});
    BOOST_REQUIRE_MESSAGE(made.code == 0, "cannot make the sample media: " << made);
    auto picture = read_file(space.root + "/sample.png");
    make_file(space.root + "/made/copy.png", picture);
    make_file(space.root + "/made/cut.png", picture.substr(0, picture.size() / 2));
    make_file(space.root + "/made/layers.psd", "8BPS");
    std::string said = "parameters";
    said += '\0';
    said += "a fox, oil on canvas\nSteps: 20, Sampler: Euler a, CFG scale: 7, "
            "Seed: 18446744073709551615, Size: 512x512, Model: fox_v2";
    make_file(space.root + "/made/said.png", with_text(picture, said));
    make_file(space.root + "/made/lost.png", picture + "trailing");
  }

  void keep(const std::string& operation, const json& arguments, const json& outcome) {
    json line{{"operation", operation}, {"outcome", outcome}};
    if (!arguments.is_null()) line["arguments"] = arguments;
    answers << line.dump() << '\n';
  }
  /// Asks for what the console must refuse as invalid.
  void expect_refusal(console& to, const char* operation, const json& arguments) {
    auto answer = to.give({new_command_id(), operation, arguments});
    BOOST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->code == "invalid argument",
               operation << " " << arguments << ": " << *answer);
    answers << json{{"operation", operation}, {"arguments", arguments}, {"refused", true}}.dump()
            << '\n';
  }
  /// Asks the console, and the command line in both ways. What changes something is given with
  /// other arguments each time, or finds its work done.
  json ask(console& to, const sample& of) {
    json result;
    BOOST_TEST_CONTEXT(of.operation << " " << of.arguments) {
      auto answer = to.give({new_command_id(), of.operation, of.arguments});
      BOOST_REQUIRE(answer.has_value());
      BOOST_REQUIRE_MESSAGE(answer->done, *answer);
      result = answer->result;
      keep(of.operation, of.arguments, result);
      if (of.typed.empty()) return result;
      auto shown = podstudio(of.typed);
      BOOST_TEST(shown.code == 0, shown);
      auto printed = podstudio.json(of.typed);
      if (of.prints_the_result) keep(of.operation, {}, printed);
    }
    return result;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(every_answer_fits_the_schema_of_its_operation, asked_library) {
  service running(podstudio);
  console to(podstudio);
  auto root = space.root, picture = root + "/made/said.png";
  auto import = ask(to, {"import.start", {{"paths", {root}}}, {"import", root}, false});
  ask(to, {"import.wait", {{"import", import["import"]}, {"timeout_ms", 60'000}}, {}});
  ask(to, {"watch.add", {{"path", root}}, {"watch", "add", root}});
  ask(to, {"sync", {{"timeout_ms", 60'000}}, {"sync"}, false});
  BOOST_REQUIRE(eventually([&] {
    return to.give({new_command_id(), "media.status", json::object()})->result.value("done", false);
  }));
  ask(to, {"media.status", json::object(), {}});
  auto listed = ask(to, {"asset.list", {{"limit", 1000}}, {"asset", "list"}});
  BOOST_REQUIRE(listed.size() > 15u);
  auto id_of = [&](const std::string& name) -> json {
    for (const auto& each : listed)
      if (each["path"] == root + name) return each["id"];
    BOOST_FAIL("there is no " << name);
    return {};
  };
  auto said = id_of("/made/said.png"), copy = id_of("/made/copy.png"),
       lost = id_of("/made/lost.png");
  auto text = [](const json& id) { return std::to_string(id.get<std::int64_t>()); };
  json ids{said, copy};

  ask(to, {"asset.approve", {{"ids", ids}}, {"asset", "approve", text(said)}});
  ask(to, {"asset.unapprove", {{"ids", ids}}, {"asset", "unapprove", text(said)}});
  ask(to, {"asset.reject", {{"ids", {copy}}}, {"asset", "reject", text(copy)}});
  ask(to,
      {"asset.unreject", {{"filter", {{"rejected", true}}}}, {"asset", "unreject", text(copy)}});
  ask(to, {"asset.set",
           {{"ids", ids}, {"theme", "sea"}, {"rating", 4}, {"source", nullptr}},
           {"asset", "set", text(said), "--theme", "forest"}});
  ask(to, {"asset.tag", {{"ids", ids}, {"tag", "fox"}}, {"asset", "tag", text(said), "oil"}});
  ask(to,
      {"asset.untag", {{"ids", {copy}}, {"tag", "fox"}}, {"asset", "untag", text(said), "oil"}});
  ask(to, {"asset.list",
           {{"type", "image"},
            {"width", "1.."},
            {"rating", "4..5"},
            {"tag", "fox"},
            {"tool", "Automatic1111"},
            {"seed", "18446744073709551615"},
            {"after", 0}},
           {"asset", "list", "--tag", "fox"}});
  for (const auto& each : listed)
    ask(to, {"asset.show", {{"asset", each["id"]}}, {}});
  auto shown = ask(to, {"asset.show", {{"asset", picture}}, {"asset", "show", picture}});
  BOOST_TEST(shown["generation"]["seed"] == "18446744073709551615");
  ask(to, {"asset.duplicates", {{"limit", 10}}, {"asset", "duplicates"}});
  ask(to, {"asset.similar", {{"asset", said}, {"distance", 64}}, {"asset", "similar", text(said)}});
  auto groups = ask(to, {"asset.similar_groups", json::object(), {"asset", "similar", "--groups"}});
  BOOST_TEST(!groups.empty());
  ask(to,
      {"asset.history", {{"asset", said}, {"from", 1}}, {"asset", "history", text(said)}, false});

  auto pack = ask(to, {"pack.create",
                       {{"name", "Foxes"}, {"license", "personal"}, {"theme", "sea"}},
                       {"pack", "create", "Owls", "--license", "personal", "--force"}})["id"];
  auto added = ask(to, {"pack.add",
                        {{"pack", pack}, {"ids", {said, copy, lost}}},
                        {"pack", "add", text(pack), text(said)}});
  BOOST_TEST(added["same_content"].size() == 0u);
  ask(to, {"pack.edit",
           {{"pack", pack}, {"description", "Oil on canvas"}},
           {"pack", "edit", text(pack), "--theme", "forest"}});
  ask(to, {"pack.list", {{"after", 0}, {"limit", 10}}, {"pack", "list"}});
  ask(to, {"pack.show", {{"pack", pack}}, {"pack", "show", text(pack)}});
  ask(to, {"pack.move",
           {{"pack", pack}, {"asset", lost}, {"to", 1}},
           {"pack", "move", text(pack), text(lost), "--before", text(copy)}});
  ask(to, {"pack.copy",
           {{"pack", pack}, {"name", "Foxes 2"}, {"force", true}},
           {"pack", "copy", text(pack), "Foxes 3", "--force"}});
  ask(to, {"pack.seller", json::object(), {"pack", "setup"}});
  ask(to, {"pack.setup",
           {{"author", "Ada"}, {"year", "2026"}, {"shop", nullptr}},
           {"pack", "setup", "--contact", "ada@example.org", "--year", ""}});
  auto said_of_seller = ask(to, {"pack.seller", json::object(), {"pack", "setup"}});
  BOOST_TEST(said_of_seller
             == json({{"author", "Ada"},
                      {"year", nullptr},
                      {"shop", nullptr},
                      {"contact", "ada@example.org"}}));
  auto profiles = ask(to, {"pack.profiles", json::object(), {"pack", "profiles"}});
  BOOST_TEST(profiles.size() == 10u);
  auto findings = ask(to, {"pack.check", {{"pack", pack}, {"profile", "tshirt_print"}}, {}});
  BOOST_TEST(findings.size() > 0u);
  auto checked_pack = podstudio({"pack", "check", text(pack), "--for", "tshirt_print"});
  BOOST_TEST(checked_pack.code == 1, checked_pack);
  BOOST_TEST(checked_pack.out.find("too_small") != std::string::npos, checked_pack);
  podstudio.must({"asset", "approve", text(said)});
  auto sold = ask(to, {"pack.create", {{"name", "Sold"}, {"license", "personal"}}, {}})["id"];
  ask(to, {"pack.add", {{"pack", sold}, {"ids", {said}}}, {}});
  auto listing = ask(to, {"pack.listing",
                          {{"pack", sold}, {"profile", "etsy"}},
                          {"pack", "listing", text(sold), "--for", "etsy"}});
  BOOST_TEST(listing["title"] == "Sold");
  auto exporting = ask(to, {"pack.export",
                            {{"pack", sold}, {"profile", "generic"}, {"allow_unapproved", false}},
                            {"pack", "export", text(sold)},
                            false});
  podstudio.must({"job", "wait", text(exporting["jobs"][0])});
  auto exports = ask(to, {"pack.exports", {{"pack", sold}}, {"pack", "exports", text(sold)}});
  BOOST_TEST(exports.size() == 3u);
  auto rebuilding = ask(
      to,
      {"pack.rebuild",
       {{"pack", sold}, {"export", exports[0]["sequence"]}, {"output", space.path + "/again.zip"}},
       {}});
  podstudio.must({"job", "wait", text(rebuilding["jobs"][0])});
  BOOST_TEST(read_file(space.path + "/again.zip")
             == read_file(exports[0]["path"].get<std::string>()));
  ask(to, {"pack.remove",
           {{"pack", pack}, {"ids", {copy}}},
           {"pack", "remove", text(pack), text(copy)}});
  ask(to, {"pack.history", {{"pack", pack}}, {"pack", "history", text(pack)}, false});

  ask(to, {"job.kinds", json::object(), {"job", "kinds"}});
  ask(to, {"job.pause", json::object(), {"job", "pause"}});
  auto jobs = ask(to, {"job.submit",
                       {{"kind", "metadata_extract"}, {"ids", ids}, {"priority", -3}},
                       {"job", "submit", "metadata_extract", "--asset", text(said)}})["jobs"];
  auto job = text(jobs[0]);
  ask(to, {"job.list", {{"status", "pending"}, {"limit", 10}}, {"job", "list"}});
  ask(to, {"job.cancel", {{"job", jobs[0]}}, {}});
  ask(to, {"job.retry", {{"job", jobs[0]}}, {}});
  ask(to, {"job.resume", json::object(), {"job", "resume"}});
  podstudio.must({"job", "wait", job});
  ask(to, {"job.show", {{"job", jobs[0]}}, {"job", "show", job}, false});
  ask(to, {"asset.show", {{"asset", said}}, {"asset", "show", text(said)}});

  auto commands = ask(to, {"history", {{"all", true}, {"limit", 100}}, {"history"}});
  auto command = [&](const std::string& summary) -> json {
    for (const auto& each : commands)
      if (each["summary"].get<std::string>().starts_with(summary)) return each["id"];
    BOOST_FAIL("no command " << summary);
    return {};
  };
  ask(to, {"undo", {{"command", command("tag \"fox\"")}, {"force", true}}, {}});
  ask(to, {"undo", {{"command", command("edit pack")}}, {}});
  ask(to, {"undo", {{"command", command("set up the seller: author")}, {"force", true}}, {}});
  ask(to, {"pack.delete", {{"pack", pack}}, {}});

  std::filesystem::remove(root + "/made/lost.png");
  make_file(root + "/made/not utf-8 \xff.png", "x");
  std::filesystem::create_symlink("/nowhere", root + "/made/link.png");
  ask(to, {"sync", {{"timeout_ms", 60'000}}, {}});
  ask(to, {"asset.list", {{"missing", true}}, {"asset", "list", "--missing"}});
  ask(to, {"asset.show", {{"asset", lost}}, {}});
  auto problems = ask(to, {"problem.list", json::object(), {"problem", "list"}});
  BOOST_TEST(problems.size() > 0u);
  ask(to, {"watch.list", json::object(), {"watch", "list"}});
  ask(to, {"watch.confirm", {{"path", root}}, {}});
  ask(to, {"log.wait", {{"after", 0}, {"timeout_ms", 0}, {"folded", true}}, {}});
  ask(to, {"status", json::object(), {"status"}});
  std::filesystem::rename(root, space.path + "/elsewhere");
  auto moved = ask(to, {"watch.move", {{"path", root}, {"to", space.path + "/elsewhere"}}, {}});
  ask(to, {"import.wait", {{"import", moved["import"]}, {"timeout_ms", 60'000}}, {}});
  ask(to, {"watch.remove", {{"path", space.path + "/elsewhere"}}, {}});

  // Each command knows what was asked for.
  BOOST_TEST(value(podstudio.database(), "SELECT count(*) FROM command WHERE origin = 'console'"
                                         " AND coalesce(length(request), 0) <> 32")
             == "0");
  BOOST_TEST(
      value(podstudio.database(), "SELECT count(*) > 20 FROM command WHERE origin = 'console'")
      == "1");

  for (const auto& [operation, arguments] : std::initializer_list<std::pair<const char*, json>>{
           {"asset.list", {{"limit", 0}}},
           {"asset.list", {{"width", "1.5"}}},
           {"asset.list", {{"rating", 6}}},
           {"asset.list", {{"rating", ".."}}},
           {"asset.list", {{"duration", ""}}},
           {"asset.list", {{"type", "text"}}},
           {"asset.list", {{"colour", "red"}}},
           {"asset.show", json::object()},
           {"asset.show", {{"asset", 0}}},
           {"asset.similar", {{"asset", 1}, {"distance", 65}}},
           {"asset.approve", {{"ids", json::array()}}},
           {"asset.approve", {{"ids", {1}}, {"filter", json::object()}}},
           {"asset.approve", {{"ids", {1}}, {"filter", nullptr}}},
           {"asset.approve", {{"ids", nullptr}, {"filter", json::object()}}},
           {"asset.approve", {{"filter", {{"limit", 5}}}}},
           {"asset.approve", json::object()},
           {"asset.set", {{"ids", {1}}}},
           {"asset.set", {{"ids", {1}}, {"theme", 5}}},
           {"asset.set", {{"ids", {1}}, {"theme", "sea"}, {"rating", nullptr}}},
           {"asset.set", {{"ids", {1}}, {"rating", 6}}},
           {"asset.tag", {{"ids", {1}}, {"tag", ""}}},
           {"history", {{"all", nullptr}}},
           {"undo", {{"command", "1"}}},
           {"pack.create", {{"name", "Foxes"}}},
           {"pack.create", {{"name", "Foxes"}, {"license", "free"}}},
           {"pack.edit", {{"pack", 1}}},
           {"pack.edit", {{"pack", 1}, {"name", nullptr}}},
           {"pack.list", {{"limit", 101}}},
           {"pack.move", {{"pack", 1}, {"asset", 1}}},
           {"pack.move", {{"pack", 1}, {"asset", 1}, {"to", 1}, {"before", 2}}},
           {"pack.move", {{"pack", 1}, {"asset", 1}, {"to", 0}}},
           {"pack.copy", {{"pack", 1}}},
           {"pack.setup", json::object()},
           {"pack.setup", {{"author", 5}}},
           {"pack.setup", {{"name", "Ada"}}},
           {"pack.check", json::object()},
           {"pack.check", {{"pack", 1}, {"profile", ""}}},
           {"pack.export", {{"pack", 1}, {"output", "here.zip"}}},
           {"pack.export", {{"pack", 1}, {"allow_unapproved", 1}}},
           {"pack.rebuild", {{"pack", 1}, {"output", "/here.zip"}}},
           {"pack.exports", json::object()},
           {"job.submit", {{"ids", {1}}}},
           {"job.submit", {{"kind", "metadata_extract"}, {"ids", {1}}, {"priority", UINT64_MAX}}},
           {"job.list", {{"status", "done"}}},
           {"import.start", {{"paths", {"here"}}}},
           {"watch.add", {{"path", "here"}}},
           {"log.wait", {{"after", 0}, {"timeout_ms", 60'001}}},
           {"sync", json::object()},
           {"status", {{"more", 1}}}})
    expect_refusal(to, operation, arguments);

  write_file(space.path + "/answers", answers.str());
  write_file(space.path + "/schemas", podstudio.json({"schema"}).dump());
  auto checked =
      run({{"/usr/bin/python3", CHECK_ANSWERS, space.path + "/schemas", space.path + "/answers"}});
  BOOST_TEST(checked.code == 0, checked);
  BOOST_TEST_MESSAGE(checked.out);
}

BOOST_FIXTURE_TEST_CASE(the_check_of_answers_finds_what_does_not_fit, workspace) {
  library podstudio{data};
  write_file(path + "/schemas", podstudio.json({"schema"}).dump());
  auto refused = [&](const json& answer, const std::string& named) {
    write_file(path + "/answers", answer.dump());
    auto checked = run({{"/usr/bin/python3", CHECK_ANSWERS, path + "/schemas", path + "/answers"}});
    BOOST_TEST(checked.code == 1, checked);
    BOOST_TEST(checked.out.find(named) != std::string::npos, checked);
  };
  refused({{"operation", "sync"}, {"outcome", {{"sequence", -1}}}}, "sync: outcome at 'sequence'");
  refused({{"operation", "sync"}, {"outcome", {{"sequence", 1}, {"more", 1}}}}, "'more'");
  refused({{"operation", "sync"}, {"outcome", json::object()}}, "'sequence' is a required");
  refused({{"operation", "sync"}, {"outcome", {{"sequence", 1}}}}, "status: was never asked");
  refused({{"operation", "sync"}, {"arguments", {{"timeout_ms", 1}}}, {"refused", true}},
          "sync: refuses arguments that its schema allows");
}
