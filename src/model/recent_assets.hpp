// SPDX-License-Identifier: MIT
#pragma once

#include "model/catalog_model.hpp"
#include "platform/types.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <set>
#include <unordered_map>
#include <utility>

/// What is remembered of assets for a short while: which are gone from their paths, and which
/// moved.
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

/// Assets whose file went a short while ago. A program that saves by renaming the old file away
/// leaves its path empty for up to some seconds; whatever then appears there is the same asset,
/// changed.
class recent_losses {
public:
  using time_point = std::chrono::steady_clock::time_point;
  /// How long a loss is recent.
  static constexpr std::chrono::seconds time_max{60};
  /// How many are remembered, 80 bytes each.
  static constexpr std::size_t size_max = 16'384;

  void add(asset_id id, time_point now);
  bool contains(asset_id id) const { return losses_.contains(id); }
  void forget_old(time_point now);

private:
  std::unordered_map<asset_id, time_point> losses_;
  std::deque<std::pair<time_point, asset_id>> oldest_;
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
