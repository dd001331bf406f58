#define BOOST_TEST_MODULE look
#include "watch/look.hpp"

#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

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
  BOOST_TEST((look(folder.path + "/a.psd", found, key_of) == look_outcome::found));
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
  findings found;
  BOOST_TEST((look(folder.path, found, key_of) == look_outcome::folder));
  BOOST_TEST((look(folder.path + "/none.png", found, key_of) == look_outcome::gone));
  BOOST_TEST((look(folder.path + "/a.png/below.png", found, key_of) == look_outcome::gone));
  BOOST_TEST(found.files.empty());
  BOOST_TEST((look(folder.path + "/a.png", found, key_of) == look_outcome::found));
  BOOST_REQUIRE(found.files.size() == 1u);
  BOOST_TEST((found.files[0].key == key_of(folder.path + "/a.png")));
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
