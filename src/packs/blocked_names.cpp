// SPDX-License-Identifier: MIT
#include "packs/blocked_names.hpp"

#include "platform/files.hpp"
#include "platform/fold_text.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <span>

namespace podstudio::packs {

namespace {

/// Everything beyond ASCII counts as a letter, but for what `without_punctuation` leaves out.
bool is_letter(char c) {
  return (c & 0x80) != 0 || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// The signs of trade marks and service marks as spaces: `fold_text` makes letters of them.
std::string without_trade_marks(std::string text) {
  for (std::string_view sign : {"\u2122", "\u2120"})
    for (auto at = text.find(sign); at != std::string::npos; at = text.find(sign, at))
      text.replace(at, sign.size(), " ");
  return text;
}

/// Latin-1's signs (U+0080 to U+00BF; `fold_text` leaves no letter of these) and the general
/// punctuation block (U+2000 to U+206F) as spaces.
std::string without_punctuation(std::string text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    auto second = static_cast<unsigned char>(text[i + 1]);
    if (text[i] == '\xc2')
      text.replace(i, 2, 2, ' ');
    else if (text[i] == '\xe2' && (second == 0x80 || second == 0x81) && i + 2 < text.size())
      text.replace(i, 3, 3, ' ');
  }
  return text;
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
  auto folded = without_punctuation(fold_text(without_trade_marks(std::string(text))));
  std::vector<std::string> words;
  for (auto at = folded.begin(); at != folded.end();) {
    auto begin = std::find_if(at, folded.end(), is_letter);
    at = std::find_if_not(begin, folded.end(), is_letter);
    if (begin != at) words.emplace_back(begin, at);
  }
  return words;
}

result<blocked_names> blocked_names::parse(std::string_view text, std::string_view file) {
  if (text.size() > blocked_names_bytes_max)
    return error{error_code::refused, in_quotes(file) + " is larger than "
                                          + std::to_string(blocked_names_bytes_max >> 20)
                                          + " MiB; shorten it"};
  if (!is_utf8(text))
    return error{error_code::invalid_argument,
                 in_quotes(file) + " is not valid UTF-8; save it as UTF-8"};
  blocked_names made;
  std::size_t count = 0;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    auto line = clean_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    if (++count > blocked_names_max)
      return error{error_code::refused, in_quotes(file) + " has more than "
                                            + std::to_string(blocked_names_max)
                                            + " names; remove some"};
    made.add(line);
  }
  return made;
}

blocked_names blocked_names::of(const std::vector<std::string>& names) {
  blocked_names made;
  for (const auto& each : names)
    made.add(each);
  return made;
}

void blocked_names::add(std::string_view listed) {
  auto words = words_of(listed);
  if (words.empty()) return;
  auto first = words.front();
  by_first_word_[first].push_back({std::string(listed), std::move(words)});
}

std::string_view blocked_names::find_in(std::string_view text) const {
  if (empty()) return {};
  auto words = words_of(text);
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto names = by_first_word_.find(words[i]);
    if (names == by_first_word_.end()) continue;
    auto rest = std::span(words).subspan(i);
    for (const auto& each : names->second)
      if (each.words.size() <= rest.size()
          && std::ranges::equal(each.words, rest.first(each.words.size())))
        return each.listed;
  }
  return {};
}

result<blocked_names> read_blocked_names(const std::string& path) {
  auto text = read_small_file(path, blocked_names_bytes_max, last_link::refuse);
  if (text) return blocked_names::parse(*text, path);
  if (text.failure().code == error_code::not_found) return blocked_names();
  return text.failure();
}

}  // namespace podstudio::packs
