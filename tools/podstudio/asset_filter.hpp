// SPDX-License-Identifier: MIT
#pragma once

#include "events/labels.hpp"

#include <nlohmann/json_fwd.hpp>

#include <array>
#include <memory>
#include <string>

namespace CLI {
class App;
}

namespace podstudio {

/// The options that choose assets.
struct asset_filter_options {
  std::string type, tag, folder, search;
  bool missing = false, duplicates = false, undecided = false;
  // By what was read from the files.
  std::string width, height, duration, fps, tool, model, prompt, seed;
  bool alpha = false, opaque = false, broken = false, unread = false;
  struct label_options {
    std::string value;
    bool given = false, withdrawn = false;  ///< of a label that is set or not
  };
  std::array<label_options, label_count> labels;

  /// Adds them. Where `--theme` and the like say what to set, the filters are told apart by
  /// `prefix`:
  /// `--with-theme`.
  void declare(CLI::App& command, const std::string& prefix = "");

  /// The filter of the console's protocol: what was given, and nothing else.
  nlohmann::json filter() const;
};

}  // namespace podstudio
