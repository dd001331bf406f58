// SPDX-License-Identifier: MIT
#include "schema/sqlite.hpp"

#include "support/dump.hpp"
#include "support/must.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>

using namespace podstudio;

namespace {

struct database_fixture {
  temp_folder folder;
  std::string path = folder.path + "/test.db";
  database db = must(database::open(path, database_access::create));

  database_fixture() { BOOST_REQUIRE(db.execute("CREATE TABLE t (a, b, c)")); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(sqlite, database_fixture)

BOOST_AUTO_TEST_CASE(values_come_back_as_they_went_in) {
  const std::string text = "it's \"quoted\" \xf0\x9f\x8c\xb2";
  const std::array<std::uint8_t, 3> blob = {0, 1, 255};
  auto insert = db.prepare("INSERT INTO t VALUES (?1, ?2, ?3)");
  BOOST_REQUIRE(insert);
  BOOST_REQUIRE(insert->run(std::numeric_limits<std::uint64_t>::max(), text, blob));
  BOOST_REQUIRE(
      insert->run(std::optional<double>(0.5), std::optional<double>(), std::string_view()));
  auto query = db.prepare("SELECT a, b, c FROM t ORDER BY rowid");
  BOOST_REQUIRE(query);
  BOOST_REQUIRE(*query->step());
  BOOST_TEST(query->get<std::uint64_t>(0) == std::numeric_limits<std::uint64_t>::max());
  BOOST_TEST(query->get<std::string>(1) == text);
  BOOST_TEST(to_hex(query->blob(2).data(), query->blob(2).size()) == "0001ff");
  BOOST_REQUIRE(*query->step());
  BOOST_TEST(query->get<double>(0) == 0.5);
  BOOST_TEST(!query->get<std::optional<std::string>>(1).has_value());
  // The empty text is no NULL, even when it has no address.
  BOOST_TEST(!query->is_null(2));
  BOOST_TEST(!*query->step());
}

BOOST_AUTO_TEST_CASE(a_transaction_is_rolled_back_unless_committed) {
  {
    auto writing = transaction::begin_write(db);
    BOOST_REQUIRE(writing);
    BOOST_REQUIRE(db.execute("INSERT INTO t VALUES (1, 2, 3)"));
  }
  BOOST_TEST(rows_of(db, "SELECT count(*) FROM t") == "0");
  auto writing = transaction::begin_write(db);
  BOOST_REQUIRE(db.execute("INSERT INTO t VALUES (1, 2, 3)"));
  BOOST_REQUIRE(writing->commit());
  BOOST_TEST(rows_of(db, "SELECT count(*) FROM t") == "1");
}

BOOST_AUTO_TEST_CASE(a_statement_can_be_used_again_after_it_failed) {
  BOOST_REQUIRE(db.execute("CREATE UNIQUE INDEX u ON t (a)"));
  auto insert = db.prepare("INSERT INTO t VALUES (?1, 0, 0)");
  BOOST_REQUIRE(insert->run(1));
  auto twice = insert->run(1);
  BOOST_REQUIRE(!twice);
  BOOST_TEST(int(twice.failure().code) == int(error_code::internal));
  BOOST_TEST(twice.failure().message.find("t.a") != std::string::npos);
  BOOST_TEST(twice.failure().message.find(path) != std::string::npos);
  BOOST_TEST(bool(insert->run(2)));
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_told_from_other_errors) {
  BOOST_REQUIRE(db.execute("PRAGMA max_page_count = 4"));
  auto written = db.execute("INSERT INTO t VALUES (zeroblob(100000), 0, 0)");
  BOOST_REQUIRE(!written);
  BOOST_TEST(int(written.failure().code) == int(error_code::disk_full));
  BOOST_TEST(written.failure().message.find(path) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_statement_ends_when_it_is_told_to_and_the_next_one_runs) {
  constexpr const char* endless =
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
  {
    int looks = 0;
    interruption bound(db, [&] { return ++looks == 3; });
    auto ended = db.value<std::int64_t>(endless);
    BOOST_REQUIRE(!ended);
    BOOST_TEST((ended.failure().code == error_code::timed_out));
  }
  BOOST_TEST(must(db.value<std::int64_t>("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL"
                                         " SELECT i + 1 FROM n WHERE i < 100000)"
                                         " SELECT max(i) FROM n"))
             == 100'000);
}

BOOST_AUTO_TEST_CASE(bad_sql_is_our_defect) {
  auto query = db.prepare("SELECT nothing FROM nowhere");
  BOOST_REQUIRE(!query);
  BOOST_TEST(int(query.failure().code) == int(error_code::internal));
}

BOOST_AUTO_TEST_CASE(a_path_is_never_a_uri_or_a_database_in_memory) {
  auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path);
  for (const std::string name : {":memory:", "file:x.db"}) {
    BOOST_REQUIRE(database::open(name, database_access::create)->execute("CREATE TABLE x (y)"));
    BOOST_TEST(std::filesystem::exists(folder.path + "/" + name));
  }
  std::filesystem::current_path(before);
}

BOOST_AUTO_TEST_SUITE_END()
