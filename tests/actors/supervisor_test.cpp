// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE supervisor_actor
#include "actors/supervisor.hpp"

#include "actors/library_flow.hpp"
#include "actors/startup.hpp"
#include "support/eventually.hpp"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace podstudio;
namespace fs = std::filesystem;

namespace {

const operation* no_operation(std::string_view) { return nullptr; }

/// A whole engine with a real log, which the test can hold, but without workers and a console's
/// server.
struct running_engine {
  temp_folder space;
  std::string root = space.path + "/root";
  data_folder data{space.path + "/data", space.path + "/data/podstudio.db"};
  log_control log;
  std::mutex mutex;
  std::vector<error> told;  ///< why the engine cannot go on
  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  supervisor_actor supervisor;

  running_engine() {
    fs::create_directory(root);
    must(create(data));
    start();
  }
  ~running_engine() {
    log.set_hold(false);
    if (supervisor) stop();
  }

  void start(bool service = true) {
    engine_options options;
    options.folder = data;
    options.operations = no_operation;
    options.service = service;
    options.workers = 0;
    auto parts = std::make_shared<engine_parts>(must(make_ready(options)));
    parts->log = std::make_unique<controlled_log>(log, std::move(parts->log));
    parts->on_failure = [this](const error& why) {
      std::scoped_lock lock(mutex);
      told.push_back(why);
    };
    supervisor = system.spawn<caf::detached>(podstudio::supervisor, parts);
  }
  void stop() {
    BOOST_TEST(must(ask<bool>(self, supervisor, stop_atom::value)));
    self->send_exit(supervisor, caf::exit_reason::user_shutdown);
    supervisor = nullptr;
  }

  std::vector<error> failures() {
    std::scoped_lock lock(mutex);
    return told;
  }

  void make(const std::string& path, const std::string& bytes = "one") const {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << bytes;
  }

  static watch_request a_watch(const std::string& path, bool add = true) {
    return {add, path, make_uuid(), "console", {}};
  }
  result<change_outcome> watch(const watch_request& wanted) {
    return ask<change_outcome>(self, supervisor, root_atom::value, wanted);
  }
  result<change_outcome> watch(const std::string& path) { return watch(a_watch(path)); }
  void must_not_watch(const std::string& path, error_code code, const std::string& named) {
    auto outcome = watch(path);
    BOOST_REQUIRE(!outcome);
    BOOST_TEST((outcome.failure().code == code), outcome.failure().message);
    BOOST_TEST(outcome.failure().message.find("'" + named + "'") != std::string::npos,
               outcome.failure().message);
  }
  result<std::uint64_t> import(const std::string& path) {
    return ask<std::uint64_t>(self, supervisor, import_atom::value, import_request{{path}});
  }
  auto ask_for_import(std::uint64_t number, std::uint64_t time_ms = 30'000) {
    return self->request(supervisor, answer_max, wait_atom::value, number, time_ms);
  }
  result<import_progress> wait(std::uint64_t number, std::uint64_t time_ms = 30'000) {
    return ask<import_progress>(self, supervisor, wait_atom::value, number, time_ms);
  }
  auto ask_for_sync() { return self->request(supervisor, answer_max, sync_atom::value); }
  result<sequence_number> sync() {
    return ask<sequence_number>(self, supervisor, sync_atom::value);
  }
  supervisor_status status() {
    return must(ask<supervisor_status>(self, supervisor, status_atom::value));
  }
  result<bool> confirm(const std::string& path) {
    return ask<bool>(self, supervisor, confirm_atom::value, path);
  }

  template <class T, class... Values>
  T in_tables(const std::string& sql, const Values&... values) const {
    return must(must(open_tables_read_only(data.database)).value<T>(sql, values...));
  }
  bool holds(const std::string& path) const {
    return in_tables<std::int64_t>("SELECT count(*) FROM asset JOIN asset_file ON asset_id = id "
                                   "WHERE path = ? AND missing_since IS NULL",
                                   path)
           == 1;
  }
  std::string state_of(const std::string& path) const {
    return in_tables<std::string>("SELECT coalesce((SELECT state FROM watch_root WHERE path = ?), "
                                  "'not listed')",
                                  path);
  }
  std::string problems() const {
    return in_tables<std::string>(
        "SELECT coalesce(group_concat(kind || ' ' || path), '') FROM problem");
  }
  template <class Event>
  std::size_t logged() {
    std::scoped_lock lock(log.mutex);
    return static_cast<std::size_t>(std::ranges::count_if(
        log.events, [](const event& each) { return std::holds_alternative<Event>(each); }));
  }
};

template <class Answer, class Waiting>
void must_be_refused(Waiting& waiting, error_code code) {
  waiting.receive(
      [](const Answer&) { BOOST_ERROR("answered as if it were done"); },
      [&](const caf::error& e) { BOOST_TEST((from_caf(e).code == code), from_caf(e).message); });
}

}  // namespace

// --- imports ---

BOOST_FIXTURE_TEST_CASE(imports_are_numbered_and_what_came_of_each_is_kept, running_engine) {
  make(root + "/a/1.png", "1");
  for (const auto* name : {"1", "2", "3"})
    make(root + "/b/" + name + ".png", std::string("b") + name);
  BOOST_TEST(must(import(root + "/a")) == 1u);
  BOOST_TEST(must(import(root + "/b")) == 2u);
  for (int i = 0; i < 2; ++i) {
    BOOST_TEST(must(wait(2)).registered == 3u);
    BOOST_TEST(must(wait(1)).registered == 1u);
    BOOST_TEST(must(wait(1)).done);
  }
  BOOST_TEST(status().imports.empty());
  BOOST_TEST(must(import(root)) == 3u);
  BOOST_TEST(must(wait(3)).unchanged == 4u);
  BOOST_TEST(must(wait(2, 0)).registered == 3u);
}

BOOST_FIXTURE_TEST_CASE(an_import_that_goes_on_is_told_as_far_as_it_is, running_engine) {
  make(root + "/1.png");
  log.set_hold(true);
  BOOST_TEST(must(import(root)) == 1u);
  auto is_told = [&] {
    auto imports = status().imports;
    return imports.size() == 1 && imports[0].scanned == 1;
  };
  BOOST_TEST(eventually(is_told));
  auto running = status().imports.at(0);
  BOOST_TEST(running.number == 1u);
  BOOST_TEST(running.paths_total == 1u);
  BOOST_TEST(running.paths == std::vector{root}, boost::test_tools::per_element());
  for (std::uint64_t time_ms : {0, 1, 20}) {
    auto progress = must(wait(1, time_ms));
    BOOST_TEST(!progress.done);
    BOOST_TEST(progress.scanned == 1u);
  }
  auto waiting = ask_for_import(1);
  log.set_hold(false);
  waiting.receive([](const import_progress& progress) { BOOST_TEST(progress.registered == 1u); },
                  [](const caf::error& e) { BOOST_ERROR(from_caf(e).message); });
}

BOOST_FIXTURE_TEST_CASE(an_import_that_never_was_is_unknown, running_engine) {
  for (std::uint64_t number : {0, 1, 7}) {
    for (std::uint64_t time_ms : {0, 30'000}) {
      auto progress = wait(number, time_ms);
      BOOST_REQUIRE(!progress);
      BOOST_TEST((progress.failure().code == error_code::not_found));
      BOOST_TEST(progress.failure().message.find("import " + std::to_string(number))
                 != std::string::npos);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(an_import_that_failed_says_so_whenever_it_is_asked, running_engine) {
  auto nowhere = space.path + "/nowhere";
  BOOST_TEST(must(import(nowhere)) == 1u);
  for (int i = 0; i < 2; ++i) {
    auto progress = wait(1);
    BOOST_REQUIRE(!progress);
    BOOST_TEST((progress.failure().code == error_code::not_found));
    BOOST_TEST(progress.failure().message.find(nowhere) != std::string::npos);
  }
  BOOST_TEST(failures().empty());
}

BOOST_FIXTURE_TEST_CASE(one_import_too_many_is_busy_until_another_has_ended, running_engine) {
  make(root + "/1.png");
  log.set_hold(true);
  for (std::uint64_t number = 1; number <= imports_max; ++number)
    BOOST_TEST(must(import(root)) == number);
  auto refused = import(root);
  BOOST_REQUIRE(!refused);
  BOOST_TEST((refused.failure().code == error_code::busy));
  log.set_hold(false);
  for (std::uint64_t number = 1; number <= imports_max; ++number)
    BOOST_TEST(must(wait(number)).done);
  BOOST_TEST(must(import(root)) == imports_max + 1);
  BOOST_TEST(in_tables<std::int64_t>("SELECT count(*) FROM asset") == 1);
}

// --- roots ---

BOOST_FIXTURE_TEST_CASE(a_root_that_is_added_twice_is_watched_once, running_engine) {
  fs::create_directory_symlink(root, space.path + "/link");
  auto first = must(watch(root));
  BOOST_TEST(first.changed == 1u);
  for (const auto& path : {root, root + "/", root + "/.", space.path + "/link"}) {
    auto again = must(watch(path));
    BOOST_TEST(again.changed == 0u);
    BOOST_TEST(again.subject == first.subject);
  }
  must(sync());
  BOOST_TEST(status().watchers.size() == 1u);
  BOOST_TEST(logged<watch_root_added>() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_root_that_is_added_by_two_at_once_is_watched_once, running_engine) {
  log.set_hold(true);
  auto one = self->request(supervisor, answer_max, root_atom::value, a_watch(root));
  auto another = self->request(supervisor, answer_max, root_atom::value, a_watch(root));
  status();  // both are on their way
  log.set_hold(false);
  std::set<std::int64_t> roots;
  std::uint64_t changed = 0;
  for (auto* each : {&one, &another})
    each->receive(
        [&](const change_outcome& outcome) {
          roots.insert(outcome.subject);
          changed += outcome.changed;
        },
        [](const caf::error& e) { BOOST_ERROR(from_caf(e).message); });
  BOOST_TEST(roots.size() == 1u);
  BOOST_TEST(changed == 1u);
  make(root + "/1.png");
  must(sync());
  BOOST_TEST(status().watchers.size() == 1u);
  BOOST_TEST(holds(root + "/1.png"));
}

BOOST_FIXTURE_TEST_CASE(a_root_within_a_root_is_refused_by_the_name_of_the_other, running_engine) {
  auto inner = root + "/in/side", beside = root + " beside";
  fs::create_directories(inner);
  fs::create_directory(beside);
  must(watch(root));
  must_not_watch(inner, error_code::refused, root);
  must_not_watch(space.path, error_code::refused, root);
  must(watch(beside));
  must(sync());
  BOOST_TEST(status().watchers.size() == 2u);

  must(watch(a_watch(root, false)));
  must(watch(inner));
  must_not_watch(root, error_code::refused, inner);
  must(sync());
  BOOST_TEST(status().watchers.size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(what_is_no_folder_to_watch_is_refused, running_engine) {
  make(root + "/1.png");
  must_not_watch(space.path + "/nowhere", error_code::not_found, space.path + "/nowhere");
  must_not_watch(root + "/1.png", error_code::invalid_argument, root + "/1.png");
  must_not_watch(data.root, error_code::refused, data.root);
  must_not_watch(data.log(), error_code::refused, data.log());
  BOOST_TEST(status().watchers.empty());
  BOOST_TEST(logged<watch_root_added>() == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_command_that_is_sent_again_does_not_watch_what_was_removed_since,
                        running_engine) {
  auto wanted = a_watch(root);
  auto first = must(watch(wanted));
  must(watch(a_watch(root, false)));
  BOOST_TEST(must(watch(wanted)).last_sequence == first.last_sequence);
  must(sync());
  BOOST_TEST(status().watchers.empty());
  BOOST_TEST(state_of(root) == "not listed");
}

BOOST_FIXTURE_TEST_CASE(a_root_that_is_removed_is_watched_no_more_and_can_be_added_again,
                        running_engine) {
  auto first = must(watch(root));
  must(sync());
  must(watch(a_watch(root, false)));
  make(root + "/1.png");
  must(sync());
  BOOST_TEST(status().watchers.empty());
  BOOST_TEST(!holds(root + "/1.png"));
  auto removed = watch(a_watch(root, false));
  BOOST_REQUIRE(!removed);
  BOOST_TEST((removed.failure().code == error_code::not_found));
  BOOST_TEST(must(watch(root)).subject != first.subject);
  must(sync());
  BOOST_TEST(holds(root + "/1.png"));
  BOOST_TEST(failures().empty());
}

BOOST_FIXTURE_TEST_CASE(a_scan_is_confirmed_by_the_path_of_its_root, running_engine) {
  must(watch(root));
  must(sync());
  BOOST_TEST(!must(confirm(root)));  // none is held
  auto unknown = confirm(space.path);
  BOOST_REQUIRE(!unknown);
  BOOST_TEST((unknown.failure().code == error_code::not_found));
}

// --- watchers that end ---

BOOST_FIXTURE_TEST_CASE(a_watcher_that_ends_is_started_again, running_engine) {
  make(root + "/1.png", "1");
  must(watch(root));
  must(sync());
  fs::rename(root, space.path + "/away");
  BOOST_TEST(eventually([&] { return state_of(root) == "lost"; }));
  BOOST_TEST(problems() == "root_lost " + root);
  make(space.path + "/away/2.png", "2");
  fs::rename(space.path + "/away", root);
  // By itself, after a while.
  BOOST_TEST(eventually([&] { return state_of(root) == "active"; }));
  BOOST_TEST(eventually([&] { return holds(root + "/2.png"); }));
  BOOST_TEST(holds(root + "/1.png"));
  BOOST_TEST(problems() == "");
  BOOST_TEST(status().watchers.size() == 1u);
  must(sync());
  BOOST_TEST(failures().empty());
}

BOOST_FIXTURE_TEST_CASE(a_sync_names_the_root_that_is_lost_and_finds_it_when_it_is_back,
                        running_engine) {
  auto other = space.path + "/other";
  fs::create_directory(other);
  must(watch(root));
  must(watch(other));
  must(sync());
  fs::rename(root, space.path + "/away");
  make(other + "/1.png", "1");
  auto synced = sync();
  BOOST_REQUIRE(!synced);
  BOOST_TEST((synced.failure().code == error_code::refused));
  BOOST_TEST(synced.failure().message.find("'" + root + "'") != std::string::npos,
             synced.failure().message);
  BOOST_TEST(synced.failure().message.find(other) == std::string::npos, synced.failure().message);
  BOOST_TEST(holds(other + "/1.png"));  // the other one is in step
  BOOST_TEST(state_of(root) == "lost");
  BOOST_TEST(state_of(other) == "active");
  fs::rename(space.path + "/away", root);
  make(root + "/2.png", "2");
  must(sync());  // does not wait until it would be started again
  BOOST_TEST(holds(root + "/2.png"));
  BOOST_TEST(eventually([&] { return state_of(root) == "active" && problems() == ""; }));
}

// --- stop ---

BOOST_FIXTURE_TEST_CASE(a_stop_finishes_what_is_in_flight_and_its_own_event_is_the_last,
                        running_engine) {
  auto imported = space.path + "/imported";
  make(imported + "/1.png", "1");
  must(watch(root));
  must(sync());
  log.set_hold(true);
  must(import(imported));
  BOOST_TEST(eventually([&] { return log.is_held_up(); }));  // it has been read and decided
  auto stopped = self->request(supervisor, answer_max, stop_atom::value);
  status();
  BOOST_TEST(!self->has_next_message());
  log.set_hold(false);
  stopped.receive([](bool done) { BOOST_TEST(done); },
                  [](const caf::error& e) { BOOST_ERROR(from_caf(e).message); });
  std::scoped_lock lock(log.mutex);
  BOOST_REQUIRE(!log.events.empty());
  BOOST_TEST(std::holds_alternative<engine_stopped>(log.events.back()));
  BOOST_TEST(in_tables<std::size_t>("SELECT sequence FROM checkpoint") == log.events.size());
  BOOST_TEST(holds(imported + "/1.png"));
  BOOST_TEST(failures().empty());
  self->send_exit(supervisor, caf::exit_reason::user_shutdown);
  supervisor = nullptr;
}

BOOST_FIXTURE_TEST_CASE(who_waits_when_the_engine_stops_is_told_that_it_stops, running_engine) {
  make(root + "/1.png", "1");
  must(watch(root));
  must(sync());
  log.set_hold(true);
  make(root + "/2.png", "2");
  must(import(root));
  auto importing = ask_for_import(1);
  auto syncing = ask_for_sync();
  status();
  BOOST_TEST(!self->has_next_message());
  auto stopped = self->request(supervisor, answer_max, stop_atom::value);
  must_be_refused<import_progress>(importing, error_code::stopping);
  must_be_refused<sequence_number>(syncing, error_code::stopping);  // the file is not in the tables
  BOOST_TEST(!holds(root + "/2.png"));
  auto late = import(root);
  BOOST_REQUIRE(!late);
  BOOST_TEST((late.failure().code == error_code::stopping));
  auto later = wait(1);
  BOOST_REQUIRE(!later);
  BOOST_TEST((later.failure().code == error_code::stopping));
  log.set_hold(false);
  stopped.receive([](bool done) { BOOST_TEST(done); },
                  [](const caf::error& e) { BOOST_ERROR(from_caf(e).message); });
  self->send_exit(supervisor, caf::exit_reason::user_shutdown);
  supervisor = nullptr;
}

BOOST_FIXTURE_TEST_CASE(roots_are_watched_again_after_a_start_and_imports_counted_anew,
                        running_engine) {
  must(watch(root));
  BOOST_TEST(must(import(root)) == 1u);
  BOOST_TEST(must(wait(1)).done);
  stop();
  make(root + "/1.png", "1");
  start();
  BOOST_TEST(status().watchers.size() == 1u);
  must(sync());
  BOOST_TEST(holds(root + "/1.png"));
  BOOST_TEST(!wait(1));
  BOOST_TEST(must(import(root)) == 1u);
  BOOST_TEST(logged<engine_started>() == 2u);
  BOOST_TEST(logged<engine_stopped>() == 1u);
}

BOOST_FIXTURE_TEST_CASE(an_engine_that_is_no_service_watches_nothing_and_logs_no_start,
                        running_engine) {
  must(watch(root));
  stop();
  auto logged_before = log.events.size();
  start(false);
  make(root + "/1.png", "1");
  must(sync());
  BOOST_TEST(status().watchers.empty());
  BOOST_TEST(!holds(root + "/1.png"));
  stop();
  BOOST_TEST(log.events.size() == logged_before);
}

BOOST_FIXTURE_TEST_CASE(a_part_that_fails_is_told_once_and_the_engine_can_still_be_stopped,
                        running_engine) {
  must(watch(root));
  must(sync());
  log.refuse_next({error_code::outcome_unknown, "a sync failed"});
  make(root + "/1.png", "1");
  BOOST_TEST(eventually([&] { return !failures().empty(); }));
  stop();
  BOOST_REQUIRE(failures().size() == 1u);
  BOOST_TEST((failures()[0].code == error_code::outcome_unknown), failures()[0].message);
}
