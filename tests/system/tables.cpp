// SPDX-License-Identifier: MIT
#include "system/tables.hpp"

#include <algorithm>
#include <memory>
#include <sqlite3.h>
#include <stdexcept>

namespace system_test {

namespace {

using connection = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;
using prepared = std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>;

constexpr int busy_ms = 10'000;
constexpr std::size_t shown_max = 10;

/// `visit` is called with every row.
template <class Visit>
void read_rows(const std::string& database, const std::string& sql, Visit visit) {
  sqlite3* opened = nullptr;
  auto fail = [&](const char* what) {
    throw std::runtime_error(what + (": " + sql + ": ") + sqlite3_errmsg(opened));
  };
  int code = sqlite3_open_v2(database.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
  connection db(opened, &sqlite3_close);
  if (code != SQLITE_OK) fail("cannot open the database");
  sqlite3_busy_timeout(opened, busy_ms);
  sqlite3_stmt* statement = nullptr;
  code = sqlite3_prepare_v2(opened, sql.c_str(), -1, &statement, nullptr);
  prepared ready(statement, &sqlite3_finalize);
  if (code != SQLITE_OK) fail("cannot prepare");
  while ((code = sqlite3_step(statement)) == SQLITE_ROW)
    visit(statement);
  if (code != SQLITE_DONE) fail("cannot read");
}

std::string text_at(sqlite3_stmt* statement, int column) {
  auto text = sqlite3_column_text(statement, column);
  return text == nullptr ? "NULL" : reinterpret_cast<const char*>(text);
}

std::string shown(const row& values) {
  std::string text;
  for (const auto& each : values)
    text += (text.empty() ? "" : " | ") + each;
  return text;
}

}  // namespace

std::vector<row> query(const std::string& database, const std::string& sql) {
  std::vector<row> rows;
  read_rows(database, sql, [&](sqlite3_stmt* statement) {
    auto& values = rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(statement); ++i)
      values.push_back(text_at(statement, i));
  });
  return rows;
}

std::string value(const std::string& database, const std::string& sql) {
  auto rows = query(database, sql);
  if (rows.empty()) throw std::runtime_error("no row: " + sql);
  return rows.front().front();
}

std::map<std::string, std::string> catalogued(const std::string& database) {
  std::map<std::string, std::string> hashes;
  read_rows(database, "SELECT path, hash FROM asset", [&](sqlite3_stmt* statement) {
    auto path = text_at(statement, 0);
    if (!hashes.emplace(path, text_at(statement, 1)).second)
      throw std::runtime_error("two rows for " + path);
  });
  return hashes;
}

std::vector<row> seed_rows(const std::string& database) {
  std::vector<row> rows;
  for (std::string table : {"asset", "pack", "job"})
    for (auto& values : query(database, "SELECT '" + table + "', * FROM " + table + " ORDER BY id"))
      rows.push_back(std::move(values));
  return rows;
}

std::vector<row> all_rows(const std::string& database) {
  std::vector<row> rows;
  for (const auto& table :
       query(database, "SELECT name FROM sqlite_master WHERE type = 'table'"
                       " AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'lookup_%'"
                       " ORDER BY name"))
    for (auto& values : query(database, "SELECT '" + table[0] + "', * FROM \"" + table[0] + "\""))
      rows.push_back(std::move(values));
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::string difference(const std::map<std::string, std::string>& expected,
                       const std::map<std::string, std::string>& found) {
  std::string text;
  std::size_t count = 0;
  auto add = [&](const std::string& line) {
    if (++count <= shown_max) text += "\n  " + line;
  };
  for (const auto& [key, wanted] : expected) {
    auto at = found.find(key);
    if (at == found.end())
      add("missing: " + key);
    else if (at->second != wanted)
      add("other: " + key + ": expected " + wanted + ", found " + at->second);
  }
  for (const auto& [key, other] : found)
    if (!expected.contains(key)) add("too much: " + key + ": " + other);
  return count <= shown_max ? text : text + "\n  ... " + std::to_string(count) + " in all";
}

std::string difference(const std::vector<row>& expected, const std::vector<row>& found) {
  std::string text;
  auto rows = std::max(expected.size(), found.size());
  for (std::size_t i = 0, count = 0; i < rows && count < shown_max; ++i) {
    auto wanted = i < expected.size() ? shown(expected[i]) : "(no row)";
    auto there = i < found.size() ? shown(found[i]) : "(no row)";
    if (wanted == there) continue;
    ++count;
    text += "\n  expected " + wanted + "\n  found    " + there;
  }
  return text;
}

}  // namespace system_test
