// SPDX-License-Identifier: MIT
#include "model/left_files.hpp"

#include "events/labels.hpp"

#include <type_traits>
#include <vector>

namespace podstudio {

void left_files::see(const event& what, path_keyer& key_of) {
  std::visit(
      [&]<class Event>(const Event& e) {
        if constexpr (std::is_same_v<Event, asset_moved> || std::is_same_v<Event, asset_returned>)
          move(e, key_of);
        else if constexpr (label_event<Event> || tag_event<Event> || member_event<Event>
                           || std::is_same_v<Event, asset_forgotten>)
          forget(e.asset);
      },
      what);
}

template <class Event>
void left_files::move(const Event& e, path_keyer& key_of) {
  const file_id from{e.before.device, e.before.inode, e.asset};
  const file_id to{e.after.device, e.after.inode, e.asset};
  // The asset is back at a former file: forget that entry and all later ones, which were copies.
  if (auto was = files_.find(to); was != files_.end()) return forget(e.asset, was->second.number);
  if (from == to || e.path_before == e.path_after || e.before.inode == 0
      || e.before.size_bytes == 0)
    return;
  forget(from);
  files_[from] = {e.before.ctime_ns, key_of(e.path_before), ++last_number_};
  by_asset_.emplace(e.asset, from);
  by_number_.emplace(last_number_, from);
  if (files_.size() > capacity) forget(file_id(by_number_.begin()->second));
}

void left_files::forget(asset_id asset, std::uint64_t from) {
  std::vector<file_id> files;
  for (auto at = by_asset_.lower_bound({asset, {}}); at != by_asset_.end() && at->first == asset;
       ++at)
    if (files_.at(at->second).number >= from) files.push_back(at->second);
  for (const auto& file : files)
    forget(file);
}

void left_files::forget(const file_id& file) {
  auto at = files_.find(file);
  if (at == files_.end()) return;
  by_asset_.erase({std::get<asset_id>(file), file});
  by_number_.erase(at->second.number);
  files_.erase(at);
}

}  // namespace podstudio
