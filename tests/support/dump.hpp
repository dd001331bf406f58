// SPDX-License-Identifier: MIT
#pragma once

#include "platform/types.hpp"
#include "schema/schema.hpp"
#include "schema/sqlite.hpp"
#include "support/must.hpp"

#include <span>
#include <string>
#include <string_view>
#include <variant>

/// The rows of a query as text, one line a row, `|` between columns, as the sqlite3 program prints.
inline std::string rows_of(podstudio::database& db, const std::string& sql) {
  auto query = must(db.prepare(sql));
  std::string text;
  must(query.for_each_row([&](const podstudio::statement& row) {
    if (!text.empty()) text += '\n';
    for (int i = 0; i < row.column_count(); ++i) {
      if (i > 0) text += '|';
      if (auto value = row.value(i);
          auto* blob = std::get_if<std::span<const std::uint8_t>>(&value))
        text += podstudio::to_hex(blob->data(), blob->size());
      else
        text += row.get<std::string>(i);
    }
  }));
  return text;
}

/// Every row of every table, and what made the tables.
inline std::string dump_of(podstudio::database& db) {
  auto text = rows_of(db, "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name");
  for (const char* table :
       {"asset", "asset_file", "asset_review", "asset_tag", "pack", "pack_asset", "deleted_pack",
        "deleted_pack_job", "job", "job_attempt", "job_priority", "job_queue", "asset_media",
        "asset_problem", "asset_generation", "watch_root", "problem", "command", "checkpoint"})
    text += "\n-- " + std::string(table) + "\n"
            + rows_of(db, "SELECT * FROM "
                              + std::string(table)
                              // Of one column and at most one row.
                              + (table == std::string_view("job_queue") ? "" : " ORDER BY 1, 2"));
  return text;
}

/// The same, of tables that are opened for it.
inline std::string rows_of(const std::string& path, const std::string& sql) {
  auto db = must(podstudio::open_tables_read_only(path));
  return rows_of(db, sql);
}
inline std::string dump_of(const std::string& path) {
  auto db = must(podstudio::open_tables_read_only(path));
  return dump_of(db);
}
