// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"
#include "platform/types.hpp"
#include "query/filter.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <variant>
#include <vector>

/// Queries about assets, answered from the tables as JSON: the columns of the `asset` table under
/// their names, `approved` as true or false, absent values as null. Errors as in schema/sqlite.hpp.
namespace podstudio {

class database;

/// An array of objects in the order of ids: the columns, `size_bytes`, `missing`, `tags`
/// (sorted) and `problem` (the reason of the first one; null for a file that is in order). The page
/// after it begins at the last id.
result<nlohmann::json> list_assets(database& db, const asset_filter& filter);

/// The ids of all that match, in ascending order; `after` and `limit` of the filter do not count.
result<std::vector<asset_id>> matching_assets(database& db, const asset_filter& filter);

/// How SQLite goes about a page of `list_assets`: the steps of EXPLAIN QUERY PLAN, for tests.
result<std::vector<std::string>> plan_of_list(database& db, const asset_filter& filter);

/// An asset by its id or its absolute path.
using asset_key = std::variant<asset_id, std::string>;

/// All that is known of an asset: as `list_assets`, and `file {size_bytes mtime_ns ctime_ns inode
/// device missing_since}`, `media`, `problems`, `generation` and `suggested` (query/media.hpp),
/// `lineage []`, `packs [{id name position}]`, `jobs [...]` (columns of the `job` table). Error
/// `not_found`.
result<nlohmann::json> show_asset(database& db, const asset_key& key);

/// The id of an asset. Error `not_found`.
result<asset_id> find_asset(database& db, const asset_key& key);

/// `{total image audio video approved missing}`
result<nlohmann::json> asset_counts(database& db);

}  // namespace podstudio
