// SPDX-License-Identifier: MIT
#include "query/assets.hpp"

#include "events/enums.hpp"
#include "platform/fold_text.hpp"
#include "platform/text.hpp"
#include "query/media.hpp"
#include "query/rows.hpp"
#include "schema/sqlite.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <system_error>
#include <utility>

namespace podstudio {

namespace {

using nlohmann::json;

/// A label's column of the asset that the query calls `asset`.
template <class Label>
std::string label_column(const std::string& asset) {
  std::string column(Label::key), table(Label::table);
  if (!is_beside<Label>) return asset + "." + column;
  return "coalesce((SELECT " + column + " FROM " + table + " WHERE asset_id = " + asset
         + ".id), 0)";
}

// json_group_array keeps the tags in the statement, so that a page is one state of the tables
// without a transaction of its own.
std::string listed_columns() {
  std::string columns =
      "a.id, a.path, a.type, a.hash, a.width, a.height, a.duration_sec, a.samplerate_hz,"
      " a.created_at, a.updated_at, f.size_bytes, f.missing_since IS NOT NULL AS missing,"
      " (SELECT json_group_array(tag) FROM asset_tag WHERE asset_id = a.id) AS tags,"
      " (SELECT reason FROM asset_problem WHERE asset_id = a.id AND number = 1) AS problem";
  each_label([&]<class Label>() {
    columns += ", " + label_column<Label>("a") + " AS " + std::string(Label::key);
  });
  return columns;
}

constexpr const char* listed_tables = " FROM asset a JOIN asset_file f ON f.asset_id = a.id";

json listed_to_json(const statement& row) {
  auto object = row_to_json(row);
  auto to_flag = [&object](std::string_view key) {
    auto& value = object[std::string(key)];
    value = value.get<int>() != 0;
  };
  to_flag("missing");
  each_label([&]<class Label>() {
    if constexpr (is_flag_label<Label>) to_flag(Label::key);
  });
  auto tags = json::parse(object["tags"].get<std::string>()).get<std::vector<std::string>>();
  std::ranges::sort(tags);
  object["tags"] = std::move(tags);
  return object;
}

/// The words of a search: what stands between white space, or all of it where nothing does.
std::vector<std::string> words_of(const std::string& search) {
  auto words = search_words(search);
  if (words.empty()) words.push_back(search);
  return words;
}

/// The pieces of three characters by which the words are looked up in `lookup_text`, as an
/// expression of FTS5; empty where no word has three. In quotes every character means itself. A
/// bound of pieces is enough: they only narrow down where to look.
std::string match_of(const std::vector<std::string>& words) {
  constexpr std::size_t pieces_max = 32;
  std::set<std::string> pieces;
  for (const auto& word : words) {
    std::vector<std::size_t> begins;
    for (std::size_t i = 0; i < word.size(); ++i)
      if ((word[i] & 0xc0) != 0x80) begins.push_back(i);
    begins.push_back(word.size());
    for (std::size_t i = 0; i + 3 < begins.size() && pieces.size() < pieces_max; ++i)
      pieces.insert(word.substr(begins[i], begins[i + 3] - begins[i]));
  }
  std::string text;
  for (const auto& piece : pieces) {
    text += text.empty() ? "\"" : " AND \"";
    for (char c : piece)
      text += c == '"' ? "\"\"" : std::string(1, c);
    text += '"';
  }
  return text;
}

/// The assets that the indexes which lag behind do not have, or not as they are now: their texts,
/// or their contents.
constexpr const char* with_fresh_texts =
    "WITH fresh AS MATERIALIZED (SELECT id FROM asset"
    " WHERE id > (SELECT indexed_to FROM lookup_state)"
    " UNION SELECT id FROM lookup_stale CROSS JOIN asset ON id = asset_id) ";
constexpr const char* with_fresh_contents =
    "WITH fresh AS MATERIALIZED (SELECT id, digest_begin(hash) AS digest FROM asset"
    " WHERE id > (SELECT content_to FROM lookup_state)"
    " UNION SELECT id, digest_begin(hash) FROM lookup_content_stale"
    " CROSS JOIN asset ON id = asset_id) ";

/// The models that a filter takes.
struct models {
  std::vector<std::string> names;
  bool more = false;  ///< there are so many that their assets are not looked for one by one
};
constexpr std::size_t models_max = 32;

/// The models with the word, which is folded, in their names. Costs what all models are, not what
/// their assets are.
result<models> models_with(database& db, const std::string& word) {
  auto query = db.prepare(
      "WITH RECURSIVE known(name) AS ("
      " SELECT (SELECT model FROM asset_generation WHERE model IS NOT NULL ORDER BY model LIMIT 1)"
      " UNION ALL SELECT (SELECT model FROM asset_generation WHERE model > name"
      "  ORDER BY model LIMIT 1) FROM known WHERE name IS NOT NULL)"
      " SELECT name FROM known WHERE name IS NOT NULL AND finds(name, ?1) LIMIT ?2");
  if (!query) return query.failure();
  query->bind(word, static_cast<std::int64_t>(models_max + 1));
  models found;
  auto read = query->for_each_row(
      [&](const statement& row) { found.names.push_back(row.get<std::string>(0)); });
  if (!read) return read.failure();
  found.more = found.names.size() > models_max;
  return found;
}

/// A text to look for, as `finds` compares it.
std::string folded(const std::string& text) {
  auto word = fold_text(text);
  // Nothing but marks folds to nothing, which is in every text.
  return word.empty() ? text : word;
}

/// A number as SQL has it, whatever the locale.
std::string as_sql(double number) {
  std::array<char, 64> text{};
  auto [end, failure] = std::to_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() ? std::string(text.data(), end) : "NULL";
}

constexpr const char* join_asset = " CROSS JOIN asset a ON a.id = ";
constexpr const char* join_file = " CROSS JOIN asset_file f ON f.asset_id = a.id";

/// The ids that a filter takes, as SQL. The conditions of the filter decide of each row; where to
/// look for rows is up to the index that narrows it down best. Each place to look gives its ids in
/// order, so that a page costs what it holds and not what matches.
class matching {
public:
  /// Of a filter by model, the models are looked up first.
  static result<matching> of(database& db, const asset_filter& filter) {
    models found;
    if (filter.model) {
      auto looked_up = models_with(db, folded(*filter.model));
      if (!looked_up) return looked_up.failure();
      found = *std::move(looked_up);
    }
    return matching(filter, found);
  }

  /// The ids above `after` in ascending order, with `tail` behind.
  std::string ids(asset_id after, const std::string& tail) const {
    std::string sql;
    for (const auto& one : places_)
      sql += (sql.empty() ? "" : " UNION ") + one.sql + " AND " + one.id + " > "
             + std::to_string(after);
    return sql + " ORDER BY id" + tail;
  }

  /// The statement, ready to step as long as this lives.
  result<statement> prepare(database& db, const std::string& sql,
                            const std::string& before = "") const {
    auto query = db.prepare(before + with_ + sql);
    if (!query) return query;
    for (std::size_t i = 0; i < values_.size(); ++i)
      query->bind_at(static_cast<int>(i + 1), values_[i]);
    return query;
  }

private:
  struct place {
    std::string sql, id;
  };

  matching(const asset_filter& filter, const models& found) {
    add_conditions(filter);
    if (filter.duplicates)
      look_among_copies();
    else if (!match_.empty())
      look_by_text();
    else if (!prompt_match_.empty())
      look_at_ids("lookup_prompt", "lookup_prompt.rowid",
                  "lookup_prompt MATCH " + parameter(prompt_match_));
    else if (filter.seed)
      look_by_generation("seed", "g.seed = " + parameter(std::to_string(*filter.seed)));
    else if (filter.tag)
      look("asset_tag t" + std::string(join_asset) + "t.asset_id" + join_file, "t.asset_id",
           "t.tag = " + parameter(*filter.tag));
    else if (filter.labels.theme)
      look(std::string("asset a INDEXED BY ix_asset_theme") + join_file, "a.id");
    else if (filter.model && !found.more)
      look_by_models(found);
    else if (filter.tool)
      look_by_generation("tool", "g.tool = " + parameter(*filter.tool) + " COLLATE NOCASE");
    else if (filter.broken)
      // Of each asset the first one.
      look_at_ids("asset_problem r", "r.asset_id", "r.number = 1");
    else if (auto table = table_beside(filter.labels); !table.empty())
      look_at_ids(std::string(table) + " r", "r.asset_id");
    else if (filter.missing)
      look(std::string("asset_file f INDEXED BY ix_asset_file_missing") + join_asset + "f.asset_id",
           "f.asset_id");
    else if (filter.model || filter.prompt)
      look_at_ids("asset_generation r", "r.asset_id");
    else if (filter.alpha || filter.fps)
      look_at_ids("asset_media r", "r.asset_id");
    else if (filter.type || filter.labels.approved || filter.labels.provenance)
      look_by_kind(filter);
    else
      look(std::string("asset a") + join_file, "a.id");
  }

  void add_conditions(const asset_filter& filter) {
    if (filter.type) require("a.type = " + quoted(word(*filter.type)));
    each_label([&]<class Label>() {
      if constexpr (is_filter_label<Label>)
        if (const auto& wanted = filter.labels.*Label::wanted) require_label<Label>(*wanted);
    });
    if (filter.missing) require("f.missing_since IS NOT NULL");
    if (filter.duplicates) require_copy();
    if (filter.tag)
      require("EXISTS (SELECT 1 FROM asset_tag WHERE asset_id = a.id AND tag = "
              + parameter(*filter.tag) + ")");
    if (filter.folder) require_folder(*filter.folder);
    require_facts(filter);
    require_generation(filter);
    if (!filter.search) return;
    auto words = words_of(*filter.search);
    for (const auto& each : words)
      require_text(parameter(each));
    match_ = match_of(words);
  }
  /// What lies in a folder sorts between its path with a slash and with a '0', which follows the
  /// slash.
  void require_folder(const std::string& folder) {
    auto prefix = folder == "/" ? std::string() : folder;
    require("a.path > " + parameter(prefix + '/') + " AND a.path < " + parameter(prefix + '0'));
  }
  /// What a worker read of the file itself.
  void require_facts(const asset_filter& filter) {
    auto pixels = [&](const char* column, const std::optional<number_range>& wanted) {
      if (wanted)
        require(std::string("a.") + column + " BETWEEN " + std::to_string(wanted->low) + " AND "
                + std::to_string(wanted->high));
    };
    pixels("width", filter.width);
    pixels("height", filter.height);
    if (filter.duration_sec) require("a.duration_sec" + between(*filter.duration_sec));
    auto read = [&](const std::string& condition) {
      require("EXISTS (SELECT 1 FROM asset_media WHERE asset_id = a.id AND " + condition + ")");
    };
    if (filter.fps) read("1.0 * fps_numerator / fps_denominator" + between(*filter.fps));
    if (filter.alpha) read(*filter.alpha ? "alpha_present = 1" : "alpha_present = 0");
    if (filter.broken) require("EXISTS (SELECT 1 FROM asset_problem WHERE asset_id = a.id)");
    if (filter.unread) require("NOT EXISTS (SELECT 1 FROM asset_media WHERE asset_id = a.id)");
  }
  /// Who made it, as the file itself says.
  void require_generation(const asset_filter& filter) {
    auto said = [&](const std::string& condition) {
      require("EXISTS (SELECT 1 FROM asset_generation WHERE asset_id = a.id AND " + condition
              + ")");
    };
    if (filter.tool) said("tool = " + parameter(*filter.tool) + " COLLATE NOCASE");
    if (filter.seed) said("seed = " + parameter(std::to_string(*filter.seed)));
    if (filter.model) said("finds(model, " + parameter(folded(*filter.model)) + ")");
    if (!filter.prompt) return;
    auto words = words_of(*filter.prompt);
    for (const auto& each : words)
      said("finds(prompt, " + parameter(each) + ")");
    prompt_match_ = match_of(words);
  }
  static std::string between(const decimal_range& wanted) {
    return " BETWEEN " + as_sql(wanted.low - decimal_slack) + " AND "
           + as_sql(wanted.high + decimal_slack);
  }
  void require(const std::string& condition) { conditions_ += " AND " + condition; }
  template <class Label>
  void require_label(const auto& wanted) {
    auto is = label_column<Label>("a") + " = ";
    if constexpr (is_flag_label<Label>)
      require(is + (wanted ? "1" : "0"));
    else if constexpr (is_word_label<Label>)
      require(is + quoted(word(wanted)));
    else if constexpr (is_number_label<Label>)
      require(label_column<Label>("a") + " BETWEEN " + std::to_string(wanted.low) + " AND "
              + std::to_string(wanted.high));
    else
      require(is + parameter(wanted));
  }
  /// A table beside `asset` without a row in which no asset can be one that is wanted, if there is
  /// one.
  static std::string_view table_beside(const label_filter& wanted) {
    std::string_view table;
    each_label([&]<class Label>() {
      if constexpr (is_beside<Label> && is_filter_label<Label>) {
        if (const auto& value = wanted.*Label::wanted; value && is_set(*value))
          table = Label::table;
      }
    });
    return table;
  }
  static bool is_set(bool wanted) { return wanted; }
  static bool is_set(const number_range& wanted) { return wanted.low > 0; }
  void require_text(const std::string& word) {
    auto found = [&](const std::string& column) { return "finds(" + column + ", " + word + ")"; };
    require("(" + found("a.path") + " OR " + found("a.theme") + " OR " + found("a.source")
            + " OR EXISTS (SELECT 1 FROM asset_tag t WHERE t.asset_id = a.id AND " + found("t.tag")
            + "))");
  }
  void require_copy() {
    require(
        "f.missing_since IS NULL AND f.size_bytes > 0 AND EXISTS (SELECT 1 FROM"
        " (SELECT c.asset_id FROM lookup_content c WHERE c.digest = digest_begin(a.hash)"
        "   AND (c.inode <> f.inode OR c.device <> f.device)"
        "  UNION ALL SELECT fresh.id FROM fresh WHERE fresh.digest = digest_begin(a.hash)) o"
        " CROSS JOIN asset b ON b.id = o.asset_id CROSS JOIN asset_file bf ON bf.asset_id = b.id"
        " WHERE b.hash = a.hash AND bf.missing_since IS NULL"
        // A further name of the same file is no copy.
        " AND (bf.inode <> f.inode OR bf.device <> f.device"
        " OR (bf.inode = 0 AND b.id <> a.id)))");
  }
  static std::string quoted(std::string_view known_word) {
    return "'" + std::string(known_word) + "'";
  }
  /// The name of a new parameter with this value.
  std::string parameter(std::string value) {
    values_.push_back(std::move(value));
    return std::string("?").append(std::to_string(values_.size()));
  }

  void look(const std::string& from, const std::string& id, const std::string& where = "1") {
    places_.push_back(
        {"SELECT " + id + " AS id FROM " + from + " WHERE " + where + conditions_, id});
  }
  void look_at_ids(const std::string& from, const std::string& id, const std::string& where = "1") {
    look(from + join_asset + id + join_file, id, where);
  }
  /// The index on a column of what files say of who made them.
  void look_by_generation(const std::string& column, const std::string& where) {
    look("asset_generation g INDEXED BY ix_asset_generation_" + column + join_asset + "g.asset_id"
             + join_file,
         "g.asset_id", where);
  }
  /// The index has a run of ids for each model; those of the models that were found are merged.
  void look_by_models(const models& found) {
    for (const auto& name : found.names)
      look_by_generation("model", "g.model = " + parameter(name));
    if (found.names.empty()) look(std::string("asset a") + join_file, "a.id", "0");
  }
  void look_by_text() {
    with_ = with_fresh_texts;
    look_at_ids("lookup_text", "lookup_text.rowid", "lookup_text MATCH " + parameter(match_));
    look_at_ids("fresh", "fresh.id");
  }
  void look_among_copies() {
    with_ = with_fresh_contents;
    look_at_ids("lookup_copy c", "c.asset_id");
    // What is fresh, not by that name: these come in the order of their ids.
    look(std::string("asset a") + join_file, "a.id",
         "a.id > (SELECT content_to FROM lookup_state)");
    look_at_ids("lookup_content_stale s", "s.asset_id");
    // The copies of those, which had none before.
    look_at_ids("(SELECT DISTINCT asset_id FROM fresh CROSS JOIN lookup_content USING (digest)"
                "  WHERE asset_id NOT IN (SELECT asset_id FROM lookup_copy)) c",
                "c.asset_id");
  }
  /// The index has a run of ids for each combination; those that the filter takes are merged.
  void look_by_kind(const asset_filter& filter) {
    for (auto type : enum_words<asset_type>)
      for (bool approved : {false, true})
        for (auto origin : enum_words<provenance>)
          if ((!filter.type || word(*filter.type) == type)
              && (!filter.labels.approved || *filter.labels.approved == approved)
              && (!filter.labels.provenance || word(*filter.labels.provenance) == origin))
            look(std::string("asset a INDEXED BY ix_asset_kind") + join_file, "a.id",
                 "a.type = " + quoted(type)
                     + (approved ? " AND a.approved = 1" : " AND a.approved = 0")
                     + " AND a.provenance = " + quoted(origin));
  }

  std::string conditions_, match_, prompt_match_;
  std::vector<std::string> values_;
  std::vector<place> places_;
  const char* with_ = "";
};

/// A column of all rows.
template <class T>
result<std::vector<T>> column_of(result<statement> query, int column) {
  if (!query) return query.failure();
  std::vector<T> values;
  auto read =
      query->for_each_row([&](const statement& row) { values.push_back(row.get<T>(column)); });
  if (!read) return read.failure();
  return values;
}

error no_asset(const asset_key& key) {
  const auto* id = std::get_if<asset_id>(&key);
  return {error_code::not_found,
          (id != nullptr ? "there is no asset " + std::to_string(*id)
                         : "there is no asset at " + in_quotes(std::get<std::string>(key)))
              + "; see 'podstudio asset list'"};
}

result<json> find_listed(database& db, const asset_key& key) {
  auto by_id = std::holds_alternative<asset_id>(key);
  auto query = db.prepare(std::string("SELECT ") + listed_columns() + listed_tables
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

/// Both statements of a filter by model see one state of the tables; others need one statement.
result<std::optional<transaction>> view_for(database& db, const asset_filter& filter) {
  if (!filter.model) return std::optional<transaction>();
  auto reading = transaction::begin_read(db);
  if (!reading) return reading.failure();
  return std::optional<transaction>(*std::move(reading));
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
  auto reading = view_for(db, filter);
  if (!reading) return reading.failure();
  auto found = matching::of(db, filter);
  if (!found) return found.failure();
  auto limit = std::to_string(std::clamp<std::int64_t>(filter.limit, 1, max_assets_per_page));
  auto query = found->prepare(db, std::string("SELECT ") + listed_columns() + " FROM ("
                                      + found->ids(filter.after, " LIMIT " + limit) + ") m"
                                      + join_asset + "m.id" + join_file + " ORDER BY m.id");
  if (!query) return query.failure();
  auto assets = json::array();
  auto read =
      query->for_each_row([&](const statement& row) { assets.push_back(listed_to_json(row)); });
  if (!read) return read.failure();
  return assets;
}

result<std::vector<asset_id>> matching_assets(database& db, const asset_filter& filter) {
  auto reading = view_for(db, filter);
  if (!reading) return reading.failure();
  auto found = matching::of(db, filter);
  if (!found) return found.failure();
  return column_of<asset_id>(found->prepare(db, found->ids(0, "")), 0);
}

result<std::vector<std::string>> plan_of_list(database& db, const asset_filter& filter) {
  auto found = matching::of(db, filter);
  if (!found) return found.failure();
  return column_of<std::string>(
      found->prepare(db, found->ids(filter.after, " LIMIT 10"), "EXPLAIN QUERY PLAN "), 3);
}

result<json> show_asset(database& db, const asset_key& key) {
  auto reading = transaction::begin_read(db);
  if (!reading) return reading.failure();
  auto asset = find_listed(db, key);
  if (!asset) return asset;
  auto id = (*asset)["id"].get<asset_id>();
  // Its table comes with the jobs that fill it.
  (*asset)["lineage"] = json::array();
  std::optional<error> failure;
  bool complete =
      put(*asset, "file", file_of(db, id), failure)
      && put(*asset, "media", media_of(db, *asset), failure)
      && put(*asset, "problems", problems_of(db, id), failure)
      && put(*asset, "generation", generation_of(db, id), failure)
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
  (*asset)["suggested"] = suggested_by((*asset)["generation"], *asset);
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
  return select_one(db, "SELECT image + audio + video AS total, image, audio, video, approved,"
                        " missing FROM asset_count");
}

}  // namespace podstudio
