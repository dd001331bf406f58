// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE look
#include "watch/look.hpp"

#include "media/digest.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>

using namespace podstudio;
namespace fs = std::filesystem;

namespace {

void touch(const std::string& path) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << "x";
}

findings walk(const std::string& root, folder_identity excluded = {}) {
  tree_walker walker(excluded);
  walker.add(root, root);
  findings all;
  while (!walker.done()) {
    findings some;
    walker.step(some, 16);
    BOOST_REQUIRE(some.files.size() + some.failures.size() <= 16u + 1);
    std::move(some.files.begin(), some.files.end(), std::back_inserter(all.files));
    std::move(some.failures.begin(), some.failures.end(), std::back_inserter(all.failures));
    all.skipped += some.skipped;
    add(some.not_taken, all.not_taken);
  }
  return all;
}

std::multiset<std::string> paths(const findings& found) {
  std::multiset<std::string> all;
  for (const auto& file : found.files)
    all.insert(file.path);
  return all;
}

std::size_t open_descriptors() {
  auto all = fs::directory_iterator("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(fs::begin(all), fs::end(all)));
}

bool has_failure(const findings& found, problem_kind kind, std::string_view part) {
  for (const auto& failure : found.failures)
    if (failure.kind == kind && failure.path.find(part) != std::string::npos) return true;
  return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_walk_finds_each_file_of_a_known_kind_once_at_any_depth) {
  temp_folder folder;
  std::multiset<std::string> truth;
  for (int i = 0; i < 300; ++i) {
    auto path = folder.path + "/d" + std::to_string(i % 7) + "/e" + std::to_string(i % 3) + "/f \""
                + std::to_string(i) + "'.PNG";
    touch(path);
    touch(path + ".txt");
    truth.insert(path);
  }
  auto found = walk(folder.path);
  BOOST_TEST((paths(found) == truth));
  BOOST_TEST(found.skipped == 300u);
  BOOST_TEST(found.failures.empty());
}

BOOST_AUTO_TEST_CASE(media_that_is_not_taken_is_counted_unless_it_is_left_out) {
  temp_folder folder;
  for (const auto* name : {"a.psd", "b.PSD", "d/c.Psd", "d/d.svg", ".hidden.psd", "e.txt", "f.png"})
    touch(folder.path + "/" + name);
  fs::create_symlink("a.psd", folder.path + "/link.psd");
  fs::create_directory(folder.path + "/folder.psd");
  auto found = walk(folder.path);
  not_taken_counts expected{};
  expected[*not_taken_place(".a.psd")] = 3;
  expected[*not_taken_place(".a.svg")] = 1;
  BOOST_TEST((found.not_taken == expected));
  BOOST_TEST(found.skipped == 7u);
  BOOST_TEST(found.files.size() == 1u);
  path_keyer key_of;
  BOOST_TEST((look(root_folder(folder.path), folder.path + "/a.psd", found, key_of)
              == look_outcome::found));
  BOOST_TEST(found.not_taken[*not_taken_place(".a.psd")] == 4u);
}

BOOST_AUTO_TEST_CASE(names_that_are_no_utf8_are_failures_and_the_rest_goes_on) {
  temp_folder folder;
  touch(folder.path + "/bad\xff.png");
  touch(folder.path + "/bad\xff.txt");
  touch(folder.path + "/dir\xfe/inside.png");
  touch(folder.path + "/good.png");
  auto found = walk(folder.path);
  BOOST_TEST(found.files.size() == 1u);
  BOOST_TEST(found.failures.size() == 2u);
  BOOST_TEST(has_failure(found, problem_kind::bad_name, "bad\\xff.png"));
  BOOST_TEST(has_failure(found, problem_kind::bad_name, "dir\\xfe"));
}

BOOST_AUTO_TEST_CASE(links_are_not_followed_and_loops_are_failures) {
  temp_folder folder;
  touch(folder.path + "/a/b/one.png");
  fs::create_directory_symlink(folder.path + "/a", folder.path + "/a/b/up");
  fs::create_directory_symlink(folder.path + "/a", folder.path + "/beside");
  fs::create_symlink(folder.path + "/a/b/one.png", folder.path + "/two.png");
  fs::create_symlink("self", folder.path + "/self");
  auto found = walk(folder.path);
  BOOST_TEST(found.files.size() == 1u);
  BOOST_TEST(found.failures.size() == 2u);
  BOOST_TEST(has_failure(found, problem_kind::link_loop, "/a/b/up"));
  BOOST_TEST(has_failure(found, problem_kind::link_loop, "/self"));
  BOOST_TEST(found.skipped == 4u);
}

BOOST_AUTO_TEST_CASE(devices_and_folders_with_media_names_are_not_files) {
  temp_folder folder;
  BOOST_REQUIRE(::mkfifo((folder.path + "/pipe.png").c_str(), 0600) == 0);
  touch(folder.path + "/folder.png/inside.wav");
  auto found = walk(folder.path);
  BOOST_REQUIRE(found.files.size() == 1u);
  BOOST_TEST((found.files[0].type == asset_type::audio));
}

BOOST_AUTO_TEST_CASE(the_excluded_folder_is_left_out_wherever_it_lies) {
  temp_folder folder;
  touch(folder.path + "/own/result.png");
  touch(folder.path + "/other/picture.png");
  struct stat own;
  BOOST_REQUIRE(::stat((folder.path + "/own").c_str(), &own) == 0);
  auto found = walk(folder.path, {own.st_dev, own.st_ino});
  BOOST_REQUIRE(found.files.size() == 1u);
  BOOST_TEST(found.files[0].path == folder.path + "/other/picture.png");
}

BOOST_AUTO_TEST_CASE(a_tree_deeper_than_the_longest_path_ends_with_a_failure) {
  temp_folder folder;
  std::string name(200, 'd');
  auto top = fs::current_path();
  fs::current_path(folder.path);
  for (int depth = 0; depth < 25; ++depth) {
    BOOST_REQUIRE(::mkdir(name.c_str(), 0700) == 0);
    BOOST_REQUIRE(::chdir(name.c_str()) == 0);
  }
  fs::current_path(top);
  auto found = walk(folder.path);
  BOOST_TEST(found.failures.size() == 1u);
  // Too deep for std::filesystem as well.
  BOOST_TEST(std::system(("rm -rf '" + folder.path + "/" + name + "'").c_str()) == 0);
}

BOOST_AUTO_TEST_CASE(a_look_tells_files_folders_and_nothing_apart) {
  temp_folder folder;
  touch(folder.path + "/a.png");
  path_keyer key_of;
  const root_folder root(folder.path);
  findings found;
  BOOST_TEST((look(root, folder.path, found, key_of) == look_outcome::folder));
  BOOST_TEST((look(root, folder.path + "/none.png", found, key_of) == look_outcome::gone));
  BOOST_TEST((look(root, folder.path + "/a.png/below.png", found, key_of) == look_outcome::gone));
  BOOST_TEST(found.files.empty());
  BOOST_TEST((look(root, folder.path + "/a.png", found, key_of) == look_outcome::found));
  BOOST_REQUIRE(found.files.size() == 1u);
  BOOST_TEST((found.files[0].key == key_of(folder.path + "/a.png")));
}

BOOST_AUTO_TEST_CASE(what_a_link_below_the_root_leads_to_is_gone_and_what_is_above_may_be_a_link) {
  temp_folder folder;
  auto root = folder.path + "/way/root";
  touch(folder.path + "/real/root/a/b/one.png");
  touch(folder.path + "/real/outside/b/one.png");
  fs::create_directory_symlink(folder.path + "/real", folder.path + "/way");
  const root_folder top(root);
  path_keyer key_of;
  findings found;
  BOOST_TEST((look(top, root + "/a/b/one.png", found, key_of) == look_outcome::found));
  BOOST_REQUIRE(found.files.size() == 1u);
  BOOST_TEST(found.files[0].root() == root);
  BOOST_TEST(!is_gone(top, root + "/a/b/one.png"));
  BOOST_TEST(paths(walk(root)).count(root + "/a/b/one.png") == 1u);

  fs::rename(root + "/a", root + "/aside");
  for (const auto* target : {"../outside", "aside"}) {
    fs::create_directory_symlink(target, root + "/a");
    const root_folder now(root);
    BOOST_TEST((look(now, root + "/a/b/one.png", found, key_of) == look_outcome::gone));
    BOOST_TEST((look(now, root + "/a/b", found, key_of) == look_outcome::gone));
    BOOST_TEST(is_gone(now, root + "/a/b/one.png"));
    BOOST_TEST(paths(walk(root)) == std::multiset<std::string>{root + "/aside/b/one.png"},
               boost::test_tools::per_element());
    tree_walker below({});
    below.add(root + "/a/b", root);
    below.step(found, 16);
    BOOST_TEST(below.done());
    fs::remove(root + "/a");
  }
  BOOST_TEST(found.files.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_deep_tree_is_walked_whole_with_few_descriptors) {
  temp_folder folder;
  std::multiset<std::string> truth;
  auto at = folder.path;
  for (int depth = 0; depth < 100; ++depth) {
    // Before, in and after the folder that leads down.
    for (const auto* name : {"/a.png", "/z.png", "/z/in.png"}) {
      touch(at + name);
      truth.insert(at + name);
    }
    at += "/m";
  }
  auto before = open_descriptors();
  std::size_t most = 0;
  tree_walker walker({}, [&](const std::string& path, int descriptor) {
    struct stat named, opened;
    BOOST_TEST(::stat(path.c_str(), &named) == 0);
    BOOST_TEST(::fstat(descriptor, &opened) == 0);
    BOOST_TEST(named.st_ino == opened.st_ino);
    most = std::max(most, open_descriptors());
  });
  walker.add(folder.path, folder.path);
  findings found;
  while (!walker.done())
    walker.step(found, found.size() + 16);
  BOOST_TEST((paths(found) == truth));
  BOOST_TEST(found.failures.empty());
  BOOST_TEST(std::ranges::is_sorted(found.files, {}, &seen_file::path));
  // The root, and one more while the topmost of the others is not yet closed.
  BOOST_TEST(most <= before + tree_walker::open_folders_max + 2);
  BOOST_TEST(open_descriptors() == before);
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_opened_again_is_not_known) {
  temp_folder folder;
  touch(folder.path + "/a/b/c/d/e/f.png");
  touch(folder.path + "/a/z.png");
  tree_walker walker({});
  walker.add(folder.path, folder.path);
  findings found;
  walker.step(found, 1);  // at the bottom, with the top closed
  BOOST_REQUIRE(found.files.size() == 1u);
  rlimit limit;
  BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const rlimit tight{3, limit.rlim_max};
  BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
  while (!walker.done())
    walker.step(found, 16);
  BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  BOOST_TEST(found.files.size() == 1u);
  BOOST_TEST(has_failure(found, problem_kind::io_failed, folder.path + "/a"));
  BOOST_TEST(found.blocked == std::vector<std::string>{folder.path + "/a"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(nothing_outside_is_found_or_read_while_a_folder_is_exchanged_for_a_link) {
  temp_folder folder;
  auto root = folder.path + "/root", outside = folder.path + "/outside";
  const std::string inner = "in", outer = "from outside";
  for (int i = 0; i < 20; ++i) {
    auto name = "/a/b/" + std::to_string(i) + ".png";
    touch(root + name);
    touch(outside + name);
    std::ofstream(root + name) << inner;
    std::ofstream(outside + name) << outer;
    touch(outside + "/a/b/only outside " + std::to_string(i) + ".png");
  }
  auto link = folder.path + "/link";
  fs::create_directory_symlink(outside + "/a", link);
  std::atomic<bool> ends = false;
  std::atomic<unsigned> exchanges = 0;
  std::thread exchanging([&] {
    for (; !ends; ++exchanges)
      ::renameat2(AT_FDCWD, link.c_str(), AT_FDCWD, (root + "/a").c_str(), RENAME_EXCHANGE);
  });

  path_keyer key_of;
  file_digester digester;
  std::size_t seen = 0, read = 0, wrong = 0;
  auto check = [&](const findings& found) {
    for (const auto& file : found.files) {
      ++seen;
      if (file.facts.size_bytes != inner.size()) ++wrong;
      auto content = digester.digest(root_folder(std::string(file.root())), file.path);
      if (!content) continue;
      ++read;
      if (content->facts.size_bytes != inner.size()) ++wrong;
    }
  };
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  for (int i = 0; std::chrono::steady_clock::now() < end; ++i) {
    check(walk(root));
    findings found;
    look(root_folder(root), root + "/a/b/" + std::to_string(i % 20) + ".png", found, key_of);
    if (look(root_folder(root), root + "/a/b/only outside " + std::to_string(i % 20) + ".png",
             found, key_of)
        != look_outcome::gone)
      ++wrong;
    check(found);
  }
  ends = true;
  exchanging.join();
  BOOST_TEST_MESSAGE(exchanges << " exchanges, " << seen << " files seen, " << read << " read");
  BOOST_TEST(wrong == 0u);
  BOOST_TEST(seen > 0u);
  BOOST_TEST(read > 0u);
}

BOOST_AUTO_TEST_CASE(a_folder_is_inspected_for_what_makes_it_fit_to_be_watched) {
  temp_folder folder;
  touch(folder.path + "/file");
  fs::create_directories(folder.path + "/data/work");
  fs::create_directory_symlink(folder.path, folder.path + "/link");
  auto data = folder.path + "/data";
  BOOST_TEST((inspect_folder(folder.path + "/none", data).failure().code == error_code::not_found));
  BOOST_TEST(
      (inspect_folder(folder.path + "/file", data).failure().code == error_code::invalid_argument));
  BOOST_TEST((inspect_folder(data, data).failure().code == error_code::refused));
  BOOST_TEST((inspect_folder(data + "/work", data).failure().code == error_code::refused));
  BOOST_TEST(
      (inspect_folder(folder.path + "/link", data)->path == fs::canonical(folder.path).string()));
}
