// SPDX-License-Identifier: MIT
#pragma once

#include "command.hpp"

namespace podstudio {

struct engine_options;

/// The engine that the command line and the settings ask for: no service, and no folder to watch.
engine_options engine_options_of(const context& where);

}  // namespace podstudio
