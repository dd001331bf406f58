#pragma once

#include "events/command.hpp"
#include "platform/error.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <string>

/// Building the tables from the log: after damage, for another version, or to look at the past.
namespace podstudio {

class file_system;
class log_reader;

/// How far to go: up to the last command that lies within both bounds whole. A command is never
/// split, and the first one given later than `at_us` ends it.
struct rebuild_bound {
  sequence_number sequence = std::numeric_limits<sequence_number>::max();
  std::int64_t at_us = std::numeric_limits<std::int64_t>::max();  ///< since the Unix epoch
};

/// Called now and then with the sequence that is folded.
using rebuild_progress = std::function<void(sequence_number)>;

/// Builds the tables of the log in `log_folder` into a new file beside `output`, makes it durable
/// and puts it in the place of `output`; returns how much of the log it holds. A program that has
/// the old file open goes on seeing the old tables. No service may use `output` meanwhile.
///
/// On an error `output` is as it was. After a crash it is as it was, new, or not there at all,
/// which the next start cures; it is never a mixture.
result<log_head> rebuild(file_system& files, const std::string& log_folder,
                         const std::string& output, const rebuild_bound& until = {},
                         const rebuild_progress& progress = {});

/// The same from wherever `log` stands; that must be its beginning.
result<log_head> rebuild(file_system& files, log_reader& log, const std::string& output,
                         const rebuild_bound& until = {}, const rebuild_progress& progress = {});

}  // namespace podstudio
