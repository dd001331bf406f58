// SPDX-License-Identifier: MIT
#include "archive/names.hpp"

#include "platform/text.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

namespace podstudio::archive {

namespace {

/// No file system's name is longer; what is longer is cut before anything else is done with it.
constexpr std::size_t original_bytes_max = 4096;
/// The longest ending that counts as an extension, with its dot.
constexpr std::size_t extension_bytes_max = 16;

constexpr std::string_view forbidden_punctuation = "%<>:\"/\\|?*";

constexpr std::string_view fallback_stem = "file";

/// The text under a mapping of utf8proc; empty where it is not valid UTF-8.
std::string mapped(std::string_view text, unsigned options) {
  utf8proc_uint8_t* made = nullptr;
  auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                           static_cast<utf8proc_ssize_t>(text.size()), &made,
                           static_cast<utf8proc_option_t>(options | UTF8PROC_STABLE));
  std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(made, &std::free);
  if (size < 0) return {};
  return {reinterpret_cast<const char*>(made), static_cast<std::size_t>(size)};
}

std::string to_nfc(std::string_view text) { return mapped(text, UTF8PROC_COMPOSE); }

/// Takes the first code point off a text; negative where that does not begin with one, which takes
/// a byte off.
utf8proc_int32_t take_code(std::string_view& text) {
  utf8proc_int32_t code = -1;
  auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                               static_cast<utf8proc_ssize_t>(text.size()), &code);
  text.remove_prefix(size > 0 ? static_cast<std::size_t>(size) : 1);
  return size > 0 ? code : -1;
}

void append_code(std::string& text, utf8proc_int32_t code) {
  utf8proc_uint8_t bytes[4];
  auto size = utf8proc_encode_char(code, bytes);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

/// What becomes of a character in a safe name.
enum class fate : std::uint8_t { kept, left_out, made_space, replaced };

fate fate_of(utf8proc_int32_t code) {
  if (code < 0x20) return fate::replaced;
  if (code < 0x7f)
    return forbidden_punctuation.find(static_cast<char>(code)) == std::string_view::npos
               ? fate::kept
               : fate::replaced;
  switch (utf8proc_category(code)) {
  case UTF8PROC_CATEGORY_ZS:
    return fate::made_space;
  case UTF8PROC_CATEGORY_CC:
  case UTF8PROC_CATEGORY_CS:
  case UTF8PROC_CATEGORY_CO:
  case UTF8PROC_CATEGORY_CN:  // a later Unicode may give it another normal form
  case UTF8PROC_CATEGORY_ZL:
  case UTF8PROC_CATEGORY_ZP:
    return fate::replaced;
  case UTF8PROC_CATEGORY_CF:
    return fate::left_out;
  default:
    return utf8proc_get_property(code)->ignorable ? fate::left_out : fate::kept;
  }
}

constexpr bool is_ascii_letter_or_digit(utf8proc_int32_t code) {
  return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z')
         || (code >= '0' && code <= '9');
}

fate ascii_fate_of(utf8proc_int32_t code) {
  if (auto usual = fate_of(code); usual != fate::kept) return usual;
  if (code == ' ') return fate::made_space;
  bool kept = is_ascii_letter_or_digit(code) || code == '.' || code == '_' || code == '-';
  return kept ? fate::kept : fate::replaced;
}

/// The text with each character dealt with.
std::string filtered(std::string_view text, name_style style) {
  bool ascii = style == name_style::ascii;
  std::string made;
  bool in_run = false;  // of characters that are replaced
  while (!text.empty()) {
    auto code = take_code(text);
    auto what = ascii ? ascii_fate_of(code) : fate_of(code);
    if (what == fate::left_out) continue;
    if (what == fate::kept) append_code(made, code);
    if (what == fate::made_space) made += ascii ? '-' : ' ';
    if (what == fate::replaced && !in_run) made += '_';
    in_run = what == fate::replaced;
  }
  return made;
}

constexpr std::string_view dots_and_spaces = ". ";

std::string_view trimmed(std::string_view name) {
  auto first = name.find_first_not_of(dots_and_spaces);
  if (first == std::string_view::npos) return {};
  return name.substr(first, name.find_last_not_of(dots_and_spaces) + 1 - first);
}

/// Whether Windows takes the name for a device: all up to the first dot, without regard to case and
/// to spaces at its end.
bool is_device_name(std::string_view name) {
  static constexpr std::array<std::string_view, 6> devices{"con", "prn",    "aux",
                                                           "nul", "conin$", "conout$"};
  auto stem = name.substr(0, name.find('.'));
  stem = stem.substr(0, stem.find_last_not_of(' ') + 1);
  auto folded = fold_name(stem);
  if (std::ranges::find(devices, folded) != devices.end()) return true;
  if (!folded.starts_with("com") && !folded.starts_with("lpt")) return false;
  // Windows counts the superscripts of Latin-1 as digits.
  auto number = std::string_view(folded).substr(3);
  return (number.size() == 1 && number[0] >= '0' && number[0] <= '9') || number == "\u00b9"
         || number == "\u00b2" || number == "\u00b3";
}

struct name_parts {
  std::string_view stem, extension;  ///< the extension with its dot, or empty
};

name_parts parts_of(std::string_view name) {
  auto dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || name.size() - dot > extension_bytes_max)
    return {name, {}};
  return {name.substr(0, dot), name.substr(dot)};
}

/// A safe name with `suffix` before its extension, its stem cut to fit.
std::string with_suffix(std::string_view name, const std::string& suffix) {
  auto [stem, extension] = parts_of(name);
  auto kept = cut_text(stem, name_bytes_max - suffix.size() - extension.size());
  if (kept.size() < stem.size()) kept = trimmed(kept);
  return std::string(kept) + suffix + std::string(extension);
}

}  // namespace

std::string fold_name(std::string_view name) {
  // Decomposed first (D145 of the Unicode Standard): marks change their order where U+0345 becomes
  // a letter.
  auto folded = mapped(mapped(name, UTF8PROC_DECOMPOSE), UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
  return folded.empty() ? std::string(name) : folded;
}

bool is_safe_name(std::string_view name) {
  if (name.empty() || name.size() > name_bytes_max || !is_utf8(name)) return false;
  if (trimmed(name) != name || is_device_name(name) || to_nfc(name) != name) return false;
  for (auto rest = name; !rest.empty();)
    if (fate_of(take_code(rest)) != fate::kept) return false;
  return true;
}

bool is_safe_path(std::string_view path) {
  if (path.size() > path_bytes_max) return false;
  for (std::size_t depth = 1; depth <= path_depth_max; ++depth) {
    auto slash = path.find('/');
    if (!is_safe_name(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
  return false;
}

std::string safe_name(std::string_view original, name_style style) {
  // What is not UTF-8 is replaced first, as nothing else can be told of it.
  std::string text;
  for (auto rest = original.substr(0, original_bytes_max); !rest.empty();)
    if (auto code = take_code(rest); code >= 0)
      append_code(text, code);
    else
      text += '?';
  if (style == name_style::ascii)
    text = mapped(text, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STRIPMARK);
  // Once more afterwards: a mark may have come next to its letter.
  auto name = to_nfc(filtered(to_nfc(text), style));
  name = with_suffix(trimmed(name), "");
  if (name.empty()) return std::string(fallback_stem);
  return is_device_name(name) ? with_suffix("_" + name, "") : name;
}

std::string unique_names::add(const std::string& name) {
  if (taken_.insert(fold_name(name)).second) return name;
  auto& number = numbers_.try_emplace(fold_name(name), 1).first->second;
  for (;;) {
    auto numbered = with_suffix(name, "-" + std::to_string(++number));
    if (taken_.insert(fold_name(numbered)).second) return numbered;
  }
}

std::string path_check::add(std::string_view path) {
  if (!is_safe_path(path)) return "has a name that is not safe on every system";
  auto folded = fold_name(path);
  if (folders_.contains(folded)) return "has the name of a folder";
  for (auto slash = folded.find('/'); slash != std::string::npos;
       slash = folded.find('/', slash + 1)) {
    auto folder = folded.substr(0, slash);
    if (files_.contains(folder)) return "is in a folder that has the name of a file";
    folders_.insert(std::move(folder));
  }
  if (!files_.insert(std::move(folded)).second) return "has the name of another entry";
  return {};
}

}  // namespace podstudio::archive
