// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE system_queries
#include <boost/test/unit_test.hpp>

#include "system/console.hpp"
#include "system/process.hpp"
#include "system/workspace.hpp"

#include "schema/sqlite.hpp"
#include "support/must.hpp"

#include <unistd.h>

#include <csignal>
#include <memory>
#include <optional>
#include <sstream>
#include <vector>

/// What people ask a service for while it is busy, and what becomes of what nobody waits for.
using namespace system_test;
using nlohmann::json;

namespace {

/// Processor time of a process so far, in clock ticks.
long ticks_of(pid_t pid) {
  auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i)
    fields >> skipped;
  long user = 0, system = 0;
  fields >> user >> system;
  return user + system;
}

/// Whether a process used less than a tenth of a core for a while.
bool rests(pid_t pid) {
  auto before = ticks_of(pid);
  ::usleep(300'000);
  return ticks_of(pid) - before <= 3 * ::sysconf(_SC_CLK_TCK) / 100;
}

struct running_library {
  workspace space;
  library podstudio{space.data};
  std::optional<service> running;

  running_library() {
    make_file(space.root + "/one.png", "one");
    make_file(space.root + "/two.png", "two");
    running.emplace(podstudio);
  }
};

console_answer must_give(console& to, const std::string& name, const json& arguments) {
  auto answer = to.give({new_command_id(), name, arguments});
  BOOST_REQUIRE_MESSAGE(answer && answer->done, name);
  return *answer;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_query_ends_when_the_client_that_asked_is_gone, running_library) {
  podstudio.must({"import", space.root});
  auto tables =
      must(podstudio::database::open(podstudio.database(), podstudio::database_access::read_write));
  // Later it would index what is added here.
  BOOST_REQUIRE(eventually([&] {
    return must(tables.value<int>("SELECT indexed_to FROM lookup_state")) == 2
           && rests(running->pid());
  }));
  // Rows of nobody's. A search for words of two characters goes through all of them, and these find
  // all words but the last in each: minutes, if somebody waits for it.
  must(tables.execute(
      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)"
      " INSERT INTO asset (id, path, type, hash, provenance)"
      " SELECT 1000 + i, '/\u00e4' || replace(hex(zeroblob(4)), '00',"
      "  'aabbccddeeffgghhiijjkkllmmnnooppqqrrssttuuvvwwxxyy') || i, 'image',"
      "  printf('%08x%056d', i, i), 'unknown' FROM n;"
      "INSERT INTO asset_file (asset_id, size_bytes, mtime_ns, ctime_ns, inode, device)"
      " SELECT id, 1, 1, 1, 0, 1 FROM asset WHERE id > 1000"));
  auto search = podstudio.call({"asset", "list", "--search",
                                "aa bb cc dd ee ff gg hh ii jj kk ll mm nn oo pp qq rr ss tt uu vv "
                                "ww xx yy zz"});
  // As many as there are readers for what takes long, and one that waits for them.
  std::vector<std::unique_ptr<process>> clients;
  for (int i = 0; i < 3; ++i)
    clients.push_back(std::make_unique<process>(search));
  const long second = ::sysconf(_SC_CLK_TCK);
  auto begun = ticks_of(running->pid());
  BOOST_REQUIRE(eventually([&] { return ticks_of(running->pid()) - begun > second / 2; }));
  for (auto& each : clients)
    each->must_run();
  begun = ticks_of(running->pid());
  for (auto& each : clients)
    each->signal(SIGKILL);
  BOOST_REQUIRE(eventually([&] { return rests(running->pid()); }));
  auto used = ticks_of(running->pid()) - begun;
  BOOST_TEST_MESSAGE("the service went on for " << used * 1'000 / second << " ms");
  BOOST_TEST(used < 2 * second);
  // Its readers are free again, and the service is well.
  podstudio.must({"asset", "duplicates"}, 10s);
  BOOST_CHECK_EQUAL(running->stop().code, 0);
}

BOOST_FIXTURE_TEST_CASE(what_came_of_an_import_can_be_fetched_again, running_library) {
  console client(podstudio);
  auto import = must_give(client, "import.start", {{"paths", {space.root}}}).result["import"];
  json wanted{{"import", import}, {"timeout_ms", 60'000}};
  auto first = must_give(client, "import.wait", wanted);
  BOOST_TEST(first.result["done"] == true);
  BOOST_TEST(first.result["counts"]["registered"] == 2);
  BOOST_TEST(must_give(client, "import.wait", wanted) == first);
  // Also by another client, and after another import.
  console other(podstudio);
  auto second = must_give(other, "import.start", {{"paths", {space.root}}}).result["import"];
  BOOST_TEST(second != import);
  auto again = must_give(other, "import.wait", {{"import", second}, {"timeout_ms", 60'000}});
  BOOST_TEST(again.result["counts"]["unchanged"] == 2);
  BOOST_TEST(must_give(other, "import.wait", wanted) == first);
  auto unknown = other.give({new_command_id(), "import.wait", {{"import", 99}, {"timeout_ms", 0}}});
  BOOST_REQUIRE(unknown);
  BOOST_TEST(unknown->code == "not found");
}
