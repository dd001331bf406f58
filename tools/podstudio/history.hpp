// SPDX-License-Identifier: MIT
#pragma once

#include "command.hpp"

#include <nlohmann/json_fwd.hpp>

namespace podstudio {

/// Prints the events of one thing, oldest first. `command` is the console's.
result<void> print_history(const context& where, const char* command, nlohmann::json arguments);

}  // namespace podstudio
