// SPDX-License-Identifier: MIT
#pragma once

#include "command.hpp"
#include "session.hpp"

#include <nlohmann/json_fwd.hpp>

namespace podstudio {

/// Gives a command of the console's that starts an import, follows that to its end, and prints what
/// came of it.
result<void> run_import(const context& where, session::need what, const char* command,
                        const nlohmann::json& arguments);

}  // namespace podstudio
