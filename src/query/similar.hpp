// SPDX-License-Identifier: MIT
#pragma once

#include "media/pdq.hpp"
#include "platform/error.hpp"
#include "platform/types.hpp"
#include "query/assets.hpp"

#include <nlohmann/json_fwd.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

/// Pictures and clips that look alike, by their perceptual hashes (media/pdq.hpp). Errors as in
/// schema/sqlite.hpp, and as each says.
namespace podstudio {

class database;

/// How far apart, in bits of 256, what is asked for may be; farther ones have nothing in common.
inline constexpr int similar_distance_max = 64;
/// How many hashes one reader keeps at most: 400 MB.
inline constexpr std::size_t similar_hashes_max = 10'000'000;
inline constexpr std::int64_t max_similar_assets = 10'000;
/// How many assets a group is reported with, and among how many the best is looked for.
inline constexpr std::size_t similar_group_shown_max = 100, similar_group_read_max = 10'000;

/// The hashes of the assets that are there, as far as their quality is enough: 40 bytes an asset,
/// in the order of ids. Read from an index of the tables, again whenever these have changed.
class similar_index {
public:
  /// Within a transaction of the caller's, so that it is of one state with what else is read. Error
  /// `refused`: there are more than `similar_hashes_max`; it is empty then.
  result<void> bring_up_to_date(database& db);

  std::span<const media::pdq_hash> hashes() const noexcept { return hashes_; }
  asset_id asset(std::size_t index) const noexcept { return assets_[index]; }

private:
  struct head {
    sequence_number sequence = 0;
    std::array<std::uint8_t, 32> hash{};
    bool operator==(const head&) const = default;
  };
  result<head> read_head(database& db) const;
  result<void> load(database& db);

  std::vector<media::pdq_hash> hashes_;
  std::vector<asset_id> assets_;
  std::optional<head> loaded_;  ///< what the tables held then
};

/// `[{id path distance same_content}]`: those at most `distance_max` away, nearest first, without
/// the asset itself, at most `limit`. Error `not_found`; `refused` where the asset has no hash, or
/// one that says too little.
result<nlohmann::json> list_similar(database& db, similar_index& index, const asset_key& key,
                                    int distance_max, std::int64_t limit);

/// `[{count assets[{id path distance width height size_bytes suggested same_content}]}]`: groups of
/// assets joined by chains of pairs at most `distance_max` apart (`media::pdq_distance_max` is the
/// most), the largest first, at most `limit`. `count` is how many there are in it. First comes the
/// one that is suggested to be kept: of the most pixels, not broken, the largest file, known first;
/// then the nearest to it. `same_content`: the same bytes are in one before it. Error `timed_out`
/// once `over` returns true.
result<nlohmann::json> list_similar_groups(database& db, similar_index& index, int distance_max,
                                           std::int64_t limit, const std::function<bool()>& over);

}  // namespace podstudio
