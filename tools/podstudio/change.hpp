// SPDX-License-Identifier: MIT
#pragma once

#include "command.hpp"

#include <nlohmann/json_fwd.hpp>

namespace podstudio {

/// Gives a command of the console's that changes something, and prints how much came of it.
result<void> change(const context& where, const char* command, const nlohmann::json& arguments);

}  // namespace podstudio
