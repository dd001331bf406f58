// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE full_disk
#include "system/console.hpp"
#include "system/curators.hpp"
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/workspace.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <iomanip>
#include <random>
#include <sstream>
#include <sys/mount.h>
#include <thread>
#include <unistd.h>

using namespace system_test;

namespace {

/// A small disk, until the end of the scope.
class small_disk {
public:
  small_disk(const std::string& at, bool in_memory) : at_(at) {
    make_folder(at);
    if (in_memory) {
      mounted_ = ::mount("tmpfs", at.c_str(), "tmpfs", 0, "size=48m") == 0;
      return;
    }
    auto image = at + ".image";
    mounted_ = run({{"truncate", "--size", "48M", image}}).code == 0
               && run({{"mkfs.ext4", "-q", "-F", image}}).code == 0
               && run({{"mount", "-o", "loop", image, at}}).code == 0;
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  ~small_disk() {
    if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
  }

  bool is_mounted() const { return mounted_; }

  /// Takes all room but about so much.
  void fill(std::uint64_t leave_bytes) {
    int fd = ::open(ballast().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    BOOST_TEST_REQUIRE(fd >= 0);
    static const std::string bytes(1 << 20, 'b');
    std::uint64_t filled = 0;
    for (auto piece = bytes.size(); piece >= 512;) {
      auto written = ::write(fd, bytes.data(), piece);
      if (written > 0)
        filled += static_cast<std::uint64_t>(written);
      else
        piece /= 2;
    }
    auto shortened = ::ftruncate(fd, static_cast<off_t>(filled - std::min(filled, leave_bytes)));
    ::close(fd);
    BOOST_TEST_REQUIRE(shortened == 0);
  }
  void make_room() const { ::unlink(ballast().c_str()); }

private:
  std::string ballast() const { return at_ + "/ballast"; }

  std::string at_;
  bool mounted_ = false;
};

/// What lies on the small disk.
enum class small : std::uint8_t { log, tables, both };
constexpr const char* names_of_small[] = {"the log's disk", "the tables' disk", "one disk of both"};

/// Some room may be left when others fill a disk; this is about what a handful of commands needs.
constexpr std::uint64_t leave_bytes_max = 200'000;

struct tally {
  std::map<std::string, std::size_t> times;  ///< that a disk was filled up
  std::size_t acknowledged = 0, found = 0, refused = 0;
};

/// Curators at work while a disk fills up, again and again.
class filling {
public:
  filling(small what, bool in_memory, std::mt19937_64& random)
      : random_(random), disk(space_.path + "/small", in_memory), what_(what) {}

  void run(std::size_t times, tally& counts) {
    auto data = (what_ == small::tables ? space_.path : space_.path + "/small") + "/data";
    auto tables = (what_ == small::log ? space_.path : space_.path + "/small") + "/tables.db";
    curated_library of(library(data, tables), space_.root, random_);
    {
      service running(of.podstudio);
      for (; times > 0; --times) {
        fill_up(of, running);
        ++counts.times[names_of_small[static_cast<std::size_t>(what_)]];
      }
      of.check_complete();
      disk.fill(random_() % leave_bytes_max);
      running.kill();
    }
    disk.make_room();
    service again(of.podstudio);
    of.check_complete();
    counts.acknowledged += of.acknowledged();
    counts.found += of.found();
    for (const auto& person : of.people)
      counts.refused += person.refused;
    auto stopped = again.stop();
    BOOST_TEST(stopped.code == 0, stopped);
  }

private:
  /// Commands come before, while, and after there is no room.
  void fill_up(curated_library& of, service& running) {
    std::atomic<bool> stop = false;
    std::array<std::atomic<std::size_t>, curated_library::curators> done{}, refused{};
    auto all = [](auto& counts, const auto& before) {
      return std::ranges::equal(counts, before, std::greater{},
                                [](const auto& count) { return count.load(); });
    };
    auto now = [](auto& counts) {
      std::array<std::size_t, curated_library::curators> numbers{};
      std::ranges::transform(counts, numbers.begin(), [](auto& count) { return count.load(); });
      return numbers;
    };
    std::vector<std::jthread> working;
    console one(of.podstudio);
    for (std::size_t i = 0; i < of.people.size(); ++i)
      working.emplace_back([&, i] {
        // One that waits is done first, whatever `stop` says.
        while (!stop || of.people[i].is_waiting())
          switch (of.people[i].step(one)) {
          case curator::outcome::done:
            ++done[i];
            break;
          case curator::outcome::refused:
            ++refused[i];
            std::this_thread::sleep_for(2ms);  // as nobody asks again at once
            break;
          case curator::outcome::gone:
            return;
          }
      });
    auto until = [&](auto& counts, const char* what) {
      bool more = eventually([&, before = now(counts)] { return all(counts, before); }, 30s);
      BOOST_TEST(more, "not everybody " << what);
    };
    until(done, "was served while there was room");
    disk.fill(random_() % leave_bytes_max);
    until(refused, "was refused on a full disk");
    check_reading(of);
    disk.make_room();
    until(done, "was served once there was room again");
    stop = true;
    working.clear();
    running.running().must_run();
    for (const auto& person : of.people) {
      BOOST_TEST(person.refusal.code == "disk full", person.refusal);
      BOOST_TEST(person.refusal.message.find("free some space") != std::string::npos,
                 person.refusal);
    }
  }

  void check_reading(const curated_library& of) {
    BOOST_TEST(of.podstudio.json({"asset", "list"}).size() == 9u);
    BOOST_TEST(of.podstudio.json({"status"})["assets"]["total"] == 9);
    BOOST_TEST(value(of.podstudio.database(), "SELECT count(*) FROM asset") == "9");
    BOOST_TEST(of.podstudio({"log", "show", "--limit", "1"}).code == 0);
  }

  std::mt19937_64& random_;
  workspace space_;

public:
  small_disk disk;

private:
  small what_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_full_disk_loses_nothing_acknowledged_and_the_service_recovers_by_itself) {
  auto seed = number_from_env("PODSTUDIO_TEST_SEED", std::random_device{}());
  BOOST_TEST_MESSAGE("seed " << seed << "; PODSTUDIO_TEST_SEED=" << seed << " runs it again");
  std::mt19937_64 random(seed);
  tally counts;
  constexpr std::size_t times_a_disk = 8;
  auto left = number_from_env("PODSTUDIO_FULL_DISKS", 6);
  for (unsigned disk = 0; left > 0; ++disk) {
    auto what = static_cast<small>(disk % 3);
    filling fills(what, disk / 3 % 2 == 0, random);
    if (skip_unless(fills.disk.is_mounted(), "mounting is not permitted here")) return;
    auto times = std::clamp<std::size_t>(left / 3, 1, times_a_disk);
    fills.run(times, counts);
    left -= times;
  }
  std::ostringstream text;
  for (const auto& [name, count] : counts.times)
    text << std::setw(8) << count << "  times " << name << " was full\n";
  BOOST_TEST_MESSAGE(
      text.str() << "commands: " << counts.acknowledged << " acknowledged, " << counts.refused
                 << " refusals, " << counts.found << " found in the log, "
                 << counts.acknowledged - std::min(counts.acknowledged, counts.found) << " lost");
}
