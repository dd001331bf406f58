// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE reconcile
#include "watch/reconcile.hpp"

#include "media/digest.hpp"
#include "platform/volume.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace podstudio;
namespace fs = std::filesystem;

namespace {

using paths = std::vector<std::string>;

/// A real tree, and tables in memory.
struct compared_tree {
  temp_folder folder;
  std::string root = folder.path + "/root";
  std::map<std::string, file_facts> tables;
  std::vector<reconciler::counts> asked;
  bool may_tell_gone = true;
  std::size_t kept = 16'384;

  compared_tree() { fs::create_directories(root); }

  void write(const std::string& name, const std::string& bytes = "x") {
    auto path = root + "/" + name;
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << bytes;
  }
  void remove(const std::string& name) { fs::remove_all(root + "/" + name); }
  /// The tables take in all that is there.
  void take_all() {
    tables.clear();
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      struct stat status;
      if (!entry.is_regular_file() || ::lstat(entry.path().c_str(), &status) != 0) continue;
      tables[entry.path()] = facts_of(status, volume_of(entry.path(), status.st_dev));
    }
  }

  /// What a comparison tells, each thing as `+ name` (new or changed) or `- name` (gone), in order.
  paths compare(std::string below = {}, std::size_t size_max = 16) {
    auto at = below.empty() ? root : root + "/" + below;
    auto known = [this](const std::string& of, const std::string& after) {
      std::vector<known_file> page;
      for (auto found = tables.upper_bound(after); found != tables.end() && page.size() < 3;
           ++found)
        if (found->first == of || found->first.starts_with(of + "/"))
          page.push_back({found->first, found->second});
      return result<std::vector<known_file>>(page);
    };
    auto guard = [this](const reconciler::counts& counts) {
      asked.push_back(counts);
      return may_tell_gone;
    };
    reconciler comparing(at, root, {}, known, {}, guard, kept);
    paths told;
    for (int steps = 0; !comparing.done(); ++steps) {
      BOOST_REQUIRE_LT(steps, 100'000);
      findings found;
      BOOST_REQUIRE(comparing.step(found, size_max));
      BOOST_REQUIRE_LE(found.gone.size() + found.files.size(), size_max);
      for (const auto& gone : found.gone)
        told.push_back("- " + gone.path.substr(root.size() + 1));
      for (const auto& file : found.files)
        told.push_back("+ " + file.path.substr(root.size() + 1));
    }
    return told;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(where_nothing_differs_nothing_is_told, compared_tree) {
  for (int i = 0; i < 100; ++i)
    write(std::to_string(i % 7) + "/" + std::to_string(i % 3) + "/" + std::to_string(i) + ".png");
  write("notes.txt");
  write("7/.hidden.png");
  take_all();
  tables.erase(root + "/notes.txt");
  tables.erase(root + "/7/.hidden.png");
  BOOST_TEST(compare() == paths{}, boost::test_tools::per_element());
  BOOST_TEST(asked.empty());
}

BOOST_FIXTURE_TEST_CASE(what_is_not_known_yet_is_told_in_order, compared_tree) {
  write("b.png");
  write("a/c.png");
  BOOST_TEST(compare() == (paths{"+ a/c.png", "+ b.png"}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(what_is_gone_is_told_before_what_is_new_or_changed, compared_tree) {
  for (const auto* name : {"a.png", "c/d.png", "e.png", "z/z.png"})
    write(name);
  take_all();
  remove("e.png");
  remove("z");
  write("c/d.png", "longer");
  write("0.png");
  BOOST_TEST(compare() == (paths{"- e.png", "- z/z.png", "+ 0.png", "+ c/d.png"}),
             boost::test_tools::per_element());
  BOOST_REQUIRE(asked.size() == 1u);
  BOOST_TEST(asked[0].known == 4u);
  BOOST_TEST(asked[0].gone == 2u);
  BOOST_TEST(asked[0].other == 2u);
}

BOOST_FIXTURE_TEST_CASE(more_differences_than_are_kept_are_all_told_once_and_gone_ones_first,
                        compared_tree) {
  for (int i = 0; i < 120; ++i)
    write("old/" + std::to_string(i) + ".png");
  take_all();
  fs::rename(root + "/old", root + "/new");
  const std::pair<std::size_t, std::size_t> bounds[]{
      {10, 16}, {10, 1}, {119, 7}, {120, 7}, {0, 256}};
  for (auto [bound, size_max] : bounds) {
    kept = bound;
    auto told = compare({}, size_max);
    BOOST_REQUIRE_EQUAL(told.size(), 240u);
    BOOST_TEST(std::set<std::string>(told.begin(), told.end()).size() == 240u);
    BOOST_TEST(std::ranges::is_partitioned(told, [](const auto& each) { return each[0] == '-'; }));
  }
}

BOOST_FIXTURE_TEST_CASE(a_guard_that_refuses_holds_back_what_is_gone_and_nothing_else,
                        compared_tree) {
  for (int i = 0; i < 50; ++i)
    write("old/" + std::to_string(i) + ".png");
  take_all();
  remove("old");
  write("new.png");
  may_tell_gone = false;
  for (auto bound : {std::size_t{5}, std::size_t{1000}}) {
    kept = bound;
    BOOST_TEST(compare() == paths{"+ new.png"}, boost::test_tools::per_element());
  }
  BOOST_TEST(asked.size() == 2u);
  BOOST_TEST(asked.back().gone == 50u);
}

BOOST_FIXTURE_TEST_CASE(names_around_the_slash_are_compared_in_the_order_of_their_paths,
                        compared_tree) {
  for (const auto* name :
       {"a/b.png", "a/b/c.png", "a.b/x.png", "a.png", "a-b.png", "a-b/y.png", "a0.png", "a0/z.png",
        "a/.b/hidden.png", "a b/c.png", "aa/c.png", "a!.png", "a\xc3\xa9/c.png", "a.png.png"})
    write(name);
  take_all();
  tables.erase(root + "/a/.b/hidden.png");
  BOOST_TEST(compare() == paths{}, boost::test_tools::per_element());
  // Each one alone: gone, and new.
  auto all = tables;
  for (const auto& [path, facts] : all) {
    auto name = path.substr(root.size() + 1);
    tables.erase(path);
    BOOST_TEST(compare() == paths{"+ " + name}, boost::test_tools::per_element());
    tables = all;
    fs::rename(path, path + ".aside");
    BOOST_TEST(compare() == paths{"- " + name}, boost::test_tools::per_element());
    fs::rename(path + ".aside", path);
    take_all();
    tables.erase(root + "/a/.b/hidden.png");
    all = tables;
  }
}

BOOST_FIXTURE_TEST_CASE(a_folder_below_the_root_is_compared_alone, compared_tree) {
  for (const auto* name : {"a/b.png", "a-b/c.png", "a.png", "a0.png"})
    write(name);
  take_all();
  for (const auto* name : {"a-b/c.png", "a.png", "a0.png", "a/b.png"})
    remove(name);
  BOOST_TEST(compare("a") == paths{"- a/b.png"}, boost::test_tools::per_element());
  // A folder that is gone, and a file where a folder was.
  remove("a");
  BOOST_TEST(compare("a") == paths{"- a/b.png"}, boost::test_tools::per_element());
  write("a");
  BOOST_TEST(compare("a") == paths{"- a/b.png"}, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(behind_a_link_in_the_place_of_a_folder_everything_is_gone, compared_tree) {
  for (const auto* name : {"a/b/c.png", "a/d.png", "e.png"})
    write(name);
  take_all();
  fs::rename(root + "/a", folder.path + "/elsewhere");
  fs::create_directory_symlink(folder.path + "/elsewhere", root + "/a");
  BOOST_TEST(compare() == (paths{"- a/b/c.png", "- a/d.png"}), boost::test_tools::per_element());
  BOOST_TEST(compare("a") == (paths{"- a/b/c.png", "- a/d.png"}), boost::test_tools::per_element());
  BOOST_TEST(compare("a/b") == paths{"- a/b/c.png"}, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(below_a_folder_that_cannot_be_read_nothing_is_gone, compared_tree) {
  write("open/a.png");
  write("shut/b.png");
  write("shut/deep/c.png");
  take_all();
  remove("open/a.png");
  fs::permissions(root + "/shut", fs::perms::none);
  // Root can read every folder; its tests are somebody else for a moment.
  constexpr uid_t nobody = 65534;
  bool is_root = ::geteuid() == 0;
  constexpr auto for_all = static_cast<fs::perms>(0755);
  for (const auto& each : {folder.path, root, root + "/open"})
    fs::permissions(each, for_all);
  if (is_root) BOOST_REQUIRE(::seteuid(nobody) == 0);
  auto told = compare();
  if (is_root) BOOST_REQUIRE(::seteuid(0) == 0);
  fs::permissions(root + "/shut", fs::perms::owner_all);
  BOOST_TEST(told == paths{"- open/a.png"}, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_failure_of_the_tables_is_a_failure, compared_tree) {
  auto broken = [](const std::string&, const std::string&) -> result<std::vector<known_file>> {
    return error{error_code::io_failed, "the tables are broken"};
  };
  reconciler comparing(root, root, {}, broken, {}, [](const auto&) { return true; });
  findings found;
  BOOST_TEST(!comparing.step(found, 16));
}
