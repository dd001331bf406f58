// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"
#include "platform/types.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <vector>

/// Queries about packs, answered from the tables as JSON. Errors as in schema/sqlite.hpp.
namespace podstudio {

class database;

/// `not_found`, with what shows those that are there.
error no_such_pack(pack_id id);

result<std::int64_t> pack_count(database& db);

/// The columns of the `pack` table, in the order of ids, only those above `after`.
result<nlohmann::json> list_packs(database& db, pack_id after, std::int64_t limit);
/// Fewer than of other things: a description may take 16 KiB.
inline constexpr std::int64_t max_packs_per_page = 100;

/// A pack as in the list, and its `assets` in order: `[{id position path type approved missing
/// size_bytes}]`. Error `not_found`.
result<nlohmann::json> show_pack(database& db, pack_id id);

/// What a buyer would hold against these assets of a pack, each list in the order of ids:
/// `{missing: [id], unapproved: [id], same_content: [[id, id, ...]]}`, of which the last has all
/// assets of the pack with the bytes of one of these.
result<nlohmann::json> check_members(database& db, pack_id id, const std::vector<asset_id>& assets);

}  // namespace podstudio
