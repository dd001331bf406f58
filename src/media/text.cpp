// SPDX-License-Identifier: MIT
#include "media/text.hpp"

#include <charconv>
#include <cmath>

namespace podstudio::media {

namespace {

/// How long the valid character at the front is; 0 where there is none.
std::size_t character_size(std::string_view text) noexcept {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto follows = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return follows(1) ? 2 : 0;
  if (first < 0xf0) {
    if (!follows(1) || !follows(2)) return 0;
    if (first == 0xe0 && byte(1) < 0xa0) return 0;
    if (first == 0xed && byte(1) >= 0xa0) return 0;
    return 3;
  }
  if (first < 0xf5) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if (first == 0xf0 && byte(1) < 0x90) return 0;
    if (first == 0xf4 && byte(1) >= 0x90) return 0;
    return 4;
  }
  return 0;
}

void append_character(std::string& to, std::uint32_t code) {
  auto put = [&](std::uint32_t byte) { to += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

}  // namespace

std::string clean_text(std::string_view bytes, std::size_t size_bytes_max) {
  std::string made;
  made.reserve(std::min(bytes.size(), size_bytes_max));
  while (!bytes.empty()) {
    auto size = character_size(bytes);
    auto before = made.size();
    if (bytes[0] == '\0') {
      size = 1;
    } else if (size > 0) {
      made += bytes.substr(0, size);
    } else {
      append_character(made, static_cast<unsigned char>(bytes[0]));
      size = 1;
    }
    if (made.size() > size_bytes_max) {
      made.resize(before);
      break;
    }
    bytes.remove_prefix(size);
  }
  return made;
}

std::string clean_name(std::string_view bytes, std::size_t size_bytes_max) {
  auto made = clean_text(bytes, size_bytes_max);
  for (auto& c : made)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  // C1 controls, which act on terminals, are two bytes each.
  for (std::size_t i = 0; i + 1 < made.size(); ++i)
    if (made[i] == '\xc2' && static_cast<unsigned char>(made[i + 1]) < 0xa0)
      made.replace(i, 2, " ");
  return std::string(trimmed(made));
}

std::string from_utf16(bytes_view bytes, byte_order likely, std::size_t size_bytes_max) {
  auto order = likely;
  if (bytes.size() >= 2 && bytes[0] == 0xff && bytes[1] == 0xfe) {
    order = byte_order::little;
    bytes = bytes.subspan(2);
  } else if (bytes.size() >= 2 && bytes[0] == 0xfe && bytes[1] == 0xff) {
    order = byte_order::big;
    bytes = bytes.subspan(2);
  } else {
    std::size_t even = 0, odd = 0;
    for (std::size_t i = 0; i + 1 < std::min<std::size_t>(bytes.size(), 4096); i += 2) {
      even += bytes[i] == 0;
      odd += bytes[i + 1] == 0;
    }
    if (even > 2 * odd) order = byte_order::big;
    if (odd > 2 * even) order = byte_order::little;
  }
  std::string made;
  byte_cursor cursor(bytes, order);
  constexpr std::uint32_t replacement = 0xfffd;
  while (cursor.left() >= 2 && made.size() + 4 <= size_bytes_max) {
    std::uint32_t code = cursor.u16();
    if (code >= 0xd800 && code < 0xdc00) {
      auto ahead = cursor;
      std::uint32_t low = ahead.u16();
      if (low >= 0xdc00 && low < 0xe000) {
        cursor = ahead;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      } else {
        code = replacement;
      }
    } else if (code >= 0xdc00 && code < 0xe000) {
      code = replacement;
    }
    if (code != 0) append_character(made, code);
  }
  return made;
}

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view white = " \t\r\n\v\f";
  auto from = text.find_first_not_of(white);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(white) - from + 1);
}

std::string lower_case(std::string_view text) {
  std::string made(text);
  for (auto& c : made)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return made;
}

bool parse_number(std::string_view text, std::uint64_t& number) noexcept {
  text = trimmed(text);
  std::uint64_t value = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || text.empty()) return false;
  number = value;
  return true;
}

bool parse_number(std::string_view text, double& number) noexcept {
  text = trimmed(text);
  double value = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return false;
  number = value;
  return true;
}

}  // namespace podstudio::media
