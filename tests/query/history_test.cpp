// SPDX-License-Identifier: MIT
#include "query/history.hpp"
#include "query/library.hpp"
#include "query/packs.hpp"

#include "../events/sample_events.hpp"
#include "events/codec.hpp"
#include "events/file_system.hpp"
#include "support/tables.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <set>
#include <string>
#include <vector>

using namespace podstudio;
using nlohmann::json;

namespace {

/// A log of 30 commands of 1 to 3 events.
struct log_fixture {
  temp_folder folder;
  std::string log_folder = folder.path + "/log";
  recovery_report report;
  std::unique_ptr<log_writer> log =
      must(log_writer::open(posix_file_system(), log_folder, {}, {}, report));
  std::vector<sequence_number> firsts;

  log_fixture() {
    for (std::uint64_t i = 1; i <= 30; ++i)
      append(i);
  }
  void append(std::uint64_t number) {
    auto done = must(log->append(std::vector{sample_command(number, 1 + number % 3)}, 17));
    firsts.push_back(done[0].first_sequence);
  }
};

std::vector<std::int64_t> ids_of(const json& rows) {
  std::vector<std::int64_t> ids;
  for (const auto& row : rows)
    ids.push_back(row["id"]);
  return ids;
}

using ids = std::vector<std::int64_t>;

}  // namespace

BOOST_AUTO_TEST_SUITE(histories)

BOOST_FIXTURE_TEST_CASE(a_log_is_read_page_by_page_without_a_gap_also_while_it_grows, log_fixture) {
  log_pages pages(posix_file_system(), log_folder);
  std::vector<sequence_number> read;
  std::optional<sequence_number> next = 1;
  int left = 0;
  while (next && read.size() < 100) {
    if (read.size() == 20) append(31);
    left = 1 + static_cast<int>(read.size() % 4);
    next = must(pages.read(*next, log->head().sequence, [&](const committed_command& committed) {
      read.push_back(committed.first_sequence);
      return --left > 0;
    }));
  }
  BOOST_TEST(read == firsts, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(pages_of_two_readers_do_not_mix, log_fixture) {
  log_pages pages(posix_file_system(), log_folder);
  auto one = [&](sequence_number from) {
    sequence_number first = 0;
    must(pages.read(from, log->head().sequence, [&](const committed_command& committed) {
      first = committed.first_sequence;
      return false;
    }));
    return first;
  };
  for (std::size_t i = 0; i < firsts.size(); ++i) {
    BOOST_TEST(one(firsts[i]) == firsts[i]);
    BOOST_TEST(one(firsts[firsts.size() - 1 - i]) == firsts[firsts.size() - 1 - i]);
  }
}

BOOST_FIXTURE_TEST_CASE(nothing_beyond_the_end_that_is_asked_for_is_read, log_fixture) {
  log_pages pages(posix_file_system(), log_folder);
  for (auto to : firsts) {
    std::size_t read = 0;
    auto next = must(pages.read(1, to, [&](const committed_command& committed) {
      BOOST_TEST(committed.last_sequence() <= to);
      return ++read < 1'000;
    }));
    BOOST_TEST(!next);
  }
  BOOST_TEST(!must(pages.read(50, 49, [](const committed_command&) { return true; })));
}

BOOST_AUTO_TEST_CASE(every_event_is_an_entry_of_what_it_names_and_of_nothing_else) {
  counting_source numbers;
  command_maker make;
  for_each_event_type(numbers, [&](const event& sample) {
    auto data = to_json(sample);
    auto committed = make({sample});
    for (const char* thing : {"asset", "pack"}) {
      bool named = data.contains(thing) && data[thing].is_number();
      history_subject subject, other;
      auto id = named ? data[thing].get<std::int64_t>() : 1;
      auto set = [&](history_subject& what, std::int64_t value) {
        if (thing[0] == 'a')
          what.asset = value;
        else
          what.pack = value;
      };
      set(subject, id);
      set(other, id + 1);
      auto entry = history_entry(committed, 0, subject);
      BOOST_TEST(entry.is_null() != named, data.dump());
      if (named) {
        BOOST_TEST(entry["type"] == std::string(event_name(sample)));
        BOOST_TEST(entry.size() == 7u);
        BOOST_TEST((!entry["before"].is_null() || !entry["after"].is_null()), data.dump());
      }
      BOOST_TEST(history_entry(committed, 0, other).is_null());
    }
  });
}

BOOST_FIXTURE_TEST_CASE(a_pack_shows_its_assets_in_the_order_of_their_positions, tables_fixture) {
  fold({registered(1, "/a.png"), registered(2, "/b.png"), registered(3, "/c.png"),
        pack_created{1, {"p", license_type::personal, {}, {}}},
        pack_created{2, {"q", license_type::personal, {}, {}}}, pack_asset_added{1, 1, 9},
        pack_asset_added{1, 3, 2}, pack_asset_added{1, 2, 9}, asset_missing{3}});
  auto pack = must(show_pack(db, 1));
  BOOST_TEST(ids_of(pack["assets"]) == (ids{3, 1, 2}), boost::test_tools::per_element());
  BOOST_TEST(pack["assets"][0]["missing"] == true);
  pack.erase("assets");
  BOOST_TEST(must(list_packs(db, 0, 1)) == nlohmann::json::array({pack}));
  BOOST_TEST(ids_of(must(list_packs(db, 0, 9))) == (ids{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(ids_of(must(list_packs(db, 1, 9))) == (ids{2}), boost::test_tools::per_element());
  BOOST_TEST(must(list_packs(db, 2, 9)).empty());
  BOOST_TEST(must(show_pack(db, 2))["assets"].empty());
  BOOST_TEST((show_pack(db, 3).failure().code == error_code::not_found));
}

BOOST_FIXTURE_TEST_CASE(jobs_are_chosen_by_status_and_kind_page_by_page, tables_fixture) {
  fold({job_queued{1, job_kind::upscale, {}, {}, {}, 7},
        job_queued{2, job_kind::enhance, {}, {}, {}}, job_queued{3, job_kind::upscale, {}, {}, {}},
        job_started{3, 1}});
  auto at_us = command_maker::first_at_us;
  auto found = [&](const job_filter& filter) { return ids_of(must(list_jobs(db, filter, at_us))); };
  BOOST_TEST(found({}) == (ids{1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(found({.status = job_status::pending}) == (ids{1, 2}),
             boost::test_tools::per_element());
  BOOST_TEST(found({.status = job_status::running, .kind = job_kind::upscale}) == (ids{3}),
             boost::test_tools::per_element());
  BOOST_TEST(found({.kind = job_kind::upscale, .after = 1}) == (ids{3}),
             boost::test_tools::per_element());
  BOOST_TEST(found({.limit = 2}) == (ids{1, 2}), boost::test_tools::per_element());
  auto listed = must(list_jobs(db, {}, at_us));
  BOOST_TEST(listed[0]["priority"] == 7);
  BOOST_TEST(listed[1]["priority"] == 0);
  auto job = must(show_job(db, 3, at_us));
  BOOST_TEST(job["status"] == "running");
  std::set<std::string> columns;
  for (const auto& [column, value] : job.items())
    columns.insert(column);
  BOOST_TEST((columns
              == std::set<std::string>{"id", "kind", "asset_id", "pack_id", "params_json", "status",
                                       "progress", "result_path", "error_message", "created_at",
                                       "started_at", "completed_at", "priority", "attempts",
                                       "seconds_left"}));
  BOOST_TEST((show_job(db, 4, at_us).failure().code == error_code::not_found));
}

BOOST_FIXTURE_TEST_CASE(a_job_is_shown_with_its_attempts_and_what_it_will_still_take,
                        tables_fixture) {
  auto second = [](int n) { return command_maker::first_at_us + n * std::int64_t{1'000'000}; };
  fold({job_queued{1, job_kind::upscale, {}, {}, {}, -7}});
  auto job = must(show_job(db, 1, second(9)));
  BOOST_TEST(job["priority"] == -7);
  BOOST_TEST(job["attempts"] == json::array());
  BOOST_TEST(job["seconds_left"] == nullptr);
  fold({job_started{1, 1}});
  fold({job_requeued{1, job_status::running, "the worker died", {"crashed", "line\nline"}}});
  fold({job_started{1, 2}});
  job = must(show_job(db, 1, second(9)));
  BOOST_TEST(job["attempts"]
             == json::array({{{"attempt", 1},
                              {"started_at", "2026-01-02 03:04:06.000000"},
                              {"ended_at", "2026-01-02 03:04:07.000000"},
                              {"ending", "crashed"},
                              {"reason", "the worker died"},
                              {"last_words", "line\nline"}},
                             {{"attempt", 2},
                              {"started_at", "2026-01-02 03:04:08.000000"},
                              {"ended_at", nullptr},
                              {"ending", nullptr},
                              {"reason", nullptr},
                              {"last_words", nullptr}}}));
  BOOST_TEST(job["seconds_left"] == nullptr);  // nothing is done yet
  fold({job_progressed{1, 20}});
  BOOST_TEST(must(show_job(db, 1, second(13)))["seconds_left"] == 40);
  BOOST_TEST(must(list_jobs(db, {}, second(13)))[0]["seconds_left"] == 40);
  BOOST_TEST(must(show_job(db, 1, second(3)))["seconds_left"] == nullptr);
  BOOST_TEST(must(show_job(db, 1, second(-9)))["seconds_left"] == nullptr);
  fold({job_progressed{1, 1e-300}});
  BOOST_TEST(must(show_job(db, 1, second(13)))["seconds_left"] == nullptr);
  fold({job_completed{1, {}}});
  BOOST_TEST(must(show_job(db, 1, second(13)))["seconds_left"] == nullptr);
}

BOOST_FIXTURE_TEST_CASE(commands_are_listed_from_the_newest_on, tables_fixture) {
  for (int i = 1; i <= 5; ++i)
    fold({registered(i, "/" + std::to_string(i)), asset_approved{i}});
  auto firsts = [&](sequence_number before, std::int64_t limit) {
    ids found;
    for (const auto& command : must(list_commands(db, false, before, limit)))
      found.push_back(command["first_sequence"]);
    return found;
  };
  BOOST_TEST(firsts(INT64_MAX, 2) == (ids{9, 7}), boost::test_tools::per_element());
  BOOST_TEST(firsts(7, 10) == (ids{5, 3, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
