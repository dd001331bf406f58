// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace podstudio {

/// A row id of the `asset`, `pack` or `job` table; positive, never used twice.
using asset_id = std::int64_t;
using pack_id = std::int64_t;
using job_id = std::int64_t;
using root_id = std::int64_t;

/// The position of an event in the log; the first is 1.
using sequence_number = std::uint64_t;

/// A SHA-256 digest, 32 bytes.
using digest = std::array<std::uint8_t, 32>;

/// A random 128-bit identifier (RFC 4122, version 4).
using uuid = std::array<std::uint8_t, 16>;

uuid make_uuid();

/// Lower-case hexadecimal, two digits a byte.
std::string to_hex(const std::uint8_t* bytes, std::size_t size);
template <std::size_t N>
std::string to_hex(const std::array<std::uint8_t, N>& bytes) {
  return to_hex(bytes.data(), N);
}
/// The reverse; false (and `bytes` unchanged) unless `text` is exactly 2 * size hexadecimal digits.
bool from_hex(const std::string& text, std::uint8_t* bytes, std::size_t size);

/// `8-4-4-4-12` form.
std::string to_string(const uuid& id);
bool parse_uuid(const std::string& text, uuid& id);

}  // namespace podstudio
