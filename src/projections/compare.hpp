// SPDX-License-Identifier: MIT
#pragma once

#include "events/command.hpp"
#include "platform/error.hpp"
#include "projections/rebuild.hpp"

#include <cstddef>
#include <string>
#include <vector>

/// Checks whether the tables are what the log says.
namespace podstudio {

class database;

/// One value that differs, or one row that only one side has.
struct difference {
  std::string table;
  std::string key;     ///< the row's primary key; its parts are separated by ", "
  std::string column;  ///< empty when the whole row is missing on a side
  std::string left;    ///< printable; "(no row)" and "(row)" for whole rows
  std::string right;
  bool operator==(const difference&) const = default;
};

/// Compares every table of two databases row by row and value by value, and the statements that
/// made them; the first `max` differences. Streams: memory does not grow with the tables. For one
/// state of a database that is written meanwhile, begin a read transaction on it before.
result<std::vector<difference>> compare(database& left, database& right, std::size_t max);

/// The outcome of `check_tables`.
struct check_report {
  log_head head;                        ///< what the tables hold of the log
  std::vector<difference> differences;  ///< left: the live tables; right: what the log says
};

/// Rebuilds the tables aside, in `scratch_folder`, to the very place that the live ones hold, and
/// compares, while a service may go on. Nothing is left behind. Errors: `damaged` where the live
/// file is malformed or holds more than the log; those of `rebuild`.
result<check_report> check_tables(file_system& files, const std::string& log_folder,
                                  const std::string& live, const std::string& scratch_folder,
                                  std::size_t max_differences = 20,
                                  const rebuild_progress& progress = {});

}  // namespace podstudio
