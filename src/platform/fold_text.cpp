// SPDX-License-Identifier: MIT
#include "platform/fold_text.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace podstudio {

namespace {

/// A mark above, below or around a letter that is read without it too. In other scripts marks part
/// letters.
bool is_mark(std::int32_t code) {
  struct range {
    std::int32_t first, last;
  };
  constexpr range ranges[] = {
      {0x0300, 0x036f}, {0x0483, 0x0489}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},  // of most alphabets
      {0x0591, 0x05c7},                                                        // Hebrew
      {0x064b, 0x0670},                                                        // Arabic
      {0x20d0, 0x20ff}, {0xfe20, 0xfe2f},                                      // of symbols, halves
  };
  auto kind = utf8proc_category(code);
  return (kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_ME)
         && std::ranges::any_of(
             ranges, [code](const range& each) { return code >= each.first && code <= each.last; });
}

std::string fold_ascii(std::string_view text) {
  std::string folded(text);
  for (auto& c : folded)
    c = static_cast<char>(c + (c >= 'A' && c <= 'Z' ? 'a' - 'A' : 0));
  return folded;
}

}  // namespace

std::string fold_text(std::string_view text) {
  // Nearly all paths are.
  if (std::ranges::all_of(text, [](char c) { return (c & 0x80) == 0; })) return fold_ascii(text);
  constexpr auto options = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT
                                                          | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
  auto decompose = [&](std::vector<std::int32_t>& into) {
    return utf8proc_decompose(reinterpret_cast<const std::uint8_t*>(text.data()),
                              static_cast<utf8proc_ssize_t>(text.size()), into.data(),
                              static_cast<utf8proc_ssize_t>(into.size()), options);
  };
  std::vector<std::int32_t> codes(text.size());  // enough for all but a few compatible forms
  auto count = decompose(codes);
  if (count > static_cast<utf8proc_ssize_t>(codes.size())) {
    codes.resize(static_cast<std::size_t>(count));
    count = decompose(codes);
  }
  if (count < 0) return std::string(text);
  codes.resize(static_cast<std::size_t>(count));
  std::erase_if(codes, is_mark);
  std::ranges::replace(codes, 0x131, 'i');
  count = utf8proc_normalize_utf32(codes.data(), static_cast<utf8proc_ssize_t>(codes.size()),
                                   static_cast<utf8proc_option_t>(options | UTF8PROC_COMPOSE));
  std::string folded;
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    std::uint8_t bytes[4];
    auto size = utf8proc_encode_char(codes[static_cast<std::size_t>(i)], bytes);
    folded.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }
  return folded;
}

}  // namespace podstudio
