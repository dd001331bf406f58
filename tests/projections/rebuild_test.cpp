// SPDX-License-Identifier: MIT
#include "projections/rebuild.hpp"

#include "events/file_system.hpp"
#include "events/log.hpp"
#include "projections/compare.hpp"
#include "projections/projection.hpp"
#include "schema/schema.hpp"
#include "support/committed.hpp"
#include "support/dump.hpp"
#include "support/must.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace podstudio;

namespace {

/// A log of four commands: 1, 2-3, 4, 5, and the tables of it.
struct log_fixture {
  temp_folder folder;
  std::string log_folder = folder.path + "/log";
  std::string path = folder.path + "/podstudio.db";
  file_system& files = posix_file_system();
  std::unique_ptr<log_writer> log;
  std::unique_ptr<projection> tables = must(projection::open(path));
  command_maker make;

  log_fixture() {
    recovery_report report;
    log = must(log_writer::open(files, log_folder, {}, {}, report));
    commit({registered(1, "/a", 1)});
    commit({registered(2, "/b", 2), asset_approved{1}});
    commit({asset_theme_set{2, {}, "nature"}});
    commit({asset_tagged{2, "tree"}});
  }
  void commit(std::vector<event> events) {
    auto made = make(std::move(events));
    must(tables->fold(must(log->append(std::vector{made.what}, made.at_us))));
  }
  log_head rebuilt(const std::string& output, const rebuild_bound& until = {}) {
    return must(rebuild(files, log_folder, output, until));
  }
  static std::string bytes_of(const std::string& file) {
    std::ifstream from(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(from), {}};
  }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path))
      found.push_back(entry.path().filename().string());
    std::ranges::sort(found);
    return found;
  }
  check_report checked() { return must(check_tables(files, log_folder, path, folder.path)); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(rebuilding, log_fixture)

BOOST_AUTO_TEST_CASE(a_bound_ends_at_the_last_whole_command_within_it) {
  auto output = folder.path + "/past.db";
  BOOST_TEST(rebuilt(output, {.sequence = 1}).sequence == 1u);
  BOOST_TEST(rebuilt(output, {.sequence = 2}).sequence == 1u);
  BOOST_TEST(rebuilt(output, {.sequence = 3}).sequence == 3u);
  BOOST_TEST(rows_of(output, "SELECT path, approved FROM asset") == "/a|1\n/b|0");
  BOOST_TEST(rebuilt(output, {.sequence = 99}).sequence == 5u);
  auto second = command_maker::first_at_us + 1'000'000;
  BOOST_TEST(rebuilt(output, {.at_us = second}).sequence == 3u);
  BOOST_TEST(rebuilt(output, {.at_us = second - 1}).sequence == 1u);
  BOOST_TEST(rebuilt(output, {.at_us = 0}).sequence == 0u);
}

BOOST_AUTO_TEST_CASE(the_output_is_one_file_in_wal_mode_and_nothing_is_left_beside_it) {
  tables.reset();
  rebuilt(path);
  BOOST_TEST(names() == (std::vector<std::string>{"log", "podstudio.db"}),
             boost::test_tools::per_element());
  BOOST_TEST(rows_of(path, "PRAGMA journal_mode") == "wal");
  BOOST_TEST(rows_of(path, "PRAGMA integrity_check") == "ok");
}

BOOST_AUTO_TEST_CASE(folding_goes_on_after_a_rebuild) {
  auto live = dump_of(path);
  tables.reset();
  rebuilt(path);
  BOOST_TEST(dump_of(path) == live);
  tables = must(projection::open(path));
  commit({asset_tagged{1, "sky"}});
  BOOST_TEST(tables->checkpoint().sequence == 6u);
  BOOST_TEST(checked().differences.empty());
}

BOOST_AUTO_TEST_CASE(a_stale_wal_is_never_played_into_the_new_tables) {
  // What a crash leaves behind: the database as it was long ago, and a WAL of other content.
  auto wal = folder.path + "/crash-wal";
  std::filesystem::copy_file(path + "-wal", wal);
  tables.reset();
  std::filesystem::copy_file(wal, path + "-wal");
  rebuilt(path, {.sequence = 1});
  BOOST_TEST(!std::filesystem::exists(path + "-wal"));
  BOOST_TEST(rows_of(path, "SELECT path FROM asset") == "/a");
}

BOOST_AUTO_TEST_CASE(damaged_tables_and_those_of_another_version_are_replaced) {
  auto live = dump_of(path);
  tables.reset();
  std::filesystem::resize_file(path, 10'000);
  rebuilt(path);
  BOOST_TEST(dump_of(path) == live);
  must(must(open_tables(path)).execute("PRAGMA user_version = 1"));
  rebuilt(path);
  BOOST_TEST(dump_of(path) == live);
  // https://www.sqlite.org/fileformat.html: at 18 a version that SQLite only reads, at 47 one that
  // it does not even read.
  for (auto at : {18, 47}) {
    std::fstream header(path, std::ios::binary | std::ios::in | std::ios::out);
    header.seekp(at).put('\x09').flush();
    BOOST_TEST(!open_tables(path));
    rebuilt(path);
    BOOST_TEST(dump_of(path) == live);
  }
  for (const char* other : {"PRAGMA journal_mode = DELETE",
                            "PRAGMA journal_mode = DELETE; PRAGMA page_size = 8192; VACUUM;"
                            "PRAGMA journal_mode = WAL"}) {
    must(must(database::open(path, database_access::read_write)).execute(other));
    rebuilt(path);
    BOOST_TEST(dump_of(path) == live);
    BOOST_TEST(rows_of(path, "PRAGMA page_size") == "4096");
    BOOST_TEST(rows_of(path, "PRAGMA journal_mode") == "wal");
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_ours_is_refused_and_stays) {
  auto output = folder.path + "/other.db";
  auto refuses = [&] {
    auto before = bytes_of(output);
    auto head = rebuild(files, log_folder, output);
    BOOST_REQUIRE(!head);
    BOOST_TEST(int(head.failure().code) == int(error_code::refused), head.failure().message);
    BOOST_TEST((bytes_of(output) == before));
    BOOST_TEST(!std::filesystem::exists(output + ".podstudio-new"));
  };
  std::ofstream(output, std::ios::binary) << std::string(10'000, 'x');
  refuses();
  std::filesystem::remove(output);
  {
    auto foreign = must(database::open(output, database_access::create));
    must(foreign.execute("CREATE TABLE precious (x); INSERT INTO precious VALUES (1)"));
  }
  refuses();
  {
    // A schema that this SQLite cannot read.
    auto foreign = must(database::open(output, database_access::read_write));
    must(foreign.execute("PRAGMA writable_schema = ON;"
                         "INSERT INTO sqlite_schema VALUES ('table', 'new', 'new', 3,"
                         " 'CREATE FUTURE TABLE new')"));
  }
  refuses();
}

BOOST_AUTO_TEST_CASE(tables_that_somebody_replaced_or_wrote_are_not_folded_on) {
  auto refuses = [&] {
    auto next = make({asset_tagged{1, "more"}});
    next.first_sequence = tables->checkpoint().sequence + 1;
    auto folded = tables->fold(std::vector{next});
    BOOST_REQUIRE(!folded);
    BOOST_TEST(int(folded.failure().code) == int(error_code::damaged));
    auto entered = tables->enter_for_lookup();
    BOOST_TEST(!entered);
  };
  rebuilt(path, {.sequence = 3});
  refuses();
  tables = must(projection::open(path));
  std::filesystem::remove(path);
  refuses();
}

BOOST_AUTO_TEST_CASE(leftovers_of_a_rebuild_that_was_killed_do_no_harm) {
  auto output = folder.path + "/out.db";
  for (const char* suffix :
       {".podstudio-new", ".podstudio-new-wal", ".podstudio-new-shm", ".podstudio-new-journal"})
    std::ofstream(output + suffix, std::ios::binary) << std::string(5'000, 'x');
  BOOST_TEST(rebuilt(output).sequence == 5u);
  BOOST_TEST(!std::filesystem::exists(output + ".podstudio-new"));
}

BOOST_AUTO_TEST_CASE(a_log_that_cannot_be_read_leaves_the_tables_as_they_are) {
  auto live = dump_of(path);
  BOOST_TEST(!rebuild(files, folder.path + "/no-log", path));
  BOOST_TEST(dump_of(path) == live);
  BOOST_TEST(!std::filesystem::exists(path + ".podstudio-new"));
}

BOOST_AUTO_TEST_CASE(a_log_that_gives_two_assets_one_path_is_not_rebuilt) {
  auto facts = content_of(1).facts;
  auto made = make({asset_moved{1, "/a", "/b", facts, facts}});
  BOOST_REQUIRE(log->append(std::vector{made.what}, made.at_us));
  auto head = rebuild(files, log_folder, folder.path + "/out.db");
  BOOST_REQUIRE(!head);
  BOOST_TEST(int(head.failure().code) == int(error_code::internal));
  BOOST_TEST(!std::filesystem::exists(folder.path + "/out.db"));
  BOOST_TEST(!std::filesystem::exists(folder.path + "/out.db.podstudio-new"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(checking, log_fixture)

BOOST_AUTO_TEST_CASE(tables_that_follow_the_log_are_identical_and_nothing_is_left_behind) {
  auto before = names();
  auto report = checked();
  BOOST_TEST(report.differences.empty());
  BOOST_TEST((report.head == tables->checkpoint()));
  BOOST_TEST(names() == before, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_planted_difference_is_named) {
  struct planted {
    const char* sql;
    difference expected;
  };
  const std::vector<planted> cases = {
      {"UPDATE asset SET theme = 'x' WHERE id = 1", {"asset", "1", "theme", "x", "NULL"}},
      {"UPDATE asset SET approved = 0 WHERE id = 1", {"asset", "1", "approved", "0", "1"}},
      {"DELETE FROM asset WHERE id = 2", {"asset", "2", "", "(no row)", "(row)"}},
      {"INSERT INTO asset (id, path, type, hash, provenance) VALUES (9, '/z', 'image', '', "
       "'unknown')",
       {"asset", "9", "", "(row)", "(no row)"}},
      {"UPDATE asset_file SET size_bytes = 5 WHERE asset_id = 1",
       {"asset_file", "1", "size_bytes", "5", "1000"}},
      {"INSERT INTO asset_tag VALUES (1, 'a\nb')",
       {"asset_tag", "1, a\\x0ab", "", "(row)", "(no row)"}},
      {"UPDATE command SET summary = '' WHERE first_sequence = 2",
       {"command", "2", "summary", "", "test"}},
      {"UPDATE checkpoint SET last_pack = 7", {"checkpoint", "1", "last_pack", "7", "0"}},
      {"UPDATE checkpoint SET missing = 9", {"checkpoint", "1", "missing", "9", "0"}},
      {"UPDATE checkpoint SET hash = x'00'",
       {"checkpoint", "1", "hash", "00", to_hex(tables->checkpoint().hash)}},
      {"DROP INDEX ix_asset_tag_tag",
       {"sqlite_schema", "index, ix_asset_tag_tag", "", "(no row)", "(row)"}},
      {"CREATE TABLE mine (x)", {"sqlite_schema", "table, mine", "", "(row)", "(no row)"}},
  };
  auto rebuilt_path = folder.path + "/rebuilt.db";
  rebuilt(rebuilt_path);
  auto right = must(open_tables_read_only(rebuilt_path));
  for (const auto& one : cases) {
    BOOST_TEST_CONTEXT(one.sql) {
      auto copy = folder.path + "/copy.db";
      std::filesystem::copy_file(rebuilt_path, copy,
                                 std::filesystem::copy_options::overwrite_existing);
      auto left = must(database::open(copy, database_access::read_write));
      must(left.execute(one.sql));
      auto found = must(compare(left, right, 10));
      BOOST_REQUIRE(found.size() == 1u);
      const auto& it = found[0];
      BOOST_TEST((it == one.expected), it.table << "|" << it.key << "|" << it.column << "|"
                                                << it.left << "|" << it.right);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_more_differences_are_named_than_asked_for) {
  auto rebuilt_path = folder.path + "/rebuilt.db";
  rebuilt(rebuilt_path, {.sequence = 0});
  auto left = must(open_tables_read_only(path)), right = must(open_tables_read_only(rebuilt_path));
  BOOST_TEST(must(compare(left, right, 3)).size() == 3u);
  BOOST_TEST(must(compare(left, right, 0)).empty());
}

BOOST_AUTO_TEST_CASE(a_planted_difference_in_the_live_tables_is_found_beside_the_service) {
  must(must(database::open(path, database_access::read_write))
           .execute("UPDATE asset SET source = 'mine' WHERE id = 2"));
  auto report = checked();
  BOOST_REQUIRE(report.differences.size() == 1u);
  BOOST_TEST((report.differences[0] == difference{"asset", "2", "source", "mine", "NULL"}));
}

BOOST_AUTO_TEST_CASE(tables_behind_the_log_are_compared_where_they_stand) {
  auto made = make({asset_tagged{1, "later"}});
  BOOST_REQUIRE(log->append(std::vector{made.what}, made.at_us));
  auto report = checked();
  BOOST_TEST(report.head.sequence == 5u);
  BOOST_TEST(report.differences.empty());
}

BOOST_AUTO_TEST_CASE(tables_ahead_of_the_log_are_damaged) {
  BOOST_REQUIRE(tables->fold(std::vector{make({asset_tagged{1, "never logged"}})}));
  auto report = check_tables(files, log_folder, path, folder.path);
  BOOST_REQUIRE(!report);
  BOOST_TEST(int(report.failure().code) == int(error_code::damaged));
}

BOOST_AUTO_TEST_SUITE_END()
