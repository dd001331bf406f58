// SPDX-License-Identifier: MIT
#include "api/choice.hpp"

#include "actors/console.hpp"
#include "model/command_memory.hpp"

namespace podstudio::api {

std::string list_in_summary(const asset_ids& ids) {
  std::string list;
  for (auto id : ids)
    list += (list.empty() ? "" : ", ") + std::to_string(id);
  return (ids.size() == 1 ? "asset " : std::to_string(ids.size()) + " assets: ") + in_summary(list);
}

void chosen_assets::choose(console_state& s, answer reply, take_assets then) const {
  if (ids) return then(*ids, list_in_summary(*ids));
  s.self->request(s.peers.reader, caf::infinite, query_atom::value, matched->filter)
      .then([then, which = "all that match " + in_summary(matched->given)](
                const asset_ids& found) { then(found, which); },
            reply.failing());
}

}  // namespace podstudio::api
