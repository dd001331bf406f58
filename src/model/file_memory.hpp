// SPDX-License-Identifier: MIT
#pragma once

#include "events/labels.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace podstudio {

/// Remembers one entry per file and asset, about what the file was to the asset. Entries are
/// numbered in the order they were added; beyond `capacity` the oldest is forgotten. `Key` is a
/// tuple that identifies the file and ends in the asset's id. `Entry` has a member `number`.
template <class Key, class Entry, std::size_t capacity>
class file_memory {
public:
  using entries = std::map<Key, Entry>;

  /// Replaces the entry of this file and asset, if there is one.
  void add(const Key& key, Entry entry) {
    forget(key);
    entry.number = ++last_number_;
    by_asset_.emplace(asset_of(key), key);
    by_number_.emplace(entry.number, key);
    entries_.emplace(key, std::move(entry));
    if (entries_.size() > capacity) forget(Key(by_number_.begin()->second));
  }

  /// Forgets the entry for this file and the asset's later ones; returns whether there was one.
  bool go_back_to(const Key& key) {
    auto at = entries_.find(key);
    if (at == entries_.end()) return false;
    forget(asset_of(key), at->second.number);
    return true;
  }

  /// Forgets the asset's entries with numbers from `from` on.
  void forget(asset_id asset, std::uint64_t from = 0) {
    std::vector<Key> keys;
    for (auto at = by_asset_.lower_bound({asset, {}}); at != by_asset_.end() && at->first == asset;
         ++at)
      if (entries_.at(at->second).number >= from) keys.push_back(at->second);
    for (const auto& key : keys)
      forget(key);
  }

  void forget(const Key& key) {
    auto at = entries_.find(key);
    if (at == entries_.end()) return;
    by_asset_.erase({asset_of(key), key});
    by_number_.erase(at->second.number);
    entries_.erase(at);
  }

  bool empty() const noexcept { return entries_.empty(); }
  typename entries::const_iterator lower_bound(const Key& key) const {
    return entries_.lower_bound(key);
  }
  typename entries::const_iterator end() const noexcept { return entries_.end(); }
  bool operator==(const file_memory&) const = default;

private:
  static asset_id asset_of(const Key& key) { return std::get<std::tuple_size_v<Key> - 1>(key); }

  entries entries_;
  std::set<std::pair<asset_id, Key>> by_asset_;
  std::map<std::uint64_t, Key> by_number_;  ///< oldest first
  std::uint64_t last_number_ = 0;
};

/// Changes what people said of an asset: its labels, tags or packs.
template <class Event>
concept decision_event = label_event<Event> || tag_event<Event> || member_event<Event>;

/// The asset whose labels, tags or packs the event changes, or that it forgets; otherwise 0. What
/// people say about an asset applies to the file it has, so it ends the memory of earlier ones.
inline asset_id decided_asset(const event& what) {
  return std::visit(
      []<class Event>(const Event& e) -> asset_id {
        if constexpr (decision_event<Event> || std::is_same_v<Event, asset_forgotten>)
          return e.asset;
        else
          return 0;
      },
      what);
}

}  // namespace podstudio
