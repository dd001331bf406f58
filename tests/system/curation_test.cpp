// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE curation
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/workspace.hpp"

#include <boost/test/unit_test.hpp>
#include <optional>

using namespace system_test;

namespace {

struct curated_library {
  workspace space;
  library podstudio{space.data};
  std::optional<service> running;

  curated_library() {
    for (int i = 0; i < 30; ++i)
      make_file(space.root + "/" + std::to_string(i) + ".png", "picture " + std::to_string(i));
    run_no_jobs(podstudio);
    running.emplace(podstudio, words{space.root});
    podstudio.must({"sync"});
  }
  std::string column(const std::string& name, int id) {
    return value(podstudio.database(),
                 "SELECT " + name + " FROM asset WHERE id = " + std::to_string(id));
  }
  std::uint64_t head() { return podstudio.json({"status"})["log"]["head_sequence"]; }
};

void check_replay(const library& podstudio, const char* when) {
  auto checked = podstudio({"replay", "--check"});
  BOOST_CHECK_MESSAGE(checked.code == 0 && checked.out.find("identical") != std::string::npos,
                      "replay --check " << when << ": " << checked);
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_status_says_that_no_jobs_can_run, curated_library) {
  auto shown = podstudio({"status"});
  BOOST_CHECK_MESSAGE(shown.out.find("no jobs can run; check 'workers'") != std::string::npos,
                      shown);
}

BOOST_FIXTURE_TEST_CASE(curation_survives_a_kill_and_a_replay, curated_library) {
  podstudio.must({"asset", "approve", "1", "2", "3"});
  podstudio.must({"asset", "unapprove", "2"});
  podstudio.must({"asset", "set", "3", "4", "--theme", "forest \xf0\x9f\x8c\xb2 'n' \"more\""});
  podstudio.must({"asset", "set", "4", "--source", "Midjourney"});
  podstudio.must({"asset", "set", "5", "--provenance", "ai_generated"});
  podstudio.must({"asset", "set", "6", "--theme", "gone soon"});
  podstudio.must({"asset", "set", "6", "--theme", "kept", "--source", "a scan", "--provenance",
                  "user_provided"});

  BOOST_CHECK_EQUAL(column("approved", 1), "1");
  BOOST_CHECK_EQUAL(column("approved", 2), "0");
  BOOST_CHECK_EQUAL(column("approved", 3), "1");
  BOOST_CHECK_EQUAL(column("theme", 3), "forest \xf0\x9f\x8c\xb2 'n' \"more\"");
  BOOST_CHECK_EQUAL(column("source", 4), "Midjourney");
  BOOST_CHECK_EQUAL(column("provenance", 5), "ai_generated");
  BOOST_CHECK_EQUAL(column("theme", 6), "kept");
  BOOST_CHECK_EQUAL(column("provenance", 7), "unknown");
  auto rows = seed_rows(podstudio.database());
  check_replay(podstudio, "before the kill");

  running->kill();
  running.emplace(podstudio, words{space.root});
  podstudio.must({"sync"});
  auto again = seed_rows(podstudio.database());
  BOOST_CHECK_MESSAGE(rows == again, "after the kill:" << difference(rows, again));
  check_replay(podstudio, "with the service up");

  auto status = podstudio.json({"status"});
  auto verified = podstudio({"log", "verify"});
  BOOST_CHECK_MESSAGE(verified.code == 0, "log verify: " << verified);
  for (const auto& expected :
       {status["log"]["head_sequence"].dump(), status["log"]["head_hash"].get<std::string>()})
    BOOST_CHECK_MESSAGE(verified.out.find(expected) != std::string::npos,
                        "log verify does not print " << expected << ": " << verified);

  auto stopped = running->stop();
  BOOST_CHECK_MESSAGE(stopped.code == 0, stopped);
  check_replay(podstudio, "with the service down");
  BOOST_CHECK_EQUAL(podstudio({"log", "verify"}).code, 0);

  // The tables are disposable: they come back from the log alone.
  podstudio.must({"replay"});
  auto replayed = seed_rows(podstudio.database());
  BOOST_CHECK_MESSAGE(rows == replayed, "after the replay:" << difference(rows, replayed));
  for (auto suffix : {"", "-wal", "-shm"})
    std::filesystem::remove(podstudio.database() + suffix);
  podstudio.must({"status"});
  auto rebuilt = seed_rows(podstudio.database());
  BOOST_CHECK_MESSAGE(rows == rebuilt,
                      "after the tables were deleted:" << difference(rows, rebuilt));
}

BOOST_FIXTURE_TEST_CASE(an_approval_given_twice_is_one_event, curated_library) {
  podstudio.must({"asset", "approve", "1"});
  auto after_first = head();
  auto updated = column("updated_at", 1);
  podstudio.must({"asset", "approve", "1"});
  BOOST_CHECK_EQUAL(head(), after_first);
  BOOST_CHECK_EQUAL(column("updated_at", 1), updated);
}

BOOST_FIXTURE_TEST_CASE(an_unknown_id_is_refused_by_name_and_the_command_has_no_effect_at_all,
                        curated_library) {
  auto before = head();
  for (const words& command :
       {words{"asset", "set", "987654", "--theme", "x"}, words{"asset", "approve", "1", "987654"},
        words{"asset", "unapprove", "987654"}, words{"asset", "show", "987654"}}) {
    auto refused = podstudio(command);
    BOOST_CHECK_MESSAGE(refused.code == 1, command[1] << ": " << refused);
    BOOST_CHECK_MESSAGE(refused.err.find("987654") != std::string::npos,
                        command[1] << ": " << refused);
    BOOST_CHECK_MESSAGE(std::count(refused.err.begin(), refused.err.end(), '\n') == 1,
                        command[1] << " does not answer with one line: " << refused);
    BOOST_CHECK_MESSAGE(refused.out.empty(), command[1] << ": " << refused);
  }
  BOOST_CHECK_EQUAL(head(), before);
  BOOST_CHECK_EQUAL(column("approved", 1), "0");
}

BOOST_FIXTURE_TEST_CASE(a_word_that_is_no_provenance_is_refused, curated_library) {
  auto before = head();
  auto refused = podstudio({"asset", "set", "1", "--provenance", "stolen"});
  BOOST_CHECK_MESSAGE(refused.code == 1 || refused.code == 2, refused);
  BOOST_CHECK_MESSAGE(refused.err.find("ai_generated") != std::string::npos,
                      "the message does not say what is allowed: " << refused);
  BOOST_CHECK_EQUAL(head(), before);
}

BOOST_FIXTURE_TEST_CASE(a_whole_selection_is_one_command, curated_library) {
  podstudio.must({"asset", "set", "1", "2", "3", "--theme", "chosen"});
  auto before = head();
  podstudio.must({"asset", "approve", "--all-matching", "--theme", "chosen"});
  BOOST_CHECK_EQUAL(head(), before + 3);
  BOOST_CHECK_EQUAL(
      value(podstudio.database(), "SELECT group_concat(id) FROM asset WHERE approved"), "1,2,3");
  BOOST_CHECK_EQUAL(value(podstudio.database(), "SELECT last_sequence - first_sequence FROM command"
                                                " ORDER BY first_sequence DESC LIMIT 1"),
                    "2");
}

BOOST_FIXTURE_TEST_CASE(a_pack_is_filled_by_filters, curated_library) {
  podstudio.must({"asset", "approve", "1", "3"});
  podstudio.must({"pack", "create", "Castles", "--license", "personal"});
  podstudio.must({"pack", "add", "1", "3"});

  auto added = podstudio.json({"pack", "add", "1", "--all-matching", "--approved"});
  BOOST_CHECK_EQUAL(added["changed"], 1);
  BOOST_CHECK_EQUAL(added["already"], 1);
  BOOST_CHECK_EQUAL(added["unapproved"], nlohmann::json::array());
  auto members = [&] {
    return value(podstudio.database(), "SELECT group_concat(asset_id) FROM (SELECT asset_id FROM"
                                       " pack_asset WHERE pack_id = 1 ORDER BY position)");
  };
  BOOST_CHECK_EQUAL(members(), "3,1");
  // What matches when a command is repeated was not what it added.
  const std::string id = "11111111-2222-4333-8444-555555555555";
  podstudio.must({"asset", "approve", "2"});
  const words again{"--command-id", id, "pack", "add", "1", "--all-matching", "--approved"};
  BOOST_CHECK_EQUAL(podstudio.json(again)["changed"], 1);
  podstudio.must({"asset", "unapprove", "1", "2"});
  auto repeated = podstudio.json(again);
  BOOST_CHECK_EQUAL(repeated["repeated"], true);
  BOOST_CHECK_EQUAL(repeated["changed"], 1);
  BOOST_CHECK(!repeated.contains("already"));
  BOOST_CHECK_EQUAL(members(), "3,1,2");
  podstudio.must({"pack", "remove", "1", "2"});
  auto none = podstudio.json({"pack", "add", "1", "--all-matching", "--theme", "no such theme"});
  BOOST_CHECK_EQUAL(none["changed"], 0);

  auto refused = [&](std::vector<std::string> arguments, const std::string& why) {
    arguments.insert(arguments.begin(), {"pack", "add", "1"});
    auto tried = podstudio(arguments);
    BOOST_CHECK_MESSAGE(tried.code == 2 && tried.err.find(why) != std::string::npos, tried);
  };
  refused({}, "no assets given");
  refused({"2", "--all-matching"}, "not both");
  refused({"2", "--approved"}, "only with --all-matching");
  BOOST_CHECK_EQUAL(members(), "3,1");
}

BOOST_FIXTURE_TEST_CASE(what_is_amiss_with_the_assets_of_a_pack_is_told, curated_library) {
  podstudio.must({"asset", "approve", "1", "2"});
  podstudio.must({"pack", "create", "Castles", "--license", "personal"});
  podstudio.must({"pack", "add", "1", "1"});
  auto path = column("path", 1);
  make_file(path + ".copy.png", read_file(path));
  std::filesystem::remove(column("path", 3));
  podstudio.must({"sync"});
  auto copy = value(podstudio.database(), "SELECT max(id) FROM asset");

  auto added = podstudio.json({"pack", "add", "1", "1", "2", "3", "2", copy});
  auto twins = nlohmann::json::array({1, std::stoi(copy)});
  BOOST_CHECK_EQUAL(added["changed"], 3);
  BOOST_CHECK_EQUAL(added["already"], 1);
  BOOST_CHECK_EQUAL(added["missing"], nlohmann::json::array({3}));
  BOOST_CHECK_EQUAL(added["unapproved"], nlohmann::json::array({3, std::stoi(copy)}));
  BOOST_CHECK_EQUAL(added["same_content"], nlohmann::json::array({twins}));

  auto again = podstudio({"pack", "create", "Castles", "--license", "personal"});
  BOOST_CHECK_MESSAGE(again.code == 1 && again.err.find("pack 1 ") != std::string::npos
                          && again.err.find("--force") != std::string::npos,
                      again);
  podstudio.must({"pack", "create", "Castles", "--license", "personal", "--force"});
}
