// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE watcher_actor
#include "actors/watcher.hpp"

#include "actors/library_flow.hpp"
#include "platform/sha256.hpp"
#include "support/eventually.hpp"

#include <atomic>
#include <filesystem>
#include <optional>
#include <semaphore>
#include <string>
#include <utility>

using namespace podstudio;
namespace fs = std::filesystem;

namespace {

/// A folder that is watched, and the library it is watched for.
struct watched_folder : library_flow {
  std::string root = folder.path + "/root";
  watcher_actor watching;

  watched_folder() : library_flow(flow_kind::hooked) { fs::create_directory(root); }
  ~watched_folder() {
    if (watching) end(watching);
  }

  void make(const std::string& name, const std::string& bytes) const {
    fs::create_directories(fs::path(root + "/" + name).parent_path());
    std::ofstream(root + "/" + name) << bytes;
  }
  void make_many(std::size_t count, const std::string& in = ".") const {
    for (std::size_t i = 0; i < count; ++i)
      make(in + "/" + std::to_string(i) + ".png", "picture " + in + std::to_string(i));
  }
  void remove_some(std::size_t from, std::size_t to) const {
    for (auto i = from; i < to; ++i)
      BOOST_REQUIRE(fs::remove(root + "/" + std::to_string(i) + ".png"));
  }

  void watch() {
    watching = system.spawn<caf::detached>(watcher, watched_root{1, root, {}, false, true}, catalog,
                                           watch_options{database_path(), {}});
    self->monitor(watching);
  }
  /// Why it ended; nothing where it goes on.
  std::optional<error> end_of_watching() {
    std::optional<error> why;
    self->receive(
        [&](const caf::down_msg& who) {
          if (who.source == watching.address()) why = from_caf(who.reason);
        },
        caf::after(answer_max) >> [] {});
    return why;
  }
  void end_watching() {
    end(watching);
    BOOST_REQUIRE(end_of_watching().has_value());
    watching = nullptr;
  }

  auto ask_for_sync() { return self->request(watching, answer_max, sync_atom::value); }
  result<sequence_number> sync() { return ask<sequence_number>(self, watching, sync_atom::value); }
  watcher_status status() { return must(ask<watcher_status>(self, watching, status_atom::value)); }
  bool confirm() { return must(ask<bool>(self, watching, confirm_atom::value)); }
  std::uint64_t in_flight() {
    return must(ask<catalog_status>(self, catalog, status_atom::value)).in_flight;
  }

  std::int64_t count(const std::string& of, const std::string& where = "true") const {
    return in_tables<std::int64_t>("SELECT count(*) FROM " + of + " WHERE " + where);
  }
  std::int64_t assets() const { return count("asset"); }
  std::int64_t missing() const { return count("asset_file", "missing_since IS NOT NULL"); }
  bool holds(const std::string& name, const std::string& bytes) const {
    return in_tables<std::int64_t>(
               "SELECT count(*) FROM asset JOIN asset_file ON asset_id = id WHERE path = ? AND "
               "hash = ? AND missing_since IS NULL",
               root + "/" + name, to_hex(sha256().of(bytes)))
           == 1;
  }
  std::string problems() const {
    return in_tables<std::string>(
        "SELECT coalesce(group_concat(kind || ' ' || path), '') FROM problem");
  }
};

template <class Waiting>
sequence_number answer_of(Waiting& waiting) {
  sequence_number sequence = 0;
  waiting.receive([&](sequence_number answered) { sequence = answered; },
                  [](const caf::error& e) { BOOST_ERROR(from_caf(e).message); });
  return sequence;
}

const error changing{error_code::changed, "it changed while it was being read"};

}  // namespace

// --- in step ---

BOOST_FIXTURE_TEST_CASE(a_sync_is_answered_once_every_change_before_it_is_in_the_tables,
                        watched_folder) {
  make("changed.png", "before");
  make("gone.png", "gone");
  watch();
  must(sync());
  BOOST_TEST(assets() == 2);
  hold(true);
  make("new.png", "new");
  make("changed.png", "after");
  fs::remove(root + "/gone.png");
  make("folder/deep/new.wav", "sound");
  auto waiting = ask_for_sync();
  BOOST_TEST(eventually([&] { return in_flight() > 0; }));
  BOOST_TEST(status().mode != "held");  // it can be asked other things meanwhile
  BOOST_TEST(!self->has_next_message());
  BOOST_TEST(assets() == 2);
  hold(false);
  auto sequence = answer_of(waiting);
  BOOST_TEST(holds("new.png", "new"));
  BOOST_TEST(holds("changed.png", "after"));
  BOOST_TEST(holds("folder/deep/new.wav", "sound"));
  BOOST_TEST(missing() == 1);
  BOOST_TEST(sequence == in_tables<sequence_number>("SELECT sequence FROM checkpoint"));
  BOOST_TEST(must(sync()) == sequence);
}

BOOST_FIXTURE_TEST_CASE(a_sync_does_not_wait_for_what_is_written_after_it, watched_folder) {
  watch();
  must(sync());
  std::binary_semaphore may_read(0);
  reading->before = [&](const std::string& path) {
    if (path == root + "/later.png") (void)may_read.try_acquire_for(answer_max);
    return std::optional<error>();
  };
  hold(true);
  make("early.png", "early");
  auto waiting = ask_for_sync();
  BOOST_TEST(eventually([&] { return in_flight() == 1; }));
  make("later.png", "later");
  BOOST_TEST(eventually([&] { return in_flight() == 2; }));
  hold(false);
  answer_of(waiting);
  BOOST_TEST(holds("early.png", "early"));
  BOOST_TEST(assets() == 1);
  may_read.release();
  must(sync());
  BOOST_TEST(holds("later.png", "later"));
}

BOOST_FIXTURE_TEST_CASE(a_sync_waits_for_a_file_that_changes_while_it_is_read, watched_folder) {
  watch();
  must(sync());
  int version = 0;
  reading->before = [&](const std::string&) -> std::optional<error> {
    if (version == 3) return std::nullopt;
    make("a.png", "version " + std::to_string(++version));
    return changing;
  };
  make("a.png", "version 0");
  must(sync());
  BOOST_TEST(holds("a.png", "version 3"));
  BOOST_TEST(problems() == "");
}

BOOST_FIXTURE_TEST_CASE(a_file_that_vanishes_before_it_is_read_leaves_nothing, watched_folder) {
  watch();
  must(sync());
  reading->before = [&](const std::string& path) {
    fs::remove(path);
    return std::optional<error>();
  };
  for (int i = 0; i < 20; ++i)
    make(std::to_string(i) + ".png", "for a moment");
  must(sync());
  BOOST_TEST(assets() == 0);
  BOOST_TEST(problems() == "");
}

BOOST_FIXTURE_TEST_CASE(a_sync_waits_until_there_is_room_for_what_it_waits_for, watched_folder) {
  watch();
  must(sync());
  refuse_next({error_code::disk_full, "no room"});
  make("a.png", "one");
  fs::remove(root + "/a.png");
  make("b.png", "two");
  must(sync());
  BOOST_TEST(log.refusals.empty());
  BOOST_TEST(holds("b.png", "two"));
  BOOST_TEST(assets() == 1);
}

// --- many at once ---

BOOST_FIXTURE_TEST_CASE(a_burst_of_files_is_taken_in_bounded_batches, watched_folder) {
  make("there/before.png", "before");
  watch();
  must(sync());
  hold(true);
  std::uint64_t most = 0;
  for (const auto* in : {"there", "new/one", "new/two"}) {
    for (int i = 0; i < 10; ++i) {
      make_many(100, std::string(in) + "/" + std::to_string(i));
      most = std::max(most, in_flight());
    }
  }
  auto waiting = ask_for_sync();
  BOOST_TEST(eventually([&] {
    most = std::max(most, in_flight());
    return most >= watcher_slow_batches_max;
  }));
  status();
  BOOST_TEST(in_flight() <= watcher_batches_max);
  BOOST_TEST(most <= watcher_batches_max);
  BOOST_TEST(!self->has_next_message());
  BOOST_TEST(assets() == 1);
  hold(false);
  answer_of(waiting);
  BOOST_TEST(assets() == 3001);
  BOOST_TEST(problems() == "");
  BOOST_TEST(in_flight() == 0u);
}

// --- much that is gone ---

BOOST_FIXTURE_TEST_CASE(a_scan_that_finds_most_files_gone_is_held_until_it_is_confirmed,
                        watched_folder) {
  make_many(300);
  watch();
  must(sync());
  BOOST_TEST(!confirm());  // nothing is held
  end_watching();
  remove_some(0, 151);
  make("new.png", "new");
  watch();
  must(sync());
  BOOST_TEST(status().mode == "held");
  BOOST_TEST(missing() == 0);
  BOOST_TEST(holds("new.png", "new"));  // which is no reason to wait
  BOOST_TEST(problems() == "scan_held " + root);
  must(sync());  // it looks again
  BOOST_TEST(status().mode == "held");
  BOOST_TEST(missing() == 0);

  BOOST_TEST(confirm());
  must(sync());
  BOOST_TEST(missing() == 151);
  BOOST_TEST(status().mode == "live");
  BOOST_TEST(problems() == "");
  BOOST_TEST(!confirm());
  // It was for that scan alone.
  end_watching();
  remove_some(151, 250);
  watch();
  must(sync());
  BOOST_TEST(status().mode == "held");
  BOOST_TEST(missing() == 151);
}

BOOST_FIXTURE_TEST_CASE(a_scan_that_was_held_goes_on_when_the_files_are_back, watched_folder) {
  make_many(120, "in");
  watch();
  must(sync());
  end_watching();
  fs::rename(root + "/in", folder.path + "/away");
  watch();
  must(sync());
  BOOST_TEST(status().mode == "held");
  fs::rename(folder.path + "/away", root + "/in");
  must(sync());
  BOOST_TEST(status().mode == "live");
  BOOST_TEST(missing() == 0);
  BOOST_TEST(problems() == "");
}

BOOST_FIXTURE_TEST_CASE(half_of_the_files_may_be_gone_and_of_a_few_all, watched_folder) {
  make_many(120);
  watch();
  must(sync());
  end_watching();
  remove_some(0, 60);
  watch();
  must(sync());
  BOOST_TEST(status().mode == "live");
  BOOST_TEST(missing() == 60);
  end_watching();
  remove_some(60, 120);
  watch();
  must(sync());
  BOOST_TEST(status().mode == "live");
  BOOST_TEST(missing() == 120);
}

BOOST_FIXTURE_TEST_CASE(what_goes_while_it_is_watched_is_no_matter_of_a_scan, watched_folder) {
  make_many(120);
  watch();
  must(sync());
  remove_some(0, 120);
  must(sync());
  BOOST_TEST(missing() == 120);
  BOOST_TEST(status().mode == "live");
}

// --- the root ---

BOOST_FIXTURE_TEST_CASE(a_root_that_goes_ends_the_watcher_and_no_file_is_missing, watched_folder) {
  make_many(10);
  watch();
  must(sync());
  fs::rename(root, folder.path + "/elsewhere");
  BOOST_TEST(!sync());
  auto why = end_of_watching();
  BOOST_REQUIRE(why.has_value());
  BOOST_TEST((why->code == error_code::not_found), why->message);
  BOOST_TEST(why->message.find(root) != std::string::npos, why->message);
  BOOST_TEST(must(ask<bool>(self, catalog, drain_atom::value)));
  BOOST_TEST(missing() == 0);
}

BOOST_FIXTURE_TEST_CASE(a_folder_in_the_place_of_the_root_is_not_the_root, watched_folder) {
  make_many(10);
  watch();
  must(sync());
  fs::rename(root, folder.path + "/elsewhere");
  fs::create_directory(root);
  make("0.png", "another picture");
  auto why = end_of_watching();
  BOOST_REQUIRE(why.has_value());
  BOOST_TEST(why->message.find(root) != std::string::npos, why->message);
  BOOST_TEST(must(ask<bool>(self, catalog, drain_atom::value)));
  BOOST_TEST(missing() == 0);
  BOOST_TEST(holds("0.png", "picture .0"));
}

BOOST_FIXTURE_TEST_CASE(those_who_wait_are_told_that_the_root_has_gone, watched_folder) {
  watch();
  must(sync());
  hold(true);
  make("a.png", "one");
  auto one = ask_for_sync();
  auto another = ask_for_sync();
  BOOST_TEST(eventually([&] { return in_flight() == 1; }));
  BOOST_TEST(!self->has_next_message());
  fs::rename(root, folder.path + "/elsewhere");
  for (auto* each : {&one, &another})
    each->receive([](sequence_number) { BOOST_ERROR("in step with a root that has gone"); },
                  [&](const caf::error& e) {
                    BOOST_TEST((from_caf(e).code == error_code::not_found), from_caf(e).message);
                  });
  hold(false);
}

BOOST_FIXTURE_TEST_CASE(a_watcher_that_is_ended_does_not_say_that_it_is_in_step, watched_folder) {
  watch();
  must(sync());
  hold(true);
  make("a.png", "one");
  auto waiting = ask_for_sync();
  BOOST_TEST(eventually([&] { return in_flight() == 1; }));
  end_watching();
  waiting.receive([](sequence_number) { BOOST_ERROR("in step with what is not in the tables"); },
                  [](const caf::error& e) {
                    BOOST_TEST((from_caf(e).code == error_code::stopping), from_caf(e).message);
                  });
  BOOST_TEST(assets() == 0);
}

BOOST_FIXTURE_TEST_CASE(a_watcher_of_a_root_that_is_not_there_ends_and_says_why, watched_folder) {
  fs::remove(root);
  watch();
  auto why = end_of_watching();
  BOOST_REQUIRE(why.has_value());
  BOOST_TEST((why->code == error_code::not_found), why->message);
  BOOST_TEST(why->message.find(root) != std::string::npos, why->message);
}
