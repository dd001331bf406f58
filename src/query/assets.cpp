#include "query/assets.hpp"

#include "model/enums.hpp"
#include "platform/text.hpp"
#include "query/rows.hpp"
#include "schema/sqlite.hpp"

#include <algorithm>
#include <utility>

namespace podstudio {

namespace {

using nlohmann::json;

// json_group_array keeps the tags in the statement, so that a page is one state of the tables
// without a transaction of its own.
constexpr const char* listed_columns =
    "a.id, a.path, a.type, a.hash, a.width, a.height, a.duration_sec, a.samplerate_hz, a.theme, "
    "a.source,"
    " a.provenance, a.approved, a.created_at, a.updated_at, f.size_bytes,"
    " f.missing_since IS NOT NULL AS missing,"
    " (SELECT json_group_array(tag) FROM asset_tag WHERE asset_id = a.id) AS tags";

constexpr const char* listed_tables = " FROM asset a JOIN asset_file f ON f.asset_id = a.id";

json listed_to_json(const statement& row) {
  auto object = row_to_json(row);
  for (const char* flag : {"approved", "missing"})
    object[flag] = object[flag].get<int>() != 0;
  auto tags = json::parse(object["tags"].get<std::string>()).get<std::vector<std::string>>();
  std::ranges::sort(tags);
  object["tags"] = std::move(tags);
  return object;
}

/// `text` as a LIKE pattern that finds it anywhere, with `\` as the escape.
std::string containing(const std::string& text) {
  std::string pattern = "%";
  for (char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + '%';
}

/// The WHERE clause of a filter and the values of its parameters.
class conditions {
public:
  explicit conditions(const asset_filter& filter) {
    if (filter.type) require("a.type = " + parameter(std::string(word(*filter.type))));
    if (filter.theme) require("a.theme = " + parameter(*filter.theme));
    if (filter.origin) require("a.provenance = " + parameter(std::string(word(*filter.origin))));
    if (filter.approved) require(*filter.approved ? "a.approved" : "NOT a.approved");
    if (filter.missing) require("f.missing_since IS NOT NULL");
    if (filter.duplicates) require_duplicates();
    if (filter.tag)
      require("a.id IN (SELECT asset_id FROM asset_tag WHERE tag = " + parameter(*filter.tag)
              + ")");
    if (filter.search) require_text(parameter(containing(*filter.search)));
  }

  void require(const std::string& condition) {
    text_ += text_.empty() ? " WHERE " : " AND ";
    text_ += condition;
  }
  /// The name of a new parameter with this value.
  std::string parameter(std::string value) {
    values_.push_back(std::move(value));
    return std::string("?").append(std::to_string(values_.size()));
  }

  /// The statement, ready to step as long as this lives.
  result<statement> prepare(database& db, const std::string& select,
                            const std::string& tail) const {
    auto query = db.prepare(select + listed_tables + text_ + tail);
    if (!query) return query;
    for (std::size_t i = 0; i < values_.size(); ++i)
      query->bind_at(static_cast<int>(i + 1), values_[i]);
    return query;
  }

private:
  void require_duplicates() {
    require("f.missing_since IS NULL AND a.hash IN (SELECT hash FROM asset JOIN asset_file ON "
            "asset_id = id"
            " WHERE missing_since IS NULL GROUP BY hash HAVING count(*) > 1)");
  }
  void require_text(const std::string& pattern) {
    auto like = " LIKE " + pattern + " ESCAPE '\\'";
    require("(a.path" + like + " OR a.theme" + like + " OR a.source" + like
            + " OR EXISTS (SELECT 1 FROM asset_tag t WHERE t.asset_id = a.id AND t.tag" + like
            + "))");
  }

  std::string text_;
  std::vector<std::string> values_;
};

error no_asset(const asset_key& key) {
  const auto* id = std::get_if<asset_id>(&key);
  return {error_code::not_found,
          (id != nullptr ? "there is no asset " + std::to_string(*id)
                         : "there is no asset at " + in_quotes(std::get<std::string>(key)))
              + "; see 'podstudio asset list'"};
}

result<json> find_listed(database& db, const asset_key& key) {
  auto by_id = std::holds_alternative<asset_id>(key);
  auto query = db.prepare(std::string("SELECT ") + listed_columns + listed_tables
                          + (by_id ? " WHERE a.id = ?1" : " WHERE a.path = ?1"));
  if (!query) return query.failure();
  std::visit([&](const auto& value) { query->bind(value); }, key);
  json found;
  auto read = query->for_each_row([&](const statement& row) { found = listed_to_json(row); });
  if (!read) return read.failure();
  if (!found.is_null()) return found;
  return no_asset(key);
}

result<json> file_of(database& db, asset_id asset) {
  auto file = select_one(db,
                         "SELECT size_bytes, mtime_ns, ctime_ns, inode, device, missing_since"
                         " FROM asset_file WHERE asset_id = ?1",
                         asset);
  if (!file) return file;
  // Kept as two's complement, as SQLite has no unsigned integers.
  for (const char* number : {"inode", "device"})
    (*file)[number] = static_cast<std::uint64_t>((*file)[number].get<std::int64_t>());
  return file;
}

json media_of(const json& listed) {
  json media;
  for (const char* fact : {"width", "height", "duration_sec", "samplerate_hz"})
    media[fact] = listed[fact];
  return media;
}

/// Puts a part of an answer in its place; false, with the failure kept, if there is none.
bool put(json& object, const char* key, result<json> part, std::optional<error>& failure) {
  if (!part) {
    failure = part.failure();
    return false;
  }
  object[key] = *std::move(part);
  return true;
}

}  // namespace

result<json> list_assets(database& db, const asset_filter& filter) {
  conditions matching(filter);
  matching.require("a.id > " + std::to_string(filter.after));
  auto query = matching.prepare(
      db, std::string("SELECT ") + listed_columns,
      " ORDER BY a.id LIMIT "
          + std::to_string(std::clamp<std::int64_t>(filter.limit, 1, max_assets_per_page)));
  if (!query) return query.failure();
  auto assets = json::array();
  auto read =
      query->for_each_row([&](const statement& row) { assets.push_back(listed_to_json(row)); });
  if (!read) return read.failure();
  return assets;
}

result<std::vector<asset_id>> matching_assets(database& db, const asset_filter& filter) {
  conditions matching(filter);
  auto query = matching.prepare(db, "SELECT a.id", " ORDER BY a.id");
  if (!query) return query.failure();
  std::vector<asset_id> ids;
  auto read =
      query->for_each_row([&](const statement& row) { ids.push_back(row.get<asset_id>(0)); });
  if (!read) return read.failure();
  return ids;
}

result<json> show_asset(database& db, const asset_key& key) {
  auto reading = transaction::begin_read(db);
  if (!reading) return reading.failure();
  auto asset = find_listed(db, key);
  if (!asset) return asset;
  auto id = (*asset)["id"].get<asset_id>();
  (*asset)["media"] = media_of(*asset);
  // Their tables come with the jobs that fill them.
  (*asset)["generation"] = nullptr;
  (*asset)["lineage"] = json::array();
  std::optional<error> failure;
  bool complete =
      put(*asset, "file", file_of(db, id), failure)
      && put(*asset, "packs",
             select_all(
                 db,
                 "SELECT p.id, p.name, m.position FROM pack_asset m JOIN pack p ON p.id = m.pack_id"
                 " WHERE m.asset_id = ?1 ORDER BY p.id",
                 id),
             failure)
      && put(*asset, "jobs",
             select_all(db, "SELECT * FROM job WHERE asset_id = ?1 ORDER BY id", id), failure);
  if (!complete) return *failure;
  return asset;
}

result<asset_id> find_asset(database& db, const asset_key& key) {
  auto query =
      db.prepare(std::holds_alternative<asset_id>(key) ? "SELECT id FROM asset WHERE id = ?1"
                                                       : "SELECT id FROM asset WHERE path = ?1");
  if (!query) return query.failure();
  std::visit([&](const auto& value) { query->bind(value); }, key);
  auto found = query->step();
  if (!found) return found.failure();
  if (!*found) return no_asset(key);
  return query->get<asset_id>(0);
}

result<json> asset_counts(database& db) {
  return select_one(db,
                    "SELECT count(*) AS total,"
                    " count(*) FILTER (WHERE type = 'image') AS image,"
                    " count(*) FILTER (WHERE type = 'audio') AS audio,"
                    " count(*) FILTER (WHERE type = 'video') AS video,"
                    " count(*) FILTER (WHERE approved) AS approved,"
                    " (SELECT count(*) FROM asset_file WHERE missing_since IS NOT NULL) AS missing"
                    " FROM asset");
}

}  // namespace podstudio
