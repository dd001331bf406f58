// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE inotify
#include "watch/inotify.hpp"

#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace podstudio;
namespace fs = std::filesystem;

namespace {

std::vector<change> all(folder_watches& watches) {
  std::vector<change> changes;
  for (;;) {
    auto more = watches.read(changes);
    BOOST_REQUIRE(static_cast<bool>(more));
    if (!*more) return changes;
  }
}

bool told(const std::vector<change>& changes, change::kind what, const std::string& path) {
  for (const auto& each : changes)
    if (each.what == what && each.path == path) return true;
  return false;
}

result<void> watch(folder_watches& watches, const std::string& folder) {
  unique_fd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY));
  BOOST_REQUIRE(static_cast<bool>(opened));
  return watches.add(folder, opened.get());
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_change_is_told_as_what_it_means_by_the_time_the_call_returns) {
  temp_folder folder;
  auto watches = folder_watches::open();
  BOOST_REQUIRE(static_cast<bool>(watches));
  BOOST_REQUIRE(static_cast<bool>(watch(*watches, folder.path)));
  {
    std::ofstream open(folder.path + "/a.png");
    open << "x" << std::flush;
    auto changes = all(*watches);
    BOOST_TEST(told(changes, change::kind::touched, folder.path + "/a.png"));
    BOOST_TEST(!told(changes, change::kind::written, folder.path + "/a.png"));
  }
  BOOST_TEST(told(all(*watches), change::kind::written, folder.path + "/a.png"));
  fs::rename(folder.path + "/a.png", folder.path + "/b.png");
  auto changes = all(*watches);
  BOOST_TEST(told(changes, change::kind::gone, folder.path + "/a.png"));
  BOOST_TEST(told(changes, change::kind::written, folder.path + "/b.png"));
  fs::create_hard_link(folder.path + "/b.png", folder.path + "/c.png");
  BOOST_TEST(told(all(*watches), change::kind::touched, folder.path + "/c.png"));
  fs::create_directory(folder.path + "/sub");
  BOOST_TEST(told(all(*watches), change::kind::folder, folder.path + "/sub"));
  fs::permissions(folder.path + "/b.png", fs::perms::owner_read);
  BOOST_TEST(told(all(*watches), change::kind::allowed, folder.path + "/b.png"));
  fs::remove(folder.path + "/b.png");
  BOOST_TEST(told(all(*watches), change::kind::gone, folder.path + "/b.png"));
}

BOOST_AUTO_TEST_CASE(a_watched_folder_that_moved_tells_its_new_path_once_it_is_added_again) {
  temp_folder folder;
  fs::create_directory(folder.path + "/old");
  auto watches = folder_watches::open();
  BOOST_REQUIRE(static_cast<bool>(watch(*watches, folder.path)));
  BOOST_REQUIRE(static_cast<bool>(watch(*watches, folder.path + "/old")));
  fs::rename(folder.path + "/old", folder.path + "/new");
  BOOST_REQUIRE(static_cast<bool>(watch(*watches, folder.path + "/new")));
  BOOST_TEST(watches->size() == 2u);
  all(*watches);
  std::ofstream(folder.path + "/new/a.wav") << "x";
  BOOST_TEST(told(all(*watches), change::kind::written, folder.path + "/new/a.wav"));
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_gone_cannot_be_watched_and_is_forgotten) {
  temp_folder folder;
  fs::create_directory(folder.path + "/sub");
  auto watches = folder_watches::open();
  BOOST_REQUIRE(static_cast<bool>(watch(*watches, folder.path + "/sub")));
  fs::remove(folder.path + "/sub");
  all(*watches);
  BOOST_TEST(watches->size() == 0u);
  BOOST_TEST((watches->add(folder.path + "/sub", -1).failure().code == error_code::not_found));
}

BOOST_AUTO_TEST_CASE(the_folder_that_is_open_is_watched_and_not_one_that_took_its_path) {
  temp_folder folder;
  fs::create_directory(folder.path + "/sub");
  fs::create_directory(folder.path + "/outside");
  auto watches = folder_watches::open();
  unique_fd opened(::open((folder.path + "/sub").c_str(), O_RDONLY | O_DIRECTORY));
  fs::rename(folder.path + "/sub", folder.path + "/aside");
  fs::create_directory_symlink(folder.path + "/outside", folder.path + "/sub");
  BOOST_REQUIRE(static_cast<bool>(watches->add(folder.path + "/sub", opened.get())));
  std::ofstream(folder.path + "/outside/a.png") << "x";
  BOOST_TEST(all(*watches).empty());
  std::ofstream(folder.path + "/aside/b.png") << "x";
  BOOST_TEST(told(all(*watches), change::kind::written, folder.path + "/sub/b.png"));
}
