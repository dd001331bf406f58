#include "query/library.hpp"

#include "query/rows.hpp"
#include "schema/sqlite.hpp"

namespace podstudio {

using nlohmann::json;

result<std::int64_t> pack_count(database& db) {
  return db.value<std::int64_t>("SELECT count(*) FROM pack");
}

result<json> job_counts(database& db) {
  return select_one(db, "SELECT count(*) FILTER (WHERE status = 'pending') AS pending,"
                        " count(*) FILTER (WHERE status = 'running') AS running,"
                        " count(*) FILTER (WHERE status = 'completed') AS completed,"
                        " count(*) FILTER (WHERE status = 'failed') AS failed,"
                        " count(*) FILTER (WHERE status = 'cancelled') AS cancelled"
                        " FROM job");
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
