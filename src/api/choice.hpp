// SPDX-License-Identifier: MIT
#pragma once

#include "actors/operation.hpp"
#include "api/arguments.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace podstudio::api {

/// `asset 7`, `3 assets: 7, 8, 9`: how a command's summary names them.
std::string list_in_summary(const asset_ids& ids);

using take_assets = std::function<void(asset_ids ids, const std::string& which)>;

/// The base of operations on assets: those of a list, or all that match a filter.
struct chosen_assets {
  std::optional<asset_ids> ids;
  std::optional<matched_assets> matched;

  static void declare(auto& add) {
    add.if_present("ids", &chosen_assets::ids, asset_id_list{});
    add.if_present("filter", &chosen_assets::matched, whole_filter{});
    add.one_of("ids", "filter");
  }

  /// Gives `then` the ids, and how a summary names them. Answers where the search fails.
  void choose(console_state& s, answer reply, take_assets then) const;
};

}  // namespace podstudio::api
