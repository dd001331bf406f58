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

/// Disjoint sets of numbers (Tarjan), by halving paths.
class disjoint_sets {
public:
  explicit disjoint_sets(std::size_t count) : parents_(count) { std::iota(parents_.begin(), parents_.end(), 0u); }

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
      if (kept > 0 && hashes_[distinct_[kept - 1]] == hashes_[index]) sets_.join(distinct_[kept - 1], index);
      else distinct_[kept++] = index;
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
    auto compare = [&](std::uint32_t one, std::uint32_t first, std::uint32_t last) {
      last = static_cast<std::uint32_t>(std::min<std::size_t>(last, first + options_.bucket_max));
      for (auto other = first; other < last; ++other)
        if (hamming_distance(sorted[one], sorted[other]) <= options_.distance_max) sets_.join(order[one], order[other]);
    };
    for (std::size_t value = 0; value < part_values; ++value) {
      if ((value & 255) == 0 && options_.cancelled && options_.cancelled()) {
        cancelled_ = true;
        return;
      }
      for (auto one = starts[value]; one < starts[value + 1]; ++one) {
        compare(one, one + 1, starts[value + 1]);
        for (std::size_t bit = 0; bit < 16; ++bit)
          if (auto near = value ^ (std::size_t{1} << bit); near > value) compare(one, starts[near], starts[near + 1]);
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
  for (std::size_t i = 0; i < hashes.size() && count_max > 0; ++i) {
    auto distance = hamming_distance(hashes[i], wanted);
    if (distance > distance_max) continue;
    // A heap whose top is the farthest of those kept.
    if (found.size() == count_max) {
      if (distance >= found.front().distance) continue;
      std::ranges::pop_heap(found, nearer);
      found.pop_back();
    }
    found.push_back({i, distance});
    std::ranges::push_heap(found, nearer);
  }
  std::ranges::sort(found, nearer);
  return found;
}

std::vector<std::vector<std::uint32_t>> group_near(std::span<const pdq_hash> hashes, const group_options& options) {
  if (hashes.empty()) return {};
  return grouping(hashes, options).run();
}

}  // namespace podstudio::media
