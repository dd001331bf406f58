// SPDX-License-Identifier: MIT
#pragma once

#include "asset_filter.hpp"
#include "platform/error.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace podstudio {

/// The assets that a command is for: ids, or all that match a filter.
struct chosen_assets {
  std::vector<std::int64_t> ids;
  asset_filter_options filter;
  bool all_matching = false;

  /// Adds the ids, which help calls `ids_name`, and what `declare_filter` adds.
  void declare(CLI::App& command, const std::string& prefix = "",
               const std::string& ids_name = "ID");
  /// Adds `--all-matching` and the filters, with the `prefix` of asset_filter_options.
  void declare_filter(CLI::App& command, const std::string& prefix = "");

  /// The arguments of the protocol's command. Error: `invalid_argument` unless there are either ids
  /// or `--all-matching`.
  result<nlohmann::json> arguments() const;
};

}  // namespace podstudio
