// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace podstudio {

/// The options for what a person can write on a pack.
struct pack_facts_options {
  std::optional<std::string> name, license, theme, description;
  bool force = false;  ///< allow a name that another pack has

  /// Adds all but the name.
  void declare(CLI::App& command);

  /// Those of the protocol's `pack.create` and `pack.edit`, as far as they were given.
  nlohmann::json arguments() const;
};

}  // namespace podstudio
