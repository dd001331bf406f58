// SPDX-License-Identifier: MIT
#include "model/former_files.hpp"

#include <vector>

namespace podstudio {

void former_files::see(const event& what, bool was_known) {
  if (const auto* changed = std::get_if<asset_content_changed>(&what))
    change(*changed, was_known);
  else if (auto asset = pasts_.empty() ? 0 : decided_asset(what); asset != 0)
    pasts_.forget(asset);
}

void former_files::change(const asset_content_changed& e, bool was_known) {
  // It is what it was. What it was before that may still turn up.
  if (pasts_.go_back_to(id_of(e.after, e.asset))) return;
  if (e.before.facts.size_bytes == 0) return;
  const past now{e.asset, e.before, 0, was_known, {e.after.facts.device, e.after.facts.inode}};
  supersede(now);
  pasts_.add(id_of(e.before, e.asset), now);
}

void former_files::supersede(const past& by) {
  std::vector<file_id> files;
  const auto first = id_of(by.content, 0);
  for (auto at = pasts_.lower_bound(first);
       at != pasts_.end() && id_of(at->second.content, 0) == first; ++at)
    if (by.next.second == 0 || at->second.next != by.next) files.push_back(at->first);
  for (const auto& file : files)
    pasts_.forget(file);
}

}  // namespace podstudio
