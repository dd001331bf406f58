// SPDX-License-Identifier: MIT
#include "media/kind.hpp"

#include <algorithm>

namespace podstudio {

namespace {

struct taken_ending {
  std::string_view text;
  asset_type type;
};

constexpr auto image = asset_type::image, audio = asset_type::audio, video = asset_type::video;

/// In alphabetical order.
constexpr auto taken_endings = std::to_array<taken_ending>({
    {"aac", audio},  {"adts", audio}, {"apng", image}, {"avi", video},  {"bmp", image},
    {"dib", image},  {"f4v", video},  {"flac", audio}, {"flv", video},  {"gif", image},
    {"jfif", image}, {"jif", image},  {"jpe", image},  {"jpeg", image}, {"jpg", image},
    {"m4a", audio},  {"m4b", audio},  {"m4v", video},  {"mkv", video},  {"mov", video},
    {"mp3", audio},  {"mp4", video},  {"oga", audio},  {"ogg", audio},  {"opus", audio},
    {"png", image},  {"qt", video},   {"tif", image},  {"tiff", image}, {"wav", audio},
    {"wave", audio}, {"webm", video}, {"webp", image},
});
static_assert(std::ranges::is_sorted(taken_endings, {}, &taken_ending::text));
static_assert(std::ranges::is_sorted(not_taken_endings));

/// The ending of a name in lower case. One that is longer than any known one is cut, and so is none
/// of them.
class lower_ending {
public:
  explicit lower_ending(std::string_view name) noexcept {
    auto dot = name.rfind('.');
    if (dot == std::string_view::npos || dot == 0) return;
    for (char c : name.substr(dot + 1, sizeof letters_))
      letters_[size_++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  std::string_view text() const noexcept { return {letters_, size_}; }

private:
  char letters_[10];
  std::size_t size_ = 0;
};

constexpr bool shorter_than_cut(std::string_view text) { return text.size() < 10; }
static_assert(std::ranges::all_of(not_taken_endings, shorter_than_cut));
static_assert(std::ranges::all_of(taken_endings, shorter_than_cut, &taken_ending::text));

}  // namespace

std::optional<asset_type> type_of(std::string_view file_name) noexcept {
  lower_ending ending(file_name);
  auto at = std::ranges::lower_bound(taken_endings, ending.text(), {}, &taken_ending::text);
  if (at == taken_endings.end() || at->text != ending.text()) return std::nullopt;
  return at->type;
}

std::optional<std::size_t> not_taken_place(std::string_view file_name) noexcept {
  lower_ending ending(file_name);
  auto at = std::ranges::lower_bound(not_taken_endings, ending.text());
  if (at == not_taken_endings.end() || *at != ending.text()) return std::nullopt;
  return static_cast<std::size_t>(at - not_taken_endings.begin());
}

}  // namespace podstudio
