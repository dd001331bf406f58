// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE unpublished_file
#include <boost/test/unit_test.hpp>

#include "platform/unpublished_file.hpp"

#include "platform/files.hpp"
#include "support/must.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace podstudio;
namespace fs = std::filesystem;

namespace {

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t files_in(const std::string& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_has_no_name_before_it_is_whole) {
  temp_folder folder;
  {
    auto file = must(unpublished_file::make(folder.path));
    BOOST_REQUIRE(write_all(file.fd(), "half"));
    BOOST_TEST(files_in(folder.path) == 0u);
    BOOST_REQUIRE(write_all(file.fd(), " and half"));
    auto reading = must(file.open_to_read());
    char first = 0;
    BOOST_TEST(::pread(reading.get(), &first, 1, 0) == 1);
    BOOST_TEST(first == 'h');
    REQUIRE_OK(file.publish("whole"));
  }
  BOOST_TEST(text_of(folder.path + "/whole") == "half and half");
  BOOST_TEST(files_in(folder.path) == 1u);
}

BOOST_AUTO_TEST_CASE(one_that_is_given_up_leaves_nothing) {
  temp_folder folder;
  { auto file = must(unpublished_file::make(folder.path)); }
  BOOST_TEST(files_in(folder.path) == 0u);
}

BOOST_AUTO_TEST_CASE(no_file_is_replaced) {
  temp_folder folder;
  std::ofstream(folder.path + "/mine") << "mine";
  fs::create_symlink("/nowhere", folder.path + "/link");
  auto file = must(unpublished_file::make(folder.path));
  for (const auto* name : {"mine", "link"}) {
    auto published = file.publish(name);
    REQUIRE_FAILS(published, error_code::refused);
    BOOST_TEST(published.failure().message.find(name) != std::string::npos);
  }
  BOOST_TEST(text_of(folder.path + "/mine") == "mine");
  REQUIRE_OK(file.publish("another"));
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_not_there_is_named) {
  auto made = unpublished_file::make("/nowhere/at/all");
  REQUIRE_FAILS(made, error_code::not_found);
  BOOST_TEST(made.failure().message.find("/nowhere/at/all") != std::string::npos);
}

// On FAT, where a file needs a name.
BOOST_AUTO_TEST_CASE(where_files_need_names_what_a_crash_leaves_goes_with_the_next) {
  temp_folder folder;
  auto image = folder.path + "/image", disk = folder.path + "/disk";
  fs::create_directory(disk);
  auto made = "truncate --size 8M " + image + " && mkfs.vfat " + image
              + " >/dev/null && mount -o loop " + image + " " + disk;
  if (std::system(made.c_str()) != 0) {
    BOOST_TEST_MESSAGE("skipped: no FAT file system can be mounted");
    return;
  }
  auto child = ::fork();
  if (child == 0) {
    auto file = unpublished_file::make(disk);
    if (file) (void)write_all(file->fd(), "half");
    ::raise(SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  BOOST_TEST(files_in(disk) == 1u);
  {
    auto other = must(unpublished_file::make(disk));
    BOOST_TEST(files_in(disk) == 1u);
    // One that is still written to stays.
    auto third = must(unpublished_file::make(disk));
    BOOST_TEST(files_in(disk) == 2u);
    BOOST_REQUIRE(write_all(other.fd(), "whole"));
    REQUIRE_OK(other.publish("whole"));
    auto again = third.publish("whole");
    REQUIRE_FAILS(again, error_code::refused);
  }
  BOOST_TEST(files_in(disk) == 1u);
  BOOST_TEST(text_of(disk + "/whole") == "whole");
  ::umount2(disk.c_str(), MNT_DETACH);
}
