// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>

/// The names that an archive's own files have, and the order of all: what people read first, then
/// what programs check by, then the previews and the assets.
namespace podstudio::archive {

inline constexpr std::string_view readme_name = "README.md", license_name = "LICENSE.txt",
                                  store_copy_name = "store_copy.txt",
                                  manifest_name = "manifest.json",
                                  signature_name = "manifest.json.sig",
                                  checksums_name = "checksums.txt",
                                  prompts_name = "prompts/prompts.txt",
                                  previews_folder = "previews/", assets_folder = "assets/";

inline constexpr std::string_view fixed_names[] = {readme_name,   license_name,   store_copy_name,
                                                   manifest_name, signature_name, checksums_name};

/// Whether this is the name of one of the archive's own files, which no asset may have.
constexpr bool is_fixed_name(std::string_view name) noexcept {
  return std::ranges::find(fixed_names, name) != std::end(fixed_names);
}

/// Where an entry stands among the others: those of a lower rank come before it.
constexpr int rank_of(std::string_view name, bool is_asset) noexcept {
  constexpr int others = std::size(fixed_names), assets = others + 1;
  if (is_asset) return assets;
  return static_cast<int>(std::ranges::find(fixed_names, name) - std::begin(fixed_names));
}

/// Whether a manifest cannot list the entry, because the entry is made from the manifest.
constexpr bool is_outside_manifest(std::string_view name) noexcept {
  return name == manifest_name || name == signature_name || name == checksums_name;
}

}  // namespace podstudio::archive
