// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

namespace podstudio {

/// The two programs of one command line. `podstudio` starts in a fraction of the time, because it
/// loads nothing of the engine: it asks the service at its socket. For all else it executes
/// `podstudio-engine`, which has every command and takes the same arguments.
inline constexpr const char* engine_program_name = "podstudio-engine";

/// Goes on as `podstudio-engine`, with the arguments that this process was started with (the last
/// is null). Returns only where that fails; in `podstudio-engine` itself, at once. Errors:
/// `not_found`, as `system_error`.
result<void> go_on_with_engine(const char* const* arguments);

}  // namespace podstudio
