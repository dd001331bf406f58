// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace podstudio {

/// The command line as it is declared, for what describes it: completion and the manual page.
struct command_node {
  struct option {
    std::vector<std::string> names;  ///< with their dashes; none of a positional
    std::string value;               ///< what it takes, such as `DIR`; empty: nothing
    std::string help;
    bool required = false;
    bool repeated = false;  ///< may be given several times
  };

  std::string name;
  std::string help;
  std::vector<option> options;
  std::vector<option> positionals;
  std::vector<command_node> commands;
};

/// The whole tree that `any` is a part of, with the program at its root.
command_node command_tree(const CLI::App& any);

}  // namespace podstudio
