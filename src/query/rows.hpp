// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"
#include "schema/sqlite.hpp"

#include <nlohmann/json.hpp>

#include <string_view>

/// INTERNAL to this folder: rows of a statement as JSON.
namespace podstudio {

/// The current row as an object with the names of its columns.
nlohmann::json row_to_json(const statement& row);

/// All rows of a query as an array of objects.
template <class... Values>
result<nlohmann::json> select_all(database& db, std::string_view sql, const Values&... values) {
  auto query = db.prepare(sql);
  if (!query) return query.failure();
  query->bind(values...);
  auto rows = nlohmann::json::array();
  auto read = query->for_each_row([&](const statement& row) { rows.push_back(row_to_json(row)); });
  if (!read) return read.failure();
  return rows;
}

/// The only row of a query, such as counts, as an object; null if there is none.
template <class... Values>
result<nlohmann::json> select_one(database& db, std::string_view sql, const Values&... values) {
  auto rows = select_all(db, sql, values...);
  if (!rows) return rows;
  return rows->empty() ? nlohmann::json() : std::move((*rows)[0]);
}

}  // namespace podstudio
