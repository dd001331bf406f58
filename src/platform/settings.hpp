// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace podstudio {

/// The settings from outside the command line. Paths are as written, except that a leading `~` is
/// the home folder; relative ones are relative to the working directory.
struct settings {
  std::vector<std::string> watch_folders;
  std::string watch_folders_from;  ///< where they are set, as a message says it; empty: nowhere
  std::string database;            ///< empty: the usual place
  std::string database_from;       ///< likewise
  std::string log_level = "info";  ///< of the service log: trace debug info warn error
  std::uint64_t log_segment_bytes = 64u << 20;  ///< where a file of the event log is closed
  std::uint32_t poll_seconds = 30;         ///< between two scans of a folder that cannot be watched
  std::uint32_t rescan_minutes = 24 * 60;  ///< between two scans of a folder that is watched
  /// Bytes that previews may take in the data folder; the least recently used go first.
  std::uint64_t preview_cache_bytes = std::uint64_t{4} << 30;
  /// How many files' facts are read, or other jobs run, at once; 0: none. Nothing: one per core.
  std::optional<std::uint32_t> workers;
};

inline constexpr std::uint32_t workers_setting_max = 64;
/// Bounds of `preview_cache_bytes`: room for a screenful, and more than any personal disk holds.
inline constexpr std::uint64_t preview_cache_bytes_min = std::uint64_t{16} << 20;
inline constexpr std::uint64_t preview_cache_bytes_max = std::uint64_t{1} << 50;
/// Bounds of `log_segment_bytes`: a segment has room for its header and some commands, and space
/// for the next one is taken as a whole.
inline constexpr std::uint64_t log_segment_bytes_min = 64u << 10;
inline constexpr std::uint64_t log_segment_bytes_max = 1u << 30;

/// The assignments of a `.env` file: `KEY=VALUE` lines, an optional `export ` in front, blank lines
/// and
/// `#` comments. A value may stand in single quotes (taken as it is) or double quotes (where \\ \"
/// \n are escapes); a plain value ends at ` #`. Nothing is expanded or run. Such files are shared
/// with other programs, so a line this grammar does not know is skipped, unless it assigns one of
/// `required_keys`. Error: `invalid_argument` names the line.
result<std::map<std::string, std::string>>
parse_env_file(std::string_view text, const std::vector<std::string>& required_keys = {});

/// The folders of a comma-separated list, blanks around each removed, empty ones dropped.
std::vector<std::string> split_folders(std::string_view list);

/// A settings file; only one that was asked for must exist, and may be a link.
struct settings_file {
  std::string path;
  bool required = false;
};

/// The settings of, from weak to strong: `config` (TOML: `watch_folders`, `database`, `log_level`,
/// `log_segment_bytes`, `poll_seconds`, `preview_cache_bytes`, `rescan_minutes`, `workers`), `env`
/// (as `parse_env_file`), the environment (both: WATCH_FOLDERS, DB_PATH). Errors:
/// `invalid_argument` for a key nobody knows or a value of the wrong kind, naming the variable, or
/// the file and line; as `read_small_file`.
result<settings> load_settings(const settings_file& config, const settings_file& env);

}  // namespace podstudio
