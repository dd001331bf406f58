// SPDX-License-Identifier: MIT
#pragma once

#include "events/command.hpp"
#include "platform/error.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <string>

/// Rebuilds the tables from the log: after damage, for another version, or to look at the past.
namespace podstudio {

class file_system;
class log_reader;

/// How far to go: up to the last command that lies wholly within both bounds. A command is never
/// split, and the first one later than `at_us` ends the rebuild.
struct rebuild_bound {
  sequence_number sequence = std::numeric_limits<sequence_number>::max();
  std::int64_t at_us = std::numeric_limits<std::int64_t>::max();  ///< since the Unix epoch
};

/// Called now and then with the sequence that is folded.
using rebuild_progress = std::function<void(sequence_number)>;

/// Builds the tables of the log in `log_folder` into a new file beside `output` and puts them,
/// durable, in the place of those in `output`; returns how much of the log they hold. A program
/// that reads `output` sees the old ones until the new ones are whole. No service may use it
/// meanwhile.
///
/// After an error `output` is as it was, after a crash as it was or new; where there was no
/// database, or one that SQLite could not use, there may be none after either, which the next start
/// cures. It is never a mixture. Error `refused`: it is another program's.
result<log_head> rebuild(file_system& files, const std::string& log_folder,
                         const std::string& output, const rebuild_bound& until = {},
                         const rebuild_progress& progress = {});

/// The same from wherever `log` stands; that must be its beginning.
result<log_head> rebuild(file_system& files, log_reader& log, const std::string& output,
                         const rebuild_bound& until = {}, const rebuild_progress& progress = {});

/// An error of building tables from a log that others may have made, as a backup's is: events that
/// do not follow from those before (`internal`) are no defect of ours, but of the log (`damaged`).
error as_damage_of_log(error failure);

/// The file beside `output` in which new tables are built.
std::string aside_of(const std::string& output);

/// Removes a database and what SQLite keeps beside it.
result<void> remove_tables(file_system& files, const std::string& path);

/// Removes what a rebuild that was killed left beside `output`.
result<void> remove_unfinished_rebuild(file_system& files, const std::string& output);

}  // namespace podstudio
