// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

/// Landlock by direct system calls: Debian 12's headers know version 2 of its interface.
namespace podstudio {

/// Forbids this thread, and those it starts, every access to files, to TCP ports, to abstract
/// sockets and to processes outside that a kernel with version `version` knows; what is open stays
/// open. Errors: as `system_error`.
result<void> landlock_everything(int version);

}  // namespace podstudio
