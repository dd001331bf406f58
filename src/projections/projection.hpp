// SPDX-License-Identifier: MIT
#pragma once

#include "events/command.hpp"
#include "platform/error.hpp"

#include <memory>
#include <span>
#include <string>

/// The tables as a fold of the log. The projector actor owns the only live one.
namespace podstudio {

class database;
struct fold_context;

/// Folds committed commands into the tables, each exactly once: the checkpoint is stored in the
/// transaction of the fold. A fold reads nothing but the event and the tables: no clock, no file.
///
/// The tables are a pure function of the log. How the commands are grouped makes no difference.
class projection {
public:
  /// Opens the tables, and makes them where there is nothing yet. Errors as `open_tables`
  /// (schema.hpp).
  static result<std::unique_ptr<projection>> open(const std::string& path);

  /// Makes new tables in a file aside for folding in bulk; `finish` makes them usable. Journal and
  /// syncs are off: after an error or a crash the file is good for nothing.
  static result<std::unique_ptr<projection>> create_bulk(const std::string& path);

  ~projection();

  /// How much of the log the tables hold.
  log_head checkpoint() const noexcept;

  /// Folds all in one transaction. On an error none is folded, and it can be tried again:
  /// `disk_full` once there is room, `busy` when the other program has let go. `damaged`: the file
  /// is broken. `internal`: a command does not follow the checkpoint, or an event names what the
  /// tables do not hold; then the log and the tables have parted, and only a rebuild helps.
  result<void> fold(std::span<const committed_command> commands);

  /// Copies the WAL back into the database as far as readers allow, and gives the cached pages
  /// back; for idle times. Never waits.
  result<void> checkpoint_wal();

  /// Enters some more assets into the indexes that lag behind (schema.sql), for idle times; false
  /// when there was nothing to enter. Aims at 50 ms, for which a fold may have to wait. Errors as
  /// of `fold`.
  result<bool> enter_for_lookup();

  /// Ends folding in bulk: makes the indexes. Error `internal`: two assets have one path.
  result<void> finish_bulk();

private:
  explicit projection(std::unique_ptr<fold_context> context);
  static result<std::unique_ptr<projection>> start(database db, bool bulk);

  std::unique_ptr<fold_context> context_;
};

/// The place in the log that the tables hold, as stored.
result<log_head> read_checkpoint(database& db);

/// An error of folding into tables that were used before: rows that an event does not fit
/// (`internal`) are not what the log says (`damaged`).
error as_damage(error failure);

}  // namespace podstudio
