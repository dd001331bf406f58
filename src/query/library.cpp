// SPDX-License-Identifier: MIT
#include "query/library.hpp"

#include "platform/text.hpp"
#include "query/rows.hpp"
#include "schema/sqlite.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace podstudio {

using nlohmann::json;

result<json> job_counts(database& db) {
  return select_one(db, "SELECT count(*) FILTER (WHERE status = 'pending') AS pending,"
                        " count(*) FILTER (WHERE status = 'running') AS running,"
                        " count(*) FILTER (WHERE status = 'completed') AS completed,"
                        " count(*) FILTER (WHERE status = 'failed') AS failed,"
                        " count(*) FILTER (WHERE status = 'cancelled') AS cancelled"
                        " FROM job");
}

namespace {

json seconds_left(const json& job, std::int64_t at_us) {
  auto progress = job["progress"].get<double>();
  if (job["status"] != word(job_status::running) || progress <= 0 || job["started_at"].is_null())
    return nullptr;
  auto started = parse_timestamp(job["started_at"].get<std::string>());
  // A clock that was set back tells nothing.
  if (!started || at_us <= *started) return nullptr;
  auto taken = static_cast<double>(at_us - *started) / 1e6;
  auto left = taken * std::max(100 - progress, 0.0) / progress;
  constexpr double year = 365.25 * 24 * 3600;
  return left > 100 * year ? json() : json(std::llround(left));
}

}  // namespace

result<json> list_jobs(database& db, const job_filter& filter, std::int64_t at_us) {
  auto word_or_null = [](auto value) { return value ? std::optional(word(*value)) : std::nullopt; };
  auto jobs = select_all(db,
                         "SELECT job.*, coalesce(priority, 0) AS priority FROM job"
                         " LEFT JOIN job_priority ON job_id = id"
                         " WHERE id > ?1 AND (?2 IS NULL OR status = ?2)"
                         " AND (?3 IS NULL OR kind = ?3) ORDER BY id LIMIT ?4",
                         filter.after, word_or_null(filter.status), word_or_null(filter.kind),
                         filter.limit);
  if (!jobs) return jobs;
  for (auto& job : *jobs)
    job["seconds_left"] = seconds_left(job, at_us);
  return jobs;
}

result<json> show_job(database& db, job_id id, std::int64_t at_us) {
  auto reading = transaction::begin_read(db);
  if (!reading) return reading.failure();
  auto job = select_one(db,
                        "SELECT job.*, coalesce(priority, 0) AS priority FROM job"
                        " LEFT JOIN job_priority ON job_id = id WHERE id = ?1",
                        id);
  if (!job) return job;
  if (job->is_null())
    return error{error_code::not_found,
                 "there is no job " + std::to_string(id) + "; see 'podstudio job list'"};
  auto attempts = select_all(db,
                             "SELECT attempt, started_at, ended_at, ending, reason, last_words"
                             " FROM job_attempt WHERE job_id = ?1 ORDER BY attempt",
                             id);
  if (!attempts) return attempts;
  (*job)["attempts"] = *std::move(attempts);
  (*job)["seconds_left"] = seconds_left(*job, at_us);
  return job;
}

result<json> list_commands(database& db, bool all, sequence_number before, std::int64_t limit) {
  // The condition is that of the index of the commands that people gave.
  return select_all(db,
                    std::string("SELECT id, at, origin, summary, first_sequence, last_sequence"
                                " FROM command WHERE first_sequence < ?1")
                        + (all ? "" : " AND origin = 'console'")
                        + " ORDER BY first_sequence DESC LIMIT ?2",
                    before, limit);
}

result<json> list_roots(database& db) {
  // Below '/a' is what sorts between '/a/' and '/a0', as '0' follows '/': a range of the path
  // index. The root folder itself is the one path that ends in its own separator.
  return select_all(db, "SELECT path, state, reason,"
                        " (SELECT count(*) FROM asset"
                        "  WHERE asset.path >= rtrim(watch_root.path, '/') || '/'"
                        "  AND asset.path < rtrim(watch_root.path, '/') || '0') AS assets"
                        " FROM watch_root ORDER BY path");
}

result<json> list_problems(database& db) {
  return select_all(db, "SELECT path, kind, reason, since FROM problem ORDER BY path");
}

result<std::int64_t> problem_count(database& db) {
  return db.value<std::int64_t>("SELECT count(*) FROM problem");
}

}  // namespace podstudio
