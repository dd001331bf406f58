#pragma once

#include "events/events.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

namespace podstudio {

/// Which file an asset was before another file took its path, and the asset was held to have
/// changed. The old file may have been moved away, which its new place tells only later: with
/// another batch, or by another watcher. Then the asset belongs there, with what people said of it.
/// What they say after the change they say of the new content, so that ends it.
class former_files {
public:
  struct past {
    asset_id asset = 0;
    file_content content;
    std::uint64_t number = 0;  ///< ascending with time
    bool operator==(const past&) const = default;
  };

  /// How many files are remembered, 200 bytes each.
  static constexpr std::size_t capacity = 16'384;

  /// To be called with each event, in order.
  void see(const event& what);

  /// What the file was, by inode and digest; null where it is not known to have been an asset.
  const past* find(const file_content& content) const;
  bool operator==(const former_files&) const = default;

private:
  using file_id = std::pair<std::uint64_t, std::uint64_t>;  ///< device and inode

  static file_id id_of(const file_content& content) {
    return {content.facts.device, content.facts.inode};
  }
  void change(const asset_content_changed& e);
  /// Forgets what an asset was, from one number on.
  void forget(asset_id asset, std::uint64_t from = 0);
  void forget(const file_id& file);

  std::map<file_id, past> pasts_;
  std::set<std::pair<asset_id, file_id>> by_asset_;
  std::map<std::uint64_t, file_id> by_number_;  ///< oldest first
  std::uint64_t last_number_ = 0;
};

}  // namespace podstudio
