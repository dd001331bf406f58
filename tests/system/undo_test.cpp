// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE undo
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/workspace.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sys/stat.h>

using namespace system_test;
using nlohmann::json;

namespace {

using keys = std::set<std::string>;

keys keys_of(const json& object) {
  keys found;
  for (const auto& [key, value] : object.items())
    found.insert(key);
  return found;
}

const keys pack_columns{
    "id",          "name",        "theme",         "description", "license_type", "asset_count",
    "export_path", "exported_at", "total_size_mb", "created_at",  "updated_at"};

struct curated_library {
  workspace space;
  library podstudio{space.data};
  std::optional<service> running;

  curated_library() {
    for (int i = 1; i <= 9; ++i)
      make_file(space.root + "/" + std::to_string(i) + ".png",
                std::string(static_cast<std::size_t>(i) * 1'000, static_cast<char>('a' + i)));
    run_no_jobs(podstudio);
    running.emplace(podstudio, words{space.root});
    podstudio.must({"sync"});
  }

  /// The id of the command that people gave last, or also the engine.
  std::string last_command(bool any = false) {
    words asked{"history", "--limit", "1"};
    if (any) asked.push_back("--all");
    return podstudio.json(asked).at(0).at("id");
  }
  /// Gives a command that changes something; its id.
  std::string command(const words& arguments) {
    podstudio.must(arguments);
    return last_command();
  }
  std::string query(const std::string& sql) { return value(podstudio.database(), sql); }
  void refused(const words& command, int code, const words& named) {
    auto ended = podstudio(command);
    BOOST_CHECK_MESSAGE(ended.code == code, ended);
    BOOST_CHECK_MESSAGE(ended.out.empty(), ended);
    BOOST_CHECK_MESSAGE(std::count(ended.err.begin(), ended.err.end(), '\n') == 1, ended);
    for (const auto& text : named)
      BOOST_CHECK_MESSAGE(ended.err.find(text) != std::string::npos,
                          "not named: " << text << ": " << ended);
  }
  void check_replay() {
    auto checked = podstudio({"replay", "--check"});
    BOOST_CHECK_MESSAGE(checked.code == 0, checked);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_pack_is_made_filled_edited_and_deleted, curated_library) {
  auto made = podstudio({"pack", "create", "Forest", "--license", "royalty_free"});
  BOOST_CHECK_MESSAGE(made.code == 0 && made.out == "1\n", made);
  auto second = podstudio.json({"pack", "create", "Sea", "--license", "personal", "--theme", "sea",
                                "--description", "a\nb"});
  BOOST_CHECK_EQUAL(second.at("id"), 2);
  podstudio.must({"pack", "add", "1", "3", "1", "2"});
  podstudio.must({"pack", "add", "1", "1", "4"});
  podstudio.must({"pack", "remove", "1", "2"});
  podstudio.must({"pack", "edit", "2", "--name", "Ocean", "--theme", ""});

  auto packs = podstudio.json({"pack", "list"});
  BOOST_REQUIRE_EQUAL(packs.size(), 2u);
  BOOST_CHECK(keys_of(packs[0]) == pack_columns);
  BOOST_CHECK_EQUAL(packs[0].at("asset_count"), 3);
  BOOST_CHECK_EQUAL(packs[0].at("total_size_mb"), 0.008);
  BOOST_CHECK_EQUAL(packs[1].at("name"), "Ocean");
  BOOST_CHECK(packs[1].at("theme").is_null());

  auto shown = podstudio.json({"pack", "show", "1"});
  std::vector<int> order;
  for (const auto& asset : shown.at("assets"))
    order.push_back(asset.at("id"));
  BOOST_CHECK((order == std::vector<int>{3, 1, 4}));
  shown.erase("assets");
  BOOST_CHECK(shown == packs[0]);
  BOOST_CHECK_EQUAL(podstudio.json({"asset", "show", "3"}).at("packs").at(0).at("name"), "Forest");

  // What a pack weighs follows its files.
  write_file(query("SELECT path FROM asset WHERE id = 3"), std::string(50'000, 'x'));
  podstudio.must({"sync"});
  BOOST_CHECK_EQUAL(podstudio.json({"pack", "show", "1"}).at("total_size_mb").get<double>() > 0.05,
                    true);
  podstudio.must({"pack", "delete", "1"});
  BOOST_CHECK_EQUAL(podstudio.json({"pack", "list"}).size(), 1u);
  check_replay();
}

BOOST_FIXTURE_TEST_CASE(a_refusal_names_the_thing_and_has_no_effect, curated_library) {
  podstudio.must({"pack", "create", "Forest", "--license", "personal"});
  auto head = podstudio.json({"status"})["log"]["head_sequence"];
  refused({"pack", "show", "77"}, 1, {"pack 77", "pack list"});
  refused({"pack", "edit", "77", "--name", "x"}, 1, {"pack 77"});
  refused({"pack", "add", "77", "1"}, 1, {"pack 77"});
  refused({"pack", "add", "1", "1", "999"}, 1, {"asset 999"});
  refused({"pack", "remove", "1", "999"}, 1, {"asset 999"});
  refused({"pack", "delete", "77"}, 1, {"pack 77"});
  refused({"pack", "history", "77"}, 1, {"pack 77"});
  refused({"asset", "tag", "999", "x"}, 1, {"asset 999"});
  refused({"asset", "history", "999"}, 1, {"asset 999"});
  refused({"asset", "history", "/no/such.png"}, 1, {"/no/such.png"});
  refused({"job", "show", "5"}, 1, {"job 5", "job list"});
  refused({"undo", "11111111-1111-4111-8111-111111111111"}, 1, {"11111111-1111", "history"});
  refused({"pack", "create", "a\nb", "--license", "personal"}, 2, {"control character"});
  refused({"pack", "create", "", "--license", "personal"}, 2, {"name"});
  refused({"pack", "create", "x"}, 2, {"--license"});
  refused({"pack", "create", "x", "--license", "free"}, 2, {"royalty_free"});
  refused({"pack", "edit", "1"}, 2, {"--name"});
  refused({"undo", "the last one"}, 2, {"the last one"});
  refused({"asset", "tag", "one", "x"}, 2, {"one"});
  refused({"job", "list", "--status", "lost"}, 2, {"pending"});
  BOOST_CHECK_EQUAL(podstudio.json({"status"})["log"]["head_sequence"], head);
}

BOOST_FIXTURE_TEST_CASE(tags_are_added_and_taken_away_by_id_and_by_filter, curated_library) {
  podstudio.must({"asset", "tag", "1", "2", "castle"});
  podstudio.must({"asset", "tag", "--all-matching", "--tag", "castle", "old stone"});
  podstudio.must({"asset", "untag", "2", "castle"});
  BOOST_CHECK(podstudio.json({"asset", "show", "1"}).at("tags") == json({"castle", "old stone"}));
  BOOST_CHECK(podstudio.json({"asset", "show", "2"}).at("tags") == json({"old stone"}));
  BOOST_CHECK_EQUAL(podstudio.json({"asset", "list", "--tag", "castle"}).size(), 1u);
}

BOOST_FIXTURE_TEST_CASE(where_there_are_no_jobs_none_are_listed, curated_library) {
  BOOST_CHECK(podstudio.json({"job", "list"}) == json::array());
  auto none = podstudio({"job", "list", "--status", "failed", "--kind", "export_pack"});
  BOOST_CHECK_MESSAGE(none.code == 0, none);
}

BOOST_FIXTURE_TEST_CASE(histories_tell_what_happened_in_order, curated_library) {
  auto theme = command({"asset", "set", "1", "--theme", "nature"});
  auto tagged = command({"asset", "tag", "1", "castle"});
  podstudio.must({"pack", "create", "Forest", "--license", "personal"});
  podstudio.must({"pack", "add", "1", "1", "2"});
  auto deleted = command({"pack", "delete", "1"});

  auto events = podstudio.json({"asset", "history", "1"});
  BOOST_REQUIRE_EQUAL(events.size(), 5u);
  BOOST_CHECK((keys_of(events[0])
               == keys{"sequence", "at", "type", "origin", "command", "before", "after"}));
  BOOST_CHECK_EQUAL(events[0].at("type"), "asset.registered");
  BOOST_CHECK(events[1].at("before").is_null());
  BOOST_CHECK_EQUAL(events[1].at("after"), "nature");
  BOOST_CHECK_EQUAL(events[1].at("command"), theme);
  BOOST_CHECK_EQUAL(events[2].at("command"), tagged);
  BOOST_CHECK_EQUAL(events[4].at("type"), "pack.asset_removed");
  auto path = query("SELECT path FROM asset WHERE id = 1");
  BOOST_CHECK(podstudio.json({"asset", "history", path}) == events);

  events = podstudio.json({"pack", "history", "1"});  // it is gone, and what happened is not
  BOOST_REQUIRE_EQUAL(events.size(), 6u);
  BOOST_CHECK_EQUAL(events[0].at("after").at("name"), "Forest");
  BOOST_CHECK_EQUAL(events[5].at("type"), "pack.deleted");

  auto commands = podstudio.json({"history"});
  BOOST_REQUIRE_EQUAL(commands.size(), 6u);  // the folder was watched by one
  BOOST_CHECK((keys_of(commands[0])
               == keys{"id", "at", "origin", "summary", "first_sequence", "last_sequence"}));
  BOOST_CHECK_EQUAL(commands[0].at("id"), deleted);
  BOOST_CHECK_EQUAL(
      commands[0].at("last_sequence").get<int>() - commands[0].at("first_sequence").get<int>(), 2);
  BOOST_CHECK_EQUAL(podstudio.json({"history", "--limit", "2"}).size(), 2u);
  BOOST_CHECK_GT(podstudio.json({"history", "--all"}).size(), commands.size());
}

BOOST_FIXTURE_TEST_CASE(what_people_did_is_undone_and_redone_also_after_a_kill, curated_library) {
  auto without_time = [&](const char* table) {
    return query(std::string("SELECT group_concat(id || name || asset_count || created_at) FROM ")
                 + table);
  };
  podstudio.must({"pack", "create", "Forest", "--license", "personal"});
  podstudio.must({"pack", "add", "1", "2", "1"});
  auto packs = without_time("pack");
  auto deleted = command({"pack", "delete", "1"});
  auto labelled =
      command({"asset", "set", "--all-matching", "--type", "image", "--theme", "nature"});
  running->kill();
  running.emplace(podstudio, words{space.root});

  auto undone = podstudio.json({"undo", labelled});
  BOOST_CHECK_EQUAL(undone.at("changed"), 9);
  BOOST_CHECK(undone.at("left").is_null());
  BOOST_CHECK_EQUAL(query("SELECT count(*) FROM asset WHERE theme IS NOT NULL"), "0");
  BOOST_CHECK_EQUAL(podstudio.json({"history", "--limit", "1"}).at(0).at("id"),
                    undone.at("command"));
  podstudio.must({"undo", undone.at("command")});
  BOOST_CHECK_EQUAL(query("SELECT count(*) FROM asset WHERE theme = 'nature'"), "9");

  podstudio.must({"undo", deleted});
  BOOST_CHECK_EQUAL(without_time("pack"), packs);
  BOOST_CHECK_EQUAL(query("SELECT group_concat(asset_id || '@' || position) FROM pack_asset"),
                    "1@2,2@1");
  check_replay();
}

BOOST_FIXTURE_TEST_CASE(what_was_changed_since_is_named_and_left, curated_library) {
  auto first = command({"asset", "set", "1", "2", "--theme", "nature"});
  auto second = command({"asset", "set", "1", "--theme", "city"});
  refused({"undo", first}, 1, {first, "theme of asset 1", second, "--force"});
  BOOST_CHECK_EQUAL(query("SELECT theme FROM asset WHERE id = 2"), "nature");
  auto forced = podstudio.json({"undo", first, "--force"});
  BOOST_CHECK_EQUAL(forced.at("changed"), 1);
  BOOST_CHECK(forced.at("left").at("first_fields") == json({"theme of asset 1"}));
  BOOST_CHECK(forced.at("left").at("commands") == json({second}));
  BOOST_CHECK_EQUAL(query("SELECT theme FROM asset WHERE id = 1"), "city");
  BOOST_CHECK_EQUAL(query("SELECT count(*) FROM asset WHERE theme = 'nature'"), "0");
  // Nothing of it is left to take back.
  refused({"undo", first, "--force"}, 1, {"nothing of command " + first, second});
}

BOOST_FIXTURE_TEST_CASE(an_undo_that_is_sent_again_has_one_effect, curated_library) {
  auto first = command({"asset", "approve", "1", "2"});
  auto other = command({"asset", "approve", "3"});
  const std::string id = "22222222-2222-4222-8222-222222222222";
  auto undone = podstudio.json({"--command-id", id, "undo", first});
  auto head = podstudio.json({"status"})["log"]["head_sequence"];
  BOOST_CHECK_EQUAL(podstudio.json({"--command-id", id, "undo", first}).at("changed"),
                    undone.at("changed"));
  BOOST_CHECK_EQUAL(podstudio.json({"status"})["log"]["head_sequence"], head);
  running->kill();
  running.emplace(podstudio, words{space.root});
  head = podstudio.json({"status"})["log"]["head_sequence"];
  BOOST_CHECK_EQUAL(podstudio.json({"--command-id", id, "undo", first}).at("changed"),
                    undone.at("changed"));
  refused({"--command-id", id, "undo", other}, 1, {id});
  BOOST_CHECK_EQUAL(podstudio.json({"status"})["log"]["head_sequence"], head);
}

BOOST_FIXTURE_TEST_CASE(a_forced_undo_that_is_sent_again_says_so, curated_library) {
  auto first = command({"asset", "set", "1", "2", "--theme", "nature"});
  podstudio.must({"asset", "set", "1", "--theme", "city"});
  const std::string id = "33333333-3333-4333-8333-333333333333";
  const words undo{"--command-id", id, "undo", first, "--force"};
  auto forced = podstudio.json(undo);
  BOOST_CHECK_EQUAL(forced.at("repeated"), false);
  BOOST_CHECK_EQUAL(forced.at("left").at("fields"), 1);
  // What it left can no longer be told: others may have changed it since.
  auto again = podstudio.json(undo);
  BOOST_CHECK(again == json({{"changed", 1}, {"command", id}, {"repeated", true}}));
  auto text = podstudio(undo);
  BOOST_CHECK_MESSAGE(text.code == 0 && text.out.find("given before") != std::string::npos, text);
}

BOOST_FIXTURE_TEST_CASE(those_who_stand_in_the_way_are_named_newest_first, curated_library) {
  auto first = command({"asset", "set", "1", "2", "--theme", "nature"});
  words since;
  for (int i = 0; i < 7; ++i)
    since.insert(since.begin(),
                 command({"asset", "set", "1", "--theme", "theme " + std::to_string(i)}));
  std::string named;
  for (std::size_t i = 0; i < 5; ++i)
    named += (i == 0 ? "" : ", ") + since[i];
  refused({"undo", first}, 1, {"by " + named + " and 2 more; undo these first, newest first"});
  BOOST_CHECK(podstudio.json({"undo", first, "--force"}).at("left").at("commands") == json(since));
}

BOOST_FIXTURE_TEST_CASE(what_is_undone_already_is_named_as_such, curated_library) {
  auto set = command({"asset", "set", "1", "2", "--theme", "sea"});
  auto undone = command({"undo", set});
  refused({"undo", set}, 1,
          {"everything it changed has been changed back by " + undone
           + "; undo that to apply it again"});
  podstudio.must({"undo", undone});
  BOOST_CHECK_EQUAL(query("SELECT count(*) FROM asset WHERE theme = 'sea'"), "2");
  podstudio.must({"asset", "set", "1", "--theme", "a\"b\\c"});
  BOOST_CHECK_EQUAL(query("SELECT summary FROM command ORDER BY first_sequence DESC LIMIT 1"),
                    R"(set theme="a\"b\\c" on asset 1)");
}

BOOST_FIXTURE_TEST_CASE(a_history_shows_a_person_what_was_edited, curated_library) {
  podstudio.must({"pack", "create", "Forest", "--license", "personal"});
  podstudio.must({"pack", "edit", "1", "--theme", "green", "--description", "Trees"});
  auto shown = podstudio({"pack", "history", "1"});
  BOOST_CHECK_MESSAGE(shown.out.find("description Trees, theme green") != std::string::npos, shown);
}

BOOST_FIXTURE_TEST_CASE(nobody_is_told_to_undo_first_what_files_did, curated_library) {
  running->stop();
  auto away = space.path + "/1.png";
  std::filesystem::rename(space.root + "/1.png", away);
  running.emplace(podstudio, words{space.root});
  podstudio.must({"sync"});
  std::string scan;
  for (const auto& each : podstudio.json({"history", "--all"}))
    if (each.at("summary") == "1 missing") scan = each.at("id");
  std::filesystem::rename(away, space.root + "/back.png");
  podstudio.must({"sync"});
  auto asset = query("SELECT id FROM asset WHERE path LIKE '%/back.png'");
  auto returned = podstudio.json({"asset", "history", asset}).back();
  BOOST_CHECK_EQUAL(returned.at("type"), "asset.returned");
  refused({"undo", scan}, 1,
          {"file of asset " + asset + " was changed since by what happened to files in "
           + returned.at("command").get<std::string>() + ", which cannot be undone\n"});
}

BOOST_FIXTURE_TEST_CASE(a_file_that_is_gone_is_found_missing_again_after_an_undo, curated_library) {
  std::filesystem::remove(space.root + "/1.png");
  podstudio.must({"sync"});
  std::string scan;
  for (const auto& each : podstudio.json({"history", "--all"}))
    if (each.at("summary") == "1 missing") scan = each.at("id");
  podstudio.must({"undo", scan});
  podstudio.must({"sync"});
  BOOST_CHECK_EQUAL(podstudio.json({"asset", "list", "--missing"}).size(), 1u);
  check_replay();
}

BOOST_FIXTURE_TEST_CASE(that_a_file_came_back_is_not_undone, curated_library) {
  auto file = space.root + "/1.png", away = space.path + "/1.png";
  std::filesystem::rename(file, away);
  podstudio.must({"sync"});
  std::filesystem::rename(away, file);
  podstudio.must({"sync"});
  std::string scan;
  for (const auto& each : podstudio.json({"history", "--all"}))
    if (each.at("summary") == "1 returned") scan = each.at("id");
  refused({"undo", scan}, 1, {"it holds 1 asset.returned", "what happens to files"});
  BOOST_CHECK(podstudio.json({"asset", "list", "--missing"}).empty());
}

BOOST_FIXTURE_TEST_CASE(what_there_is_no_room_for_any_more_is_named_and_left, curated_library) {
  podstudio.must({"asset", "tag", "1", "2", "castle"});
  auto untagged = command({"asset", "untag", "1", "2", "castle"});
  constexpr int tags_max = 256;
  for (int i = 0; i < tags_max; ++i)
    podstudio.must({"asset", "tag", "1", "tag " + std::to_string(i)});
  refused({"undo", untagged}, 1, {"no room for tag 'castle' of asset 1", "256 tags", "--force"});
  auto left = podstudio.json({"undo", untagged, "--force"}).at("left");
  BOOST_CHECK_EQUAL(left.at("no_room"), 1);
  BOOST_CHECK(left.at("first_no_room") == json({"tag 'castle' of asset 1"}));
  BOOST_CHECK_EQUAL(left.at("fields"), 0);
  BOOST_CHECK_EQUAL(podstudio.json({"asset", "show", "1"}).at("tags").size(), tags_max);
  BOOST_CHECK(podstudio.json({"asset", "show", "2"}).at("tags") == json({"castle"}));
}

BOOST_FIXTURE_TEST_CASE(packs_are_listed_in_pages, curated_library) {
  constexpr std::size_t packs = 101;  // one more than the engine gives at once
  for (std::size_t i = 0; i < packs; ++i)
    podstudio.must({"pack", "create", "p", "--license", "personal", "--force"});
  auto listed = podstudio.json({"pack", "list"});
  BOOST_REQUIRE_EQUAL(listed.size(), packs);
  for (std::size_t i = 0; i < packs; ++i)
    BOOST_CHECK_EQUAL(listed[i].at("id"), i + 1);
  auto text = podstudio({"pack", "list"});
  BOOST_CHECK_EQUAL(std::count(text.out.begin(), text.out.end(), '\n'), packs + 1);
}

BOOST_FIXTURE_TEST_CASE(a_list_that_fails_half_way_is_a_document_all_the_same, curated_library) {
  constexpr std::size_t page_size = 1'000;  // more than a pipe holds
  for (std::size_t i = 0; i < page_size; ++i)
    make_file(space.root + "/more/" + std::to_string(i) + ".png", std::to_string(i));
  podstudio.must({"sync"});
  auto fifo = space.path + "/fifo";
  BOOST_REQUIRE_EQUAL(::mkfifo(fifo.c_str(), 0600), 0);
  auto listing = podstudio.call({"--json", "asset", "list"});
  const words redirected{"/bin/sh", "-c", "exec \"$@\" >\"$0\"", fifo};
  listing.arguments.insert(listing.arguments.begin(), redirected.begin(), redirected.end());
  process lister(listing);
  std::ifstream out(fifo);
  std::string text(1, static_cast<char>(out.get()));
  running->kill();  // the first page is there; the second is not asked for yet
  text.append(std::istreambuf_iterator<char>(out), {});
  auto ended = lister.finish();
  BOOST_CHECK_MESSAGE(ended.code == 3, ended);
  BOOST_CHECK_MESSAGE(!ended.err.empty(), ended);
  auto document = json::parse(text, nullptr, false);
  BOOST_CHECK_MESSAGE(document.is_array() && document.size() == page_size,
                      "no document of a page: ..." << text.substr(text.size() - 100));
}

BOOST_FIXTURE_TEST_CASE(what_files_did_is_refused_and_a_bad_scan_is_undone, curated_library) {
  auto registered = podstudio.json({"asset", "history", "1"}).at(0).at("command");
  refused({"undo", registered}, 1, {"asset.registered", "cannot be undone"});
  refused({"undo", registered, "--force"}, 1, {"asset.registered"});
  running->stop();

  // Files that are away for a moment, such as those of a disk that is slow to come.
  auto away = space.data + ".away";
  std::filesystem::create_directory(away);
  auto move = [&](const std::string& from, const std::string& to) {
    for (const auto* name : {"1.png", "2.png", "3.png"})
      std::filesystem::rename(from + "/" + name, to + "/" + name);
  };
  move(space.root, away);
  running.emplace(podstudio, words{space.root});
  podstudio.must({"sync"});
  BOOST_CHECK_EQUAL(podstudio.json({"asset", "list", "--missing"}).size(), 3u);
  running->stop();
  std::string scan;
  for (const auto& each : podstudio.json({"history", "--all"}))
    if (each.at("summary") == "3 missing") scan = each.at("id");
  move(away, space.root);
  auto undone = podstudio.json({"undo", scan});  // without a service
  BOOST_CHECK_EQUAL(undone.at("changed"), 3);
  BOOST_CHECK_EQUAL(podstudio.json({"asset", "list", "--missing"}).size(), 0u);
  podstudio.must({"undo", undone.at("command")});
  BOOST_CHECK_EQUAL(podstudio.json({"asset", "list", "--missing"}).size(), 3u);
  running.emplace(podstudio, words{space.root});
  podstudio.must({"sync"});
  BOOST_CHECK_EQUAL(podstudio.json({"asset", "list", "--missing"}).size(), 0u);
  check_replay();
  std::filesystem::remove_all(away);
}

BOOST_FIXTURE_TEST_CASE(a_seller_is_set_up_and_that_is_undone, curated_library) {
  BOOST_CHECK_EQUAL(
      podstudio.json({"pack", "setup"}),
      json({{"author", nullptr}, {"year", nullptr}, {"shop", nullptr}, {"contact", nullptr}}));
  podstudio.must({"pack", "setup", "--author", "Ada", "--year", "2025"});
  auto later = command({"pack", "setup", "--year", "2026", "--shop", "fox.example"});
  BOOST_CHECK_EQUAL(query("SELECT author || year || shop FROM seller"), "Ada2026fox.example");
  podstudio.must({"undo", later});
  BOOST_CHECK_EQUAL(
      podstudio.json({"pack", "setup"}),
      json({{"author", "Ada"}, {"year", "2025"}, {"shop", nullptr}, {"contact", nullptr}}));
  podstudio.must({"pack", "setup", "--year", ""});
  auto shown = podstudio({"pack", "setup"});
  BOOST_CHECK_MESSAGE(shown.out.find("author   Ada") != std::string::npos, shown);
  BOOST_CHECK_MESSAGE(shown.out.find("2025") == std::string::npos, shown);
  refused({"pack", "setup", "--author", "a\nb"}, 2, {"author", "control character"});
  refused({"pack", "setup", "--year", "soon"}, 2, {"year", "2026"});
  check_replay();
  running.reset();
  BOOST_CHECK_EQUAL(podstudio.json({"pack", "setup"})["author"], "Ada");
}

BOOST_FIXTURE_TEST_CASE(assets_move_within_a_pack_and_packs_are_copied, curated_library) {
  podstudio.must({"pack", "create", "Foxes", "--license", "personal", "--theme", "forest"});
  podstudio.must({"pack", "add", "1", "1", "2", "3", "4"});
  auto order = [&](const std::string& pack) {
    std::string ids;
    auto shown = podstudio.json({"pack", "show", pack});
    for (const auto& each : shown["assets"])
      ids += std::to_string(each["id"].get<int>()) + " ";
    return ids;
  };
  auto moved = command({"pack", "move", "1", "4", "--before", "2"});
  BOOST_CHECK_EQUAL(order("1"), "1 4 2 3 ");
  podstudio.must({"pack", "move", "1", "1", "--to", "4"});
  BOOST_CHECK_EQUAL(order("1"), "4 2 3 1 ");
  BOOST_CHECK_EQUAL(podstudio({"pack", "copy", "1", "Foxes 2"}).out, "2\n");
  BOOST_CHECK_EQUAL(order("2"), "4 2 3 1 ");
  BOOST_CHECK_EQUAL(podstudio.json({"pack", "show", "2"})["theme"], "forest");
  podstudio.must({"undo", last_command()});
  BOOST_CHECK_EQUAL(podstudio.json({"pack", "list"}).size(), 1u);
  podstudio.must({"undo", last_command()});  // and redone
  BOOST_CHECK_EQUAL(order("2"), "4 2 3 1 ");
  refused({"pack", "move", "1", "4"}, 2, {"--to", "--before"});
  refused({"pack", "move", "1", "4", "--to", "1", "--before", "2"}, 2, {"--before"});
  refused({"pack", "move", "1", "9", "--to", "1"}, 1, {"asset 9 is not in pack 1"});
  refused({"pack", "copy", "1", "Foxes"}, 1, {"pack 1 is already named"});
  check_replay();
}

BOOST_FIXTURE_TEST_CASE(a_pack_is_checked_with_and_without_a_service, curated_library) {
  podstudio.must({"pack", "create", "Foxes after Mucha", "--license", "personal"});
  podstudio.must({"pack", "add", "1", "1", "2"});
  auto rules = [&](const words& more) {
    words asked{"--json", "pack", "check", "1"};
    asked.insert(asked.end(), more.begin(), more.end());
    auto checked = podstudio(asked);
    std::set<std::string> found;
    for (const auto& each : json::parse(checked.out))
      found.insert(each["rule"].get<std::string>());
    bool refuses = checked.code == 1 && checked.err.find("pack 1 has") != std::string::npos;
    BOOST_CHECK_MESSAGE(refuses || checked.code == 0, checked);
    if (refuses) found.insert("refused");
    return found;
  };
  using names = std::set<std::string>;
  BOOST_CHECK(rules({}) == (names{"unapproved", "unread", "no_author", "refused"}));
  podstudio.must({"asset", "approve", "1", "2"});
  podstudio.must({"pack", "setup", "--author", "Ada"});
  BOOST_CHECK(rules({}) == names{"unread"});
  std::ofstream(space.data + "/blocked-names.txt") << "# artists\nmucha\n";
  BOOST_CHECK((rules({}) == names{"unread", "blocked_name"}));
  BOOST_CHECK((rules({"--for", "adobe_stock"}) == names{"unread", "blocked_name", "refused"}));
  running.reset();
  BOOST_CHECK((rules({"--for", "adobe_stock"}) == names{"unread", "blocked_name", "refused"}));
  BOOST_CHECK_EQUAL(podstudio.json({"pack", "profiles"}).size(), 10u);
  refused({"pack", "check", "1", "--for", "ebay"}, 1, {"'ebay'", "etsy"});
  refused({"pack", "check", "77"}, 1, {"pack 77"});
  std::filesystem::remove(space.data + "/blocked-names.txt");
  std::filesystem::create_symlink("/etc/hostname", space.data + "/blocked-names.txt");
  refused({"pack", "check", "1"}, 2, {"blocked-names.txt"});
}
