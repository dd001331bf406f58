#pragma once

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>

namespace CLI {
class App;
}

namespace podstudio {

/// The options that choose assets.
struct asset_filter_options {
  std::string type, theme, provenance, tag, search;
  bool approved = false, unapproved = false, missing = false, duplicates = false;

  /// Adds them. Where `--theme` and `--provenance` say what to set, they are told apart by
  /// `prefix`:
  /// `--with-theme`.
  void declare(CLI::App& command, const std::string& prefix = "");

  /// The filter of the console's protocol: what was given, and nothing else.
  nlohmann::json filter() const;
};

}  // namespace podstudio
