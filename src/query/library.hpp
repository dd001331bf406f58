#pragma once

#include "platform/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>

/// Questions about everything that is not an asset, for `status` and the lists. Errors as in
/// schema/sqlite.hpp.
namespace podstudio {

class database;

result<std::int64_t> pack_count(database& db);

/// `{pending running completed failed cancelled}`
result<nlohmann::json> job_counts(database& db);

/// `[{path state reason assets}]` in the order of paths; `reason` says why a root is lost, `assets`
/// counts those below it.
result<nlohmann::json> list_roots(database& db);

/// `[{path kind reason since}]` in the order of paths.
result<nlohmann::json> list_problems(database& db);
result<std::int64_t> problem_count(database& db);

}  // namespace podstudio
