// SPDX-License-Identifier: MIT
#pragma once

#include "actors/engine.hpp"
#include "actors/supervisor.hpp"

/// What an engine does before its first actor runs, in this order.
namespace podstudio {

/// A backup is read only: what was written to it, the next backup would overwrite.
result<void> check_no_backup(const data_folder& folder);

/// A log that was removed is not begun anew: the tables still hold what it held.
result<void> check_log_is_there(const data_folder& folder);

/// The service writes its log to a file; a command has none.
result<void> open_service_log(const engine_options& options);

/// Recovers the log, brings the tables up to date, loads the models, and prepares the workers.
result<engine_parts> make_ready(const engine_options& options);

}  // namespace podstudio
