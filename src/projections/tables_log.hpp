// SPDX-License-Identifier: MIT
#pragma once

#include "events/command.hpp"
#include "platform/data_folder.hpp"
#include "platform/error.hpp"

#include <cstdint>
#include <optional>
#include <string>

/// Whether tables and a log belong together. The tables do not bear the log's identity: they know
/// how far they were folded (sequence and hash), and each command's id.
namespace podstudio {

class file_system;

/// How much of a log the tables in a file hold, also tables of another version; nothing where that
/// cannot be read.
std::optional<log_head> head_of_tables(const std::string& path);

enum class log_fit : std::uint8_t {
  extends,     ///< the log has what the tables hold
  lacks,       ///< the tables hold more than the log
  parts,       ///< at the tables' last sequence the log has something else
  is_another,  ///< they begin with different commands: the tables are another library's
};

/// How a log fits tables that hold `head` of theirs. Errors: as `log_reader`.
result<log_fit> fit_of_log(file_system& files, const std::string& log_folder,
                           const std::string& tables, const log_head& head);

/// Whether the tables may be built anew from this log, as far as can be told. `forced`: also if
/// that loses what the log does not hold, but never those of another library. Errors: `refused`; as
/// `log_reader`.
result<void> check_replaceable(file_system& files, const std::string& log_folder,
                               const std::string& tables, bool forced);

/// What may be said to whoever named the database; empty where it is in its usual place.
std::string other_database_hint(const data_folder& folder);

/// The error for tables of another library.
error another_library(const std::string& tables, const std::string& log_folder);

/// The error for a log folder that is gone while the tables hold events; nothing where they hold
/// none.
std::optional<error> lost_log(const data_folder& folder);

/// Makes room for new tables in the library's own place where a ruined file stands there
/// (`is_ruined`).
result<void> remove_ruined_tables(file_system& files, const std::string& path);

}  // namespace podstudio
