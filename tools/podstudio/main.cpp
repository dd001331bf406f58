// SPDX-License-Identifier: MIT
#include "command.hpp"
#include "program.hpp"

#include "events/backup_manifest.hpp"
#include "platform/files.hpp"
#include "platform/text.hpp"
#include "platform/types.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace podstudio {

namespace {

constexpr subcommand commands[] = {
    {"serve", "Run the service until SIGTERM, SIGINT or SIGHUP", declare_serve},
    {"import", "Catalogue files or folders now", declare_import},
    {"sync", "Wait until every file change made so far is in the tables", declare_sync},
    {"status", "Show what the engine knows and what it is doing", declare_status},
    {"watch", "Add, remove, move or list watched folders", declare_watch},
    {"asset", "List, show and label assets", declare_asset},
    {"pack", "Create packs and fill them", declare_pack},
    {"ship", "Turn approved assets into archives and texts for a marketplace", declare_ship},
    {"job", "Submit, list and control jobs", declare_job},
    {"history", "List the commands that you ran, newest first", declare_history},
    {"undo", "Undo what a command changed", declare_undo},
    {"problem", "List the files that could not be ingested, and why", declare_problem},
    {"log", "Show or verify the event log", declare_log},
    {"replay", "Rebuild the tables from the log, or check them against it", declare_replay},
    {"backup", "Copy the log to another folder", declare_backup},
    {"restore", "Create a data folder from a backup", declare_restore},
    {"schema", "Describe the operations that clients can ask for", declare_schema, false},
    {"completion", "Print a completion script for a shell", declare_completion, false},
    {"manual", "Print the manual page, for man", declare_manual, false},
};

int fail(const error& failure) {
  std::fprintf(stderr, "podstudio: %s\n", for_terminal(failure.message).c_str());
  return exit_code(failure.code);
}

/// What was printed may still be on its way, and its disk full.
result<void> write_output() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  return system_error()("cannot write the output");
}

/// Help, or the version.
int print(const CLI::App& app, const CLI::Success& asked) {
  auto code = app.exit(asked);
  auto written = write_output();
  return written ? code : fail(written.failure());
}

/// The options that stand before a command's name.
struct global_options {
  std::string data, database, config, env, command_id;
  bool json = false;
};

/// The folder and the settings that the options, the environment and the settings files amount to.
result<context> resolve(const global_options& given) {
  uuid id{};
  if (!given.command_id.empty() && (!parse_uuid(given.command_id, id) || id == uuid{}))
    return error{error_code::invalid_argument,
                 "--command-id takes a UUID other than the nil UUID, not "
                     + in_quotes(given.command_id)};
  auto folder = resolve_data_folder(given.data, "");
  if (!folder) return folder.failure();
  // A backup may lie on a disk that knows no owners: no settings are taken from it.
  std::error_code ignored;
  bool is_backup = std::filesystem::exists(backup_manifest_path(folder->root), ignored);
  auto file = [is_backup](const std::string& asked, const std::string& usual) {
    if (!asked.empty()) return settings_file{asked, true};
    return settings_file{is_backup ? std::string() : usual};
  };
  if (!is_backup)
    if (auto trusted = check_trusted(*folder); !trusted) return trusted.failure();
  auto configured =
      load_settings(file(given.config, folder->config_file()), file(given.env, folder->env_file()));
  if (!configured) return configured.failure();
  if (!given.database.empty()) {
    configured->database = given.database;
    configured->database_from = "--db";
  }
  if (configured->database.empty()) configured->database_from.clear();
  folder = resolve_data_folder(given.data, configured->database);
  if (!folder)
    return naming_setting(folder.failure(), configured->database, configured->database_from);
  if (!is_backup && !folder->has_usual_database())
    if (auto ours = check_own_database(folder->database); !ours) return ours.failure();
  return context{std::move(*folder), std::move(*configured), given.json, given.command_id};
}

int run(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i)
    if (!is_utf8(argv[i]))  // it could not cross to the service, nor stand in a table
      return fail(
          {error_code::invalid_argument, "the argument " + in_quotes(argv[i])
                                             + " is not valid UTF-8; if it is a file, rename it"});
  CLI::App app{"PODStudio: the engine behind a library of images, sounds and clips", "podstudio"};
  global_options given;
  app.add_option("--data", given.data,
                 "The data folder ($PODSTUDIO_DATA, $XDG_DATA_HOME/podstudio)")
      ->type_name("DIR");
  app.add_option("--db", given.database, "The database, if not in the data folder ($DB_PATH)")
      ->type_name("FILE");
  app.add_option("--config", given.config,
                 "The settings file, if not config.toml in the data folder")
      ->type_name("FILE");
  app.add_option("--env", given.env, "The environment file, if not .env in the data folder")
      ->type_name("FILE");
  app.add_flag("--json", given.json, "Print one JSON document");
  app.add_option("--command-id", given.command_id,
                 "An id for the command: given again, it takes effect only once")
      ->type_name("UUID");
  app.set_version_flag("--version", PODSTUDIO_VERSION);
  auto command = declare_group(app, commands);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForVersion& asked) {
    return print(app, asked);
  } catch (const CLI::ParseError& stopped) {
    // Help and hints are for one who needs to know every command.
    if (auto gone_on = go_on_with_engine(argv); !gone_on) return fail(gone_on.failure());
    if (const auto* asked = dynamic_cast<const CLI::Success*>(&stopped)) return print(app, *asked);
    return fail({error_code::invalid_argument, usage_error(app, stopped.what())});
  }
  // An unset variable of a script would otherwise choose the usual data folder.
  for (const auto* name : {"--data", "--db", "--config", "--env"})
    if (app.count(name) > 0 && app.get_option(name)->as<std::string>().empty())
      return fail({error_code::invalid_argument,
                   std::string(name) + " is empty; give a path, or leave the option out"});
  auto where =
      command.needs_folder() ? resolve(given) : result<context>(context{.json = given.json});
  if (!where) return fail(where.failure());
  where->arguments = argv;
  auto done = command(*where);
  if (auto written = write_output(); !written) return fail(written.failure());
  if (done) return 0;
  const auto& database = where->folder.database;
  const auto& from = where->configured.database_from;
  auto failure = naming_setting(done.failure(), database, from);
  auto beside = database.substr(0, database.rfind('/'));
  if (beside != where->folder.root) failure = naming_setting(std::move(failure), beside, from);
  return fail(failure);
}

/// SQLite maps a file that all who use the tables share. Where another program cuts that, or the
/// disk fails under a mapped file, a process dies; this one says of what. The digests of files,
/// which are mapped too, catch their own.
void on_bus_error(int) {
  constexpr std::string_view why =
      "podstudio: a file was truncated by another program or could not be "
      "read while it was in use (SIGBUS); "
      "nothing that was acknowledged is lost; start it again\n";
  (void)!::write(STDERR_FILENO, why.data(), why.size());
  ::_exit(1);
}

void take_fatal_signals() {
  struct sigaction action {};
  action.sa_handler = on_bus_error;
  ::sigaction(SIGBUS, &action, nullptr);
  // A write beyond the limit of a file's size is to fail, not to kill.
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace

}  // namespace podstudio

int main(int argc, char** argv) {
  if (auto reserved = podstudio::reserve_standard_streams(); !reserved)
    return podstudio::fail(reserved.failure());
  podstudio::take_fatal_signals();
  ::umask(S_IRWXG | S_IRWXO);           // what we make is the owner's alone
  std::setlocale(LC_CTYPE, "C.UTF-8");  // for the width of letters
  try {
    return podstudio::run(argc, argv);
  } catch (const std::exception& defect) {
    std::fprintf(stderr, "podstudio: internal error: %s; please report it\n",
                 podstudio::for_terminal(defect.what()).c_str());
    return podstudio::exit_code(podstudio::error_code::internal);
  }
}
