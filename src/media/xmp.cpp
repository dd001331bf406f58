// SPDX-License-Identifier: MIT
#include "media/xmp.hpp"

#include "media/text.hpp"

#include <charconv>
#include <cstdint>

namespace podstudio::media {

namespace {

bool is_name_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
         || c == '-' || c == '.';
}

/// An attribute's value in the text behind its name; nothing where no `="..."` follows.
std::string_view quoted_value(std::string_view behind) noexcept {
  auto at = behind.find_first_not_of(" \t\r\n");
  if (at == std::string_view::npos || behind[at] != '=') return {};
  at = behind.find_first_not_of(" \t\r\n", at + 1);
  if (at == std::string_view::npos || (behind[at] != '"' && behind[at] != '\'')) return {};
  auto end = behind.find(behind[at], at + 1);
  if (end == std::string_view::npos) return {};
  return behind.substr(at + 1, end - at - 1);
}

/// The text of an element from behind its name on: its own, or that of the first element within
/// that has any; or its rdf:resource.
std::string_view element_value(std::string_view behind) noexcept {
  auto close = behind.find('>');
  if (close == std::string_view::npos) return {};
  auto tag = behind.substr(0, close);
  if (auto at = tag.find("resource"); at != std::string_view::npos)
    if (auto value = quoted_value(tag.substr(at + 8)); !value.empty()) return value;
  if (!tag.empty() && tag.back() == '/') return {};
  auto rest = behind.substr(close + 1);
  constexpr int nested_max = 4;
  for (int i = 0; i < nested_max; ++i) {
    auto open = rest.find('<');
    auto text = rest.substr(0, open);
    if (!trimmed(text).empty()) return text;
    if (open == std::string_view::npos || rest.substr(open, 2) == "</") return {};
    auto end = rest.find('>', open);
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  return {};
}

void append_code(std::string& to, std::uint32_t code) {
  if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return;
  std::uint8_t pair[4];
  if (code < 0x10000) {
    pair[0] = static_cast<std::uint8_t>(code >> 8);
    pair[1] = static_cast<std::uint8_t>(code);
    to += from_utf16(bytes_view(pair, 2), byte_order::big, 8);
    return;
  }
  auto rest = code - 0x10000;
  auto high = 0xd800 + (rest >> 10), low = 0xdc00 + (rest & 0x3ff);
  pair[0] = static_cast<std::uint8_t>(high >> 8);
  pair[1] = static_cast<std::uint8_t>(high);
  pair[2] = static_cast<std::uint8_t>(low >> 8);
  pair[3] = static_cast<std::uint8_t>(low);
  to += from_utf16(bytes_view(pair, 4), byte_order::big, 8);
}

}  // namespace

std::string decode_entities(std::string_view text) {
  std::string made;
  made.reserve(text.size());
  constexpr std::size_t entity_size_max = 10;
  while (!text.empty()) {
    auto at = text.find('&');
    made += text.substr(0, at);
    if (at == std::string_view::npos) break;
    text.remove_prefix(at);
    auto end = text.substr(0, entity_size_max).find(';');
    auto name = end == std::string_view::npos ? std::string_view() : text.substr(1, end - 1);
    std::size_t taken = end + 1;
    if (name == "amp")
      made += '&';
    else if (name == "lt")
      made += '<';
    else if (name == "gt")
      made += '>';
    else if (name == "quot")
      made += '"';
    else if (name == "apos")
      made += '\'';
    else if (name.starts_with('#')) {
      bool hexadecimal = name.substr(1, 1) == "x" || name.substr(1, 1) == "X";
      auto digits = name.substr(hexadecimal ? 2 : 1);
      std::uint32_t code = 0;
      std::from_chars(digits.data(), digits.data() + digits.size(), code, hexadecimal ? 16 : 10);
      append_code(made, code);
    } else {
      made += '&';
      taken = 1;
    }
    text.remove_prefix(taken);
  }
  return made;
}

std::string xmp_value(std::string_view packet, std::string_view local_name,
                      std::size_t size_bytes_max) {
  constexpr int places_max = 64;
  std::size_t at = 0;
  for (int i = 0; i < places_max; ++i) {
    at = packet.find(local_name, at);
    if (at == std::string_view::npos) return {};
    auto behind = packet.substr(at + local_name.size());
    bool whole =
        at > 0 && packet[at - 1] == ':' && !behind.empty() && !is_name_character(behind[0]);
    if (whole) {
      auto prefix = at - 1;
      while (prefix > 0 && is_name_character(packet[prefix - 1]))
        --prefix;
      bool element = prefix > 0 && packet[prefix - 1] == '<';
      auto value = element ? element_value(behind) : quoted_value(behind);
      if (!trimmed(value).empty())
        return clean_text(decode_entities(trimmed(cut_text(value, size_bytes_max))),
                          size_bytes_max);
    }
    at += local_name.size();
  }
  return {};
}

}  // namespace podstudio::media
