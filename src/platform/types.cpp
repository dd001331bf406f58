// SPDX-License-Identifier: MIT
#include "platform/types.hpp"

#include <array>
#include <cstring>
#include <stdexcept>
#include <sys/random.h>

namespace podstudio {

namespace {

/// The value of each hexadecimal digit, -1 for what is none. A table, as the start of a service
/// reads a digest of each asset.
constexpr auto nibbles = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (int i = 0; i < 10; ++i)
    values[static_cast<std::size_t>('0' + i)] = static_cast<std::int8_t>(i);
  for (int i = 10; i < 16; ++i)
    for (char first : {'a', 'A'})
      values[static_cast<std::size_t>(first + i - 10)] = static_cast<std::int8_t>(i);
  return values;
}();

int nibble(char c) noexcept { return nibbles[static_cast<unsigned char>(c)]; }

}  // namespace

uuid make_uuid() {
  uuid id{};
  if (getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size()))
    throw std::runtime_error("the system's random source returned no bytes");
  id[6] = static_cast<std::uint8_t>((id[6] & 0x0f) | 0x40);
  id[8] = static_cast<std::uint8_t>((id[8] & 0x3f) | 0x80);
  return id;
}

std::string to_hex(const std::uint8_t* bytes, std::size_t size) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text(size * 2, '0');
  for (std::size_t i = 0; i < size; ++i) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 15];
  }
  return text;
}

bool from_hex(const std::string& text, std::uint8_t* bytes, std::size_t size) {
  if (text.size() != size * 2) return false;
  int all = 0;  // negative once one is
  for (char c : text)
    all |= nibble(c);
  if (all < 0) return false;
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::uint8_t>(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
  return true;
}

std::string to_string(const uuid& id) {
  auto hex = to_hex(id);
  for (std::size_t at : {8u, 13u, 18u, 23u})
    hex.insert(at, 1, '-');
  return hex;
}

bool parse_uuid(const std::string& text, uuid& id) {
  if (text.size() != 36) return false;
  std::string hex;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return false;
    if (!dash) hex += text[i];
  }
  return from_hex(hex, id.data(), id.size());
}

}  // namespace podstudio
