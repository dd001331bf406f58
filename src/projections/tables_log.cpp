// SPDX-License-Identifier: MIT
#include "projections/tables_log.hpp"

#include "events/file_system.hpp"
#include "events/log.hpp"
#include "platform/text.hpp"
#include "platform/types.hpp"
#include "projections/projection.hpp"
#include "projections/rebuild.hpp"
#include "schema/schema.hpp"
#include "schema/sqlite.hpp"

namespace podstudio {

namespace {

constexpr const char* restore_remedy =
    "; restore the log from a backup with 'podstudio --data NEW restore BACKUP'";

/// Opens tables of ours, of whatever version.
result<database> open_any_tables(const std::string& path) {
  auto db = database::open(path, database_access::read_only);
  if (!db) return db;
  auto application = db->value<std::int32_t>("PRAGMA application_id");
  if (!application) return application.failure();
  if (*application != tables_application_id)
    return error{error_code::refused, in_quotes(path) + " does not hold PODStudio's tables"};
  return db;
}

/// The id of the command that a library began with; nothing where it cannot be read.
std::optional<std::string> first_command_of_tables(const std::string& path) {
  auto db = open_any_tables(path);
  if (!db) return std::nullopt;
  auto id = db->value<std::string>("SELECT id FROM command WHERE first_sequence = 1");
  return id ? std::optional(*id) : std::nullopt;
}

result<std::optional<std::string>> first_command_of_log(file_system& files,
                                                        const std::string& folder) {
  auto reader = log_reader::open(files, folder);
  if (!reader) return reader.failure();
  auto first = (*reader)->next();
  if (!first) return first.failure();
  if (!*first) return std::optional<std::string>();
  return std::optional(to_string((*first)->what->id));
}

}  // namespace

std::optional<log_head> head_of_tables(const std::string& path) {
  auto db = open_any_tables(path);
  if (!db) return std::nullopt;
  auto head = read_checkpoint(*db);
  return head ? std::optional(*head) : std::nullopt;
}

result<log_fit> fit_of_log(file_system& files, const std::string& log_folder,
                           const std::string& tables, const log_head& head) {
  if (head.sequence == 0) return log_fit::extends;
  auto reader = log_reader::open(files, log_folder, head.sequence);
  if (!reader) return reader.failure();
  auto found = (*reader)->next();
  if (!found) return found.failure();
  if (*found && (*found)->last_sequence() == head.sequence && (*found)->hash == head.hash)
    return log_fit::extends;
  auto theirs = first_command_of_tables(tables);
  auto ours = first_command_of_log(files, log_folder);
  if (!ours) return ours.failure();
  if (theirs && *ours && *theirs != **ours) return log_fit::is_another;
  return *found ? log_fit::parts : log_fit::lacks;
}

error another_library(const std::string& tables, const std::string& log_folder) {
  return {error_code::refused,
          in_quotes(tables) + " holds the tables of another library than the log in "
              + in_quotes(log_folder) + "; name another file, or move that one away"};
}

result<void> check_replaceable(file_system& files, const std::string& log_folder,
                               const std::string& tables, bool forced) {
  auto held = head_of_tables(tables);
  if (!held) return {};
  auto fit = fit_of_log(files, log_folder, tables, *held);
  if (!fit) return fit.failure();
  if (*fit == log_fit::is_another) return another_library(tables, log_folder);
  if (*fit == log_fit::extends || forced) return {};
  auto head = read_head(files, log_folder);
  if (!head) return head.failure();
  auto sequence = std::to_string(held->sequence);
  return error{error_code::refused,
               "the tables in " + in_quotes(tables)
                   + (*fit == log_fit::lacks
                          ? " hold events up to sequence " + sequence + ", but the log in "
                                + in_quotes(log_folder) + " ends at "
                                + std::to_string(head->sequence) + ": a replay would lose the rest"
                          : " and the log in " + in_quotes(log_folder)
                                + " hold different events at sequence " + sequence
                                + ": a replay would lose what only the tables hold")
                   + restore_remedy + ", or replace the tables anyway with --force"};
}

std::optional<error> lost_log(const data_folder& folder) {
  auto held = head_of_tables(folder.database);
  if (!held || held->sequence == 0) return std::nullopt;
  return error{error_code::damaged,
               "the log " + in_quotes(folder.log()) + " is missing, but the tables in "
                   + in_quotes(folder.database) + " hold events up to sequence "
                   + std::to_string(held->sequence) + "; put the log back, or"
                   + (restore_remedy + 1) + other_database_hint(folder)};
}

std::string other_database_hint(const data_folder& folder) {
  return folder.has_usual_database()
             ? ""
             : "; if the tables are another library's, name another file with --db";
}

result<void> remove_ruined_tables(file_system& files, const std::string& path) {
  return is_ruined(path) ? remove_tables(files, path) : result<void>();
}

}  // namespace podstudio
