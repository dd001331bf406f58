// SPDX-License-Identifier: MIT
#include "model/former_files.hpp"

#include "events/labels.hpp"

#include <type_traits>
#include <vector>

namespace podstudio {

void former_files::see(const event& what, bool was_known) {
  if (const auto* changed = std::get_if<asset_content_changed>(&what))
    return change(*changed, was_known);
  // What people say of an asset they say of the content it has.
  if (by_asset_.empty()) return;
  std::visit(
      [this]<class Event>(const Event& e) {
        if constexpr (label_event<Event> || tag_event<Event> || member_event<Event>
                      || std::is_same_v<Event, asset_forgotten>)
          forget(e.asset);
      },
      what);
}

void former_files::change(const asset_content_changed& e, bool was_known) {
  // It is what it was. What it was before that may still turn up.
  if (auto again = pasts_.find(id_of(e.after, e.asset)); again != pasts_.end())
    return forget(e.asset, again->second.number);
  auto file = id_of(e.before, e.asset);
  if (e.before.facts.size_bytes == 0) return;
  forget(file);
  const past now{e.asset, e.before, ++last_number_, was_known,
                 {e.after.facts.device, e.after.facts.inode}};
  supersede(now);
  pasts_[file] = now;
  by_asset_.emplace(e.asset, file);
  by_number_.emplace(last_number_, file);
  if (pasts_.size() > capacity) forget(file_id(by_number_.begin()->second));
}

void former_files::supersede(const past& by) {
  std::vector<file_id> files;
  const auto first = id_of(by.content, 0);
  for (auto at = pasts_.lower_bound(first);
       at != pasts_.end() && id_of(at->second.content, 0) == first; ++at)
    if (by.next.second == 0 || at->second.next != by.next) files.push_back(at->first);
  for (const auto& file : files)
    forget(file);
}

void former_files::forget(asset_id asset, std::uint64_t from) {
  std::vector<file_id> files;
  for (auto at = by_asset_.lower_bound({asset, {}}); at != by_asset_.end() && at->first == asset;
       ++at)
    if (pasts_.at(at->second).number >= from) files.push_back(at->second);
  for (const auto& file : files)
    forget(file);
}

void former_files::forget(const file_id& file) {
  auto at = pasts_.find(file);
  if (at == pasts_.end()) return;
  by_asset_.erase({at->second.asset, file});
  by_number_.erase(at->second.number);
  pasts_.erase(at);
}

}  // namespace podstudio
