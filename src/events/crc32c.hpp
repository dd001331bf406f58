// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace podstudio {

/// CRC-32C (Castagnoli, as in RFC 3720 B.4) of `size` bytes. `crc` continues an earlier call's
/// result. Uses the processor's instruction where there is one (about 8 bytes in 3 cycles).
std::uint32_t crc32c(const void* bytes, std::size_t size, std::uint32_t crc = 0) noexcept;

/// The same by a table, for processors without the instruction.
std::uint32_t crc32c_by_table(const void* bytes, std::size_t size, std::uint32_t crc = 0) noexcept;

}  // namespace podstudio
