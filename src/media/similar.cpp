// SPDX-License-Identifier: MIT
#include "media/similar.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace podstudio::media {

namespace {

constexpr std::size_t parts = 16;
constexpr std::size_t part_values = std::size_t{1} << 16;

std::uint16_t part_of(const pdq_hash& hash, std::size_t index) noexcept {
  return static_cast<std::uint16_t>(hash.words[index / 4] >> (index % 4 * 16));
}

// Counting bits takes one instruction where the processor has it, and thirteen in what the compiler
// writes for every processor; which one is chosen when the program is loaded. Sanitizers run before
// that.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#define PODSTUDIO_COUNTS_BITS                                                                      \
  __attribute__((target_clones("arch=icelake-server", "popcnt", "default")))
#else
#define PODSTUDIO_COUNTS_BITS
#endif

constexpr std::size_t block_hashes = 1024;

/// The distances of a block of hashes from one.
PODSTUDIO_COUNTS_BITS void measure(const pdq_hash* hashes, std::size_t count, const pdq_hash& from,
                                   std::uint16_t* distances) {
  const auto a = from.words[0], b = from.words[1], c = from.words[2], d = from.words[3];
  for (std::size_t i = 0; i < count; ++i) {
    const auto& words = hashes[i].words;
    distances[i] = static_cast<std::uint16_t>(
        __builtin_popcountll(words[0] ^ a) + __builtin_popcountll(words[1] ^ b)
        + __builtin_popcountll(words[2] ^ c) + __builtin_popcountll(words[3] ^ d));
  }
}

/// Disjoint sets of numbers (Tarjan), by halving paths.
class disjoint_sets {
public:
  explicit disjoint_sets(std::size_t count) : parents_(count) {
    std::iota(parents_.begin(), parents_.end(), 0u);
  }

  std::uint32_t root_of(std::uint32_t index) noexcept {
    while (parents_[index] != index) {
      parents_[index] = parents_[parents_[index]];
      index = parents_[index];
    }
    return index;
  }
  /// The smaller number becomes the root.
  void join(std::uint32_t one, std::uint32_t other) noexcept {
    one = root_of(one);
    other = root_of(other);
    if (one == other) return;
    parents_[std::max(one, other)] = std::min(one, other);
  }

private:
  std::vector<std::uint32_t> parents_;
};

class grouping {
public:
  grouping(std::span<const pdq_hash> hashes, const group_options& options)
      : hashes_(hashes), options_(options), sets_(hashes.size()) {}

  std::vector<std::vector<std::uint32_t>> run() {
    join_equal();
    for (std::size_t part = 0; part < parts && !cancelled_; ++part)
      join_by(part);
    return groups();
  }

private:
  /// Equal hashes are joined first, and one of each kind goes on.
  void join_equal() {
    distinct_.resize(hashes_.size());
    std::iota(distinct_.begin(), distinct_.end(), 0u);
    std::ranges::sort(distinct_, [&](std::uint32_t one, std::uint32_t other) {
      return std::pair(hashes_[one].words, one) < std::pair(hashes_[other].words, other);
    });
    std::size_t kept = 0;
    for (auto index : distinct_) {
      if (kept > 0 && hashes_[distinct_[kept - 1]] == hashes_[index])
        sets_.join(distinct_[kept - 1], index);
      else
        distinct_[kept++] = index;
    }
    distinct_.resize(kept);
  }

  void join_by(std::size_t part) {
    // In the order of the part's value, so that what is compared lies side by side.
    std::vector<std::uint32_t> starts(part_values + 1);
    for (auto index : distinct_)
      ++starts[part_of(hashes_[index], part) + 1u];
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
    std::vector<std::uint32_t> order(distinct_.size());
    std::vector<pdq_hash> sorted(distinct_.size());
    auto next = starts;
    for (auto index : distinct_) {
      auto at = next[part_of(hashes_[index], part)]++;
      order[at] = index;
      sorted[at] = hashes_[index];
    }
    std::array<std::uint16_t, block_hashes> distances;
    auto compare = [&](std::uint32_t one, std::size_t first, std::size_t last) {
      last = std::min(last, first + options_.bucket_max);
      for (auto at = first; at < last; at += block_hashes) {
        auto count = std::min(block_hashes, last - at);
        measure(sorted.data() + at, count, sorted[one], distances.data());
        for (std::size_t i = 0; i < count; ++i)
          if (distances[i] <= options_.distance_max) sets_.join(order[one], order[at + i]);
      }
    };
    for (std::size_t value = 0; value < part_values; ++value) {
      if ((value & 255) == 0 && options_.cancelled && options_.cancelled()) {
        cancelled_ = true;
        return;
      }
      for (auto one = starts[value]; one < starts[value + 1]; ++one) {
        compare(one, one + 1, starts[value + 1]);
        for (std::size_t bit = 0; bit < 16; ++bit)
          if (auto near = value ^ (std::size_t{1} << bit); near > value)
            compare(one, starts[near], starts[near + 1]);
      }
    }
  }

  std::vector<std::vector<std::uint32_t>> groups() {
    std::vector<std::vector<std::uint32_t>> made;
    std::vector<std::uint32_t> sizes(hashes_.size()), places(hashes_.size());
    for (std::uint32_t i = 0; i < hashes_.size(); ++i)
      ++sizes[sets_.root_of(i)];
    for (std::uint32_t i = 0; i < hashes_.size(); ++i) {
      auto root = sets_.root_of(i);
      if (sizes[root] < 2) continue;
      if (root == i) {
        places[root] = static_cast<std::uint32_t>(made.size());
        made.emplace_back().reserve(sizes[root]);
      }
      made[places[root]].push_back(i);
    }
    return made;
  }

  std::span<const pdq_hash> hashes_;
  const group_options& options_;
  disjoint_sets sets_;
  std::vector<std::uint32_t> distinct_;
  bool cancelled_ = false;
};

}  // namespace

std::vector<near_hash> find_near(std::span<const pdq_hash> hashes, const pdq_hash& wanted,
                                 int distance_max, std::size_t count_max) {
  std::vector<near_hash> found;
  auto nearer = [](const near_hash& one, const near_hash& other) {
    return std::pair(one.distance, one.index) < std::pair(other.distance, other.index);
  };
  std::array<std::uint16_t, block_hashes> distances;
  for (std::size_t at = 0; at < hashes.size() && count_max > 0; at += block_hashes) {
    auto count = std::min(block_hashes, hashes.size() - at);
    measure(hashes.data() + at, count, wanted, distances.data());
    for (std::size_t i = 0; i < count; ++i) {
      int distance = distances[i];
      if (distance > distance_max) continue;
      // A heap whose top is the farthest of those kept.
      if (found.size() == count_max) {
        if (distance >= found.front().distance) continue;
        std::ranges::pop_heap(found, nearer);
        found.pop_back();
      }
      found.push_back({at + i, distance});
      std::ranges::push_heap(found, nearer);
    }
  }
  std::ranges::sort(found, nearer);
  return found;
}

std::vector<std::vector<std::uint32_t>> group_near(std::span<const pdq_hash> hashes,
                                                   const group_options& options) {
  if (hashes.empty()) return {};
  return grouping(hashes, options).run();
}

}  // namespace podstudio::media
