// SPDX-License-Identifier: MIT
#include "events/file_system.hpp"

#include "support/must.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

using namespace podstudio;
namespace fs = std::filesystem;

namespace {

std::span<const std::uint8_t> as_bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct open_file_fixture {
  temp_folder folder;
  std::string path = folder.path + "/segment";
  const std::string contents = "some bytes";
  std::unique_ptr<file> opened = must(posix_file_system().open(path, open_mode::create));

  open_file_fixture() { must(opened->write_at(0, as_bytes(contents))); }

  /// What was done to the file; empty: nothing.
  std::string disturbance(const std::string& at) {
    auto checked = opened->check_undisturbed(at, contents.size(), 5, as_bytes("bytes"));
    if (checked) return {};
    BOOST_TEST(int(checked.failure().code) == int(error_code::io_failed));
    return checked.failure().message;
  }
  std::string disturbance() { return disturbance(path); }
  std::string lost(const std::string& how) const {
    return "'" + path + "' was " + how + " while it was in use";
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(posix_files, open_file_fixture)

// The first check of a file differs from those after it.
BOOST_AUTO_TEST_CASE(every_disturbance_is_told_at_the_first_check_and_at_a_later_one) {
  for (bool checked_before : {false, true}) {
    BOOST_TEST_CONTEXT("checked before: " << checked_before) {
      auto begin = [&] {
        opened.reset();
        fs::remove(path);
        opened = must(posix_file_system().open(path, open_mode::create));
        must(opened->write_at(0, as_bytes(contents)));
        if (checked_before) BOOST_TEST(disturbance() == "");
      };
      begin();
      BOOST_TEST(disturbance() == "");
      begin();
      fs::remove(path);
      BOOST_TEST(disturbance() == lost("removed"));
      begin();
      fs::remove(path);
      std::ofstream(path) << contents;
      BOOST_TEST(disturbance() == lost("removed"));
      fs::remove(path);
      fs::create_symlink("elsewhere", path);
      BOOST_TEST(disturbance() == lost("removed"));
      begin();
      fs::rename(path, path + ".old");
      BOOST_TEST(disturbance() == lost("removed"));
      std::ofstream(path) << contents;
      BOOST_TEST(disturbance() == lost("replaced"));
      fs::remove(path);
      fs::create_symlink(path + ".old", path);
      BOOST_TEST(disturbance() == lost("replaced"));
      fs::rename(path + ".old", path);
      BOOST_TEST(disturbance() == "");
      fs::rename(folder.path, folder.path + ".old");
      BOOST_TEST(disturbance() == lost("removed"));
      fs::rename(folder.path + ".old", folder.path);
      BOOST_TEST(disturbance() == "");
      fs::resize_file(path, contents.size() - 1);
      BOOST_TEST(disturbance() == lost("cut"));
      begin();
      std::ofstream(path) << std::string(contents.size(), 'x');
      BOOST_TEST(disturbance() == lost("overwritten"));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_file_is_the_same_under_a_new_name) {
  BOOST_TEST(disturbance() == "");
  auto named = folder.path + "/named";
  must(posix_file_system().rename(path, named));
  BOOST_TEST(disturbance(named) == "");
  BOOST_TEST(disturbance() == lost("removed"));
}

BOOST_AUTO_TEST_CASE(reading_a_file_leaves_its_access_time) {
  opened.reset();
  auto accessed_s = [&] {
    struct stat facts {};
    BOOST_REQUIRE(::stat(path.c_str(), &facts) == 0);
    return facts.st_atim.tv_sec;
  };
  const timespec before_it_was_written[2] = {{1, 0}, {2, 0}};
  BOOST_REQUIRE(::utimensat(AT_FDCWD, path.c_str(), before_it_was_written, 0) == 0);
  std::string read;
  std::ifstream(path) >> read;
  if (accessed_s() == 1) {
    BOOST_TEST_MESSAGE("skipped: this disk keeps no access times");
    return;
  }
  for (auto mode : {open_mode::read, open_mode::write}) {
    const timespec times[2] = {{1, 0}, {2, 0}};  // read before it was written: the next read counts
    BOOST_REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
    auto again = must(posix_file_system().open(path, mode));
    std::vector<std::uint8_t> bytes(contents.size());
    BOOST_TEST(must(again->read_at(0, bytes)) == contents.size());
    BOOST_TEST(accessed_s() == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_file_of_somebody_else_can_be_read) {
  if (::geteuid() == 0) {
    // Only its owner, or root, may leave the access time as it is.
    fs::permissions(folder.path, fs::perms::all);
    fs::permissions(path, fs::perms::all);
    BOOST_REQUIRE(::seteuid(65534) == 0);
    auto again = posix_file_system().open(path, open_mode::read);
    BOOST_REQUIRE(::seteuid(0) == 0);
    BOOST_TEST(bool(again));
  } else {
    BOOST_TEST(bool(posix_file_system().open("/etc/passwd", open_mode::read)));
  }
}

BOOST_AUTO_TEST_SUITE_END()
