// SPDX-License-Identifier: MIT
#pragma once

#include "events/command.hpp"
#include "model/catalog_model.hpp"
#include "platform/types.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <unordered_map>
#include <utility>

/// What is remembered of assets for a short while: which came, which are gone from their paths, and
/// which moved.
namespace podstudio {

/// Assets found gone from their paths, until it is decided whether they are elsewhere or missing.
class vanishing_assets {
public:
  void add(asset_id id, const digest& sha256);
  void remove(asset_id id);
  bool contains(asset_id id) const { return digests_.contains(id); }
  /// One of these with this content, for which `is_it(id)` is true; 0 if there is none.
  template <class IsIt>
  asset_id find(const digest& sha256, IsIt is_it) const {
    auto key = digest_key(sha256);
    for (auto at = by_digest_.lower_bound({key, 0}); at != by_digest_.end() && at->first == key;
         ++at)
      if (is_it(at->second)) return at->second;
    return 0;
  }

private:
  std::unordered_map<asset_id, std::uint64_t> digests_;
  std::set<std::pair<std::uint64_t, asset_id>> by_digest_;
};

/// What became of files a short while ago. Many programs save by renaming: the old file away, or a
/// new one over it. In between, the path is empty for up to some seconds, or the new file has a
/// name of its own, and is an asset of its own if the library ingests that name. Whatever ends up
/// at the path is the asset that was there, with new content.
class recent_files {
public:
  using time_point = std::chrono::steady_clock::time_point;
  /// How long what happened is recent.
  static constexpr std::chrono::seconds time_max{60};
  /// How many assets of each kind are remembered, 80 bytes each; the oldest is forgotten.
  static constexpr std::size_t size_max = 16'384;

  /// To be called with the events of files, in order; `now_us` since the Unix epoch.
  void see(const event& what, std::int64_t now_us, time_point now);
  /// Of a command that the log holds, the new files. What was lost is loaded from the tables.
  void see_past(const committed_command& past, std::int64_t now_us, time_point now);
  void add_loss(asset_id id, time_point when) { lost_.add(id, when); }
  void forget_old(time_point now);

  /// Whether its file disappeared recently.
  bool is_lost(asset_id id) const { return lost_.contains(id); }
  /// Whether it was registered recently, or its content changed, and its file was new on the disk
  /// by then: old files that are imported are not.
  bool is_new(asset_id id) const { return new_.contains(id); }

private:
  class memory {
  public:
    void add(asset_id id, time_point when);
    void forget_before(time_point when);
    bool contains(asset_id id) const { return times_.contains(id); }

  private:
    void forget_oldest();

    std::unordered_map<asset_id, time_point> times_;
    std::deque<std::pair<time_point, asset_id>> oldest_;
  };

  void see_new(const event& what, std::int64_t at_us, time_point when);

  memory lost_, new_;
};

/// How often assets moved a short while ago. An asset that is seen at two paths at once would move
/// back and forth without end: that is to be reported as a problem, once a minute, instead of
/// filling the log.
class recent_moves {
public:
  using time_point = std::chrono::steady_clock::time_point;
  /// So often within `time_max` an asset may move; from `moves_free` on only once in `pause`, so
  /// that of a storm of renames the log holds what came of it.
  static constexpr unsigned moves_max = 32, moves_free = 8;
  static constexpr std::chrono::seconds time_max{60}, pause{1};
  /// How many assets are remembered; beyond that, old moves are forgotten, or else all.
  static constexpr std::size_t size_max = 65'536;

  enum class answer { yes, later, too_often };

  void add(asset_id id, time_point now);
  answer may_move(asset_id id, time_point now) const;
  /// Whether nobody has been told yet, since its first move, that the asset moves too often. To be
  /// asked once it does; says so once.
  bool is_news(asset_id id);

private:
  struct moves {
    time_point since, last;
    unsigned count = 0;
    bool told = false;
  };
  std::unordered_map<asset_id, moves> moves_;
};

}  // namespace podstudio
