// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE command_id
#include "system/console.hpp"
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/workspace.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <future>
#include <optional>

using namespace system_test;

namespace {

struct repeating : workspace {
  library podstudio{data};
  std::optional<service> running;

  repeating() {
    run_no_jobs(podstudio);
    for (int i = 0; i < 5; ++i)
      make_file(root + "/" + std::to_string(i) + ".png", "picture " + std::to_string(i));
    podstudio.must({"import", root});
    running.emplace(podstudio);
  }

  void restart() {
    running->kill();
    running.reset();
    running.emplace(podstudio);
  }
  console_answer give(const console_command& command) {
    console to(podstudio);
    auto answer = to.give(command);
    BOOST_TEST_REQUIRE(answer.has_value());
    return *answer;
  }
  console_answer give(const std::string& name, const nlohmann::json& arguments) {
    return give(console_command{new_command_id(), name, arguments});
  }
  /// How often a command is in the log.
  std::string times_logged(const console_command& command) {
    return value(podstudio.database(),
                 "SELECT count(*) FROM command WHERE id = '" + command.id + "'");
  }
  std::string asset(const std::string& column, int id) {
    return value(podstudio.database(),
                 "SELECT " + column + " FROM asset WHERE id = " + std::to_string(id));
  }
};

/// Commands that change something, and others that take it back.
struct reversible {
  const char* what;
  console_command first, reverse;
};

std::vector<reversible> reversibles(const std::string& folder) {
  using nlohmann::json;
  auto command = [](const char* name, const json& arguments) {
    return console_command{new_command_id(), name, arguments};
  };
  json one{1}, unapproved{{"unapproved", true}};
  return {
      {"approve", command("asset.approve", {{"ids", one}}),
       command("asset.unapprove", {{"ids", one}})},
      {"set a theme", command("asset.set", {{"ids", {1, 2}}, {"theme", "forest"}}),
       command("asset.set", {{"ids", {1, 2}}, {"theme", nullptr}})},
      {"approve all that match", command("asset.approve", {{"filter", unapproved}}),
       command("asset.unapprove", {{"filter", json::object()}})},
      {"watch", command("watch.add", {{"path", folder}}),
       command("watch.remove", {{"path", folder}})},
  };
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_command_given_again_has_one_effect_and_the_first_answer, repeating) {
  for (const auto& [what, first, reverse] : reversibles(root)) {
    BOOST_TEST_CONTEXT(what) {
      auto answer = give(first);
      BOOST_TEST_REQUIRE(answer.done, answer);
      BOOST_TEST(answer.sequence > 0u);
      BOOST_TEST((give(first) == answer));
      BOOST_TEST(times_logged(first) == "1");
      // What was taken back since stays so.
      BOOST_TEST(give(reverse).done);
      auto rows = seed_rows(podstudio.database());
      auto roots = podstudio.json({"watch", "list"});
      BOOST_TEST((give(first) == answer));
      restart();
      BOOST_TEST((give(first) == answer));
      BOOST_TEST(times_logged(first) == "1");
      BOOST_TEST((seed_rows(podstudio.database()) == rows));
      BOOST_TEST(podstudio.json({"watch", "list"}).size() == roots.size());
    }
  }
}

BOOST_FIXTURE_TEST_CASE(one_id_from_many_at_once_has_one_effect_and_one_answer, repeating) {
  std::array<std::optional<console>, 4> clients;
  for (auto& client : clients)
    client.emplace(podstudio);
  for (int round = 0; round < 20; ++round) {
    console_command same{new_command_id(),
                         "asset.set",
                         {{"ids", {1, 2, 3}}, {"theme", "round " + std::to_string(round)}}};
    std::vector<std::future<std::optional<console_answer>>> answers;
    for (int i = 0; i < 8; ++i)
      answers.push_back(std::async(std::launch::async, [&, i] {
        return clients[static_cast<std::size_t>(i) % clients.size()]->give(same);
      }));
    auto first = answers[0].get();
    BOOST_TEST_REQUIRE(first.has_value());
    BOOST_TEST(first->result["changed"] == 3);
    for (std::size_t i = 1; i < answers.size(); ++i)
      BOOST_TEST((answers[i].get() == first));
    BOOST_TEST(times_logged(same) == "1");
  }
}

BOOST_FIXTURE_TEST_CASE(a_command_that_changed_nothing_changes_nothing_later, repeating) {
  BOOST_TEST(give("asset.approve", {{"ids", {1}}}).result["changed"] == 1);
  BOOST_TEST(give("watch.add", {{"path", root}}).result["changed"] == 1);
  console_command again{new_command_id(), "asset.approve", {{"ids", {1}}}};
  console_command watch_again{new_command_id(), "watch.add", {{"path", root}}};
  BOOST_TEST(give(again).result["changed"] == 0);
  BOOST_TEST(give(watch_again).result["changed"] == 0);
  BOOST_TEST(give("asset.unapprove", {{"ids", {1}}}).result["changed"] == 1);
  BOOST_TEST(give("watch.remove", {{"path", root}}).result["changed"] == 1);
  BOOST_TEST(give(again).result["changed"] == 0);
  BOOST_TEST(give(watch_again).result["changed"] == 0);
  BOOST_TEST(asset("approved", 1) == "0");
  BOOST_TEST(podstudio.json({"watch", "list"}).empty());
}

BOOST_FIXTURE_TEST_CASE(a_refused_command_may_be_given_again_once_it_can_be_done, repeating) {
  console_command early{new_command_id(), "asset.approve", {{"ids", {6}}}};
  BOOST_TEST(give(early).code == "not found");
  make_file(root + "/late.png", "late");
  podstudio.must({"import", root});
  BOOST_TEST(give(early).result["changed"] == 1);
}

BOOST_FIXTURE_TEST_CASE(an_id_that_was_another_commands_is_refused_also_after_a_restart,
                        repeating) {
  std::string long_theme(1'000, 't');
  console_command first{
      new_command_id(), "asset.set", {{"ids", {1, 2}}, {"theme", long_theme + "1"}}};
  BOOST_TEST(give(first).done);
  auto others = std::vector<console_command>{
      {first.id, "asset.approve", {{"ids", {1, 2}}}},
      {first.id, "asset.set", {{"ids", {1, 3}}, {"theme", long_theme + "1"}}},
      {first.id, "asset.set", {{"ids", {1, 2}}, {"theme", long_theme + "2"}}},
      {first.id, "asset.set", {{"ids", {1, 2}}, {"source", long_theme + "1"}}},
      {first.id, "asset.set", {{"filter", nlohmann::json::object()}, {"theme", "x"}}},
      {first.id, "watch.add", {{"path", root}}},
  };
  auto rows = seed_rows(podstudio.database());
  for (int start = 0; start < 2; ++start, restart())
    for (const auto& other : others) {
      auto refused = give(other);
      BOOST_TEST(refused.code == "refused", other.name << other.arguments << ": " << refused);
      BOOST_TEST(refused.message.find(first.id) != std::string::npos, refused);
    }
  BOOST_TEST((seed_rows(podstudio.database()) == rows));
}

BOOST_FIXTURE_TEST_CASE(requests_are_told_apart_by_what_their_summaries_leave_out, repeating) {
  auto command = [](const char* name, const nlohmann::json& arguments) {
    return console_command{new_command_id(), name, arguments};
  };
  auto submit = command("job.submit", {{"kind", "metadata_extract"}, {"ids", {1}}});
  auto create = command("pack.create", {{"name", "Foxes"}, {"license", "personal"}});
  const auto submitted = give(submit), created = give(create);
  BOOST_TEST_REQUIRE(submitted.done, submitted);
  BOOST_TEST_REQUIRE(created.done, created);
  for (int start = 0; start < 2; ++start, restart()) {
    auto urgent = submit;
    urgent.arguments["priority"] = 5;
    BOOST_TEST(give(urgent).code == "refused");
    auto forced = create;
    forced.arguments["force"] = true;
    BOOST_TEST(give(forced).code == "refused");
    // What says the same in other words is the same.
    urgent.arguments["priority"] = 0;
    urgent.arguments["parameters"] = nlohmann::json::object();
    BOOST_TEST((give(urgent) == submitted));
    forced.arguments["force"] = false;
    BOOST_TEST((give(forced) == created));
  }
  BOOST_TEST(times_logged(submit) == "1");
  BOOST_TEST(times_logged(create) == "1");
}

BOOST_FIXTURE_TEST_CASE(a_submission_that_found_nothing_queues_nothing_later, repeating) {
  console_command submit{new_command_id(),
                         "job.submit",
                         {{"kind", "metadata_extract"}, {"filter", {{"theme", "sea"}}}}};
  BOOST_TEST(give(submit).result["changed"] == 0);
  BOOST_TEST(give("asset.set", {{"ids", {1}}, {"theme", "sea"}}).done);
  BOOST_TEST(give(submit).result["changed"] == 0);
  BOOST_TEST(give("job.list", nlohmann::json::object()).result.empty());
}

BOOST_FIXTURE_TEST_CASE(the_command_line_takes_an_id_with_and_without_a_service, repeating) {
  auto id = new_command_id();
  words set{"--command-id", id, "asset", "set", "1", "--theme", "forest"};
  auto first = podstudio(set);
  BOOST_TEST(first.code == 0, first);
  podstudio.must({"asset", "set", "1", "--theme", "sea"});
  BOOST_TEST(podstudio(set).out == first.out);
  running->stop();
  BOOST_TEST(podstudio(set).out == first.out);
  BOOST_TEST(asset("theme", 1) == "sea");
  auto other = podstudio({"--command-id", id, "asset", "approve", "1"});
  BOOST_TEST(other.code == 1, other);
  auto garbage = podstudio({"--command-id", "7", "asset", "approve", "1"});
  BOOST_TEST(garbage.code == 2, garbage);
}
