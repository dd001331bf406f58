// SPDX-License-Identifier: MIT
#pragma once

#include "media/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What a file carries beside its pixels and sound, as raw material for those who read it.
namespace podstudio::media {

/// Where a text was found. Append only: the words stand in tables.
enum class carrier : std::uint8_t {
  png_text,       ///< tEXt, zTXt, iTXt or comf
  exif,           ///< a text of an IFD
  xmp,            ///< the whole packet
  iptc,           ///< a dataset of IIM
  comment,        ///< COM of JPEG, a comment of GIF
  container_tag,  ///< of a sound or clip
  stealth,        ///< in the least bits of the pixels
  c2pa,           ///< what a manifest says, as JSON
  beside,         ///< in a file beside this one
};
inline constexpr std::size_t carrier_count = 9;
std::string_view to_string(carrier where) noexcept;

struct carried_text {
  carrier where = carrier::png_text;
  std::string key;   ///< a keyword, a tag's name; at most `carried_key_bytes_max`
  std::string text;  ///< clean UTF-8
  bool cut = false;  ///< longer than `carried_text_bytes_max`, or damaged before its end
};
inline constexpr std::size_t carried_key_bytes_max = 120;
/// Workflows of ComfyUI with pictures embedded have been seen with 3 MB.
inline constexpr std::size_t carried_text_bytes_max = 4 << 20;
inline constexpr std::size_t carried_texts_max = 96;
inline constexpr std::size_t carried_bytes_max = 12 << 20;
/// Of a C2PA manifest store and of an ICC profile.
inline constexpr std::size_t jumbf_bytes_max = 8 << 20;
inline constexpr std::size_t icc_bytes_max = 4 << 20;

struct carriers {
  std::vector<carried_text> texts;
  std::string xmp;  ///< the first packet
  std::vector<std::uint8_t> jumbf;
  std::vector<std::uint8_t> icc;

  /// Keeps a text, cleaned; not more than the bounds allow.
  void add(carrier where, std::string_view key, std::string_view text, bool is_cut = false);
  /// How much more may be kept.
  std::size_t room() const noexcept { return carried_bytes_max - held_bytes_; }

  /// The first text with this key from there; null where there is none.
  const carried_text* find(carrier where, std::string_view key) const noexcept;

private:
  std::size_t held_bytes_ = 0;
};

}  // namespace podstudio::media
