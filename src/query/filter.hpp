// SPDX-License-Identifier: MIT
#pragma once

#include "events/labels.hpp"
#include "platform/error.hpp"
#include "platform/types.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace podstudio {

/// A range of numbers that may have decimals, including both ends.
struct decimal_range {
  double low = 0;
  double high = 0;
  bool operator==(const decimal_range&) const = default;
};
/// How far a number may be from one that is asked for: people write 29.97 for 30000/1001.
inline constexpr double decimal_slack = 0.005;
inline constexpr std::uint64_t filter_pixels_max = std::numeric_limits<std::uint32_t>::max();
inline constexpr std::uint64_t filter_seconds_max = 1'000'000'000;
inline constexpr std::uint64_t filter_fps_max = std::numeric_limits<std::int32_t>::max();

/// The filter of `asset list` and `--all-matching`. All criteria that are given must hold.
struct asset_filter {
  std::optional<asset_type> type;
  label_filter labels;
  bool missing = false;     ///< only those whose file is gone
  bool duplicates = false;  ///< only those whose content is in another file too, both there
  std::optional<std::string> tag;
  std::optional<std::string> folder;  ///< only those below it; absolute, as `lexical_path` has it
  /// Words, each of which is a part of the path, theme, source or a tag; as `fold_text` has them.
  std::optional<std::string> search;

  // By what was read from the files; where it is not known, nothing of it holds.
  std::optional<number_range> width, height;       ///< pixels, as the file has them
  std::optional<decimal_range> duration_sec, fps;  ///< with `decimal_slack` at both ends
  std::optional<std::string> tool;    ///< as the tables have it, ignoring the case of ASCII letters
  std::optional<std::string> model;   ///< a part of its name; compared as `fold_text` has them
  std::optional<std::string> prompt;  ///< words, each of which is a part of it; likewise
  std::optional<std::uint64_t> seed;
  std::optional<bool> alpha;  ///< the pixels have transparency
  bool broken = false;        ///< only those with a problem
  bool unread = false;        ///< only those of which nothing was read yet

  asset_id after = 0;  ///< only higher ids: the last one of the page before
  std::int64_t limit = 1'000;
  bool operator==(const asset_filter&) const = default;
};

inline constexpr std::int64_t max_assets_per_page = 10'000;
inline constexpr std::size_t max_search_bytes = 1'000;
inline constexpr std::size_t max_search_words = 32;

/// What stands between the white space of a search, folded.
std::vector<std::string> search_words(const std::string& search);

/// A filter from a JSON object with the keys `type missing duplicates tag folder search width
/// height duration fps tool model prompt seed alpha no_alpha broken unread after limit` and those
/// of the labels (events/labels.hpp); null counts as not given. Error `invalid_argument` for an
/// unknown key, a value of a wrong type or out of range, or an unknown word (the message lists the
/// known ones).
result<asset_filter> parse_filter(const nlohmann::json& given);

/// Whether a page of `list_assets` is a few rows that an index finds, however large the library is.
/// A condition without an index may look at many assets to find few.
bool is_quick(const asset_filter& filter);
/// A longer page is not quick.
inline constexpr std::int64_t quick_rows_max = 1'000;

/// The JSON Schema of such an object.
nlohmann::json filter_schema();

}  // namespace podstudio
