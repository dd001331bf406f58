// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE swapped_folder
#include "system/log_bytes.hpp"
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/workspace.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/inotify.h>
#include <thread>
#include <unistd.h>

using namespace system_test;
namespace fs = std::filesystem;

namespace {

constexpr uid_t nobody = 65534;

/// Counts how often somebody opens a file in a folder, to read it or its names.
class opening_watch {
public:
  explicit opening_watch(const std::string& folder)
      : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    BOOST_REQUIRE(fd_ >= 0 && ::inotify_add_watch(fd_, folder.c_str(), IN_OPEN) >= 0);
  }
  ~opening_watch() { ::close(fd_); }
  opening_watch(const opening_watch&) = delete;
  opening_watch& operator=(const opening_watch&) = delete;

  /// Since the last time.
  unsigned count() {
    unsigned opened = 0;
    char buffer[64 << 10];
    for (ssize_t size; (size = ::read(fd_, buffer, sizeof buffer)) > 0;)
      for (ssize_t at = 0; at < size; ++opened) {
        inotify_event event;
        std::memcpy(&event, buffer + at, sizeof event);
        at += static_cast<ssize_t>(sizeof event + event.len);
      }
    return opened;
  }

private:
  int fd_;
};

/// How often a folder and a link change places until the end of the scope.
class exchange {
public:
  exchange(std::string folder, std::string link)
      : thread_([this, folder = std::move(folder), link = std::move(link)] {
          for (; !ends_; ++count_)
            ::renameat2(AT_FDCWD, folder.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE);
        }) {}
  ~exchange() {
    ends_ = true;
    thread_.join();
  }
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;

  unsigned count() const { return count_; }

private:
  std::atomic<bool> ends_ = false;
  std::atomic<unsigned> count_ = 0;
  std::thread thread_;
};

void give_away(const std::string& path, std::optional<uid_t> user) {
  if (!user) return;
  BOOST_REQUIRE(::lchown(path.c_str(), *user, *user) == 0);
  if (fs::is_symlink(path) || !fs::is_directory(path)) return;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    BOOST_REQUIRE(::lchown(entry.path().c_str(), *user, *user) == 0);
}

/// Scans and imports as `user` while a folder of the root is exchanged for a link to one outside.
void check_nothing_outside_is_taken(std::optional<uid_t> user) {
  workspace space;
  auto outside = space.path + "/outside", link = space.path + "/link";
  words secrets;
  for (int i = 0; i < 40; ++i) {
    auto name = "/swapped/deep/er/" + std::to_string(i) + ".png";
    make_file(space.root + name, "in the root " + std::to_string(i));
    make_file(outside + name, "a secret " + std::to_string(i));
    make_file(outside + "/swapped/deep/er/secret " + std::to_string(i) + ".png",
              "another secret " + std::to_string(i));
  }
  fs::create_directory_symlink(outside + "/swapped", link);
  give_away(space.path, user);
  auto secret = digests_of_media(outside);
  auto open_ones = digests_of_media(space.root);

  library podstudio(space.data, user);
  podstudio.must({"import", space.root + "/swapped/deep/er/0.png"});
  opening_watch opened(outside + "/swapped/deep/er");
  unsigned exchanges = 0;
  {
    service running(podstudio, {space.root});
    exchange exchanging(space.root + "/swapped", link);
    auto end = clock::now() + milliseconds(number_from_env("PODSTUDIO_SWAP_MS", 4000));
    for (int i = 0; clock::now() < end; ++i) {
      podstudio({"import", space.root});
      if (i % 4 == 0) podstudio({"sync", "--timeout", "1"});
    }
    exchanges = exchanging.count();
  }
  auto times_opened = opened.count();

  // The log holds each digest that was ever taken, as 32 bytes.
  std::string log;
  for (const auto& segment : segments_of(space.data))
    log += read_file(segment);
  auto logged = [&](const std::map<std::string, std::string>& digests) {
    unsigned count = 0;
    for (const auto& [path, hex] : digests) {
      std::string bytes;
      for (std::size_t i = 0; i < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
      if (log.find(bytes) != log.npos) ++count;
    }
    return count;
  };
  BOOST_TEST_MESSAGE(exchanges << " exchanges, " << logged(open_ones) << " files taken; outside "
                               << times_opened << " times opened, " << logged(secret) << " taken");
  BOOST_TEST(exchanges > 0u);
  BOOST_TEST(logged(open_ones) > 0u);
  BOOST_TEST(logged(secret) == 0u);
  BOOST_TEST(times_opened == 0u);
  BOOST_TEST(log.find("secret ") == log.npos);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_folder_exchanged_for_a_link_lets_nobody_take_what_is_outside) {
  check_nothing_outside_is_taken({});
}

BOOST_AUTO_TEST_CASE(a_folder_exchanged_for_a_link_lets_no_other_user_take_what_is_outside) {
  if (skip_unless(::geteuid() == 0, "only root can be another user")) return;
  check_nothing_outside_is_taken(nobody);
}
