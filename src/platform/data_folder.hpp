// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"
#include "platform/unique_fd.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>

namespace podstudio {

inline constexpr const char* console_socket_name = "console.sock";  ///< in DATA/run

/// The layout of a data folder, which holds one library. The functions return paths; none of them
/// touches the disk.
struct data_folder {
  std::string root;      ///< absolute
  std::string database;  ///< absolute; `root`/podstudio.db unless it was asked for elsewhere

  std::string usual_database() const { return root + "/podstudio.db"; }
  /// Whether the database is in its usual place, where nobody else has any business.
  bool has_usual_database() const { return database == usual_database(); }

  std::string log() const { return root + "/log"; }  ///< the event log, the source of truth
  std::string tls() const { return root + "/tls"; }  ///< the console's key and certificate
  std::string run() const {
    return root + "/run";
  }  ///< lock and console address of a running engine
  std::string work() const { return root + "/work"; }    ///< results of jobs
  std::string packs() const { return root + "/packs"; }  ///< exported packs
  std::string cache() const { return root + "/cache"; }  ///< previews; may be deleted at any time
  /// Of the texts of packs, if the seller has own ones.
  std::string templates() const { return root + "/templates"; }
  std::string blocked_names() const { return root + "/blocked-names.txt"; }  ///< kept by the seller
  std::string signing_key() const { return signing_key_in(root); }           ///< of exported packs
  /// The same of a backup.
  static std::string signing_key_in(const std::string& folder) { return folder + "/signing.pem"; }
  std::string logs() const { return root + "/logs"; }  ///< the rotating service log
  std::string config_file() const { return root + "/config.toml"; }
  std::string env_file() const { return root + "/.env"; }
  std::string lock_file() const { return run() + "/lock"; }
  std::string service_lock_file() const { return run() + "/service.lock"; }
  std::string backup_lock_file() const { return run() + "/backup.lock"; }
  std::string console_file() const { return run() + "/console.json"; }
  std::string console_socket() const { return run() + "/" + console_socket_name; }
};

/// `path` made absolute against the working directory, without `.`, doubled or trailing slashes.
/// Where it holds `..`, symbolic links are resolved, because only then is the parent known. Errors:
/// `invalid_argument` (empty, or no valid UTF-8 and so not fit for a table), `io_failed`.
result<std::string> absolute_path(const std::string& path);

/// Whether one of two folders is, or lies in, the other, with symbolic links resolved; neither
/// needs to exist. Error: `io_failed`.
result<bool> lie_in_one_another(const std::string& one, const std::string& other);

/// The data folder of `root`, or where that is empty of $PODSTUDIO_DATA, $XDG_DATA_HOME/podstudio
/// or
/// ~/.local/share/podstudio. An empty `database` means the usual place; one that is a link is where
/// it leads. Errors: `invalid_argument`, `io_failed`.
result<data_folder> resolve_data_folder(const std::string& root, const std::string& database);

/// Whether nobody else owns the root folder or may write to it, nor to the files in it that are
/// believed: the settings, the log's, the tables' in their usual place. What is not there is
/// trusted. To be asked before anything in the folder is believed. Errors:
/// `refused`, with the remedy. No mode is corrected silently: what others could write, they may
/// have written, and the owner is to know.
result<void> check_trusted(const data_folder& folder);

/// Whether a database that a person named is the user's own, if it is there. Error: `refused`.
result<void> check_own_database(const std::string& path);

/// Whether the root folder is there.
bool exists(const data_folder& folder);

/// Makes what is missing of the root (with its parents) and its folders, each private to the owner
/// (0700). Folders that exist are left as they are. Errors: as `system_error` and `check_trusted`;
/// `invalid_argument` for what is no folder, as a link in the root is none.
result<void> create(const data_folder& folder);

/// Makes no more of it than a lock needs: the root (with its parents) and `run`.
result<void> create_lockable(const data_folder& folder);

/// The right to work on a data folder: held by one process at a time, and released when this object
/// or the process ends, however it ends.
///
/// It is an open-file-description lock on run/lock (fcntl(2), F_OFD_SETLK). Unlike with flock(2),
/// its holder can be queried without taking it. Unlike a POSIX record lock, it does not vanish when
/// some library closes another descriptor of the file. The file itself is never removed: a lock on
/// an unlinked file would exclude nobody.
class folder_lock {
public:
  /// Takes the lock of a folder that exists, for a command, and writes this process's id into the
  /// file. It waits for other commands: at most `wait_max` for one of them, and six times as long
  /// for a queue of them. Error: `in_use`, at once where a service runs or starts, names the
  /// process that holds it and what to do.
  static result<folder_lock> acquire(const data_folder& folder,
                                     std::chrono::milliseconds wait_max = other_command_wait_max);
  static constexpr auto other_command_wait_max = std::chrono::seconds(10);

  /// The same for a service. It takes run/service.lock first, which no command takes and which
  /// keeps further commands out; so it has to wait only for those that are at work, `wait_max` at
  /// most, however many others try meanwhile. Another service makes it fail at once.
  static result<folder_lock>
  acquire_for_service(const data_folder& folder,
                      std::chrono::milliseconds wait_max = command_wait_max);
  /// Most commands take a fraction of a second.
  static constexpr auto command_wait_max = std::chrono::seconds(5);

  /// The right to make backups of a folder that exists, beside whoever works on it. Error:
  /// `in_use`.
  static result<folder_lock> acquire_for_backup(const data_folder& folder);

  /// The process that holds the lock now; 0 where it cannot be told which.
  static std::optional<pid_t> holder(const data_folder& folder);

private:
  explicit folder_lock(unique_fd file, unique_fd service = unique_fd{})
      : service_(std::move(service)), file_(std::move(file)) {}
  unique_fd service_;  // given back last
  unique_fd file_;
};

/// Where a running service answers requests besides run/console.sock: the contents of
/// run/console.json.
struct console_address {
  std::uint16_t port = 0;  ///< on 127.0.0.1, over TLS
  pid_t pid = 0;
  bool operator==(const console_address&) const = default;
};

/// Publishes the address; a reader sees the whole of it or nothing. Errors: as `system_error`.
result<void> write_console_address(const data_folder& folder, const console_address& address);

/// The address, or nothing where there is none or the file holds no valid one.
std::optional<console_address> read_console_address(const data_folder& folder);

void remove_console_address(const data_folder& folder) noexcept;

}  // namespace podstudio
