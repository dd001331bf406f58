// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE importer_actor
#include "actors/importer.hpp"

#include "actors/library_flow.hpp"
#include "platform/sha256.hpp"
#include "support/eventually.hpp"

#include <sys/fsuid.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

using namespace podstudio;
namespace fs = std::filesystem;

namespace {

constexpr uid_t nobody = 65534;

/// A folder to import, and a library around a hasher that does what the test wants.
struct import_room : library_flow {
  std::string root = folder.path + "/root";

  import_room() : library_flow(flow_kind::hooked) { fs::create_directory(root); }

  void make(const std::string& name, const std::string& bytes) const {
    fs::create_directories(fs::path(root + "/" + name).parent_path());
    std::ofstream(root + "/" + name) << bytes;
  }
  void make_many(std::size_t count) const {
    for (std::size_t i = 0; i < count; ++i)
      make(std::to_string(i) + ".png", "picture " + std::to_string(i));
  }

  importer_actor begin(const std::vector<std::string>& paths) {
    return system.spawn<caf::detached>(podstudio::importer, catalog, paths,
                                       import_bounds{folder.path + "/data", {}, database_path()},
                                       std::nullopt, std::make_shared<import_gauge>());
  }
  result<import_progress> import(const std::vector<std::string>& paths) {
    return ask<import_progress>(self, begin(paths), wait_atom::value);
  }
  import_progress import_root() { return must(import({root})); }

  std::uint64_t in_flight() {
    return must(ask<catalog_status>(self, catalog, status_atom::value)).in_flight;
  }
  import_progress status_of(const importer_actor& importing) {
    return must(ask<import_progress>(self, importing, status_atom::value));
  }
  bool has_ended(const importer_actor& importing) {
    self->monitor(importing);
    bool ended = false;
    self->receive([&](const caf::down_msg& who) { ended = who.source == importing.address(); },
                  caf::after(answer_max) >> [] {});
    return ended;
  }

  std::int64_t assets() const { return in_tables<std::int64_t>("SELECT count(*) FROM asset"); }
  std::string problems() const {
    return in_tables<std::string>(
        "SELECT coalesce(group_concat(kind || ' ' || path), '') FROM problem");
  }
};

const error changing{error_code::changed, "it changed while it was being read"};

}  // namespace

// --- counts ---

BOOST_FIXTURE_TEST_CASE(an_import_says_what_it_found_once_that_is_in_the_tables, import_room) {
  make("a.png", "one");
  make("b.wav", "two");
  make("sub/deep/c.mp4", "three");
  make("sub/copy of a.png", "one");
  make("notes.txt", "a text");
  make("sub/camera.heic", "a kind that is not taken");
  fs::create_symlink(root + "/a.png", root + "/link.png");
  auto first = import_root();
  BOOST_TEST(first.done);
  BOOST_TEST(first.registered == 4u);
  BOOST_TEST(first.skipped == 3u);
  BOOST_TEST(first.scanned == 7u);
  BOOST_TEST(first.not_taken[not_taken_place("camera.heic").value()] == 1u);
  BOOST_TEST(first.failed == 0u);
  BOOST_TEST(first.unchanged == 0u);
  BOOST_TEST(assets() == 4);
  BOOST_TEST(first.last_sequence == in_tables<std::uint64_t>("SELECT sequence FROM checkpoint"));

  make("a.png", "other bytes");
  fs::rename(root + "/b.wav", root + "/sub/moved.wav");
  make("new.png", "four");
  auto second = import_root();
  BOOST_TEST(second.registered == 1u);
  BOOST_TEST(second.changed == 1u);
  BOOST_TEST(second.moved == 1u);
  BOOST_TEST(second.unchanged == 2u);
  BOOST_TEST(second.scanned == 8u);

  auto third = import_root();
  BOOST_TEST(third.unchanged == 5u);
  BOOST_TEST(third.last_sequence <= second.last_sequence);
  BOOST_TEST(assets() == 5);
}

BOOST_FIXTURE_TEST_CASE(what_is_named_twice_is_taken_once_and_the_import_ends, import_room) {
  make_many(10);
  make("sub/a.png", "one");
  auto counts = must(import({root, root + "/sub", root, root + "/sub/a.png"}));
  BOOST_TEST(counts.registered == 11u);
  BOOST_TEST(counts.failed == 0u);
  BOOST_TEST(assets() == 11);
}

BOOST_FIXTURE_TEST_CASE(all_who_wait_are_answered_and_then_the_importer_ends, import_room) {
  make("a.png", "one");
  hold(true);
  auto importing = begin({root});
  auto one = self->request(importing, answer_max, wait_atom::value);
  auto another = self->request(importing, answer_max, wait_atom::value);
  BOOST_TEST(eventually([&] { return in_flight() == 1; }));
  BOOST_TEST(!status_of(importing).done);
  BOOST_TEST(!self->has_next_message());
  hold(false);
  auto is_done = [](const import_progress& counts) {
    BOOST_TEST(counts.done);
    BOOST_TEST(counts.registered == 1u);
  };
  auto failed = [](const caf::error& e) { BOOST_ERROR(from_caf(e).message); };
  one.receive(is_done, failed);
  another.receive(is_done, failed);
  BOOST_TEST(has_ended(importing));
}

// --- files that change ---

BOOST_FIXTURE_TEST_CASE(a_file_that_vanishes_before_it_is_read_is_no_failure, import_room) {
  make_many(3);
  make("vanishes.png", "here a moment ago");
  reading->before = [this](const std::string&) {
    fs::remove(root + "/vanishes.png");
    return std::optional<error>();
  };
  auto counts = import_root();
  BOOST_TEST(counts.registered == 3u);
  BOOST_TEST(counts.failed == 0u);
  BOOST_TEST(counts.scanned == 4u);
  BOOST_TEST(assets() == 3);
  BOOST_TEST(problems() == "");
}

BOOST_FIXTURE_TEST_CASE(a_file_that_changes_while_it_is_read_is_taken_as_it_is_in_the_end,
                        import_room) {
  make_many(3);
  make("changes.png", "version 0");
  int version = 0;
  reading->before = [&](const std::string& path) -> std::optional<error> {
    if (path != root + "/changes.png" || version == 3) return std::nullopt;
    make("changes.png", "version " + std::to_string(++version));
    return changing;
  };
  auto counts = import_root();
  BOOST_TEST(counts.registered == 4u);
  BOOST_TEST(counts.failed == 0u);
  BOOST_TEST(counts.scanned == 4u);
  auto digest = sha256().of("version 3");
  BOOST_TEST(
      in_tables<std::int64_t>("SELECT count(*) FROM asset WHERE path = ? AND lower(hash) = ?",
                              root + "/changes.png", to_hex(digest))
      == 1);
}

BOOST_FIXTURE_TEST_CASE(a_file_that_never_holds_still_is_a_problem_and_the_others_are_taken,
                        import_room) {
  make_many(3);
  make("restless.png", "");
  unsigned looks = 0;
  reading->before = [&](const std::string& path) -> std::optional<error> {
    if (path != root + "/restless.png") return std::nullopt;
    ++looks;
    return changing;
  };
  auto counts = import_root();
  BOOST_TEST(counts.registered == 3u);
  BOOST_TEST(counts.failed == 1u);
  BOOST_TEST(looks == import_tries_max + 1);
  BOOST_TEST(problems() == "unstable " + root + "/restless.png");
}

BOOST_FIXTURE_TEST_CASE(a_file_that_may_not_be_read_is_a_problem_until_it_may, import_room) {
  make_many(3);
  make("locked.png", "a secret");
  auto locked = root + "/locked.png";
  fs::permissions(locked, fs::perms::none);
  fs::permissions(folder.path, fs::perms::all);
  fs::permissions(root, fs::perms::all);
  // The hasher's thread alone goes without the rights of root.
  reading->before = [](const std::string&) {
    if (::geteuid() == 0) ::setfsuid(nobody);
    return std::optional<error>();
  };
  auto counts = import_root();
  BOOST_TEST(counts.registered == 3u);
  BOOST_TEST(counts.failed == 1u);
  BOOST_TEST(problems() == "unreadable " + locked);
  fs::permissions(locked, fs::perms::all);
  counts = import_root();
  BOOST_TEST(counts.registered == 1u);
  BOOST_TEST(counts.unchanged == 3u);
  BOOST_TEST(problems() == "");
}

BOOST_FIXTURE_TEST_CASE(a_problem_is_gone_once_an_import_does_not_meet_it, import_room) {
  for (auto* name : {"first/a\xff.png", "first/b\xff.png", "second/c\xff.png"})
    make(name, "a name that is no text");
  const auto first = root + "/first", second = root + "/second";
  import_root();
  auto known = [&] { return in_tables<std::int64_t>("SELECT count(*) FROM problem"); };
  BOOST_TEST(known() == 3);
  for (auto* name : {"/first/a\xff.png", "/second/c\xff.png"})
    fs::remove(root + name);
  must(import({first}));
  BOOST_TEST(known() == 2);
  BOOST_TEST(problems().find("/first/b") != std::string::npos, problems());
  fs::rename(first + "/b\xff.png", first + "/b.png");
  BOOST_TEST(import_root().registered == 1u);
  BOOST_TEST(problems() == "");
  // A folder that is gone itself, with what was in it.
  make("second/c\xff.png", "once more");
  import_root();
  BOOST_TEST(known() == 1);
  fs::remove_all(second);
  import_root();
  BOOST_TEST(problems() == "");
}

// --- what cannot be imported ---

BOOST_FIXTURE_TEST_CASE(what_cannot_be_imported_is_named_and_nothing_is_imported, import_room) {
  make("a.png", "one");
  fs::create_directories(folder.path + "/data/log");
  auto bad_name = folder.path + "/\xff";
  fs::create_directory(bad_name);
  const std::pair<std::string, error_code> cases[] = {
      {folder.path + "/nowhere", error_code::not_found},
      {folder.path + "/data", error_code::refused},
      {folder.path + "/data/log", error_code::refused},
      {bad_name, error_code::invalid_argument},
  };
  for (const auto& [path, code] : cases) {
    auto importing = begin({root, path});
    auto counts = ask<import_progress>(self, importing, wait_atom::value);
    BOOST_REQUIRE(!counts);
    BOOST_TEST((counts.failure().code == code), counts.failure().message);
    BOOST_TEST(counts.failure().message.find(folder.path) != std::string::npos,
               counts.failure().message);
    BOOST_TEST(has_ended(importing));
  }
  BOOST_TEST(assets() == 0);
}

// --- bounds ---

BOOST_FIXTURE_TEST_CASE(no_more_batches_are_in_flight_than_an_import_has_credit_for, import_room) {
  constexpr auto in_flight_max = import_batches_max * max_batch_files;
  make_many(in_flight_max + 2 * max_batch_files + 1);
  hold(true);
  auto importing = begin({root});
  auto waiting = self->request(importing, answer_max, wait_atom::value);
  BOOST_TEST(eventually([&] { return in_flight() == import_batches_max; }));
  // It has stopped where it is: nothing can return a credit.
  BOOST_TEST(status_of(importing).scanned == in_flight_max);
  BOOST_TEST(in_flight() == import_batches_max);
  BOOST_TEST(!self->has_next_message());
  BOOST_TEST(assets() == 0);
  hold(false);
  waiting.receive(
      [&](const import_progress& counts) {
        BOOST_TEST(counts.registered == in_flight_max + 2 * max_batch_files + 1);
        BOOST_TEST(counts.scanned == counts.registered);
      },
      [](const caf::error& e) { BOOST_ERROR(from_caf(e).message); });
  BOOST_TEST(in_flight() == 0u);
}

BOOST_FIXTURE_TEST_CASE(an_import_without_room_fails_once_nothing_of_it_is_in_flight, import_room) {
  make_many(3 * max_batch_files);
  hold(true);
  auto importing = begin({root});
  auto waiting = self->request(importing, answer_max, wait_atom::value);
  BOOST_TEST(eventually([&] { return in_flight() == 3; }));
  refuse_next({error_code::disk_full, "no room"});
  hold(false);
  waiting.receive(
      [](const import_progress&) { BOOST_ERROR("succeeded without room"); },
      [](const caf::error& e) { BOOST_TEST((from_caf(e).code == error_code::disk_full)); });
  BOOST_TEST(in_flight() == 0u);
  BOOST_TEST(has_ended(importing));
  auto again = import_root();
  BOOST_TEST(again.registered + again.unchanged == 3 * max_batch_files);
  BOOST_TEST(assets() == static_cast<std::int64_t>(3 * max_batch_files));
}

// --- stop ---

BOOST_FIXTURE_TEST_CASE(an_import_that_is_ended_answers_and_what_it_sent_is_finished, import_room) {
  make_many(max_batch_files + 1);
  hold(true);
  auto importing = begin({root});
  auto waiting = self->request(importing, answer_max, wait_atom::value);
  BOOST_TEST(eventually([&] { return in_flight() == 2; }));
  end(importing);
  BOOST_TEST(eventually([&] { return self->has_next_message(); }, answer_max));
  waiting.receive(
      [](const import_progress&) { BOOST_ERROR("said to be done"); },
      [](const caf::error& e) { BOOST_TEST((from_caf(e).code == error_code::stopping)); });
  hold(false);
  BOOST_TEST(must(ask<bool>(self, catalog, drain_atom::value)));
  BOOST_TEST(assets() == static_cast<std::int64_t>(max_batch_files + 1));
}

BOOST_FIXTURE_TEST_CASE(a_catalog_that_stops_ends_the_import, import_room) {
  make_many(3);
  BOOST_TEST(must(ask<bool>(self, catalog, drain_atom::value)));
  auto counts = import({root});
  BOOST_REQUIRE(!counts);
  BOOST_TEST((counts.failure().code == error_code::stopping));
}

BOOST_FIXTURE_TEST_CASE(a_hasher_that_stops_is_no_failure_of_the_file, import_room) {
  make_many(3);
  bool stopping = true;
  reading->before = [&](const std::string&) {
    return std::exchange(stopping, false)
               ? std::optional<error>({error_code::stopping, "the engine is stopping"})
               : std::nullopt;
  };
  auto counts = import_root();
  BOOST_TEST(counts.registered == 3u);
  BOOST_TEST(counts.failed == 0u);
  BOOST_TEST(problems() == "");
}
