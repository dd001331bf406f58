// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

/// The database as any other program reads it: through SQLite, read-only, without the engine's
/// code.
namespace system_test {

using row = std::vector<std::string>;  ///< every value as text; null is NULL

/// Throws where the query fails.
std::vector<row> query(const std::string& database, const std::string& sql);
/// The first value of the first row, as text.
std::string value(const std::string& database, const std::string& sql);
/// `asset.hash` by `asset.path`.
std::map<std::string, std::string> catalogued(const std::string& database);
/// All rows of the three tables of the seed, by id.
std::vector<row> seed_rows(const std::string& database);

/// All rows of all tables, each with its table's name first, sorted.
std::vector<row> all_rows(const std::string& database);

/// What two sides of a comparison do not share, for a test's message; empty when they are equal.
std::string difference(const std::map<std::string, std::string>& expected,
                       const std::map<std::string, std::string>& found);
std::string difference(const std::vector<row>& expected, const std::vector<row>& found);

}  // namespace system_test
