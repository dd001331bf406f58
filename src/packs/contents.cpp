// SPDX-License-Identifier: MIT
#include "packs/contents.hpp"

#include "packs/words.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace podstudio::packs {

namespace {

using members = std::vector<const member*>;

struct media_kind {
  std::string_view type, one, many;
  const char* ai_kind;
};
constexpr media_kind media_kinds[] = {{"image", "image", "images", "graphics"},
                                      {"audio", "sound", "sounds", "sound"},
                                      {"video", "clip", "clips", "video"}};

constexpr std::pair<std::string_view, const char*> formats[] = {
    {"image/apng", "APNG"},     {"image/bmp", "BMP"},   {"image/gif", "GIF"},
    {"image/jpeg", "JPEG"},     {"image/png", "PNG"},   {"image/tiff", "TIFF"},
    {"image/webp", "WebP"},     {"audio/aac", "AAC"},   {"audio/flac", "FLAC"},
    {"audio/mp4", "M4A"},       {"audio/mpeg", "MP3"},  {"audio/ogg", "Ogg"},
    {"audio/wav", "WAV"},       {"audio/webm", "WebM"}, {"audio/x-matroska", "Matroska"},
    {"video/mp4", "MP4"},       {"video/ogg", "Ogg"},   {"video/quicktime", "QuickTime"},
    {"video/webm", "WebM"},     {"video/x-flv", "FLV"}, {"video/x-matroska", "Matroska"},
    {"video/x-msvideo", "AVI"},
};

members of_type(const snapshot& pack, std::string_view type) {
  members found;
  for (const auto& each : pack.members)
    if (each.type == type) found.push_back(&each);
  return found;
}

/// The value of each, or nothing if one has none.
template <class Value, class Get>
std::optional<std::vector<Value>> all_of(const members& assets, Get get) {
  std::vector<Value> values;
  for (const auto* each : assets) {
    std::optional<Value> value = get(*each);
    if (!value) return std::nullopt;
    values.push_back(*std::move(value));
  }
  return values;
}

/// ` (JPEG, PNG)`
std::string formats_of(const members& assets) {
  auto names = all_of<std::string>(assets, [](const member& of) -> std::optional<std::string> {
    for (const auto& [mime, name] : formats)
      if (of.mime == mime) return name;
    return std::nullopt;
  });
  if (!names) return {};
  std::string text;
  for (const auto& each : std::set<std::string>(names->begin(), names->end()))
    text += (text.empty() ? " (" : ", ") + each;
  return text + ")";
}

/// `, from A to B`, or `, A` where both are the same.
std::string range_of(const std::string& low, const std::string& high, const std::string& unit) {
  return ", " + (low == high ? low : low + " to " + high) + unit;
}

std::string sizes_of(const members& assets) {
  using size = std::pair<std::int64_t, std::int64_t>;
  auto sizes = all_of<size>(assets, [](const member& of) -> std::optional<size> {
    if (!of.width || !of.height) return std::nullopt;
    return size{*of.width, *of.height};
  });
  if (!sizes) return {};
  auto area = [](const size& of) {
    return std::pair(static_cast<double>(of.first) * static_cast<double>(of.second), of.first);
  };
  auto text = [](const size& of) {
    return std::to_string(of.first) + " x " + std::to_string(of.second);
  };
  auto [low, high] = std::ranges::minmax_element(*sizes, {}, area);
  return range_of(text(*low), text(*high), " pixels");
}

std::string dpi_of(const members& assets) {
  auto all = all_of<double>(assets, [](const member& of) -> std::optional<double> {
    if (!of.dpi_x || !of.dpi_y || !(*of.dpi_x >= 1 && *of.dpi_y >= 1)) return std::nullopt;
    return std::round(std::min(*of.dpi_x, *of.dpi_y));
  });
  if (!all) return {};
  auto [low, high] = std::ranges::minmax_element(*all);
  return range_of(decimal_of(*low), decimal_of(*high), " DPI");
}

std::string transparency_of(const members& assets) {
  auto count = static_cast<std::size_t>(std::ranges::count_if(
      assets, [](const member* each) { return each->alpha_used.value_or(false); }));
  if (count == 0) return {};
  if (count == assets.size()) return ", with transparency";
  return ", " + std::to_string(count) + " with transparency";
}

std::string durations_of(const members& assets) {
  auto all = all_of<double>(assets, [](const member& of) { return of.duration_sec; });
  if (!all) return {};
  auto [low, high] = std::ranges::minmax_element(*all);
  return range_of(duration_of(*low), duration_of(*high), " minutes");
}

std::string samplerates_of(const members& assets) {
  auto all = all_of<std::int64_t>(assets, [](const member& of) { return of.samplerate_hz; });
  if (!all) return {};
  auto [low, high] = std::ranges::minmax_element(*all);
  constexpr double hz_in_khz = 1'000;
  return range_of(decimal_of(static_cast<double>(*low) / hz_in_khz),
                  decimal_of(static_cast<double>(*high) / hz_in_khz), " kHz");
}

std::string facts_of(std::string_view type, const members& assets) {
  if (type == "image") return sizes_of(assets) + dpi_of(assets) + transparency_of(assets);
  if (type == "audio") return durations_of(assets) + samplerates_of(assets);
  return sizes_of(assets) + durations_of(assets);
}

/// `All 12 files were` or `3 of the 12 files were`.
std::string share_of(std::size_t part, std::size_t whole) {
  if (whole == 1) return "The file was";
  if (part == whole) return (whole == 2 ? "Both" : "All " + std::to_string(whole)) + " files were";
  return std::to_string(part) + " of the " + std::to_string(whole) + " files "
         + (part == 1 ? "was" : "were");
}

std::string disclosure_of(const snapshot& pack) {
  auto count = [&](std::string_view provenance) {
    return static_cast<std::size_t>(
        std::ranges::count(pack.members, provenance, &member::provenance));
  };
  std::string text;
  if (auto made = count("ai_generated"); made > 0)
    text = share_of(made, pack.members.size()) + " created with generative AI.";
  if (auto enhanced = count("enhanced"); enhanced > 0)
    text += (text.empty() ? "" : " ") + share_of(enhanced, pack.members.size())
            + " enhanced with AI tools.";
  return text;
}

bool is_ai_made(const member* of) {
  return of->provenance == "ai_generated" || of->provenance == "enhanced";
}

}  // namespace

contents contents_of(const snapshot& pack) {
  contents made;
  std::vector<std::string> counts;
  for (const auto& kind : media_kinds) {
    auto assets = of_type(pack, kind.type);
    if (assets.empty()) continue;
    counts.push_back(count_of(assets.size(), kind.one, kind.many));
    made.lines.push_back(counts.back() + formats_of(assets) + facts_of(kind.type, assets));
    if (std::ranges::any_of(assets, is_ai_made)) made.ai_kinds.push_back(kind.ai_kind);
  }
  made.summary = list_of(counts);
  made.ai_disclosure = disclosure_of(pack);
  return made;
}

}  // namespace podstudio::packs
