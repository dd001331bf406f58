// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE root_folder
#include "platform/root_folder.hpp"

#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

using namespace podstudio;
namespace fs = std::filesystem;

namespace {

/// A tree with a link in each place that a path can have one.
struct linked_tree {
  temp_folder folder;
  std::string outside = folder.path + "/outside";
  std::string root = folder.path + "/root";

  linked_tree() {
    for (const auto& each : {outside, root})
      for (const auto* name : {"/file", "/a/file", "/a/b/file"}) {
        fs::create_directories(fs::path(each + name).parent_path());
        std::ofstream(each + name) << each;
      }
    fs::create_directory_symlink(outside, root + "/link");
    fs::create_directory_symlink(outside + "/a", root + "/a/link");
    fs::create_directory_symlink("../a", root + "/a/inner link");
    fs::create_symlink(outside + "/file", root + "/a/file link");
    fs::create_directory_symlink("/proc/self/root", root + "/magic");
    fs::create_symlink("nowhere", root + "/dangling");
  }
};

/// What a file holds; of a folder, that it is one; or why it cannot be opened.
std::string found(const unique_fd& opened) {
  if (!opened) return is_absence(errno) ? "absent" : std::to_string(errno);
  struct stat status;
  BOOST_REQUIRE_EQUAL(::fstat(opened.get(), &status), 0);
  if (S_ISDIR(status.st_mode)) return "folder";
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  BOOST_REQUIRE_EQUAL(::read(opened.get(), bytes.data(), bytes.size()), status.st_size);
  return bytes;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(what_is_below_is_opened_and_no_link_is_followed_by_either_way,
                        linked_tree) {
  unique_fd top(::open(root.c_str(), O_PATH | O_DIRECTORY));
  const std::pair<const char*, std::string> cases[]{
      {"", "folder"},
      {"a", "folder"},
      {"a/b", "folder"},
      {"file", root},
      {"a/file", root},
      {"a/b/file", root},
      {"none", "absent"},
      {"a/none/file", "absent"},
      {"file/below", "absent"},
      {"dangling", "absent"},
      {"link", "absent"},
      {"link/file", "absent"},
      {"link/a/b/file", "absent"},
      {"a/link/file", "absent"},
      {"a/link/b/file", "absent"},
      {"a/inner link/file", "absent"},
      {"a/file link", "absent"},
      {"magic/proc", "absent"},
  };
  for (const auto& [path, expected] : cases) {
    BOOST_TEST(found(open_below(top.get(), path, O_RDONLY)) == expected, path);
    BOOST_TEST(found(open_below_by_names(top.get(), path, O_RDONLY)) == expected, path);
  }
}

BOOST_FIXTURE_TEST_CASE(a_root_is_reached_through_links_and_nothing_below_it_is, linked_tree) {
  fs::create_directory_symlink(folder.path, folder.path + "/way");
  const root_folder there(folder.path + "/way/root");
  struct stat status;
  BOOST_TEST(found(there.open(there.path(), O_RDONLY)) == "folder");
  BOOST_TEST(found(there.open(there.path() + "/a/b/file", O_RDONLY)) == root);
  BOOST_TEST(found(there.open(there.path() + "/link/file", O_RDONLY)) == "absent");
  BOOST_TEST(there.status_of(there.path() + "/a/file", status));
  BOOST_TEST(S_ISREG(status.st_mode));
  BOOST_TEST(there.status_of(there.path() + "/a/link", status));
  BOOST_TEST(S_ISLNK(status.st_mode));
  BOOST_TEST(!there.status_of(there.path() + "/a/link/file", status));
  BOOST_TEST(is_absence(errno));
}

BOOST_FIXTURE_TEST_CASE(a_root_that_is_a_link_is_followed_only_if_that_is_said, linked_tree) {
  auto link = folder.path + "/another root";
  fs::create_directory_symlink(root, link);
  BOOST_TEST(found(root_folder(link).open(link + "/file", O_RDONLY)) == "absent");
  BOOST_TEST(found(root_folder(link, last_link::follow).open(link + "/file", O_RDONLY)) == root);
  BOOST_TEST(found(root_folder(root + "/none").open(root + "/none/file", O_RDONLY)) == "absent");
  BOOST_TEST(found(root_folder(root + "/file").open(root + "/file/a", O_RDONLY)) == "absent");
}

BOOST_FIXTURE_TEST_CASE(the_topmost_folder_can_be_a_root, linked_tree) {
  auto real = fs::canonical(root).string();
  BOOST_TEST(found(root_folder("/").open("/", O_RDONLY)) == "folder");
  BOOST_TEST(found(root_folder("/").open(real + "/a/b/file", O_RDONLY)) == root);
  BOOST_TEST(found(root_folder("/").open(real + "/link/file", O_RDONLY)) == "absent");
}

BOOST_FIXTURE_TEST_CASE(entries_of_a_folder_are_told_of_one_after_the_other, linked_tree) {
  const root_folder there(root);
  struct stat status, folder_status;
  auto size_of = [&](const std::string& inner) {
    return there.status_of(root + inner, status) ? static_cast<long>(status.st_size) : -1L;
  };
  const auto size = static_cast<long>(root.size());
  BOOST_TEST(size_of("/a/b/file") == size);
  BOOST_TEST(size_of("/a/b/none") == -1);
  BOOST_TEST(is_absence(errno));
  BOOST_TEST(size_of("/file") == size);
  BOOST_TEST(size_of("/a/file") == size);
  BOOST_TEST(size_of("/link/file") == -1);
  BOOST_TEST(is_absence(errno));
  BOOST_TEST(size_of("/link/file") == -1);
  BOOST_TEST(is_absence(errno));
  BOOST_TEST(size_of("/file/below") == -1);
  BOOST_TEST(is_absence(errno));
  BOOST_TEST(size_of("/none/file") == -1);
  BOOST_TEST(is_absence(errno));
  fs::create_directory(root + "/none");
  std::ofstream(root + "/none/file") << "x";
  BOOST_TEST(size_of("/none/file") == 1);

  BOOST_TEST(there.status_of_folder_of(root + "/a/b/whatever", folder_status));
  BOOST_TEST(there.status_of(root + "/a/b", status));
  BOOST_TEST(status.st_ino == folder_status.st_ino);
  BOOST_TEST(there.status_of_folder_of(root + "/whatever", folder_status));
  BOOST_TEST(there.status_of(root, status));
  BOOST_TEST(status.st_ino == folder_status.st_ino);
  BOOST_TEST(!there.status_of_folder_of(root + "/link/whatever", folder_status));
  BOOST_TEST(is_absence(errno));
  BOOST_TEST(root_folder("/").status_of_folder_of("/whatever", folder_status));
}

BOOST_FIXTURE_TEST_CASE(a_birth_time_is_that_of_the_file_itself, linked_tree) {
  const root_folder there(root);
  struct stat status;
  std::int64_t before = -1, after = -1;
  BOOST_TEST(there.status_of(root + "/a/b/file", status, &before));
  std::ofstream(root + "/a/b/new") << "x";
  BOOST_TEST(there.status_of(root + "/a/b/new", status, &after));
  BOOST_TEST(status.st_size == 1);
  BOOST_TEST((after == 0 || after >= before));
  BOOST_TEST(!there.status_of(root + "/a/b/none", status, &after));
}
