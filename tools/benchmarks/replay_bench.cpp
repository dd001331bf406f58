// SPDX-License-Identifier: MIT
// replay_bench MODE ... -- one step or measurement of tools/bench replay; prints JSON.

#include "events/file_system.hpp"
#include "events/log.hpp"
#include "platform/text.hpp"
#include "projections/compare.hpp"
#include "projections/projection.hpp"
#include "projections/rebuild.hpp"
#include "query/assets.hpp"
#include "query/filter.hpp"
#include "query/models.hpp"
#include "schema/schema.hpp"
#include "schema/sqlite.hpp"
#include "steps.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <ctime>
#include <deque>
#include <filesystem>
#include <iostream>
#include <malloc.h>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace podstudio;
using nlohmann::json;

namespace benchmark {

namespace {

class stopwatch {
public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
  }

  /// Of a processor, by this thread: what other programs on the machine disturb less.
  double processor_seconds() const { return processor_now() - processor_begun_; }

private:
  static double processor_now() {
    timespec used{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
  }

  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  double processor_begun_ = processor_now();
};

// --- a log to replay ---

/// A batch of the watcher and of an import.
constexpr std::int64_t files_per_command = 256;
/// Commands that are written with one sync.
constexpr std::size_t commands_per_sync = 256;

/// A log as a library makes it: folders of files are imported, then people label them, by ones and
/// by dozens. The same numbers give the same events.
class log_maker {
public:
  explicit log_maker(const std::string& folder) {
    recovery_report report;
    log_ = must(log_writer::open(posix_file_system(), folder, {}, std::nullopt, report));
  }

  void register_files(std::int64_t count) {
    for (asset_id id = 1; id <= count;) {
      std::vector<event> events;
      for (std::int64_t i = 0; i < files_per_command && id <= count; ++i, ++id)
        events.push_back(new_file(id));
      add("import", "take files", std::move(events));
    }
    themes_.resize(static_cast<std::size_t>(count));
    sources_.resize(static_cast<std::size_t>(count));
    approved_.resize(static_cast<std::size_t>(count));
  }
  void curate(std::int64_t count) {
    for (std::int64_t made = 0; made < count;) {
      auto wanted = std::min<std::int64_t>(count - made, 1 + below(48));
      std::vector<event> events;
      auto kind = below(4);
      for (std::int64_t i = 0; i < wanted; ++i)
        events.push_back(label(kind, 1 + below(static_cast<std::int64_t>(themes_.size()))));
      add("console", "label assets", std::move(events));
      made += wanted;
    }
  }
  void finish() { write(); }

private:
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(bound));
  }
  event new_file(asset_id id) {
    static constexpr std::array extensions{".png", ".jpg", ".webp", ".wav", ".mp4"};
    static constexpr std::array types{asset_type::image, asset_type::image, asset_type::image,
                                      asset_type::audio, asset_type::video};
    static constexpr std::array words{"amber",  "fern",    "castle", "harbor", "meadow", "nebula",
                                      "orchid", "prairie", "quartz", "raven",  "sierra", "tundra"};
    auto kind = static_cast<std::size_t>(below(10) < 8 ? below(3) : below(5));
    auto number = id / 500;
    asset_registered what;
    what.asset = id;
    what.path = "/home/ada/Pictures/pack " + std::to_string(number / 20) + "/set "
                + std::to_string(number) + "/" + words[random_() % words.size()] + " "
                + words[random_() % words.size()] + " " + std::to_string(id) + extensions[kind];
    what.type = types[kind];
    // One file in fifty is a copy of another.
    std::mt19937_64 bytes(static_cast<std::uint64_t>(below(50) == 0 ? 1 + below(id) : id));
    for (std::size_t i = 0; i < what.content.sha256.size(); i += 8) {
      auto eight = bytes();
      std::memcpy(what.content.sha256.data() + i, &eight, 8);
    }
    what.content.facts = {.size_bytes = static_cast<std::uint64_t>(1'000 + below(5'000'000)),
                          .mtime_ns = 1'700'000'000'000'000'000 + id * 1'234'567,
                          .ctime_ns = 1'700'000'000'000'000'000 + id * 1'234'567,
                          .inode = static_cast<std::uint64_t>(10'000'000 + id),
                          .device = 2'049};
    return what;
  }
  event label(std::int64_t kind, asset_id id) {
    auto at = static_cast<std::size_t>(id - 1);
    if (kind == 0) {
      approved_[at] = !approved_[at];
      if (approved_[at]) return asset_approved{id};
      return asset_approval_withdrawn{id};
    }
    if (kind == 1) {
      auto before = themes_[at];
      themes_[at] = "theme " + std::to_string(below(300));
      return asset_theme_set{id, before, themes_[at]};
    }
    if (kind == 2) {
      auto before = sources_[at];
      sources_[at] = "Midjourney v" + std::to_string(below(9));
      return asset_source_set{id, before, sources_[at]};
    }
    auto tag = "tag " + std::to_string(below(40));
    if (tags_.emplace(id, tag).second) return asset_tagged{id, tag};
    tags_.erase({id, tag});
    return asset_untagged{id, tag};
  }
  void add(const char* origin, const char* summary, std::vector<event> events) {
    auto what = std::make_shared<command>();
    auto number = ++made_;
    for (std::size_t i = 0; i < 8; ++i)
      what->id[i] = static_cast<std::uint8_t>(number >> (8 * i));
    what->origin = origin;
    what->summary = summary;
    what->events = std::move(events);
    waiting_.push_back(std::move(what));
    if (waiting_.size() == commands_per_sync) write();
  }
  void write() {
    if (!waiting_.empty()) must(log_->append(waiting_, 1'767'323'045'000'000 + made_ * 1'000));
    waiting_.clear();
  }

  std::unique_ptr<log_writer> log_;
  std::mt19937_64 random_{20250401};
  std::int64_t made_ = 0;
  std::vector<std::shared_ptr<const command>> waiting_;
  std::vector<std::optional<std::string>> themes_, sources_;
  std::vector<bool> approved_;
  std::set<std::pair<asset_id, std::string>> tags_;
};

json fill(const std::string& log, std::int64_t assets, std::int64_t edits) {
  log_maker made(log);
  made.register_files(assets);
  made.curate(edits);
  made.finish();
  auto report = must(verify_log(posix_file_system(), log));
  return {{"commands", report.frames}, {"events", report.events}, {"bytes", report.bytes}};
}

// --- what is measured ---

std::vector<std::string> tables_of(database& db) {
  std::vector<std::string> tables;
  auto query = must(db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'"
                               " AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'lookup_%'"));
  must(
      query.for_each_row([&](const statement& row) { tables.push_back(row.get<std::string>(0)); }));
  return tables;
}

json replay(const std::string& log, const std::string& output) {
  stopwatch time;
  auto head = must(rebuild(posix_file_system(), log, output));
  return {{"seconds", time.seconds()},
          {"processor_seconds", time.processor_seconds()},
          {"sequence", head.sequence}};
}

/// The least that making these tables takes: their final rows from memory.
class final_rows {
public:
  explicit final_rows(const std::string& path) {
    auto db = must(open_tables_read_only(path));
    for (const auto& name : tables_of(db)) {
      auto query = must(db.prepare("SELECT * FROM " + name));
      auto& table = tables_.emplace_back(rows{name, query.column_count(), {}});
      must(query.for_each_row([&](const statement& row) {
        for (int i = 0; i < row.column_count(); ++i)
          table.values.push_back(kept(row.value(i)));
      }));
    }
  }

  std::uint64_t insert_all(database& db) const {
    std::uint64_t count = 0;
    must(db.execute("DELETE FROM checkpoint"));
    for (const auto& table : tables_) {
      std::string parameters = "?";
      for (int i = 1; i < table.columns; ++i)
        parameters += ", ?";
      auto insert = must(db.prepare("INSERT INTO " + table.name + " VALUES (" + parameters + ")"));
      for (auto at = table.values.begin(); at != table.values.end(); ++count) {
        for (int i = 1; i <= table.columns; ++i, ++at)
          bind(insert, i, *at);
        must(insert.step());
        insert.reset();
      }
    }
    return count;
  }

private:
  struct rows {
    std::string name;
    int columns;
    std::vector<column_value> values;
  };

  column_value kept(const column_value& value) {
    if (auto* text = std::get_if<std::string_view>(&value)) return keep(text->data(), text->size());
    if (auto* blob = std::get_if<std::span<const std::uint8_t>>(&value)) {
      auto copy = keep(reinterpret_cast<const char*>(blob->data()), blob->size());
      return std::span(reinterpret_cast<const std::uint8_t*>(copy.data()), copy.size());
    }
    return value;
  }
  std::string_view keep(const char* bytes, std::size_t size) {
    constexpr std::size_t piece_bytes = 1u << 20;
    if (pieces_.empty() || pieces_.back().size() + size > piece_bytes)
      pieces_.emplace_back().reserve(std::max(piece_bytes, size));
    auto& piece = pieces_.back();
    auto begin = piece.size();
    piece.append(bytes, size);
    return std::string_view(piece).substr(begin);
  }
  static void bind(statement& insert, int index, const column_value& value) {
    if (std::holds_alternative<std::monostate>(value))
      insert.bind_at(index, std::optional<int>());
    else
      std::visit(
          [&](const auto& it) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(it)>, std::monostate>)
              insert.bind_at(index, it);
          },
          value);
  }

  std::deque<std::string> pieces_;
  std::vector<rows> tables_;
};

json reference(const std::string& from, const std::string& output) {
  final_rows rows(from);
  stopwatch time;
  std::uint64_t count = 0;
  {
    auto db = must(create_bulk_tables(output));
    count = rows.insert_all(db);
    must(finish_bulk_tables(db));
  }
  auto unsynced = time.seconds();
  must(must(posix_file_system().open(output, open_mode::write))->sync_all());
  return {{"rows", count},
          {"seconds", time.seconds()},
          {"unsynced_seconds", unsynced},
          {"processor_seconds", time.processor_seconds()}};
}

json same(const std::string& left, const std::string& right) {
  auto a = must(open_tables_read_only(left)), b = must(open_tables_read_only(right));
  auto different = must(compare(a, b, 5));
  for (const auto& one : different)
    std::cerr << one.table << " " << one.key << " " << one.column << ": " << one.left << " / "
              << one.right << "\n";
  return {{"same", different.empty()}};
}

/// Folds as the projector does: a transaction for what came together.
json fold_live(const std::string& log, const std::string& output, std::size_t commands) {
  auto reader = must(log_reader::open(posix_file_system(), log));
  std::vector<std::vector<committed_command>> groups(1);
  while (auto next = must(reader->next())) {
    if (groups.back().size() == commands) groups.emplace_back();
    groups.back().push_back(std::move(*next));
  }
  stopwatch time;
  auto tables = must(projection::open(output));
  for (const auto& group : groups)
    must(tables->fold(group));
  return {{"seconds", time.seconds()}, {"sequence", tables->checkpoint().sequence}};
}

/// What the projector does in idle times, until nothing is left.
json index(const std::string& tables) {
  auto opened = must(projection::open(tables));
  stopwatch time;
  double longest = 0;
  for (bool more = true; more;) {
    stopwatch step;
    more = must(opened->enter_for_lookup());
    longest = std::max(longest, step.seconds());
  }
  return {{"seconds", time.seconds()}, {"longest_step_ms", longest * 1000}};
}

/// What the C library has given out, of its heap and of mappings.
std::size_t allocated_bytes() {
  auto now = ::mallinfo2();
  return now.uordblks + now.hblkhd;
}

/// Loads the models, as a start does.
json load(const std::string& tables) {
  auto before = allocated_bytes();
  stopwatch time;
  auto models = [&] {
    auto db = must(open_tables_read_only(tables));
    return std::pair(must(load_catalog_model(db)), must(load_jobs_model(db)));
  }();
  auto seconds = time.seconds();
  auto bytes = allocated_bytes() - before;
  return {{"seconds", seconds}, {"assets", models.first.assets()}, {"bytes", bytes}};
}

/// Milliseconds of each filter; a filter is JSON, as `asset list` sends it.
json query(const std::string& tables, const std::vector<std::string>& filters) {
  auto db = must(open_tables_read_only(tables));
  auto out = json::array();
  for (const auto& text : filters) {
    auto filter = must(parse_filter(json::parse(text)));
    std::vector<double> times;
    std::size_t found = 0;
    for (int i = 0; i < 5; ++i) {
      stopwatch time;
      found = must(list_assets(db, filter)).size();
      times.push_back(time.seconds() * 1000);
    }
    std::ranges::sort(times);
    out.push_back({{"filter", text}, {"rows", found}, {"ms", times[times.size() / 2]}});
  }
  return out;
}

int run(const std::vector<std::string>& given) {
  auto is = [&](const char* mode, std::size_t arguments) {
    return given.size() == arguments + 1 && given[0] == mode;
  };
  json out;
  if (is("fill", 3))
    out = fill(given[1], std::stoll(given[2]), std::stoll(given[3]));
  else if (is("replay", 2))
    out = replay(given[1], given[2]);
  else if (is("reference", 2))
    out = reference(given[1], given[2]);
  else if (is("same", 2))
    out = same(given[1], given[2]);
  else if (is("fold", 3))
    out = fold_live(given[1], given[2], std::stoul(given[3]));
  else if (is("index", 1))
    out = index(given[1]);
  else if (is("load", 1))
    out = load(given[1]);
  else if (given.size() > 2 && given[0] == "query")
    out = query(given[1], {given.begin() + 2, given.end()});
  else {
    std::cerr
        << "usage: replay_bench fill LOG ASSETS EDITS | replay LOG OUTPUT | reference TABLES OUTPUT"
           " | same TABLES TABLES | fold LOG OUTPUT COMMANDS | index TABLES | load TABLES"
           " | query TABLES FILTER...; see tools/bench replay\n";
    return 2;
  }
  std::cout << out.dump() << std::endl;
  return 0;
}

}  // namespace

}  // namespace benchmark

int main(int count, char** arguments) {
  return benchmark::run({arguments + 1, arguments + std::max(count, 1)});
}
