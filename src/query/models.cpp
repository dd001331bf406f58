// SPDX-License-Identifier: MIT
#include "query/models.hpp"

#include "events/bounds.hpp"
#include "media/extract.hpp"
#include "platform/text.hpp"
#include "schema/sqlite.hpp"

#include <chrono>
#include <future>
#include <map>
#include <tuple>

namespace podstudio {

namespace {

error bad_row(const database& tables, const std::string& what) {
  return {error_code::damaged, "the tables in '" + tables.path() + "' hold " + what
                                   + "; rebuild them with 'podstudio replay'"};
}

/// Calls `take` with each row of the query; it returns false for a row no fold writes.
template <class Take>
result<void> each_row(const database& tables, statement& query, std::string_view what, Take take) {
  bool good = true;
  auto read = query.for_each_row([&](const statement& row) { good = good && take(row); });
  if (!read) return read;
  if (!good) return bad_row(tables, "a bad row of " + std::string(what));
  return {};
}
template <class Take>
result<void> each_row(database& tables, std::string_view sql, std::string_view what, Take take) {
  auto query = tables.prepare(sql);
  if (!query) return query.failure();
  return each_row(tables, *query, what, take);
}

result<std::int64_t> last_id(database& tables, std::string_view kind,
                             std::int64_t highest = other_id_max) {
  auto last =
      tables.value<std::int64_t>("SELECT coalesce(max(id), 0) FROM last_id WHERE kind = ?", kind);
  if (last && (*last < 0 || *last > highest))
    return error{error_code::damaged,
                 "the tables in '" + tables.path() + "' hold the " + std::string(kind) + " "
                     + std::to_string(*last)
                     + ", an id that no real library reaches; the log they were "
                       "built from was not written by PODStudio"};
  return last;
}

/// A label in a column of a row; nothing for one that no fold writes.
template <class Label>
std::optional<typename Label::value> label_in(const statement& row, int column) {
  using value = typename Label::value;
  if constexpr (is_word_label<Label>) {
    return from_word<value>(row.get<std::string_view>(column));
  } else if constexpr (is_number_label<Label>) {
    auto number = row.get<std::int64_t>(column);
    if (number < 0 || static_cast<std::uint64_t>(number) > number_max<Label>) return std::nullopt;
    return static_cast<value>(number);
  } else {
    return row.get<value>(column);
  }
}

/// The labels in tables beside `asset`, of assets that are loaded already.
result<void> load_labels_beside(database& tables, catalog_model& model) {
  result<void> loaded;
  each_label([&]<class Label>() {
    if (!is_beside<Label> || !loaded) return;
    std::string table(Label::table);
    loaded = each_row(tables, "SELECT asset_id, " + std::string(Label::key) + " FROM " + table,
                      table, [&](const statement& row) {
                        auto asset = row.get<std::int64_t>(0);
                        auto label = label_in<Label>(row, 1);
                        if (model.asset(asset) == nullptr || !label) return false;
                        model.load_label<Label>(asset, *label);
                        return true;
                      });
  });
  return loaded;
}

/// What people made of the assets, which are loaded already.
result<void> load_tags_and_packs(database& tables, catalog_model& model) {
  auto tags = each_row(tables, "SELECT asset_id, tag FROM asset_tag", "asset_tag",
                       [&](const statement& row) {
                         auto asset = row.get<std::int64_t>(0);
                         if (model.asset(asset) == nullptr) return false;
                         model.load_tag(asset, row.get<std::string>(1));
                         return true;
                       });
  if (!tags) return tags;
  std::map<pack_id, pack_state> packs;
  auto read = each_row(
      tables,
      "SELECT id, name, license_type, theme, description, export_path, exported_at FROM pack",
      "pack", [&](const statement& row) {
        auto license = from_word<license_type>(row.get<std::string_view>(2));
        if (!license || row.get<std::int64_t>(0) < 1) return false;
        pack_state pack;
        pack.facts = {row.get<std::string>(1), *license, row.get<std::optional<std::string>>(3),
                      row.get<std::optional<std::string>>(4)};
        pack.export_path = row.get<std::optional<std::string>>(5);
        auto exported_at = row.get<std::optional<std::string>>(6);
        if (exported_at) pack.exported_at_us = parse_timestamp(*exported_at);
        packs[row.get<std::int64_t>(0)] = std::move(pack);
        return !exported_at || packs[row.get<std::int64_t>(0)].exported_at_us.has_value();
      });
  if (!read) return read;
  auto members = each_row(tables, "SELECT pack_id, asset_id, position FROM pack_asset",
                          "pack_asset", [&](const statement& row) {
                            auto pack = packs.find(row.get<std::int64_t>(0));
                            auto asset = row.get<std::int64_t>(1);
                            if (pack == packs.end() || model.asset(asset) == nullptr) return false;
                            pack->second.members[asset] = row.get<std::int64_t>(2);
                            return true;
                          });
  if (!members) return members;
  for (auto& [id, pack] : packs)
    model.load_pack(id, std::move(pack));
  return each_row(
      tables, "SELECT author, year, shop, contact FROM seller", "seller",
      [&](const statement& row) {
        using text = std::optional<std::string>;
        model.load_seller({row.get<text>(0), row.get<text>(1), row.get<text>(2), row.get<text>(3)});
        return true;
      });
}

template <class Labels>
struct values_of;
template <class... Labels>
struct values_of<std::tuple<Labels...>> {
  using type = std::tuple<typename Labels::value...>;
};

/// What the tables say of an asset.
struct asset_row {
  asset_id id = 0;
  std::string path;
  asset_state state;
  values_of<all_labels>::type labels;  ///< those in `asset`
};
using asset_rows = std::vector<asset_row>;

/// How many assets are read at a time.
constexpr std::int64_t asset_rows_max = 4096;

std::string asset_page_query() {
  std::string columns =
      "a.id, a.path, a.type, a.hash, f.size_bytes, f.mtime_ns, f.ctime_ns, f.inode,"
      " f.device, f.missing_since IS NOT NULL, coalesce(m.extractor, 0)";
  each_label([&]<class Label>() {
    if (!is_beside<Label>) columns += ", a." + std::string(Label::key);
  });
  return "SELECT " + columns
         + " FROM asset a JOIN asset_file f ON f.asset_id = a.id"
           " LEFT JOIN asset_media m ON m.asset_id = a.id WHERE a.id > ? ORDER BY a.id LIMIT "
         + std::to_string(asset_rows_max);
}

/// False for a row no fold writes.
bool read_asset(const statement& row, asset_row& into) {
  constexpr int first_label = 11;
  auto type = from_word<asset_type>(row.get<std::string_view>(2));
  into.id = row.get<std::int64_t>(0);
  if (!type || into.id < 1 || into.id > asset_id_max
      || !from_hex(row.get<std::string>(3), into.state.sha256.data(), into.state.sha256.size()))
    return false;
  into.path = row.get<std::string_view>(1);
  into.state.type = *type;
  into.state.facts = {.size_bytes = row.get<std::uint64_t>(4),
                      .mtime_ns = row.get<std::int64_t>(5),
                      .ctime_ns = row.get<std::int64_t>(6),
                      .inode = row.get<std::uint64_t>(7),
                      .device = row.get<std::uint64_t>(8)};
  into.state.missing = row.get<bool>(9);
  into.state.extractor = row.get<std::uint8_t>(10);
  bool good = true;
  int column = first_label;
  each_label([&]<class Label>() {
    if (is_beside<Label>) return;
    auto label = label_in<Label>(row, column++);
    good = good && label;
    if (label) std::get<label_index<Label>()>(into.labels) = *std::move(label);
  });
  return good;
}

/// The assets behind this one in the order of ids.
result<asset_rows> read_assets(const database& tables, statement& page, asset_id after) {
  asset_rows rows;
  rows.reserve(asset_rows_max);
  page.bind(after);
  auto read = each_row(tables, page, "asset",
                       [&](const statement& row) { return read_asset(row, rows.emplace_back()); });
  if (!read) return read.failure();
  return rows;
}

/// Reads assets while those before them are put into the model.
result<void> load_assets(database& tables, catalog_model& model) {
  auto page = tables.prepare(asset_page_query());
  if (!page) return page.failure();
  auto rows = read_assets(tables, *page, 0);
  while (rows && !rows->empty()) {
    auto next =
        std::async([&, last = rows->back().id] { return read_assets(tables, *page, last); });
    for (auto& row : *rows) {
      model.load_asset(row.id, row.path, row.state);
      each_label([&]<class Label>() {
        if (!is_beside<Label>)
          model.load_label<Label>(row.id, std::get<label_index<Label>()>(row.labels));
      });
    }
    rows = next.get();
  }
  return rows ? result<void>() : result<void>(rows.failure());
}

}  // namespace

result<catalog_model> load_catalog_model(database& tables) {
  catalog_model model;
  auto view = transaction::begin_read(tables);  // the assets are read in many queries
  if (!view) return view.failure();
  // First, as what follows is only bounded for ids that are.
  auto last_asset = last_id(tables, "asset", asset_id_max);
  if (!last_asset) return last_asset.failure();
  auto rows = tables.value<std::uint64_t>(
      "SELECT max((SELECT count(*) FROM asset), (SELECT count(*) FROM asset_file))");
  if (!rows) return rows.failure();
  model.reserve(*rows);
  if (auto loaded = load_assets(tables, model); !loaded) return loaded.failure();
  // A row that somebody else deleted would be taken for a new file, and the log would hold it
  // twice.
  if (*rows != model.assets()) return bad_row(tables, "not every asset in both tables");
  if (auto loaded = load_labels_beside(tables, model); !loaded) return loaded.failure();
  if (auto loaded = load_tags_and_packs(tables, model); !loaded) return loaded.failure();
  auto roots = each_row(
      tables, "SELECT id, path, device, inode, state = 'lost', reason FROM watch_root",
      "watch_root", [&](const statement& row) {
        if (row.get<std::int64_t>(0) < 1) return false;
        model.load_root(row.get<std::int64_t>(0),
                        {.path = row.get<std::string>(1),
                         .device = row.get<std::uint64_t>(2),
                         .inode = row.get<std::uint64_t>(3),
                         .lost = row.get<bool>(4),
                         .reason = row.get<std::optional<std::string>>(5).value_or(std::string())});
        return true;
      });
  if (!roots) return roots.failure();
  auto problems =
      each_row(tables, "SELECT path, kind FROM problem", "problem", [&](const statement& row) {
        auto kind = from_word<problem_kind>(row.get<std::string_view>(1));
        if (kind) model.load_problem(row.get<std::string_view>(0), *kind);
        return kind.has_value();
      });
  if (!problems) return problems.failure();
  auto last_pack = last_id(tables, "pack");
  if (!last_pack) return last_pack.failure();
  auto last_root = last_id(tables, "root");
  if (!last_root) return last_root.failure();
  model.load_last_ids(*last_asset, *last_pack, *last_root);
  return model;
}

result<jobs_model> load_jobs_model(database& tables) {
  jobs_model model;
  auto jobs = each_row(
      tables,
      "SELECT id, kind, status,"
      " coalesce((SELECT max(attempt) FROM job_attempt WHERE job_id = id), 0),"
      " coalesce((SELECT priority FROM job_priority WHERE job_id = id), 0) FROM job ORDER BY id",
      "job", [&](const statement& row) {
        auto kind = from_word<job_kind>(row.get<std::string_view>(1));
        auto status = from_word<job_status>(row.get<std::string_view>(2));
        if (!kind || !status || row.get<std::int64_t>(0) < 1) return false;
        model.load_job(row.get<std::int64_t>(0), {.kind = *kind,
                                                  .status = *status,
                                                  .attempts = row.get<std::uint32_t>(3),
                                                  .priority = row.get<std::int32_t>(4)});
        return true;
      });
  if (!jobs) return jobs.failure();
  auto last_job = last_id(tables, "job");
  if (!last_job) return last_job.failure();
  model.load_last_id(*last_job);
  auto held = tables.value<std::int64_t>("SELECT count(*) FROM job_queue");
  if (!held) return held.failure();
  model.load_held(*held > 0);
  return model;
}

result<library_model> load_library_model(database& tables) {
  auto catalog = load_catalog_model(tables);
  if (!catalog) return catalog.failure();
  auto jobs = load_jobs_model(tables);
  if (!jobs) return jobs.failure();
  return library_model{std::move(*catalog), std::move(*jobs), unread_media(media::extract_version)};
}

result<void> load_recent_losses(database& tables, recent_losses& losses) {
  using namespace std::chrono;
  auto now = steady_clock::now();
  auto now_by_calendar = now_us();
  auto since = to_timestamp(now_by_calendar - microseconds(recent_losses::time_max).count());
  auto sql = "SELECT asset_id, missing_since FROM asset_file WHERE missing_since IS NOT NULL"
             " AND missing_since >= '"
             + since + "' ORDER BY missing_since";
  return each_row(tables, sql, "asset_file", [&](const statement& row) {
    auto at_us = parse_timestamp(row.get<std::string>(1));
    if (!at_us) return false;
    auto age = microseconds(now_by_calendar - *at_us);
    if (age >= 0us && age < recent_losses::time_max)
      losses.add(row.get<std::int64_t>(0), now - duration_cast<steady_clock::duration>(age));
    return true;
  });
}

result<void> load_command_memory(database& tables, command_memory& memory) {
  // What the engine decides by itself is never sent again.
  auto sql = "SELECT id, last_sequence - first_sequence + 1, last_sequence, subject_id, summary, "
             "request FROM"
             " (SELECT * FROM command WHERE origin = 'console' ORDER BY first_sequence DESC LIMIT "
             + std::to_string(command_memory::capacity) + ") ORDER BY first_sequence";
  return each_row(tables, sql, "command", [&](const statement& row) {
    uuid id{};
    if (!parse_uuid(row.get<std::string>(0), id)) return false;
    std::optional<digest> request;
    if (auto bytes = row.blob(5); !bytes.empty()) {
      if (bytes.size() != sizeof(digest)) return false;
      std::ranges::copy(bytes, request.emplace().begin());
    }
    memory.remember(id, {request, row.get<std::string_view>(4)},
                    {.changed = row.get<std::uint64_t>(1),
                     .last_sequence = row.get<std::uint64_t>(2),
                     .subject = row.get<std::int64_t>(3)});
    return true;
  });
}

}  // namespace podstudio
