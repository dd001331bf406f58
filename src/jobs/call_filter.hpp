// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

/// The filter of system calls: a list of what a worker may do. WORKER.md has the list and why.
namespace podstudio {

/// Filters the calls of all threads of this process, for ever. Messages may be sent to and received
/// from `socket` only. What is on no list raises SIGSYS. Errors: as `system_error`.
result<void> filter_calls(int socket);

}  // namespace podstudio
