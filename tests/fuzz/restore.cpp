// SPDX-License-Identifier: MIT
#include "made_log.hpp"
#include "properties.hpp"

#include "events/backup.hpp"
#include "events/log.hpp"
#include "projections/projection.hpp"
#include "projections/rebuild.hpp"
#include "query/models.hpp"
#include "schema/schema.hpp"
#include "support/allocation_watch.hpp"
#include "support/small_log.hpp"
#include "support/temp_folder.hpp"

#include <map>
#include <memory>
#include <optional>

using namespace podstudio;

// The input: manifest-size:u16, that many bytes of the manifest, then a log as made_log.hpp has it.
// Without a byte of the manifest it is one that fits the log.
namespace fuzz {

namespace {

const std::string backup_folder = "/backup";

std::map<std::string, std::string> files_of_backup(const memory_disk& disk) {
  auto files = disk.files();
  std::erase_if(files, [](const auto& file) { return !file.first.starts_with(backup_folder); });
  return files;
}

void make_backup(const_bytes input, memory_disk& disk) {
  input_cursor cursor(input);
  auto manifest = cursor.take(cursor.take_u16());
  (void)disk.make_folder("/data");
  (void)disk.make_folder(backup_folder);
  auto log = make_log(cursor.rest(), disk, backup_log_folder(backup_folder));
  if (manifest.empty())
    require(bool(write_backup_manifest(disk, backup_folder, {log.id, log.head, log.last_end, 0})),
            "a manifest cannot be written");
  else
    disk.put(backup_manifest_path(backup_folder), std::string(text_of(manifest)));
}

/// What a restore may say of a hostile backup: never that we have a defect, or that a disk failed.
bool is_answer(error_code code) {
  return code == error_code::damaged || code == error_code::newer_version
         || code == error_code::refused || code == error_code::not_found;
}

/// Tables in a file of their own, as SQLite has no disk in memory with a path.
class tables_file {
public:
  /// The file system is to be there as long as this, so it is made first.
  tables_file() { (void)posix_file_system(); }
  ~tables_file() { (void)remove_unfinished_rebuild(posix_file_system(), path()); }
  std::string path() const { return folder_.path + "/tables.db"; }

private:
  temp_folder folder_;
};

/// The tables of the staged log; nothing where a restore refuses it for them.
bool build_tables(memory_disk& disk, const std::string& tables, const log_head& head) {
  auto log = log_reader::open(disk, staging_folder(log_folder));
  require(bool(log), "a log that was staged cannot be read");
  auto built = rebuild(posix_file_system(), **log, tables);
  if (!built) {
    auto failure = as_damage_of_log(built.failure());
    require(is_answer(failure.code),
            "the tables cannot be built, and the log is not blamed: " + failure.message);
    return false;
  }
  require(*built == head, "the tables hold another head than the manifest");
  return true;
}

/// That an engine can start on what was restored, and goes on from there.
void check_started(memory_disk& disk, const std::string& path, const log_head& head,
                   catalog_model& assets) {
  auto opened = open_tables_read_only(path);
  require(bool(opened), "the tables cannot be opened");
  recent_losses losses;
  command_memory memory;
  require(bool(load_recent_losses(*opened, losses)), "what was lost of late cannot be loaded");
  require(bool(load_command_memory(*opened, memory)), "the last commands cannot be loaded");
  auto past = log_reader::open(disk, log_folder);
  require(bool(past), "the restored log cannot be read");
  for (auto next = (*past)->next(); next && *next; next = (*past)->next())
    assets.load_past(*(**next).what);
  recovery_report report;
  auto log = log_writer::open(disk, log_folder, small_log, head, report);
  require(bool(log), "the restored log does not open");
  require((*log)->head() == head && report.truncated_bytes == 0, "the restored log ends elsewhere");
  auto tables = projection::open(path);
  require(bool(tables) && (*tables)->checkpoint() == head, "the tables do not open");
  auto what = std::make_shared<const command>(command{{1}, "engine", "start", {engine_started{}}});
  auto appended = (*log)->append({&what, 1}, 5);
  require(bool(appended), "the restored log cannot be appended to");
  require(bool((*tables)->fold(*appended)), "the tables cannot be folded into");
}

}  // namespace

bool restore(const_bytes input) {
  static tables_file tables;
  memory_disk disk;
  make_backup(input, disk);
  auto backup = files_of_backup(disk);
  auto bytes = disk.used_bytes();
  std::optional<allocation_watch> watch(std::in_place);
  auto staged = stage_restore(disk, backup_folder, log_folder);
  constexpr std::size_t window_bytes = 512u << 10;
  require(watch->largest_bytes() <= allowed_allocation(bytes, window_bytes),
          "a restore allocates more than the backup holds");
  watch.reset();
  require(files_of_backup(disk) == backup, "a restore changes the backup");
  if (!staged) {
    require(is_answer(staged.failure().code),
            "a restore stops with another error: " + staged.failure().message);
    require(disk.files().size() == backup.size(), "a restore that failed leaves files");
    return false;
  }
  auto verified = verify_log(disk, staging_folder(log_folder), {.expect = staged->head});
  require(bool(verified) && verified->head == staged->head, "what was staged is not whole");
  if (!build_tables(disk, tables.path(), staged->head)) return false;
  auto opened = open_tables_read_only(tables.path());
  require(bool(opened), "the tables that were built cannot be opened");
  auto model = load_library_model(*opened);
  if (!model) {
    require(is_answer(model.failure().code),
            "the model cannot be loaded, and the log is not blamed");
    return false;
  }
  require(bool(finish_restore(disk, log_folder)), "a restore cannot be finished");
  check_started(disk, tables.path(), staged->head, model->catalog);
  return true;
}

}  // namespace fuzz
