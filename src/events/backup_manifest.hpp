// SPDX-License-Identifier: MIT
#pragma once

#include "events/command.hpp"
#include "platform/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// A backup folder's manifest, and every name in the folder except those of the log's own files.
namespace podstudio {

class file_system;

inline constexpr std::string_view backup_manifest_name = "backup.json";
/// The next manifest while it is written; worthless after a stop.
inline constexpr std::string_view backup_manifest_aside = "backup.json.tmp";
inline std::string backup_manifest_path(const std::string& folder) {
  return folder + "/" + std::string(backup_manifest_name);
}
std::string backup_log_folder(const std::string& folder);

/// The contents of backup.json. It is authoritative: anything in the folder beyond `head` was left
/// by an interrupted run.
struct backup_manifest {
  uuid log{};                            ///< of which log
  log_head head;                         ///< {0, zeros} until the first run comes to its end
  std::uint64_t last_segment_bytes = 0;  ///< of the segment that holds `head`: the offset behind it
  std::int64_t at_us = 0;                ///< when it was written
};

/// The manifest of a backup; nothing where the folder has none. Errors: `damaged`, `newer_version`;
/// as `system_error`.
result<std::optional<backup_manifest>> read_backup_manifest(file_system& files,
                                                            const std::string& folder);

/// Replaces the manifest in one durable step.
result<void> write_backup_manifest(file_system& files, const std::string& folder,
                                   const backup_manifest& manifest);

}  // namespace podstudio
