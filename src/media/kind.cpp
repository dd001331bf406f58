#include "media/kind.hpp"

#include <array>

namespace podstudio {

namespace {

struct extension {
  std::string_view text;
  asset_type type;
};

constexpr auto extensions = std::to_array<extension>({
    {"png", asset_type::image},
    {"jpg", asset_type::image},
    {"gif", asset_type::image},
    {"bmp", asset_type::image},
    {"tiff", asset_type::image},
    {"webp", asset_type::image},
    {"wav", asset_type::audio},
    {"mp3", asset_type::audio},
    {"flac", asset_type::audio},
    {"ogg", asset_type::audio},
    {"m4a", asset_type::audio},
    {"aac", asset_type::audio},
    {"mp4", asset_type::video},
    {"mov", asset_type::video},
    {"avi", asset_type::video},
    {"mkv", asset_type::video},
    {"webm", asset_type::video},
    {"flv", asset_type::video},
});

constexpr bool same_ignoring_case(std::string_view name, std::string_view lower) noexcept {
  if (name.size() != lower.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    char c = name[i];
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c != lower[i]) return false;
  }
  return true;
}

}  // namespace

std::optional<asset_type> type_of(std::string_view file_name) noexcept {
  auto dot = file_name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  auto ending = file_name.substr(dot + 1);
  for (const auto& known : extensions)
    if (same_ignoring_case(ending, known.text)) return known.type;
  return std::nullopt;
}

}  // namespace podstudio
