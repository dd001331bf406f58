// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What marketplaces and printers ask for, as profiles.json has it.
namespace podstudio::packs {

/// What is not set is not known and not checked.
struct profile {
  std::string id, name;

  // Files of a listing.
  std::optional<std::uint64_t> max_file_bytes;  ///< of an archive
  std::optional<std::uint64_t> max_files;       ///< archives of a listing
  bool names_ascii = false;                     ///< of files: without special characters
  bool names_without_spaces = false;

  // Previews.
  std::optional<std::uint64_t> previews_min;
  std::optional<std::uint64_t> preview_width, preview_height;  ///< pixels
  bool previews_at_root = false;                               ///< of the archive

  // Pictures.
  std::vector<std::string> formats;  ///< by MIME type; empty: any
  std::optional<double> print_width_in, print_height_in;
  bool print_fills = false;              ///< the picture fills the print, not only fits into it
  std::optional<std::uint64_t> dpi;      ///< that a print should have
  std::optional<std::uint64_t> dpi_min;  ///< below it, pictures are refused
  std::optional<std::uint64_t> asset_bytes_max;
  bool cut_out = false;  ///< transparency is expected

  // Texts, in characters.
  std::optional<std::uint64_t> title_max, short_text_max, long_text_max;
  std::optional<std::uint64_t> tags_max, tag_max;
  std::vector<std::string> forbidden_words;  ///< that no text may hold
  bool names_refused = false;                ///< of artists and real people, in titles and tags

  /// What the seller has to do where AI was used; empty: nothing is asked for.
  std::string disclosure;
};

struct profile_list {
  std::string date;  ///< when the figures were found, `2026-11-30`
  std::vector<profile> profiles;
};

/// Error `invalid_argument`, naming the profile and the key, for what is not as above.
result<profile_list> parse_profiles(std::string_view text);

/// Those that the program knows; `generic`, without limits, is the first.
const result<profile_list>& known_profiles();

/// Error: `not_found`, with the ids there are.
result<profile> find_profile(std::string_view id);

inline constexpr std::string_view generic_profile = "generic";

/// `{id name date max_file_bytes ...}`: what is set.
nlohmann::json to_json(const profile& of, const std::string& date);

}  // namespace podstudio::packs
