// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE preview_cache
#include "media/preview_cache.hpp"

#include "media/preview.hpp"
#include "support/must.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace podstudio;
using namespace podstudio::media;
namespace fs = std::filesystem;

namespace {

digest content(unsigned number) {
  digest made{};
  made[0] = static_cast<std::uint8_t>(number);
  made[1] = static_cast<std::uint8_t>(number >> 8);
  made[31] = 0xab;
  return made;
}

std::string hex(unsigned number) {
  auto made = content(number);
  return to_hex(made.data(), made.size());
}

std::string read_all(const unique_fd& file) {
  std::string all(std::size_t{2} << 20, '\0');
  auto size = ::read(file.get(), all.data(), all.size());
  all.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return all;
}

struct cache_folder {
  std::string path_of(unsigned number, std::uint32_t edge_px = 256) const {
    return inner(number) + "/" + hex(number) + "-" + std::to_string(edge_px) + "-"
           + std::to_string(preview_version) + ".webp";
  }
  std::string inner(unsigned number) const {
    return cache + "/previews/" + hex(number).substr(0, 2);
  }
  bool has(const preview_cache& kept, unsigned number, std::uint32_t edge_px = 256) const {
    auto opened = kept.open(content(number), edge_px);
    if (!opened) BOOST_TEST((opened.failure().code == error_code::not_found));
    return bool(opened);
  }
  /// Sets when a preview was last used, so many seconds ago.
  void used(unsigned number, std::int64_t seconds_ago) const {
    const timespec times[] = {{std::time(nullptr) - seconds_ago, 0}, {0, UTIME_OMIT}};
    BOOST_REQUIRE(::utimensat(AT_FDCWD, path_of(number).c_str(), times, 0) == 0);
  }
  std::int64_t last_use(unsigned number) const {
    struct stat facts {};
    BOOST_REQUIRE(::stat(path_of(number).c_str(), &facts) == 0);
    return facts.st_atim.tv_sec;
  }

  temp_folder outer;
  std::string cache = outer.path + "/cache";
};

constexpr std::uint64_t much = std::uint64_t{1} << 40;
constexpr std::uint64_t block = cached_preview_bytes_min;

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_preview_is_found_again, cache_folder) {
  preview_cache kept(cache, much);
  BOOST_TEST(!has(kept, 1));
  BOOST_TEST(!kept.bytes());
  must(kept.store(content(1), 256, "small"));
  must(kept.store(content(1), 1024, std::string(preview_bytes_max, 'l')));
  must(kept.store(content(2), 256, "other"));
  BOOST_TEST(read_all(must(kept.open(content(1), 256))) == "small");
  BOOST_TEST(read_all(must(kept.open(content(1), 1024))).size() == preview_bytes_max);
  BOOST_TEST(!has(kept, 2, 1024));
  BOOST_TEST((kept.bytes() == 2 * block + preview_bytes_max));
  // One in place of another; whoever has it open keeps what was there.
  auto open = must(kept.open(content(1), 256));
  must(kept.store(content(1), 256, std::string(5000, 'n')));
  BOOST_TEST(read_all(open) == "small");
  BOOST_TEST(read_all(must(kept.open(content(1), 256))).size() == 5000u);
  BOOST_TEST((kept.bytes() == 3 * block + preview_bytes_max));
  // Its owner's alone.
  struct stat facts {};
  BOOST_REQUIRE(::stat(path_of(1).c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 0777) == 0600);
  BOOST_REQUIRE(::stat(inner(1).c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 0777) == 0700);
  // Another object finds and counts the same.
  preview_cache later(cache, much);
  BOOST_TEST(has(later, 2));
  must(later.store(content(3), 1, "x"));
  BOOST_TEST((later.bytes() == 4 * block + preview_bytes_max));
}

BOOST_FIXTURE_TEST_CASE(the_folder_may_go_at_any_time, cache_folder) {
  preview_cache kept(cache, much);
  must(kept.store(content(1), 256, "x"));
  fs::remove_all(cache);
  BOOST_TEST(!has(kept, 1));
  must(kept.store(content(1), 256, "y"));
  BOOST_TEST(read_all(must(kept.open(content(1), 256))) == "y");
}

BOOST_FIXTURE_TEST_CASE(what_is_no_preview_is_refused, cache_folder) {
  preview_cache kept(cache, much);
  for (auto [edge, size] : {std::pair<std::uint32_t, std::size_t>(0, 1),
                            {preview_edge_px_max + 1, 1},
                            {256, 0},
                            {256, preview_bytes_max + 1}}) {
    auto stored = kept.store(content(1), edge, std::string(size, 'x'));
    BOOST_REQUIRE(!stored);
    BOOST_TEST((stored.failure().code == error_code::invalid_argument));
  }
  BOOST_TEST(!fs::exists(cache));
}

BOOST_FIXTURE_TEST_CASE(those_used_least_recently_go_first, cache_folder) {
  preview_cache kept(cache, 20 * block);
  for (unsigned i = 0; i < 20; ++i) {
    must(kept.store(content(i), 256, "x"));
    used(i, 1000 + i);
  }
  BOOST_TEST((kept.bytes() == 20 * block));
  // The oldest of all is used now.
  BOOST_TEST(has(kept, 19));
  must(kept.store(content(20), 256, "x"));
  BOOST_TEST((kept.bytes() == 18 * block));
  BOOST_TEST(has(kept, 19));
  BOOST_TEST(has(kept, 20));
  for (unsigned gone : {16u, 17u, 18u})
    BOOST_TEST(!has(kept, gone));
  BOOST_TEST(has(kept, 15));
  // Those of an earlier version go before all others.
  auto old = path_of(3) + "x";
  old.replace(old.find("-256-"), old.npos, "-256-999.webp");
  fs::rename(path_of(3), old);
  must(kept.store(content(21), 256, std::string(3 * block, 'x')));
  BOOST_TEST(!fs::exists(old));
  BOOST_TEST(has(kept, 21));
  BOOST_TEST(*kept.bytes() <= 20 * block);
}

BOOST_FIXTURE_TEST_CASE(one_that_is_larger_than_the_room_is_not_kept, cache_folder) {
  preview_cache kept(cache, block / 2);
  must(kept.store(content(1), 256, "x"));
  BOOST_TEST((kept.bytes() == 0u));
  BOOST_TEST(!has(kept, 1));
}

BOOST_FIXTURE_TEST_CASE(nothing_is_kept_while_too_little_of_the_disk_is_free, cache_folder) {
  preview_cache before(cache, much);
  must(before.store(content(1), 256, "x"));
  preview_cache kept(cache, much, std::uint64_t{1} << 62);
  auto stored = kept.store(content(2), 256, "x");
  BOOST_REQUIRE(!stored);
  BOOST_TEST((stored.failure().code == error_code::disk_full));
  BOOST_TEST(stored.failure().message.find(cache) != std::string::npos);
  BOOST_TEST(!has(kept, 1));
  BOOST_TEST(!has(kept, 2));
  BOOST_TEST((kept.bytes() == 0u));
}

BOOST_FIXTURE_TEST_CASE(a_use_is_written_once_a_minute, cache_folder) {
  preview_cache kept(cache, much);
  must(kept.store(content(1), 256, "x"));
  auto now = std::time(nullptr);
  used(1, 30);
  BOOST_TEST(has(kept, 1));
  BOOST_TEST(last_use(1) <= now - 29);
  used(1, 90);
  BOOST_TEST(has(kept, 1));
  BOOST_TEST(last_use(1) >= now);
  // A clock that was set back.
  used(1, -90);
  BOOST_TEST(has(kept, 1));
  BOOST_TEST(last_use(1) <= std::time(nullptr));
}

BOOST_FIXTURE_TEST_CASE(what_is_not_ours_is_left_alone, cache_folder) {
  preview_cache kept(cache, 4 * block);
  must(kept.store(content(1), 256, "x"));
  auto precious = outer.path + "/precious", precious_folder = outer.path + "/folder";
  std::ofstream(precious) << std::string(100'000, 'p');
  fs::create_directory(precious_folder);
  // A link, a folder and a pipe with the names of previews, names that are nearly ours, and a link
  // in place of an inner folder, with a preview's name behind it.
  fs::create_directories(inner(2));
  fs::create_directories(inner(3));
  fs::create_directories(inner(4));
  fs::create_symlink(precious, path_of(2));
  fs::create_directory(path_of(3));
  BOOST_REQUIRE(::mkfifo(path_of(4).c_str(), 0600) == 0);
  fs::create_symlink(precious_folder, inner(5));
  auto behind = precious_folder + "/" + fs::path(path_of(5)).filename().string();
  std::ofstream(behind) << "behind";
  std::vector<std::string> foreign;
  for (const char* end : {"", "x", ".bak", ".newer"})
    foreign.push_back(path_of(1) + end + (*end == '\0' ? "~" : ""));
  foreign.push_back(inner(1) + "/" + hex(2) + "-256-1.webp");  // in another's folder
  foreign.push_back(inner(1) + "/" + hex(1) + "-0256-1.webp");
  foreign.push_back(inner(1) + "/notes.txt");
  for (const auto& each : foreign)
    std::ofstream(each) << std::string(50'000, 'f');
  for (unsigned each : {2u, 3u, 4u, 5u}) {
    BOOST_TEST(!has(kept, each));
    auto stored = kept.store(content(each), 256, "y");
    BOOST_TEST(!stored);
    if (!stored)
      BOOST_TEST((stored.failure().code == error_code::refused
                  || stored.failure().code == error_code::not_found
                  || stored.failure().code == error_code::io_failed),
                 stored.failure().message);
  }
  // It is not counted, and does not go when others do.
  for (unsigned i = 16; i < 32; ++i)
    must(kept.store(content(i), 256, "x"));
  BOOST_TEST(*kept.bytes() <= 4 * block);
  for (const auto& each : foreign)
    BOOST_TEST(fs::file_size(each) == 50'000u, each);
  BOOST_TEST(fs::file_size(precious) == 100'000u);
  BOOST_TEST(fs::file_size(behind) == 6u);
  BOOST_TEST(fs::is_symlink(path_of(2)));
  BOOST_TEST(fs::is_directory(path_of(3)));
  BOOST_TEST(fs::is_fifo(path_of(4)));
}

BOOST_FIXTURE_TEST_CASE(what_a_process_left_that_died_goes, cache_folder) {
  {
    preview_cache kept(cache, much);
    must(kept.store(content(1), 256, "x"));
  }
  auto left = path_of(1) + ".new";
  auto precious = outer.path + "/precious";
  std::ofstream(precious) << "p";
  std::ofstream(left) << "half";
  preview_cache kept(cache, much);
  must(kept.store(content(2), 256, "x"));
  BOOST_TEST(!fs::exists(left));
  BOOST_TEST((kept.bytes() == 2 * block));
  // A link is not written through.
  fs::create_symlink(precious, left);
  must(kept.store(content(1), 256, "new"));
  BOOST_TEST(fs::file_size(precious) == 1u);
  BOOST_TEST(read_all(must(kept.open(content(1), 256))) == "new");
}

BOOST_FIXTURE_TEST_CASE(a_link_in_place_of_the_folder_is_not_followed, cache_folder) {
  auto elsewhere = outer.path + "/elsewhere";
  fs::create_directory(elsewhere);
  preview_cache kept(cache, much);
  fs::create_symlink(elsewhere, cache);
  BOOST_TEST(!kept.store(content(1), 256, "x"));
  fs::remove(cache);
  fs::create_directory(cache);
  fs::create_symlink(elsewhere, cache + "/previews");
  BOOST_TEST(!kept.store(content(1), 256, "x"));
  BOOST_TEST(!has(kept, 1));
  BOOST_TEST(fs::is_empty(elsewhere));
}

BOOST_FIXTURE_TEST_CASE(threads_store_and_open_at_once, cache_folder) {
  preview_cache kept(cache, 64 * block);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (unsigned i = 0; i < 300; ++i) {
        auto number = (i * 7 + static_cast<unsigned>(thread)) % 100;
        std::string bytes(5000, static_cast<char>('a' + number % 26));
        if (!kept.store(content(number), 256, bytes)) ++wrong;
        auto opened = kept.open(content((number + 50) % 100), 256);
        if (!opened) continue;
        auto all = read_all(*opened);
        if (all != std::string(5000, static_cast<char>('a' + (number + 50) % 100 % 26))) ++wrong;
      }
    });
  for (auto& each : threads)
    each.join();
  BOOST_TEST(wrong.load() == 0);
  BOOST_TEST(*kept.bytes() <= 64 * block);
}
