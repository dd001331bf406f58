// SPDX-License-Identifier: MIT
#include "projections/compare.hpp"

#include "events/file_system.hpp"
#include "platform/text.hpp"
#include "platform/types.hpp"
#include "projections/projection.hpp"
#include "schema/schema.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <compare>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace podstudio {

namespace {

/// Longer values are cut in a report.
constexpr std::size_t max_shown_bytes = 200;

struct shown {
  std::string operator()(std::monostate) const { return "NULL"; }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.17g", value);
    return text.data();
  }
  std::string operator()(std::string_view value) const {
    auto text = printable(value.substr(0, max_shown_bytes));
    return value.size() > max_shown_bytes ? text + "..." : text;
  }
  std::string operator()(std::span<const std::uint8_t> value) const {
    auto text = to_hex(value.data(), std::min(value.size(), max_shown_bytes / 2));
    return value.size() > max_shown_bytes / 2 ? text + "..." : text;
  }
};

std::string show(const column_value& value) { return std::visit(shown{}, value); }

/// The order in which SQLite sorts a primary key: by storage class, then by value.
std::weak_ordering order(const column_value& left, const column_value& right) {
  if (left.index() != right.index()) return left.index() <=> right.index();
  return std::visit(
      [&](const auto& a) -> std::weak_ordering {
        using type = std::decay_t<decltype(a)>;
        const auto& b = std::get<type>(right);
        if constexpr (std::is_same_v<type, std::span<const std::uint8_t>>)
          return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
        else if constexpr (std::is_same_v<type, double>)
          return std::weak_order(a, b);
        else
          return a <=> b;
      },
      left);
}

std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (char c : name) {
    if (c == '"') out += c;
    out += c;
  }
  return out + '"';
}

/// What is compared: a table, or the list of tables itself.
struct table_shape {
  std::string name;
  std::vector<std::string> columns;  ///< the key's first
  std::size_t key_columns = 0;
  bool operator==(const table_shape&) const = default;

  std::string select() const {
    std::string list, order_by;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      list += (i == 0 ? "" : ", ") + quoted(columns[i]);
      if (i < key_columns) order_by += (i == 0 ? " ORDER BY " : ", ") + quoted(columns[i]);
    }
    return "SELECT " + list + " FROM " + quoted(name) + order_by;
  }
};

result<table_shape> shape_of(database& db, const std::string& table) {
  auto columns = db.prepare("SELECT name, pk FROM pragma_table_info(?1) ORDER BY pk = 0, pk, cid");
  if (!columns) return columns.failure();
  table_shape shape{table, {}, 0};
  columns->bind(table);
  auto read = columns->for_each_row([&](const statement& row) {
    shape.columns.push_back(row.get<std::string>(0));
    if (row.get<int>(1) > 0) ++shape.key_columns;
  });
  if (!read) return read.failure();
  return shape;
}

/// A table's rows in the order of their keys.
class row_cursor {
public:
  static result<row_cursor> open(database& db, const table_shape& shape) {
    auto rows = db.prepare(shape.select());
    if (!rows) return rows.failure();
    row_cursor cursor(*std::move(rows), shape.key_columns);
    auto moved = cursor.advance();
    if (!moved) return moved.failure();
    return cursor;
  }

  result<void> advance() {
    auto row = rows_.step();
    if (!row) return row.failure();
    at_end_ = !*row;
    return {};
  }
  bool at_end() const noexcept { return at_end_; }
  column_value value(std::size_t column) const { return rows_.value(static_cast<int>(column)); }
  std::string key() const {
    std::string text;
    for (std::size_t i = 0; i < key_columns_; ++i)
      text += (i == 0 ? "" : ", ") + show(value(i));
    return text;
  }
  /// A side that has ended comes after every row.
  std::weak_ordering order_by_key(const row_cursor& other) const {
    if (at_end_ || other.at_end_) return at_end_ <=> other.at_end_;
    for (std::size_t i = 0; i < key_columns_; ++i)
      if (auto by = order(value(i), other.value(i)); by != 0) return by;
    return std::weak_ordering::equivalent;
  }

private:
  row_cursor(statement rows, std::size_t key_columns)
      : rows_(std::move(rows)), key_columns_(key_columns) {}

  statement rows_;
  std::size_t key_columns_ = 0;
  bool at_end_ = false;
};

/// Walks two tables of one shape side by side.
class table_comparison {
public:
  table_comparison(const table_shape& shape, std::size_t max, std::vector<difference>& found)
      : shape_(shape), max_(max), found_(found) {}

  result<void> run(database& left_db, database& right_db) {
    auto left = row_cursor::open(left_db, shape_);
    if (!left) return left.failure();
    auto right = row_cursor::open(right_db, shape_);
    if (!right) return right.failure();
    while (found_.size() < max_ && !(left->at_end() && right->at_end())) {
      auto order = left->order_by_key(*right);
      if (order < 0)
        found_.push_back({shape_.name, left->key(), "", "(row)", "(no row)"});
      else if (order > 0)
        found_.push_back({shape_.name, right->key(), "", "(no row)", "(row)"});
      else
        compare_row(*left, *right);
      if (order <= 0)
        if (auto moved = left->advance(); !moved) return moved;
      if (order >= 0)
        if (auto moved = right->advance(); !moved) return moved;
    }
    return {};
  }

private:
  void compare_row(const row_cursor& left, const row_cursor& right) {
    for (auto i = shape_.key_columns; i < shape_.columns.size() && found_.size() < max_; ++i)
      if (order(left.value(i), right.value(i)) != 0)
        found_.push_back({shape_.name, left.key(), shape_.columns[i], show(left.value(i)),
                          show(right.value(i))});
  }

  const table_shape& shape_;
  const std::size_t max_;
  std::vector<difference>& found_;
};

/// All but the indexes that lag behind, which differ by how far they are.
result<std::vector<std::string>> tables_of(database& db) {
  auto names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE "
                          "'sqlite_%' AND name NOT GLOB 'lookup_*' ORDER BY name");
  if (!names) return names.failure();
  std::vector<std::string> tables;
  auto read =
      names->for_each_row([&](const statement& row) { tables.push_back(row.get<std::string>(0)); });
  if (!read) return read.failure();
  return tables;
}

/// `integrity_check` also sees an index that lost a row, which comparing rows would not.
result<void> expect_sound(database& db, const std::string& path) {
  auto outcome = db.value<std::string>("PRAGMA integrity_check(1)");
  if (!outcome) return outcome.failure();
  if (*outcome == "ok") return {};
  return error{error_code::damaged, "the tables in '" + path
                                        + "' are damaged: " + printable(*outcome)
                                        + "; rebuild them with 'podstudio replay'"};
}

result<check_report> compare_with_rebuilt(database& live, const log_head& head,
                                          const std::string& rebuilt_path, std::size_t max) {
  auto rebuilt = open_tables_read_only(rebuilt_path);
  if (!rebuilt) return rebuilt.failure();
  auto differences = compare(live, *rebuilt, max);
  if (!differences) return differences.failure();
  return check_report{head, *std::move(differences)};
}

constexpr std::string_view scratch_prefix = "replay-check-";

/// What checks left that were killed. Their names tell their processes.
void remove_of_ended_checks(const std::string& scratch_folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(scratch_folder, ignored)) {
    auto name = entry.path().filename().string();
    if (!name.starts_with(scratch_prefix)) continue;
    pid_t pid = 0;
    auto number = std::string_view(name).substr(scratch_prefix.size());
    std::from_chars(number.data(), number.data() + number.size(), pid);
    if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH)
      std::filesystem::remove(entry.path(), ignored);
  }
}

}  // namespace

result<std::vector<difference>> compare(database& left, database& right, std::size_t max) {
  std::vector<difference> found;
  const table_shape statements{"sqlite_schema", {"type", "name", "tbl_name", "sql"}, 2};
  auto compared = table_comparison(statements, max, found).run(left, right);
  if (!compared) return compared.failure();
  auto tables = tables_of(left);
  if (!tables) return tables.failure();
  for (const auto& table : *tables) {
    auto shape = shape_of(left, table);
    if (!shape) return shape.failure();
    auto other = shape_of(right, table);
    if (!other) return other.failure();
    // Tables of different shape are in the list already, by the statements that made them.
    if (*shape != *other) continue;
    compared = table_comparison(*shape, max, found).run(left, right);
    if (!compared) return compared.failure();
  }
  return found;
}

result<check_report> check_tables(file_system& files, const std::string& log_folder,
                                  const std::string& live, const std::string& scratch_folder,
                                  std::size_t max_differences, const rebuild_progress& progress) {
  auto db = open_tables_read_only(live);
  if (!db) return db.failure();
  auto reading = transaction::begin_read(*db);
  if (!reading) return reading.failure();
  auto head = read_checkpoint(*db);
  if (!head) return head.failure();
  auto sound = expect_sound(*db, live);
  if (!sound) return sound.failure();

  // It may be deleted at any time, and must not lead elsewhere.
  auto made = files.make_folder(scratch_folder);
  if (!made) return made.failure();
  remove_of_ended_checks(scratch_folder);
  // Two checks may run at once, and a service does not mind either.
  auto scratch =
      scratch_folder + "/" + std::string(scratch_prefix) + std::to_string(getpid()) + ".db";
  struct removed_at_end {
    const std::string& path;
    ~removed_at_end() {
      std::error_code ignored;
      for (const char* suffix : {"", "-wal", "-shm"})
        std::filesystem::remove(path + suffix, ignored);
    }
  } cleanup{scratch};
  rebuild_bound until;
  until.sequence = head->sequence;
  auto reached = rebuild(files, log_folder, scratch, until, progress);
  if (!reached) return reached.failure();
  if (reached->sequence != head->sequence)
    return error{error_code::damaged,
                 "the tables in '" + live + "' hold sequence " + std::to_string(head->sequence)
                     + ", but the log ends at " + std::to_string(reached->sequence)
                     + "; check the log with 'podstudio log verify'"};
  return compare_with_rebuilt(*db, *head, scratch, max_differences);
}

}  // namespace podstudio
