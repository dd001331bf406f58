// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

/// The canonical form of ZIP that packs are sold in: equal files give equal bytes, and all but the
/// contents is known before the first byte is written. ARCHIVE_FORMAT.md says why, and has the
/// bytes. Nothing here touches a file.
namespace podstudio::archive {

// --- bounds ---

/// How many entries an archive has at most; a pack has up to 20,000 assets.
inline constexpr std::size_t entries_max = 100'000;
/// The longest archive, and so the longest entry: what ext4 takes.
inline constexpr std::uint64_t archive_bytes_max = std::uint64_t{1} << 44;

/// An entry: a file that is stored as it is.
struct zip_entry {
  std::string name;  ///< its path, as `is_safe_path` has it
  std::uint64_t size_bytes = 0;
  std::uint32_t crc32 = 0;  ///< of its content (the polynomial of ISO 3309, as zlib has it)
  bool operator==(const zip_entry&) const = default;
};

/// A moment as ZIP has it: UTC, to two seconds, 1980 to 2107.
struct dos_time {
  std::uint16_t time = 0, date = 0;
  bool operator==(const dos_time&) const = default;
};

/// The nearest one not later than `unix_seconds`, or the first or the last one there is.
dos_time to_dos_time(std::int64_t unix_seconds) noexcept;
/// Whether there is such a date and such a time of day.
bool is_valid(const dos_time& time) noexcept;

/// Where everything is.
struct zip_layout {
  std::vector<std::uint64_t> header_offsets;   ///< of the entries' local headers
  std::vector<std::uint64_t> content_offsets;  ///< of their contents
  std::uint64_t directory_offset = 0;          ///< of the central directory
  std::uint64_t directory_bytes = 0;
  std::uint64_t archive_bytes = 0;
};

/// The layout of an archive, for which the checksums need not be known yet. Error: `refused` if it
/// would be beyond the bounds above or an entry's path is longer than `path_bytes_max`.
result<zip_layout> lay_out(std::span<const zip_entry> entries);

/// The local header of an entry.
std::string local_header(const zip_entry& entry, const dos_time& time);
/// Where a local header has the checksum, 4 bytes in little-endian order. Whoever copies the
/// content after writing the header writes the checksum over it.
inline constexpr std::size_t local_crc_offset = 14;

/// The entry's record in the central directory.
std::string central_header(const zip_entry& entry, std::uint64_t header_offset,
                           const dos_time& time);

/// What follows the central directory.
std::string end_records(std::uint64_t entries, std::uint64_t directory_offset,
                        std::uint64_t directory_bytes);

/// All that follows the last content: the central directory and the end records.
std::string directory(std::span<const zip_entry> entries, const zip_layout& layout,
                      const dos_time& time);

}  // namespace podstudio::archive
