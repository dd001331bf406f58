// SPDX-License-Identifier: MIT
#pragma once

#include "media/carriers.hpp"
#include "media/source.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The directories of TIFF 6.0, BigTIFF and EXIF 2.32: of a TIFF file, or of an EXIF block in
/// another.
namespace podstudio::media {

/// Directories that are followed, entries that are read in each, and bytes of one value.
inline constexpr std::size_t ifd_count_max = 16;
inline constexpr std::size_t ifd_entries_max = 512;
inline constexpr std::size_t ifd_value_bytes_max = carried_text_bytes_max;

struct ifd_facts {
  std::optional<std::uint32_t> width, height;  ///< of the first directory
  std::optional<std::uint32_t> bits, samples, photometric, compression;
  bool alpha = false;  ///< an extra sample is opacity
  std::uint8_t orientation = 1;
  double resolution_x = 0, resolution_y = 0;
  std::uint32_t resolution_unit = 2;  ///< 1 none, 2 inch, 3 centimetre
  std::uint32_t colour_space = 0;     ///< 1 is sRGB
  std::uint32_t page_count = 0;
  /// Where the strips or tiles end that lie farthest behind; 0 where none are known.
  std::uint64_t data_end = 0;
  bool readable = false;  ///< it begins as it should, and has a first directory
};

/// Reads the directories of the file from `from`; texts, the XMP packet and the profile go to
/// `found`. Never fails: what cannot be read is left out.
ifd_facts read_ifds(source& from, carriers& found);
/// The same of a block in memory, which may begin with `Exif\0\0`.
ifd_facts read_ifds(bytes_view block, carriers& found);

/// A text of UserComment (tag 37510) without its eight bytes that name the encoding.
std::string user_comment(bytes_view value, byte_order order);

}  // namespace podstudio::media
