// SPDX-License-Identifier: MIT
#pragma once

#include "media/picture.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// PDQ, the perceptual hash published by Meta (github.com/facebook/ThreatExchange,
/// hashing/hashing.pdf and pdq/README.md), written anew after its description: the brightness
/// (ITU-R BT.601) is blurred by box filters, sampled on a grid of 64 by 64, and transformed by a
/// cosine transform of which 16 by 16 low frequencies are kept; each bit says whether one is above
/// their median.
namespace podstudio::media {

/// 256 bits in four words: bit 16 * i + j, for vertical frequency i and horizontal frequency j, is
/// bit (16 * i + j) % 64 of word (16 * i + j) / 64.
struct pdq_hash {
  std::array<std::uint64_t, 4> words{};
  bool operator==(const pdq_hash&) const = default;
};

struct pdq_result {
  pdq_hash hash;
  /// 0 to 100: how much there is to see. A hash of 49 or less says little.
  std::uint8_t quality = 0;
};

/// What the publishers recommend: equal pictures are this far apart at most, and hashes of lower
/// quality are best ignored.
inline constexpr int pdq_distance_max = 31;
inline constexpr int pdq_quality_min = 50;
/// A larger picture is shrunk to this longer edge first. The publishers' own programs do not agree:
/// the one in Python keeps the shape, as here, that in C++ now makes a square of it, and its
/// published hashes are of whole pictures. Keeping the shape stays within the 10 bits that they
/// allow to all three.
inline constexpr std::uint32_t pdq_edge_px = 512;

/// The hash of a picture that stands upright, in sRGB; what is transparent is taken as middle grey.
pdq_result pdq_of(const picture& from);

/// The published form: 64 hexadecimal digits, the last bits first.
std::string to_hex(const pdq_hash& hash);
std::optional<pdq_hash> pdq_from_hex(std::string_view text);

/// The bytes of the published form, the last bits first.
inline constexpr std::size_t pdq_bytes = 32;
std::array<std::uint8_t, pdq_bytes> to_bytes(const pdq_hash& hash) noexcept;
/// Nothing where there are more or less of them.
std::optional<pdq_hash> pdq_from_bytes(std::span<const std::uint8_t> bytes) noexcept;

}  // namespace podstudio::media
