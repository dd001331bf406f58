// SPDX-License-Identifier: MIT
#pragma once

#include "media/source.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace podstudio::media {

/// The formats that are read. Those of one family share a container.
enum class format : std::uint8_t {
  none,
  png,
  jpeg,
  gif,
  bmp,
  tiff,
  webp,
  wav,
  mp3,
  flac,
  ogg,
  aac,  ///< raw, in ADTS frames
  iso,  ///< ISO base media: MP4, M4A, QuickTime
  avi,
  matroska,  ///< and WebM
  flv,
};

struct sniffed {
  format is = format::none;
  /// What it is where `is` is `none` and the bytes are known anyway: `a ZIP archive`.
  std::string_view other;
  /// Where the content begins: past ID3 tags in front.
  std::uint64_t begin = 0;
};

/// Tells the format by content, from the first bytes and, where a tag stands before it, by what
/// follows.
sniffed sniff(source& from);

/// Whether a file of this format may have this extension (without a dot, any letter case). True for
/// extensions that the library does not know.
bool fits_extension(format is, std::string_view extension);

/// `a PNG picture`.
std::string_view describe(format is) noexcept;

}  // namespace podstudio::media
