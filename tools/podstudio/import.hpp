// SPDX-License-Identifier: MIT
#pragma once

#include "command.hpp"
#include "session.hpp"

#include <nlohmann/json_fwd.hpp>

namespace podstudio {

/// Whether unread files are read later, by a service, or now, before the import returns.
enum class reading : bool { later, now };

/// Gives a command of the console's that starts an import, and follows that to its end. `counts`
/// receives what came of it, unless it came to none. Error: also if not all files could be read.
result<void> finish_import(session& engine, const char* command, const nlohmann::json& arguments,
                           reading media, nlohmann::json& counts);

/// Gives a command of the console's that starts an import, follows that to its end, and prints what
/// came of it.
result<void> run_import(const context& where, session::need what, const char* command,
                        const nlohmann::json& arguments, reading media = reading::later);

}  // namespace podstudio
