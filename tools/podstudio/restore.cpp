// SPDX-License-Identifier: MIT
#include "command.hpp"
#include "output.hpp"

#include "archive/signing.hpp"
#include "events/backup.hpp"
#include "events/file_system.hpp"
#include "platform/text.hpp"
#include "projections/rebuild.hpp"
#include "query/models.hpp"
#include "schema/schema.hpp"
#include "schema/sqlite.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <filesystem>
#include <memory>

namespace podstudio {

namespace {

result<void> check_apart(const data_folder& folder, const std::string& source) {
  auto shared = lie_in_one_another(folder.root, source);
  if (!shared) return shared.failure();
  if (!*shared) return {};
  return error{error_code::refused,
               "the data folder " + in_quotes(folder.root) + " and the backup " + in_quotes(source)
                   + " are inside one another; choose another data folder with --data"};
}

/// What stands in the database's place is replaced. It must be ours, and this folder's: one that is
/// elsewhere may be that of a library in use.
result<void> check_database(const data_folder& folder) {
  auto there = open_tables_read_only(folder.database);
  if (!there && there.failure().code == error_code::refused) return there.failure();
  std::error_code ignored;
  if (lies_within(folder.database, folder.root)
      || !std::filesystem::exists(folder.database, ignored))
    return {};
  return error{error_code::refused, "the database " + in_quotes(folder.database)
                                        + " already exists outside the data folder; name a "
                                          "new one with --db, or move it away"};
}

/// Whether an engine can start on the tables: a log that somebody made may fold and yet be of no
/// use.
result<void> check_usable(const std::string& tables) {
  auto opened = open_tables_read_only(tables);
  if (!opened) return opened.failure();
  auto model = load_library_model(*opened);
  return model ? result<void>() : model.failure();
}

/// The log is staged, the tables are built from it, and the log is put in place last: before that
/// there is no library in the folder, and behind it a whole one.
result<backup_report> restore_into(const data_folder& folder, const std::string& source) {
  auto& files = posix_file_system();
  progress line("events");
  auto restored =
      stage_restore(files, source, folder.log(),
                    [&](sequence_number done, sequence_number all) { line.show(done, all); });
  if (!restored) return restored;
  auto built = rebuild(files, staging_folder(folder.log()), folder.database, {},
                       [&](sequence_number done) { line.show(done, restored->head.sequence); });
  if (!built) return as_damage_of_log(built.failure());
  auto usable = check_usable(folder.database);
  auto key = usable
                 ? archive::copy_key_file(data_folder::signing_key_in(source), folder.signing_key())
                 : result<bool>(usable.failure());
  if (!key) {
    // Tables without their log would pass for a log that lost its end.
    (void)drop_restore(files, folder.log());
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm"})
      std::filesystem::remove(folder.database + suffix, ignored);
    return key.failure();
  }
  if (auto done = finish_restore(files, folder.log()); !done) return done.failure();
  if (auto made = create(folder); !made) return made.failure();
  return restored;
}

result<void> restore(const context& where, const std::string& from) {
  const auto& folder = where.folder;
  auto source = absolute_path(from);
  if (!source) return source.failure();
  if (auto apart = check_apart(folder, *source); !apart) return apart;
  if (auto there = find_restorable(posix_file_system(), *source); !there) return there.failure();
  if (auto free = check_database(folder); !free) return free;
  if (auto made = create_lockable(folder); !made) return made;
  auto lock = folder_lock::acquire(folder);
  if (!lock) return lock.failure();
  auto restored = restore_into(folder, *source);
  if (!restored) return restored.failure();
  if (where.json) {
    print_json({{"data", folder.root},
                {"head_sequence", restored->head.sequence},
                {"head_hash", to_hex(restored->head.hash)},
                {"commands", restored->commands},
                {"segments", restored->segments},
                {"bytes", restored->bytes},
                {"copied_bytes", restored->copied_bytes}});
    return {};
  }
  table facts({{"restored"}, {folder.root}});
  facts.row({"head sequence", std::to_string(restored->head.sequence)});
  facts.row({"head hash", to_hex(restored->head.hash)});
  facts.row({"commands", std::to_string(restored->commands)});
  facts.row({"segments", std::to_string(restored->segments)});
  facts.row({"size", human_size(restored->bytes)});
  facts.print();
  return {};
}

}  // namespace

action declare_restore(CLI::App& command) {
  auto folder = std::make_shared<std::string>();
  command.add_option("DIR", *folder, "The backup's folder")->required()->type_name("");
  return [folder](const context& where) { return restore(where, *folder); };
}

}  // namespace podstudio
