// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace system_test {

/// A PNG with a tEXt chunk behind its header: the same picture in other bytes.
inline std::string with_text(const std::string& png, std::string text) {
  auto number = [](std::uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes += static_cast<char>(value >> shift);
    return bytes;
  };
  auto size = static_cast<std::uint32_t>(text.size());
  text = "tEXt" + text;
  std::uint32_t crc = ~0u;
  for (unsigned char byte : text) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = crc & 1 ? 0xedb88320u ^ (crc >> 1) : crc >> 1;
  }
  constexpr std::size_t header_end = 8 + 25;
  return png.substr(0, header_end) + number(size) + text + number(~crc) + png.substr(header_end);
}

}  // namespace system_test
