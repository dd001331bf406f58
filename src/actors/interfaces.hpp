#pragma once

#include <caf/all.hpp>

#include <string>

/// All actor interfaces on one page.
namespace podstudio {

/// CONSOLE: answers the commands that people and scripts give.
using console_actor = caf::typed_actor<
  // A request as a JSON text to a reply as a JSON text, see console/protocol.hpp. Never fails.
  caf::replies_to<std::string>::with<std::string>>;

}  // namespace podstudio
