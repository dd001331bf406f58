// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

/// The records of ZIP (APPNOTE.TXT 6.3.10), as far as the canonical form has them: what writer and
/// reader both need to know.
namespace podstudio::archive::record {

inline constexpr std::uint32_t local_signature = 0x04034b50, central_signature = 0x02014b50,
                               end_signature = 0x06054b50, zip64_end_signature = 0x06064b50,
                               zip64_locator_signature = 0x07064b50;

/// The records' sizes without names and extra fields.
inline constexpr std::size_t local_bytes = 30, central_bytes = 46, end_bytes = 22,
                             zip64_end_bytes = 56, zip64_locator_bytes = 20;

/// A number of 16 or 32 bits that says that the real one is in a ZIP64 record.
inline constexpr std::uint16_t in_zip64_16 = 0xffff;
inline constexpr std::uint32_t in_zip64_32 = 0xffff'ffff;

inline constexpr std::uint16_t zip64_extra_id = 1;
inline constexpr std::size_t extra_header_bytes = 4;  ///< id and size
/// The longest extra field of a record in the directory: three numbers of 64 bits.
inline constexpr std::size_t central_extra_bytes_max = extra_header_bytes + 3 * 8;

/// Offsets within a record of the central directory.
namespace central {
inline constexpr std::size_t time = 12, date = 14, crc = 16, size = 24, name_bytes = 28,
                             extra_bytes = 30;
}
/// Offsets within the end record.
namespace end {
inline constexpr std::size_t entries = 10, directory_bytes = 12, directory_offset = 16;
}
/// Offsets within the end record of ZIP64.
namespace zip64_end {
inline constexpr std::size_t entries = 32, directory_bytes = 40, directory_offset = 48;
}

}  // namespace podstudio::archive::record
