// SPDX-License-Identifier: MIT
#pragma once

#include "model/catalog_model.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Changes to labels and tags, and how they are decided.
namespace podstudio {

/// Changes to the labels and tags of any number of assets; what is not set stays as it is.
struct label_change {
  std::vector<asset_id> assets;
  label_settings set;
  std::optional<std::string> tag;    ///< to add
  std::optional<std::string> untag;  ///< to take away
};

/// The longest theme, source, tag or name of a pack, in bytes.
inline constexpr std::size_t max_label_bytes = 1024;
/// How many tags an asset may have.
inline constexpr std::size_t max_asset_tags = 256;

enum class text_shape { line, lines };
/// Whether a text that people give for the field is not empty, bounded and UTF-8 without control
/// characters; one of several lines may hold line ends and tabs. Error: `invalid_argument`, naming
/// the text and the rule it breaks.
result<void> check_text(std::string_view field, const std::string& text,
                        std::size_t bytes_max = max_label_bytes,
                        text_shape shape = text_shape::line);

/// Errors: `not_found` naming the id, `invalid_argument` naming the text and the rule it breaks, or
/// when more than max_events_per_command events would come of it. An asset that already is as asked
/// gives no event.
result<std::vector<event>> decide(const catalog_model& model, const label_change& change);

}  // namespace podstudio
