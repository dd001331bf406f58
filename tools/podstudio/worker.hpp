// SPDX-License-Identifier: MIT
#pragma once

namespace podstudio {

/// What the service starts as `podstudio worker`, with a socket as descriptor 3; it is not for
/// people, so no list of commands has it. Returns the exit code.
int be_worker();

}  // namespace podstudio
