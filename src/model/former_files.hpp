// SPDX-License-Identifier: MIT
#pragma once

#include "events/events.hpp"
#include "model/file_memory.hpp"

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

namespace podstudio {

/// Remembers which file an asset was before another file took its path and the asset counted as
/// changed. The old file may have been moved away, and its new place may be reported only later, in
/// another batch or by another watcher. The asset then belongs there, with what people said about
/// it. Anything they say after the change applies to the new content and ends the memory.
class former_files {
public:
  struct past {
    asset_id asset = 0;
    file_content content;
    std::uint64_t number = 0;  ///< ascending with time
    bool was_known = false;    ///< another asset had the bytes that the asset changed to, by then
    /// Device and inode of the file that replaced it.
    std::pair<std::uint64_t, std::uint64_t> next{};
    bool operator==(const past&) const = default;
  };

  /// How many files are remembered, about 430 bytes each; the oldest is forgotten.
  static constexpr std::size_t capacity = 16'384;

  /// To be called with each event, in order; of a change, with whether another asset had its bytes.
  void see(const event& what, bool was_known = false);

  /// Returns what the file (by inode and digest) was; null if it is not known to have been an
  /// asset. A file visible at several paths, all since replaced by one other file, was several
  /// assets: returns the newest for which `prefers(asset)` is true, else the newest.
  template <class Prefers>
  const past* find(const file_content& content, Prefers prefers) const {
    const past* best = nullptr;
    bool preferred = false;
    auto at = pasts_.lower_bound(id_of(content, 0));
    for (std::size_t asked = 0; asked < same_max && at != pasts_.end(); ++asked, ++at) {
      const auto& each = at->second;
      if (id_of(each.content, 0) != id_of(content, 0)) break;
      bool is_preferred = prefers(each.asset);
      if (best != nullptr
          && std::pair(preferred, best->number) > std::pair(is_preferred, each.number))
        continue;
      best = &each;
      preferred = is_preferred;
    }
    return best;
  }
  /// One with this digest of which `is_it(past)` holds; null if there is none among the first
  /// same_max.
  template <class IsIt>
  const past* find(const digest& sha256, IsIt is_it) const {
    auto at = pasts_.lower_bound({sha256, 0, 0, 0});
    for (std::size_t asked = 0; asked < same_max; ++asked, ++at) {
      if (at == pasts_.end() || at->second.content.sha256 != sha256) return nullptr;
      if (is_it(at->second)) return &at->second;
    }
    return nullptr;
  }
  /// How many of one digest are asked of: blank files are edited by the thousand.
  static constexpr std::size_t same_max = 64;
  bool operator==(const former_files&) const = default;

private:
  /// Digest, device and inode (on some file systems all inodes are 0), and the asset.
  using file_id = std::tuple<digest, std::uint64_t, std::uint64_t, asset_id>;

  static file_id id_of(const file_content& content, asset_id asset) {
    return {content.sha256, content.facts.device, content.facts.inode, asset};
  }
  void change(const asset_content_changed& e, bool was_known);
  /// Forgets earlier entries for this file, except those of assets that changed to the same new
  /// file as `by`.
  void supersede(const past& by);

  file_memory<file_id, past, capacity> pasts_;
};

}  // namespace podstudio
