// SPDX-License-Identifier: MIT
#pragma once

#include "events/backup_manifest.hpp"
#include "events/command.hpp"
#include "events/log.hpp"
#include "platform/error.hpp"

#include <cstdint>
#include <functional>
#include <string>

/// Backup and restore of the log; see BACKUP.md. Everything is streamed: memory is bounded by the
/// largest frame.
namespace podstudio {

/// What a backup or a restored log holds, and how much of it this run copied.
struct backup_report {
  log_head head;
  std::uint64_t commands = 0;
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0;         ///< of headers and frames
  std::uint64_t copied_bytes = 0;  ///< of these
  std::uint64_t held_bytes() const noexcept { return bytes - copied_bytes; }
};

/// Called now and then with the last sequence that is copied and the last there is to copy.
using backup_progress = std::function<void(sequence_number, sequence_number)>;

/// Copies the log up to the head `until`, which must be durable, into a backup folder; works beside
/// the log's writer. Every frame is checked and decoded before it is written. What the folder holds
/// of the log already is not copied again. Two runs on one folder exclude each other by no means of
/// this function. Whatever interrupts it, the folder holds the old backup or the new one.
///
/// Errors: `refused` for a folder that holds something else, or a backup of another log, of more
/// than `until`, or of a log that went another way; `damaged` for either side, with the place;
/// `newer_version`; as `system_error`. None of these but the last changes a byte of the backup,
/// save that damage of the log behind the backup's head may leave remains behind it.
result<backup_report> back_up(file_system& files, const std::string& log_folder,
                              const std::string& folder, const log_head& until,
                              const backup_progress& progress = {});

/// Reads all of a backup again, which must go up to `head`. `progress` is called with the bytes
/// done and the bytes in all. Errors: as `verify_log`.
result<verify_report>
verify_backup(file_system& files, const std::string& folder, const log_head& head,
              const std::function<void(std::uint64_t, std::uint64_t)>& progress = {});

/// The manifest of a backup that can be restored. Errors: `not_found` where there is no backup;
/// `refused` for one of which no run came to its end; as `read_backup_manifest`.
result<backup_manifest> find_restorable(file_system& files, const std::string& folder);

/// Where a restored log stands until it is put in place.
std::string staging_folder(const std::string& log_folder);

/// Removes what `stage_restore` staged.
result<void> drop_restore(file_system& files, const std::string& log_folder);

/// Copies a backup's log to `staging_folder(log_folder)`, durable, and checks all of it meanwhile.
/// What an earlier run left there is replaced. Errors: as `find_restorable`; `refused` where
/// `log_folder` holds anything; `damaged`, with the place; `newer_version`; as `system_error`.
result<backup_report> stage_restore(file_system& files, const std::string& folder,
                                    const std::string& log_folder,
                                    const backup_progress& progress = {});

/// Puts the staged log in place, in one durable step. Errors: `refused` as above.
result<void> finish_restore(file_system& files, const std::string& log_folder);

}  // namespace podstudio
