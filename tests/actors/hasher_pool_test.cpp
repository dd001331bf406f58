// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE hasher_pool
#include "actors/hasher_pool.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

using namespace podstudio;

namespace {

std::vector<seen_file> files_of(const std::vector<std::uint64_t>& sizes) {
  std::vector<seen_file> files(sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i)
    files[i].facts.size_bytes = sizes[i];
  return files;
}

constexpr auto whole = reading_bytes_max;

}  // namespace

BOOST_AUTO_TEST_CASE(files_are_cut_into_ranges_by_count_and_by_bytes) {
  BOOST_TEST(split_reading({}).empty());
  using ranges = std::vector<reading_range>;
  BOOST_TEST((split_reading(files_of({1, 2, 3})) == ranges{{0, 3, false}}));
  BOOST_TEST((split_reading(files_of({whole, 1})) == ranges{{0, 1, false}, {1, 2, false}}));
  BOOST_TEST((split_reading(files_of({1, whole, 1}))
              == ranges{{0, 1, false}, {1, 2, false}, {2, 3, false}}));
  BOOST_TEST((split_reading(files_of({1, whole + 1, 1}))
              == ranges{{0, 1, false}, {1, 2, true}, {2, 3, false}}));
  BOOST_TEST(
      (split_reading(files_of(std::vector<std::uint64_t>(max_batch_files + 1, 0)))
       == ranges{{0, max_batch_files, false}, {max_batch_files, max_batch_files + 1, false}}));
}

BOOST_AUTO_TEST_CASE(the_idlest_hasher_is_chosen_and_none_holds_more_than_two_parts) {
  std::vector<hasher_load> load(3);
  BOOST_TEST(*free_hasher(load, false) == 0u);
  load[0] = {1, 0};
  BOOST_TEST(*free_hasher(load, false) == 1u);
  load[0] = load[1] = {hasher_load_max, 0};
  BOOST_TEST(!free_hasher(load, false));
  BOOST_TEST(!free_hasher(load, true));
}

BOOST_AUTO_TEST_CASE(small_files_do_not_wait_for_large_ones_as_the_last_hasher_reads_none) {
  std::vector<hasher_load> load(3);
  load[0] = load[1] = {1, 1};
  BOOST_TEST(*free_hasher(load, true) == 0u);  // queues behind the large one
  BOOST_TEST(*free_hasher(load, false) == 2u);
  load[0] = {1, 0};
  BOOST_TEST(*free_hasher(load, false) == 0u);  // one of the others is free of large files
  load[0] = {hasher_load_max, 1};
  load[1] = {hasher_load_max, 1};
  BOOST_TEST(!free_hasher(load, true));
  load[2] = {hasher_load_max, 0};
  BOOST_TEST(!free_hasher(load, false));
}

BOOST_AUTO_TEST_CASE(a_single_hasher_reads_everything) {
  std::vector<hasher_load> load(1);
  BOOST_TEST(*free_hasher(load, true) == 0u);
  BOOST_TEST(*free_hasher(load, false) == 0u);
  load[0] = {1, 1};
  BOOST_TEST(*free_hasher(load, false) == 0u);
}
