// SPDX-License-Identifier: MIT
#include "query/duplicates.hpp"

#include "media/digest.hpp"
#include "platform/volume.hpp"
#include "query/rows.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

namespace podstudio {

namespace {

using nlohmann::json;

using digest_begin = std::array<std::uint8_t, 16>;            // as in lookup_content
using file_identity = std::pair<std::int64_t, std::int64_t>;  // device and inode

/// A name of a file with some content.
struct file_name {
  digest_begin content{};
  file_identity file;
  asset_id id = 0;
  std::int64_t size_bytes = 0;
  bool left = false;  ///< it is this no more

  bool operator<(const file_name& other) const {
    return std::tie(content, file, id) < std::tie(other.content, other.file, other.id);
  }
};
using file_names = std::vector<file_name>;

/// What there is of one content.
struct group {
  digest_begin content{};
  std::int64_t size_bytes = 0, files = 0, names = 0;
  std::int64_t saves() const { return std::max<std::int64_t>(files - 1, 0) * size_bytes; }
  /// Those that save the most first.
  bool operator<(const group& other) const {
    return saves() != other.saves() ? saves() > other.saves() : content < other.content;
  }
};

// `lookup_copies` counts what has been entered. What has changed since, which is all while the
// projector has not come to it, is counted here on top of that. There may be a million of these:
// SQLite sorts them, in a file where they are many.
constexpr const char* changes_sql =
    "SELECT digest, device, inode, asset_id, 0, 1 FROM lookup_content_stale"
    " WHERE digest IS NOT NULL UNION ALL "
    "SELECT digest_begin(a.hash), f.device, CASE f.inode WHEN 0 THEN -a.id ELSE f.inode END, a.id,"
    " f.size_bytes, 0 FROM (SELECT asset_id AS id FROM lookup_content_stale"
    "  UNION ALL SELECT id FROM asset WHERE id > (SELECT content_to FROM lookup_state)) m"
    " CROSS JOIN asset a ON a.id = m.id CROSS JOIN asset_file f ON f.asset_id = a.id"
    " WHERE f.missing_since IS NULL AND f.size_bytes > 0 ORDER BY 1, 2, 3, 4";
constexpr const char* totals_sql =
    "SELECT count(*), coalesce(sum(files), 0), coalesce(sum(saves), 0) FROM lookup_copies"
    " WHERE saves > 0";
constexpr const char* largest_sql =
    "SELECT digest, size_bytes, files, names FROM lookup_copies WHERE saves > 0"
    " ORDER BY saves DESC, digest";
constexpr const char* count_sql =
    "SELECT digest, size_bytes, files, names FROM lookup_copies WHERE digest = ?1"
    " UNION ALL SELECT digest, 0, 1, 1 FROM lookup_content WHERE digest = ?1 LIMIT 1";
constexpr const char* names_of_file_sql =
    "SELECT count(*) FROM lookup_content WHERE digest = ?1 AND device = ?2 AND inode = ?3";
constexpr const char* names_sql =
    "SELECT digest, device, inode, asset_id, 0, 0 FROM lookup_content WHERE digest = ?1";
constexpr const char* file_sql =
    "SELECT path, mtime_ns, size_bytes, hash FROM asset JOIN asset_file ON asset_id = id"
    " WHERE id = ?1";

bool read_content(const statement& row, digest_begin& content) {
  if (row.blob(0).size() != content.size()) return false;
  std::ranges::copy(row.blob(0), content.begin());
  return true;
}

bool read_name(const statement& row, file_name& into) {
  if (!read_content(row, into.content)) return false;
  into.file = {row.get<std::int64_t>(1), row.get<std::int64_t>(2)};
  into.id = row.get<asset_id>(3);
  into.size_bytes = row.get<std::int64_t>(4);
  into.left = row.get<bool>(5);
  return true;
}

group read_group(const statement& row) {
  group one{{}, row.get<std::int64_t>(1), row.get<std::int64_t>(2), row.get<std::int64_t>(3)};
  read_content(row, one.content);
  return one;
}

/// A content that changed since it was entered, and how.
struct changed_group : group {
  file_names changes;  ///< in their order
};

/// The duplicates of the library in one view of the tables, the `limit` largest of them in detail.
/// In memory are the changes of these, those of one content more, and 16 bytes for each content
/// that had several entered files and has changed since.
class duplicates {
public:
  duplicates(database& db, std::size_t limit) : db_(db), limit_(limit) {}

  result<void> count() {
    if (auto counted = count_entered(); !counted) return counted;
    if (auto counted = count_changes(); !counted) return counted;
    return find_largest();
  }

  std::int64_t groups = 0, files = 0, saves = 0;

  /// Those that save the most first.
  const std::vector<changed_group>& largest() const { return largest_; }

  /// Every name of a group, in the order of their assets.
  result<file_names> names_of(const changed_group& each) {
    auto query = db_.prepare(names_sql);
    if (!query) return query.failure();
    query->bind(each.content);
    file_names names;
    auto read = query->for_each_row([&](const statement& row) {
      file_name one;
      if (read_name(row, one)) names.push_back(one);
    });
    if (!read) return read.failure();
    std::erase_if(names, [&](const file_name& one) {
      auto [first, last] = std::equal_range(each.changes.begin(), each.changes.end(), one);
      return std::any_of(first, last, [](const file_name& change) { return change.left; });
    });
    std::ranges::copy_if(each.changes, std::back_inserter(names),
                         [](const file_name& change) { return !change.left; });
    std::ranges::sort(names, std::less<>(), &file_name::id);
    return names;
  }

private:
  result<void> count_entered() {
    auto totals = db_.prepare(totals_sql);
    if (!totals) return totals.failure();
    return totals->for_each_row([this](const statement& row) {
      groups = row.get<std::int64_t>(0);
      files = row.get<std::int64_t>(1);
      saves = row.get<std::int64_t>(2);
    });
  }

  void add(const group& one, std::int64_t sign) {
    if (one.files < 2) return;
    groups += sign, files += sign * one.files, saves += sign * one.saves();
  }

  result<void> count_changes() {
    auto entered = db_.value<std::int64_t>("SELECT EXISTS (SELECT 1 FROM lookup_content)");
    if (!entered) return entered.failure();
    auto changes = db_.prepare(changes_sql), find = db_.prepare(count_sql),
         find_file = db_.prepare(names_of_file_sql);
    for (auto* query : {&changes, &find, &find_file})
      if (!*query) return query->failure();
    file_names same;  // content
    for (bool more = true; more;) {
      auto row = changes->step();
      if (!row) return row.failure();
      more = *row;
      file_name one;
      if (more && !read_name(*changes, one)) continue;
      if (!same.empty() && (!more || one.content != same.front().content)) {
        auto counted = count_changed(std::exchange(same, {}), *entered != 0, *find, *find_file);
        if (!counted) return counted;
      }
      if (more) same.push_back(one);
    }
    return {};
  }

  /// Counts a content anew; `changes` are all of it.
  result<void> count_changed(file_names changes, bool may_be_entered, statement& find,
                             statement& find_file) {
    changed_group now{{changes.front().content}, {}};
    if (may_be_entered) {
      find.bind(now.content);
      auto read = find.for_each_row(
          [&](const statement& row) { static_cast<group&>(now) = read_group(row); });
      if (!read) return read;
    }
    add(now, -1);
    if (now.saves() > 0) recounted_.push_back(now.content);
    if (auto changed = change(now, changes, find_file); !changed) return changed;
    add(now, 1);
    now.changes = std::move(changes);
    if (now.files > 1) offer(std::move(now));
    return {};
  }

  static result<void> change(group& now, const file_names& changes, statement& find_file) {
    bool any_entered = now.names > 0;
    for (auto at = changes.begin(); at != changes.end();) {
      std::int64_t before = 0, change = 0;
      if (any_entered) {
        find_file.bind(at->content, at->file.first, at->file.second);
        auto read = find_file.for_each_row(
            [&](const statement& row) { before = row.get<std::int64_t>(0); });
        if (!read) return read;
      }
      for (auto file = at->file; at != changes.end() && at->file == file; ++at) {
        change += at->left ? -1 : 1;
        if (now.size_bytes == 0) now.size_bytes = at->size_bytes;
      }
      now.names += change;
      now.files += (before + change > 0 ? 1 : 0) - (before > 0 ? 1 : 0);
    }
    return {};
  }

  /// Keeps it if it is one of the largest so far. Until `find_largest` the smallest of these is the
  /// first.
  void offer(changed_group one) {
    largest_.push_back(std::move(one));
    std::push_heap(largest_.begin(), largest_.end());
    if (largest_.size() <= limit_) return;
    std::pop_heap(largest_.begin(), largest_.end());
    largest_.pop_back();
  }

  /// Adds what has been entered and has not changed.
  result<void> find_largest() {
    auto query = db_.prepare(largest_sql);
    if (!query) return query.failure();
    for (std::size_t entered = 0; entered < limit_;) {
      auto row = query->step();
      if (!row) return row.failure();
      if (!*row) break;
      auto one = read_group(*query);
      if (std::ranges::binary_search(recounted_, one.content)) continue;
      offer({one, {}});
      ++entered;
    }
    std::sort_heap(largest_.begin(), largest_.end());
    return {};
  }

  database& db_;
  std::size_t limit_;
  std::vector<digest_begin> recounted_;  ///< in their order
  std::vector<changed_group> largest_;
};

/// The group as it is reported, after a look at its first files; null where less than two are left.
result<json> report_of(const file_names& names, statement& find, look_at_file look) {
  std::map<file_identity, asset_id> first_name;
  std::vector<file_identity> files;
  auto assets = json::array();
  auto count_of_names = static_cast<std::int64_t>(names.size());
  std::int64_t size_bytes = 0;
  std::string hash;
  for (auto at = names.begin(); at != names.end(); ++at) {
    if (at - names.begin() >= max_assets_per_duplicate) {
      files.push_back(at->file);
      continue;
    }
    find.bind(at->id);
    std::string path;
    std::int64_t mtime_ns = 0;
    auto read = find.for_each_row([&](const statement& row) {
      path = row.get<std::string>(0);
      mtime_ns = row.get<std::int64_t>(1);
      size_bytes = row.get<std::int64_t>(2);
      hash = row.get<std::string>(3);
    });
    if (!read) return read.failure();
    auto now = look(path);
    if (!now || now->mtime_ns != mtime_ns
        || now->size_bytes != static_cast<std::uint64_t>(size_bytes)) {
      --count_of_names;
      continue;
    }
    // As it is now: names may have been made one file since.
    file_identity file{static_cast<std::int64_t>(now->device),
                       static_cast<std::int64_t>(now->inode)};
    files.push_back(file);
    auto [known, is_first] = first_name.emplace(file, at->id);
    assets.push_back({{"id", at->id},
                      {"path", path},
                      {"same_file_as", is_first ? json() : json(known->second)}});
  }
  std::ranges::sort(files);
  files.erase(std::unique(files.begin(), files.end()), files.end());
  if (files.size() < 2) return json();
  auto count = static_cast<std::int64_t>(files.size());
  return json{{"hash", hash},
              {"size_bytes", size_bytes},
              {"files", count},
              {"names", count_of_names},
              {"reclaimable_bytes", (count - 1) * size_bytes},
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
  duplicates found(db, static_cast<std::size_t>(limit));
  if (auto counted = found.count(); !counted) return counted.failure();
  auto find = db.prepare(file_sql);
  if (!find) return find.failure();
  std::vector<json> largest;
  for (const auto& each : found.largest()) {
    auto names = found.names_of(each);
    if (!names) return names.failure();
    auto report = report_of(*names, *find, look);
    if (!report) return report;
    found.files -= each.files, found.saves -= each.saves();
    if (report->is_null()) {
      --found.groups;
      continue;
    }
    found.files += (*report)["files"].get<std::int64_t>();
    found.saves += (*report)["reclaimable_bytes"].get<std::int64_t>();
    largest.push_back(std::move(*report));
  }
  std::stable_sort(largest.begin(), largest.end(), [](const json& one, const json& other) {
    return one["reclaimable_bytes"] > other["reclaimable_bytes"];
  });
  return json{{"groups", found.groups},
              {"files", found.files},
              {"reclaimable_bytes", found.saves},
              {"largest", std::move(largest)}};
}

result<std::vector<std::string>> plan_of_duplicates(database& db) {
  std::vector<std::string> steps;
  for (std::string sql :
       {changes_sql, totals_sql, largest_sql, count_sql, names_of_file_sql, names_sql, file_sql}) {
    auto query = db.prepare("EXPLAIN QUERY PLAN " + sql);
    if (!query) return query.failure();
    auto read = query->for_each_row(
        [&](const statement& row) { steps.push_back(row.get<std::string>(3)); });
    if (!read) return read.failure();
  }
  return steps;
}

}  // namespace podstudio
