// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE slow_writer
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/trees.hpp"
#include "system/workspace.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <set>
#include <sys/mman.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace system_test;
namespace fs = std::filesystem;

namespace {

std::string digest_of(const std::string& bytes) {
  temp_folder folder;
  auto path = folder.path + "/bytes";
  write_file(path, bytes);
  return digests_of({path}).at(path);
}

/// A library that is looked at all the time while somebody writes.
struct observed_library {
  workspace space;
  library podstudio{space.data};
  std::unique_ptr<service> running;
  std::set<std::string> allowed;  ///< digests of all states that a file ever had
  std::set<std::string> found;
  std::mutex mutex;
  std::jthread poll;

  observed_library() {
    make_folder(space.root);
    running = std::make_unique<service>(podstudio, words{space.root});
    poll = std::jthread([this](const std::stop_token& ends) {
      while (!ends.stop_requested()) {
        look();
        std::this_thread::sleep_for(3ms);
      }
    });
  }

  void look() {
    std::lock_guard lock(mutex);
    for (const auto& asset : query(podstudio.database(), "SELECT DISTINCT hash FROM asset"))
      found.insert(asset[0]);
  }
  void allow(const std::string& bytes) { allowed.insert(digest_of(bytes)); }

  /// The file is a row with its final content, and no other was ever there.
  void check(const std::string& path) {
    podstudio.must({"sync"});
    poll.request_stop();
    poll.join();
    look();
    auto rows = present(podstudio.database());
    auto final = digests_of({path}).at(path);
    BOOST_CHECK_MESSAGE(rows[path] == final, path << " is " << rows[path] << ", not " << final);
    for (const auto& digest : found)
      BOOST_CHECK_MESSAGE(allowed.contains(digest), "no state of the file had " << digest);
  }
};

/// Longer than the time after which a file that nobody closes is believed to be whole.
constexpr auto settled = 700ms;

}  // namespace

BOOST_FIXTURE_TEST_CASE(pieces_with_pauses_longer_than_the_settle_interval, observed_library) {
  auto path = space.root + "/pieces.mp4";
  std::string bytes;
  int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  BOOST_REQUIRE(fd >= 0);
  allow(bytes);
  for (int i = 0; i < 3; ++i) {
    std::string piece(100'000, static_cast<char>('a' + i));
    bytes += piece;
    allow(bytes);
    BOOST_REQUIRE(::write(fd, piece.data(), piece.size()) == static_cast<ssize_t>(piece.size()));
    std::this_thread::sleep_for(settled);
  }
  ::close(fd);
  check(path);
}

BOOST_FIXTURE_TEST_CASE(many_small_pieces_over_seconds, observed_library) {
  auto path = space.root + "/stream.wav";
  std::string bytes;
  allow(bytes);
  int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  BOOST_REQUIRE(fd >= 0);
  for (int i = 0; i < 150; ++i) {
    auto piece = "piece " + std::to_string(i);
    bytes += piece;
    allow(bytes);
    BOOST_REQUIRE(::write(fd, piece.data(), piece.size()) > 0);
    std::this_thread::sleep_for(10ms);
  }
  ::close(fd);
  check(path);
}

BOOST_FIXTURE_TEST_CASE(a_temporary_file_that_is_renamed_into_place, observed_library) {
  auto path = space.root + "/photo.png";
  for (int version = 0; version < 3; ++version) {
    // As rsync names them: hidden, with a random ending.
    auto temporary = space.root + "/.photo.png.Xa" + std::to_string(version);
    std::string bytes;
    for (int i = 0; i < 4; ++i) {
      bytes += std::string(50'000, static_cast<char>('a' + i + version));
      write_file(temporary, bytes);
      std::this_thread::sleep_for(settled / 4);
    }
    allow(bytes);
    BOOST_REQUIRE(std::rename(temporary.c_str(), path.c_str()) == 0);
  }
  check(path);
  BOOST_CHECK_EQUAL(query(podstudio.database(), "SELECT id FROM asset").size(), 1u);
}

BOOST_FIXTURE_TEST_CASE(copies_that_keep_old_times, observed_library) {
  auto source = space.path + "/source.png", path = space.root + "/copy.png";
  for (char version : {'x', 'y'}) {  // of the same size and the same times
    write_file(source, std::string(200'000, version));
    timespec old[2]{{1'000'000'000, 0}, {1'000'000'000, 0}};
    BOOST_REQUIRE(::utimensat(AT_FDCWD, source.c_str(), old, 0) == 0);
    allow(std::string(200'000, version));
    // cp writes over the file that is there: empty at first, then in pieces of its own.
    allow("");
    allow(std::string(131'072, version));
    BOOST_REQUIRE_EQUAL(run({{"cp", "--preserve=all", source, path}}).code, 0);
    podstudio.must({"sync"});
    BOOST_CHECK_EQUAL(present(podstudio.database())[path],
                      digest_of(std::string(200'000, version)));
  }
  check(path);
}

BOOST_FIXTURE_TEST_CASE(writes_through_a_mapping, observed_library) {
  auto path = space.root + "/mapped.png";
  constexpr std::size_t size = 64 << 10;
  int fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  BOOST_REQUIRE(fd >= 0);
  allow("");
  std::string bytes(size, '\0');
  BOOST_REQUIRE(::ftruncate(fd, size) == 0);
  allow(bytes);
  auto* mapped =
      static_cast<char*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  BOOST_REQUIRE(mapped != MAP_FAILED);
  ::close(fd);
  for (std::size_t i = 0; i < 4; ++i) {
    // One byte at a time, or a state between would be one.
    mapped[i * 10'000] = bytes[i * 10'000] = static_cast<char>('a' + i);
    allow(bytes);
    std::this_thread::sleep_for(settled / 2);
  }
  BOOST_REQUIRE(::munmap(mapped, size) == 0);
  check(path);
}
