// SPDX-License-Identifier: MIT
#pragma once

#include "packs/snapshot.hpp"
#include "platform/error.hpp"
#include "platform/types.hpp"

#include <cstddef>

namespace podstudio {

class database;

/// How many assets and how many bytes of text a snapshot holds at most. A prompt is cut to its
/// first `snapshot_prompt_bytes_max` bytes.
inline constexpr std::size_t snapshot_members_max = 20'000;
inline constexpr std::size_t snapshot_text_bytes_max = 256u << 20;
inline constexpr std::size_t snapshot_prompt_bytes_max = 8u << 10;

/// The pack with all that is known of its assets, as of one moment: four queries, however many
/// assets there are. Errors: `not_found`; `refused` where it holds more than the above; those of
/// schema/sqlite.hpp.
result<packs::snapshot> read_snapshot(database& db, pack_id id);
/// The same within a transaction of the caller's.
result<packs::snapshot> read_snapshot_in_view(database& db, pack_id id);

/// What the seller said of themselves; what was not said is empty.
result<packs::seller> read_seller(database& db);

}  // namespace podstudio
