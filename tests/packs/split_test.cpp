// SPDX-License-Identifier: MIT
#include "packs/split.hpp"

#include "support/must.hpp"
#include "support/outcome.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <span>
#include <string>
#include <vector>

using namespace podstudio;
using namespace podstudio::packs;

namespace {

std::vector<entry> entries_of(const std::vector<std::uint64_t>& sizes) {
  std::vector<entry> made;
  for (auto size : sizes)
    made.push_back({"assets/" + std::to_string(made.size()) + ".png", {}, size, {}, {}});
  return made;
}

/// 10 bytes an archive, and 1 an entry.
std::uint64_t with_overhead(std::span<const entry> entries) {
  std::uint64_t bytes = 10;
  for (const auto& each : entries)
    bytes += each.size_bytes + 1;
  return bytes;
}

std::vector<part> parts_of(const std::vector<std::uint64_t>& sizes, std::uint64_t bytes_max,
                           std::uint64_t parts_max = 100) {
  auto entries = entries_of(sizes);
  return must(split(entries, bytes_max, parts_max, with_overhead));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(splitting)

BOOST_AUTO_TEST_CASE(entries_stay_in_order_and_the_overhead_counts) {
  BOOST_TEST((parts_of({5, 5, 5}, 28) == std::vector<part>{{0, 3}}));
  BOOST_TEST((parts_of({5, 5, 5}, 27) == std::vector<part>{{0, 2}, {2, 1}}));
  BOOST_TEST((parts_of({5, 5, 5}, 16) == std::vector<part>{{0, 1}, {1, 1}, {2, 1}}));
  // A small one does not move before a large one to fill a gap.
  BOOST_TEST((parts_of({10, 20, 1}, 31) == std::vector<part>{{0, 1}, {1, 1}, {2, 1}}));
  BOOST_TEST((parts_of({}, 10) == std::vector<part>{{0, 0}}));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_too_large_by_itself_is_named) {
  auto entries = entries_of({5, 6, 5});
  auto parts = split(entries, 16, 100, with_overhead);
  REQUIRE_FAILS(parts, error_code::refused);
  BOOST_TEST(parts.failure().message.find("'assets/1.png' alone") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(more_parts_than_are_allowed_are_refused) {
  BOOST_TEST(parts_of({5, 5}, 16, 2).size() == 2u);
  auto entries = entries_of({5, 5, 5});
  auto parts = split(entries, 16, 2, with_overhead);
  REQUIRE_FAILS(parts, error_code::refused);
  BOOST_TEST(parts.failure().message.find("3 archives") != std::string::npos);
  auto single = split(entries, 16, 1, with_overhead);
  REQUIRE_FAILS(single, error_code::refused);
  BOOST_TEST(single.failure().message.find("but only one is allowed") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(parts_are_numbered) {
  BOOST_TEST(archive_name("foxes", 1, 1) == "foxes.zip");
  BOOST_TEST(archive_name("foxes", 2, 3) == "foxes-part-2.zip");
}

BOOST_AUTO_TEST_CASE(parts_are_full_and_cover_everything) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint64_t> sizes(1 + random() % 60);
    for (auto& each : sizes)
      each = random() % 50;
    auto entries = entries_of(sizes);
    auto bytes_max = 61 + random() % 200;
    auto parts = must(split(entries, bytes_max, 1'000, with_overhead));
    std::size_t next = 0;
    for (const auto& each : parts) {
      BOOST_REQUIRE(each.first == next);
      next += each.count;
      auto whole = std::span(entries).subspan(each.first, each.count);
      BOOST_TEST(with_overhead(whole) <= bytes_max);
      if (next < entries.size())
        BOOST_TEST(with_overhead(std::span(entries).subspan(each.first, each.count + 1))
                   > bytes_max);
    }
    BOOST_TEST(next == entries.size());
  }
}

BOOST_AUTO_TEST_CASE(many_parts_cost_no_more_than_few) {
  auto entries = entries_of(std::vector<std::uint64_t>(20'000, 5));
  std::size_t looked_at = 0;
  auto parts = must(split(entries, 16, 100'000, [&](std::span<const entry> of) {
    looked_at += of.size();
    return with_overhead(of);
  }));
  BOOST_TEST(parts.size() == 20'000u);
  BOOST_TEST(looked_at < 200'000u);
}

BOOST_AUTO_TEST_SUITE_END()
