// SPDX-License-Identifier: MIT
#pragma once

#include "events/events.hpp"
#include "platform/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Files with the same content. Errors as in schema/sqlite.hpp.
namespace podstudio {

class database;

/// What the file system says of a file now; nothing where there is none.
using look_at_file = std::optional<file_facts> (*)(const std::string& path);
std::optional<file_facts> file_now(const std::string& path);

/// How many assets a group is reported with.
inline constexpr std::int64_t max_assets_per_duplicate = 100;

/// What could be saved by keeping one file of each content: `{groups files reclaimable_bytes
/// largest[{hash size_bytes files names reclaimable_bytes assets[{id path same_file_as}]}]}`.
/// `largest` has the groups with which the most bytes could be saved, at most `limit`.
///
/// A file counts once, under however many names (hard links) it is known: `files` counts files,
/// `names` assets, and `same_file_as` is the id of the first asset reported of the same file, or
/// null. The assets that are reported, the first of each of the largest groups, were looked at:
/// whose file is gone, or is not the one that was read, is left out and counts no more.
result<nlohmann::json> list_duplicates(database& db, std::int64_t limit,
                                       look_at_file look = file_now);

/// How SQLite goes about it: the steps of EXPLAIN QUERY PLAN of each query, for tests.
result<std::vector<std::string>> plan_of_duplicates(database& db);

}  // namespace podstudio
