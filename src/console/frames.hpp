// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// The console's wire format: length-prefixed messages. Each is the length in bytes as a big-endian
/// 4-byte number, followed by a JSON text of protocol.hpp. A peer sends a request and reads the
/// reply before it sends the next. The length is checked before memory is allocated, and the buffer
/// grows only as data arrives.
namespace podstudio {

using frame_header = std::array<std::uint8_t, 4>;

/// The longest request, in bytes.
inline constexpr std::size_t request_bytes_max = std::size_t{4} << 20;
/// The longest reply, in bytes.
inline constexpr std::size_t reply_bytes_max = std::size_t{256} << 20;
/// By how much a buffer is ahead of the data at most, in bytes.
inline constexpr std::size_t frame_step_bytes = std::size_t{64} << 10;

constexpr frame_header make_frame_header(std::size_t size_bytes) {
  return {static_cast<std::uint8_t>(size_bytes >> 24), static_cast<std::uint8_t>(size_bytes >> 16),
          static_cast<std::uint8_t>(size_bytes >> 8), static_cast<std::uint8_t>(size_bytes)};
}

constexpr std::size_t size_of_frame(const frame_header& header) {
  return std::size_t{header[0]} << 24 | std::size_t{header[1]} << 16 | std::size_t{header[2]} << 8
         | std::size_t{header[3]};
}

}  // namespace podstudio
