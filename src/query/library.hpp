// SPDX-License-Identifier: MIT
#pragma once

#include "events/enums.hpp"
#include "platform/error.hpp"
#include "platform/types.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>

/// Queries about everything that is not an asset, for `status` and the lists. Errors as in
/// schema/sqlite.hpp.
namespace podstudio {

class database;

/// `{pending running completed failed cancelled}`
result<nlohmann::json> job_counts(database& db);

struct job_filter {
  std::optional<job_status> status;
  std::optional<job_kind> kind;
  job_id after = 0;  ///< only higher ids
  std::int64_t limit = 1'000;
};

/// The columns of the `job` table in the order of ids, and `seconds_left` as of `at_us`: an
/// estimate for a running job, null for others or where nobody can say.
result<nlohmann::json> list_jobs(database& db, const job_filter& filter, std::int64_t at_us);
/// Its columns, `priority`, `attempts [{attempt started_at ended_at ending reason last_words}]`,
/// and `seconds_left`: what a job that runs will still take at the pace it has had until `at_us`
/// (microseconds since the Unix epoch), null where nobody can say. Error `not_found`.
result<nlohmann::json> show_job(database& db, job_id id, std::int64_t at_us);

/// The newest commands that people and scripts gave, or with `all` those of the engine too, newest
/// first: `[{id at origin summary first_sequence last_sequence}]`, only those before a sequence.
result<nlohmann::json> list_commands(database& db, bool all, sequence_number before,
                                     std::int64_t limit);

/// `[{path state reason assets}]` in the order of paths; `reason` says why a root is lost, `assets`
/// counts those below it.
result<nlohmann::json> list_roots(database& db);

/// `[{path kind reason since}]` in the order of paths.
result<nlohmann::json> list_problems(database& db);
result<std::int64_t> problem_count(database& db);

}  // namespace podstudio
