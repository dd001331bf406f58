// SPDX-License-Identifier: MIT
#pragma once

#include "events/labels.hpp"
#include "platform/error.hpp"
#include "platform/types.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace podstudio {

/// The filter of `asset list` and `--all-matching`. All criteria that are given must hold.
struct asset_filter {
  std::optional<asset_type> type;
  label_filter labels;
  bool missing = false;     ///< only those whose file is gone
  bool duplicates = false;  ///< only those whose content is in another file too, both there
  std::optional<std::string> tag;
  /// Words, each of which is a part of the path, theme, source or a tag; as `fold_text` has them.
  std::optional<std::string> search;
  asset_id after = 0;  ///< only higher ids: the last one of the page before
  std::int64_t limit = 1'000;
  bool operator==(const asset_filter&) const = default;
};

inline constexpr std::int64_t max_assets_per_page = 10'000;
inline constexpr std::size_t max_search_bytes = 1'000;
inline constexpr std::size_t max_search_words = 32;

/// What stands between the white space of a search, folded.
std::vector<std::string> search_words(const std::string& search);

/// A filter from a JSON object with the keys `type missing duplicates tag search after limit` and
/// those of the labels (events/labels.hpp); null counts as not given. Error `invalid_argument` for an
/// unknown key, a value of a wrong type or out of range, or an unknown word (the message lists the
/// known ones).
result<asset_filter> parse_filter(const nlohmann::json& given);

}  // namespace podstudio
