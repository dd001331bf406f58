#include "query/duplicates.hpp"

#include "media/digest.hpp"
#include "platform/text.hpp"
#include "platform/volume.hpp"
#include "query/rows.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace podstudio {

namespace {

using nlohmann::json;

/// The assets that may have a copy: those known to share a digest, those that the index does not
/// have as they are now, and whoever shares a digest with the latter. One may come twice.
constexpr const char* candidates_sql =
    "WITH state AS MATERIALIZED (SELECT indexed_to FROM lookup_state)"
    " SELECT a.id, a.hash, f.size_bytes, f.device, f.inode FROM"
    " (SELECT asset_id AS id FROM lookup_copy"
    "  UNION ALL SELECT id FROM asset WHERE id > (SELECT indexed_to FROM state)"
    "  UNION ALL SELECT asset_id FROM lookup_stale"
    "  UNION ALL SELECT c.asset_id FROM asset n"
    "   CROSS JOIN lookup_content c ON c.digest = substr(n.hash, 1, 12)"
    "   WHERE n.id > (SELECT indexed_to FROM state)"
    "  UNION ALL SELECT c.asset_id FROM lookup_stale s CROSS JOIN asset n ON n.id = s.asset_id"
    "   CROSS JOIN lookup_content c ON c.digest = substr(n.hash, 1, 12)) m"
    " CROSS JOIN asset a ON a.id = m.id CROSS JOIN asset_file f ON f.asset_id = a.id"
    " WHERE f.missing_since IS NULL AND f.size_bytes > 0";

using file_identity = std::pair<std::int64_t, std::int64_t>;  // device and inode

struct candidate {
  digest content{};
  file_identity file;
  asset_id id = 0;
  std::int64_t size_bytes = 0;

  bool operator<(const candidate& other) const {
    return std::tie(content, file, id) < std::tie(other.content, other.file, other.id);
  }
};
using candidates = std::vector<candidate>;

struct group {
  candidates::iterator begin, end;
  std::int64_t files = 0;
  std::int64_t saves() const { return (files - 1) * begin->size_bytes; }
};

/// Every asset that may have a copy, those with the same content side by side, and of these the
/// names of one file.
result<candidates> find_candidates(database& db) {
  auto query = db.prepare(candidates_sql);
  if (!query) return query.failure();
  candidates found;
  auto read = query->for_each_row([&](const statement& row) {
    candidate one;
    if (!from_hex(row.get<std::string>(1), one.content.data(), one.content.size())) return;
    one.id = row.get<asset_id>(0);
    auto inode = row.get<std::int64_t>(4);
    one.file = {row.get<std::int64_t>(3), inode == 0 ? -one.id : inode};  // 0: not kept
    one.size_bytes = row.get<std::int64_t>(2);
    found.push_back(one);
  });
  if (!read) return read.failure();
  std::ranges::sort(found, std::less<>());
  auto same_asset = [](const candidate& one, const candidate& other) { return one.id == other.id; };
  found.erase(std::unique(found.begin(), found.end(), same_asset), found.end());
  return found;
}

std::vector<group> groups_of(candidates& all) {
  std::vector<group> groups;
  for (auto begin = all.begin(); begin != all.end();) {
    group next{begin, begin, 0};
    for (; next.end != all.end() && next.end->content == begin->content; ++next.end)
      if (next.end == begin || next.end->file != std::prev(next.end)->file) ++next.files;
    if (next.files > 1) groups.push_back(next);
    begin = next.end;
  }
  return groups;
}

/// The group as it is reported, after a look at its first files; null where less than two are left.
result<json> report_of(const group& each, statement& find, look_at_file look) {
  std::sort(each.begin, each.end,
            [](const candidate& one, const candidate& other) { return one.id < other.id; });
  std::map<file_identity, asset_id> first_name;
  std::set<file_identity> files;
  auto assets = json::array();
  std::int64_t names = each.end - each.begin;
  for (auto at = each.begin; at != each.end; ++at) {
    if (at - each.begin >= max_assets_per_duplicate) {
      files.insert(at->file);
      continue;
    }
    find.bind(at->id);
    std::string path;
    std::int64_t mtime_ns = 0;
    auto read = find.for_each_row([&](const statement& row) {
      path = row.get<std::string>(0);
      mtime_ns = row.get<std::int64_t>(1);
    });
    if (!read) return read.failure();
    auto now = look(path);
    if (!now || now->mtime_ns != mtime_ns
        || now->size_bytes != static_cast<std::uint64_t>(at->size_bytes)) {
      --names;
      continue;
    }
    // As it is now: names may have been made one file since.
    file_identity file{static_cast<std::int64_t>(now->device),
                       static_cast<std::int64_t>(now->inode)};
    files.insert(file);
    auto [known, is_first] = first_name.emplace(file, at->id);
    assets.push_back({{"id", at->id},
                      {"path", path},
                      {"same_file_as", is_first ? json() : json(known->second)}});
  }
  if (files.size() < 2) return json();
  auto count = static_cast<std::int64_t>(files.size());
  return json{{"hash", to_hex(each.begin->content)},
              {"size_bytes", each.begin->size_bytes},
              {"files", count},
              {"names", names},
              {"reclaimable_bytes", (count - 1) * each.begin->size_bytes},
              {"assets", std::move(assets)}};
}

}  // namespace

std::optional<file_facts> file_now(const std::string& path) {
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  // The inode it has now will do, also where it will have another one tomorrow.
  auto on = volume_of(path, status.st_dev);
  on.keeps_inodes = true;
  return facts_of(status, on);
}

result<json> list_duplicates(database& db, std::int64_t limit, look_at_file look) {
  auto view = transaction::begin_read(db);
  if (!view) return view.failure();
  auto all = find_candidates(db);
  if (!all) return all.failure();
  auto groups = groups_of(*all);
  std::int64_t files = 0, saves = 0, left_out = 0;
  for (const auto& each : groups)
    files += each.files, saves += each.saves();
  auto reported = std::min(static_cast<std::size_t>(limit), groups.size());
  auto middle = groups.begin() + static_cast<std::ptrdiff_t>(reported);
  std::partial_sort(groups.begin(), middle, groups.end(), [](const group& one, const group& other) {
    return one.saves() != other.saves() ? one.saves() > other.saves()
                                        : one.begin->content < other.begin->content;
  });
  auto find = db.prepare("SELECT path, mtime_ns FROM asset JOIN asset_file ON asset_id = id"
                         " WHERE id = ?1");
  if (!find) return find.failure();
  std::vector<json> largest;
  for (auto each = groups.begin(); each != middle; ++each) {
    auto report = report_of(*each, *find, look);
    if (!report) return report;
    files -= each->files, saves -= each->saves();
    if (report->is_null()) {
      ++left_out;
      continue;
    }
    files += (*report)["files"].get<std::int64_t>();
    saves += (*report)["reclaimable_bytes"].get<std::int64_t>();
    largest.push_back(std::move(*report));
  }
  std::stable_sort(largest.begin(), largest.end(), [](const json& one, const json& other) {
    return one["reclaimable_bytes"] > other["reclaimable_bytes"];
  });
  return json{{"groups", static_cast<std::int64_t>(groups.size()) - left_out},
              {"files", files},
              {"reclaimable_bytes", saves},
              {"largest", std::move(largest)}};
}

}  // namespace podstudio
