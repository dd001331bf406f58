// SPDX-License-Identifier: MIT
#pragma once

#include "media/pdq.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

/// Which of many hashes are near one another, by the number of bits in which they differ.
namespace podstudio::media {

/// 0 to 256.
inline int hamming_distance(const pdq_hash& one, const pdq_hash& other) noexcept {
  int bits = 0;
  for (std::size_t i = 0; i < one.words.size(); ++i)
    bits += __builtin_popcountll(one.words[i] ^ other.words[i]);
  return bits;
}

struct near_hash {
  std::size_t index = 0;  ///< in what was searched
  int distance = 0;
  bool operator==(const near_hash&) const = default;
};

/// All hashes at most `distance_max` from `wanted`, nearest first, and the first of equally near
/// ones first; not more than `count_max`. Looks at every hash: a million take two milliseconds,
/// which no index is needed for.
std::vector<near_hash> find_near(std::span<const pdq_hash> hashes, const pdq_hash& wanted,
                                 int distance_max, std::size_t count_max);

/// Hashes that are joined by a chain of pairs at most `distance_max` apart. By index, each group in
/// rising order and of two at least, the groups by their first.
///
/// By multi-index hashing (Norouzi, Punjani, Fleet, 2012): of two hashes 31 bits apart, one of 16
/// parts of 16 bits is at most one bit apart. So for each part, hashes are sorted by its value, and
/// those of equal values, and of values one bit apart, are compared. `distance_max` may be 31 at
/// most. Takes 12 bytes a hash. A part whose value very many hashes share (pictures with large
/// plain areas) would make this quadratic: `bucket_max` of one value are compared with each other;
/// chains through the others still join most. Where `cancelled` says true, it ends with what it
/// has.
struct group_options {
  int distance_max = pdq_distance_max;
  std::size_t bucket_max = 4096;
  std::function<bool()> cancelled;
};
std::vector<std::vector<std::uint32_t>> group_near(std::span<const pdq_hash> hashes,
                                                   const group_options& options = {});

}  // namespace podstudio::media
