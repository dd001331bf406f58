// SPDX-License-Identifier: MIT
#pragma once

#include "events/events.hpp"
#include "model/file_memory.hpp"
#include "model/path_key.hpp"

#include <cstddef>
#include <cstdint>
#include <tuple>

namespace podstudio {

/// Remembers which file an asset had before it moved to another file with the same bytes, because
/// its own had disappeared from its path. The file may only have been renamed, and its new name may
/// be read later: the asset then returns to it, and the other file becomes an asset of its own. Any
/// label, tag or pack change after the move applies to the copy and ends the memory. A file that
/// reappears at its old path gets nothing back: it was not renamed, but came back or was copied.
class left_files {
public:
  /// How many files are remembered, about 260 bytes each; the oldest is forgotten.
  static constexpr std::size_t capacity = 16'384;
  /// How many assets `find` tries per inode.
  static constexpr std::size_t same_max = 16;

  struct left {
    std::int64_t ctime_ns = 0;  ///< last known ctime; the file was created no later
    path_key path{};            ///< its path then
    std::uint64_t number = 0;   ///< ascending with time
    bool operator==(const left&) const = default;
  };

  /// To be called with each event, in order.
  void see(const event& what, path_keyer& key_of);

  /// Returns the first asset that had this file (by device and inode) and for which
  /// `is_it(asset, left)` is true; 0 if there is none among the first same_max.
  template <class IsIt>
  asset_id find(const file_facts& facts, IsIt is_it) const {
    auto at = files_.lower_bound({facts.device, facts.inode, 0});
    for (std::size_t asked = 0; asked < same_max && at != files_.end(); ++asked, ++at) {
      const auto& [device, inode, asset] = at->first;
      if (device != facts.device || inode != facts.inode) break;
      if (is_it(asset, at->second)) return asset;
    }
    return 0;
  }
  bool operator==(const left_files&) const = default;

private:
  /// Device, inode and the asset.
  using file_id = std::tuple<std::uint64_t, std::uint64_t, asset_id>;

  template <class Event>
  void move(const Event& e, path_keyer& key_of);

  file_memory<file_id, left, capacity> files_;
};

}  // namespace podstudio
