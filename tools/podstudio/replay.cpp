// SPDX-License-Identifier: MIT
#include "command.hpp"
#include "log_commands.hpp"
#include "output.hpp"
#include "with_engine.hpp"

#include "actors/engine.hpp"
#include "events/file_system.hpp"
#include "platform/text.hpp"
#include "projections/compare.hpp"
#include "projections/rebuild.hpp"
#include "projections/tables_log.hpp"
#include "schema/schema.hpp"
#include "schema/sqlite.hpp"

#include <CLI/App.hpp>

#include <nlohmann/json.hpp>

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

namespace podstudio {

namespace {

result<rebuild_bound> parse_bound(const std::string& text) {
  rebuild_bound until;
  if (text.empty()) return until;
  auto end = text.data() + text.size();
  auto [rest, failure] = std::from_chars(text.data(), end, until.sequence);
  if (failure == std::errc{} && rest == end) return until;
  auto at = parse_timestamp(text);
  if (!at)
    return error{error_code::invalid_argument,
                 "--until takes a sequence or a time such as '2026-01-31 18:00:00' (UTC), not "
                     + in_quotes(text)};
  until = rebuild_bound{};
  // Lists show whole seconds: what they show at a time is meant to be in.
  constexpr std::int64_t rest_of_second_us = 999'999;
  until.at_us = text.find('.') == std::string::npos ? *at + rest_of_second_us : *at;
  return until;
}

/// Without a service, the tables may be behind the log (after a crash, say): starting the engine
/// folds what is missing, and refuses a log that it cannot read.
result<void> bring_up_to_date(const context& where) {
  if (folder_lock::holder(where.folder)) return {};
  auto started = engine::start(engine_options_of(where));
  return started ? (*started)->stop() : started.failure();
}

result<void> check(const context& where) {
  const auto& folder = where.folder;
  if (auto current = bring_up_to_date(where); !current) return current;
  auto report = check_tables(posix_file_system(), folder.log(), folder.database, folder.cache());
  if (!report) return report.failure();
  const auto& differences = report->differences;
  if (where.json) {
    auto list = nlohmann::json::array();
    for (const auto& d : differences)
      list.push_back({{"table", d.table},
                      {"key", d.key},
                      {"column", d.column},
                      {"live", d.left},
                      {"replayed", d.right}});
    print_json({{"identical", differences.empty()},
                {"head_sequence", report->head.sequence},
                {"head_hash", to_hex(report->head.hash)},
                {"differences", list}});
  } else if (differences.empty()) {
    print_line("identical at sequence " + std::to_string(report->head.sequence) + ", hash "
               + to_hex(report->head.hash));
  } else {
    table shown({{"table"},
                 {"key"},
                 {"column"},
                 {"live", align::left, true},
                 {"replayed", align::left, true}});
    for (const auto& d : differences)
      shown.row({d.table, d.key, d.column, d.left, d.right});
    shown.print();
  }
  if (differences.empty()) return {};
  return error{
      error_code::refused,
      "the tables in " + in_quotes(folder.database)
          + " differ from the log; stop the service and run 'podstudio replay' to rebuild them"};
}

result<void> rebuild_into(const context& where, const std::string& output,
                          const rebuild_bound& until) {
  progress line("events");
  auto built = rebuild(posix_file_system(), where.folder.log(), output, until,
                       [&](sequence_number sequence) { line.show(sequence, sequence); });
  if (!built) return built.failure();
  if (where.json)
    print_json({{"output", output}, {"sequence", built->sequence}, {"hash", to_hex(built->hash)}});
  else
    print_line("built " + in_quotes(output) + " up to sequence " + std::to_string(built->sequence)
               + ", hash " + to_hex(built->hash));
  return {};
}

/// The file that is meant, behind links. What stands there is replaced: it must be a file, or
/// nothing.
result<std::string> output_of(const std::string& given) {
  auto path = absolute_path(given);
  if (!path) return path;
  std::error_code failed;
  auto file = std::filesystem::weakly_canonical(*path, failed);
  auto status = failed ? std::filesystem::file_status() : std::filesystem::status(file, failed);
  if (std::filesystem::is_regular_file(status)
      || status.type() == std::filesystem::file_type::not_found)
    return file.string();
  if (failed) return system_error(failed.value())("cannot use " + in_quotes(*path));
  return error{error_code::refused,
               in_quotes(*path) + " is not a regular file; name another one with --output"};
}

/// Another database than the library's own goes elsewhere, and into nobody's way.
result<void> check_output(const data_folder& folder, const std::string& output) {
  if (auto ours = check_own_database(output); !ours) return ours;
  auto inside = lie_in_one_another(folder.root, output);
  if (!inside) return inside.failure();
  if (*inside)
    return error{error_code::refused, in_quotes(output) + " is inside the data folder "
                                          + in_quotes(folder.root)
                                          + ", which is for the engine's own files; name a file "
                                            "elsewhere"};
  if (auto beside = check_nothing_beside(output, aside_of(output)); !beside) return beside;
  // What a replay made may be replaced; `--force` does not matter, as it holds nothing of its own.
  return check_replaceable(posix_file_system(), folder.log(), output, true);
}

/// The tables of the data folder: not from a log that has lost what they hold.
result<void> replace_tables(const context& where, const rebuild_bound& until, bool force) {
  const auto& folder = where.folder;
  auto& files = posix_file_system();
  auto lock = folder_lock::acquire(folder);
  if (!lock) return lock.failure();
  auto may = check_replaceable(files, folder.log(), folder.database, force);
  if (!may) return may;
  if (folder.has_usual_database())
    if (auto removed = remove_ruined_tables(files, folder.database); !removed) return removed;
  return rebuild_into(where, folder.database, until);
}

struct replay_options {
  std::string output, until;
  bool check = false, force = false;
};

result<void> replay(const context& where, const replay_options& options) {
  auto until = parse_bound(options.until);
  if (!until) return until.failure();
  if (auto there = check_log_exists(where); !there) return there;
  std::error_code ignored;
  if (options.check) return check(where);
  if (!options.output.empty()) {
    auto output = output_of(options.output);
    if (!output) return output.failure();
    if (*output != where.folder.database
        && !std::filesystem::equivalent(*output, where.folder.database, ignored)) {
      if (auto free = check_output(where.folder, *output); !free) return free;
      return rebuild_into(where, *output, *until);
    }
  }
  return replace_tables(where, *until, options.force);
}

}  // namespace

action declare_replay(CLI::App& command) {
  auto options = std::make_shared<replay_options>();
  auto output =
      command
          .add_option("--output", options->output,
                      "The database to build (default: replaces the data folder's own tables; no "
                      "service may run)")
          ->type_name("FILE");
  auto until = command
                   .add_option("--until", options->until,
                               "Stop after this sequence, or after this time (UTC)")
                   ->type_name("SEQUENCE_OR_TIME");
  auto force =
      command.add_flag("--force", options->force,
                       "Replace the tables even if they hold events that the log has lost");
  command
      .add_flag("--check", options->check,
                "Rebuild to a temporary file and compare it with the live tables")
      ->excludes(output)
      ->excludes(until)
      ->excludes(force);
  return [options](const context& where) { return replay(where, *options); };
}

}  // namespace podstudio
