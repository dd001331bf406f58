// SPDX-License-Identifier: MIT
#include "change.hpp"

#include "output.hpp"
#include "session.hpp"

namespace podstudio {

result<void> change(const context& where, const char* command, const nlohmann::json& arguments) {
  auto changed = ask(where, session::need::folder, command, arguments);
  if (!changed) return changed.failure();
  if (where.json)
    print_json(*changed);
  else
    print_line(cell((*changed)["changed"]) + " changed");
  return {};
}

}  // namespace podstudio
