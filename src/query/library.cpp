// SPDX-License-Identifier: MIT
#include "query/library.hpp"

#include "query/rows.hpp"
#include "schema/sqlite.hpp"

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

result<json> list_jobs(database& db, const job_filter& filter) {
  auto word_or_null = [](auto value) { return value ? std::optional(word(*value)) : std::nullopt; };
  return select_all(db,
                    "SELECT * FROM job WHERE id > ?1 AND (?2 IS NULL OR status = ?2)"
                    " AND (?3 IS NULL OR kind = ?3) ORDER BY id LIMIT ?4",
                    filter.after, word_or_null(filter.status), word_or_null(filter.kind),
                    filter.limit);
}

result<json> show_job(database& db, job_id id) {
  auto job = select_one(db, "SELECT * FROM job WHERE id = ?1", id);
  if (!job || !job->is_null()) return job;
  return error{error_code::not_found,
               "there is no job " + std::to_string(id) + "; see 'podstudio job list'"};
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
