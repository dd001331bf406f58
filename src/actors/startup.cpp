// SPDX-License-Identifier: MIT
#include "actors/startup.hpp"

#include "actors/export_job.hpp"
#include "events/backup.hpp"
#include "events/file_system.hpp"
#include "events/log.hpp"
#include "jobs/worker_pool.hpp"
#include "jobs/worker_program.hpp"
#include "media/preview_cache.hpp"
#include "platform/files.hpp"
#include "platform/settings.hpp"
#include "platform/text.hpp"
#include "projections/projection.hpp"
#include "projections/rebuild.hpp"
#include "projections/tables_log.hpp"
#include "query/models.hpp"
#include "schema/schema.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace podstudio {

namespace {

/// The service log's size: one file, and how many files.
constexpr std::size_t service_log_bytes = 5u << 20;
constexpr std::size_t service_log_files = 5;
/// How many commands one fold takes while the tables catch up with the log.
constexpr std::size_t catch_up_commands = 1024;
/// How much space of the log is made ready before the first command.
constexpr std::uint64_t ready_bytes = 1u << 20;
/// From so many events behind on, building anew is quicker than catching up.
constexpr sequence_number rebuild_from_events = 100'000;

/// The message, so that a name in it cannot forge a line of the log.
class one_line_message : public spdlog::custom_flag_formatter {
public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& into) override {
    auto text = for_terminal({message.payload.data(), message.payload.size()});
    into.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<one_line_message>();
  }
};

/// The tables as they are; null when they must be built anew from the log.
result<std::unique_ptr<projection>> open_existing(const data_folder& folder) {
  // Where there are none, they are not to be filled under the eyes of readers either.
  if (auto found = open_tables_read_only(folder.database);
      !found && found.failure().code == error_code::not_found) {
    spdlog::info("building the tables from the log: {}", found.failure().message);
    return std::unique_ptr<projection>();
  }
  auto opened = projection::open(folder.database);
  bool is_ours = opened || needs_rebuild(opened.failure())
                 || (folder.has_usual_database() && is_ruined(folder.database));
  if (opened || !is_ours) return opened;
  spdlog::warn("rebuilding the tables from the log: {}", opened.failure().message);
  return std::unique_ptr<projection>();
}

result<void> catch_up(file_system& files, const std::string& log, projection& tables) {
  auto reader = log_reader::open(files, log, tables.checkpoint().sequence + 1);
  if (!reader) return reader.failure();
  std::vector<committed_command> some;
  for (;;) {
    auto next = (*reader)->next();
    if (!next) return next.failure();
    if (*next) some.push_back(std::move(**next));
    if (some.size() == catch_up_commands || (!*next && !some.empty())) {
      if (auto folded = tables.fold(some); !folded) return folded;
      some.clear();
    }
    if (!*next) return {};
  }
}

result<std::unique_ptr<projection>> bring_up_to_date(file_system& files, const data_folder& folder,
                                                     std::unique_ptr<projection> tables,
                                                     log_head head) {
  auto behind = tables ? head.sequence - tables->checkpoint().sequence : head.sequence;
  if (!tables || behind > rebuild_from_events) {
    tables.reset();
    if (folder.has_usual_database())
      if (auto removed = remove_ruined_tables(files, folder.database); !removed)
        return removed.failure();
    auto rebuilt = rebuild(files, folder.log(), folder.database);
    if (!rebuilt) return rebuilt.failure();
    return projection::open(folder.database);
  }
  if (behind > 0)
    if (auto caught_up = catch_up(files, folder.log(), *tables); !caught_up)
      return as_damage(caught_up.failure());
  return tables;
}

/// How much of the log's end is read for what the catalog remembers besides the tables.
constexpr std::uint64_t past_bytes_max = 4u << 20;

/// What cannot be read there costs that memory only; the scrubber tells of damage.
void load_past(file_system& files, const std::string& log, log_head head, catalog_model& catalog) {
  if (head.sequence == 0) return;
  auto reader = open_backwards(files, log, head.sequence);
  std::vector<std::shared_ptr<const command>> newest_first;
  for (std::uint64_t bytes = 0; reader && bytes < past_bytes_max;) {
    auto next = (*reader)->next();
    if (!next || !*next) break;
    bytes += (*reader)->location().size_bytes;
    newest_first.push_back((*next)->what);
  }
  for (auto what = newest_first.rbegin(); what != newest_first.rend(); ++what)
    catalog.load_past(**what);
}

/// Brings the tables up to date and loads the models from them.
result<void> load(file_system& files, const data_folder& folder, std::unique_ptr<projection> tables,
                  log_head head, engine_parts& parts) {
  auto current = bring_up_to_date(files, folder, std::move(tables), head);
  if (!current) return current.failure();
  parts.tables = std::move(*current);
  auto reading = open_tables_read_only(folder.database);
  if (!reading) return reading.failure();
  auto model = load_library_model(*reading);
  if (!model) return model.failure();
  load_past(files, folder.log(), head, model->catalog);
  if (auto loaded = load_recent_losses(*reading, parts.losses); !loaded) return loaded;
  if (auto loaded = load_command_memory(*reading, *parts.memory); !loaded) return loaded;
  parts.model = std::move(*model);
  parts.reading.clear();
  parts.reading.push_back(std::make_unique<database>(std::move(*reading)));
  while (parts.reading.size() < (parts.service ? service_readers : 2)) {
    auto another = open_tables_read_only(folder.database);
    if (!another) return another.failure();
    parts.reading.push_back(std::make_unique<database>(std::move(*another)));
  }
  return {};
}

bool is_other_version(const std::string& database) {
  auto opened = open_tables_read_only(database);
  return !opened && opened.failure().code == error_code::newer_version;
}

/// Each job opens many files, and one job per core may run: raises the limit as far as the system
/// allows, up to a bound.
void raise_descriptor_limit() {
  constexpr rlim_t wanted = 65'536;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(limit.rlim_max, wanted);
  (void)::setrlimit(RLIMIT_NOFILE, &limit);  // jobs that find too few are tried again
}

/// An engine without workers does everything except run jobs.
void add_workers(const engine_options& options, engine_parts& parts) {
  auto cores = std::max(1u, std::thread::hardware_concurrency());
  auto count = std::min(options.workers.value_or(cores), workers_setting_max);
  if (!(options.service || options.jobs) || count == 0) return;
  raise_descriptor_limit();
  auto program = find_worker_program();
  worker_pool_options pool;
  pool.workers_max = count;
  if (program) pool.worker.program = *program;
  auto workers = program ? worker_pool::make(std::move(pool))
                         : result<std::unique_ptr<worker_pool>>(program.failure());
  if (!workers) return spdlog::error("no jobs are run: {}", workers.failure().message);
  parts.workers = std::move(*workers);
  parts.workers_max = count;
  parts.exports = std::make_shared<const export_tools>(export_tools{{*program}, options.folder});
}

}  // namespace

result<void> open_service_log(const engine_options& options) {
  try {
    std::shared_ptr<spdlog::logger> log;
    if (options.service) {
      auto file = options.folder.logs() + "/podstudio.log";
      if (auto own = open_own_file(file); !own) return own.failure();
      auto sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file, service_log_bytes,
                                                                         service_log_files);
      log = std::make_shared<spdlog::logger>("podstudio", sink);
      auto format = std::make_unique<spdlog::pattern_formatter>();
      format->add_flag<one_line_message>('*').set_pattern("[%Y-%m-%d %H:%M:%S.%e] [%n] [%l] %*");
      log->set_formatter(std::move(format));
      log->set_level(spdlog::level::from_str(options.log_level));
      log->flush_on(spdlog::level::info);
    } else {
      log = std::make_shared<spdlog::logger>("podstudio",
                                             std::make_shared<spdlog::sinks::stderr_sink_mt>());
      log->set_level(spdlog::level::off);  // what matters to the command is in its answer
    }
    spdlog::set_default_logger(log);
    return {};
  } catch (const spdlog::spdlog_ex& failure) {
    return error{error_code::io_failed,
                 "cannot write the service log: " + std::string(failure.what())};
  }
}

result<engine_parts> make_ready(const engine_options& options) {
  if (options.operations == nullptr)
    return error{error_code::internal, "the engine was started without operations"};
  engine_parts parts;
  parts.service = options.service;
  parts.operations = options.operations;
  const auto& folder = options.folder;
  auto& files = posix_file_system();
  if (options.service)
    if (auto removed = remove_unfinished_rebuild(files, folder.database); !removed)
      spdlog::warn("cannot remove what an unfinished rebuild left: {}", removed.failure().message);
  auto existing =
      options.build_anew ? result<std::unique_ptr<projection>>(nullptr) : open_existing(folder);
  if (!existing) return existing.failure();
  // Tables of another version are of no use, but say how much of the log there must be.
  std::optional<log_head> checkpoint;
  if (*existing)
    checkpoint = (*existing)->checkpoint();
  else if (!options.build_anew && is_other_version(folder.database))
    checkpoint = head_of_tables(folder.database);
  auto& report = parts.recovery;
  log_options log_shape;
  log_shape.segment_size_bytes = options.log_segment_bytes;
  auto log = log_writer::open(files, folder.log(), log_shape, checkpoint, report);
  if (!log) {
    bool differs = checkpoint && log.failure().code == error_code::damaged;
    auto fit = differs ? fit_of_log(files, folder.log(), folder.database, *checkpoint)
                       : result<log_fit>(log_fit::extends);
    if (fit && *fit == log_fit::is_another) return another_library(folder.database, folder.log());
    auto failure = log.failure();
    if (differs && fit && *fit != log_fit::extends) failure.message += other_database_hint(folder);
    return failure;
  }
  if (report.truncated_bytes > 0)
    spdlog::warn("the log ended in a torn write of {} bytes; they are set aside in {}",
                 report.truncated_bytes, report.truncated_copy);
  parts.log = std::move(*log);
  if (options.service)  // so that the first command does not wait for space
    if (auto reserved = parts.log->reserve(std::min(ready_bytes, options.log_segment_bytes / 2));
        !reserved) {
      if (reserved.failure().code != error_code::disk_full) return reserved.failure();
      spdlog::warn("the log has no space in reserve: {}", reserved.failure().message);
    }
  auto head = parts.log->head();
  auto loaded = load(files, folder, std::move(*existing), head, parts);
  if (!loaded && needs_rebuild(loaded.failure())) {
    // Damage deeper than opening looks: once more, from nothing but the log.
    spdlog::warn("rebuilding the tables from the log: {}", loaded.failure().message);
    parts.tables.reset();
    parts.reading.clear();
    loaded = load(files, folder, nullptr, head, parts);
  }
  if (!loaded) return loaded.failure();

  struct stat status;
  if (::stat(folder.root.c_str(), &status) != 0)
    return system_error()("cannot use the data folder " + in_quotes(folder.root));
  parts.watching = {folder.database,
                    {status.st_dev, status.st_ino},
                    std::chrono::seconds(options.poll_seconds),
                    std::chrono::minutes(options.rescan_minutes)};
  std::error_code unreadable;
  parts.data_folder = std::filesystem::canonical(folder.root, unreadable).string();
  if (unreadable)
    return system_error(unreadable.value())("cannot use the data folder " + in_quotes(folder.root));
  parts.log_folder = folder.log();
  // One more than there are cores: see catalog_state::hashers.
  parts.hashers = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 16) + 1;
  parts.previews =
      std::make_shared<media::preview_cache>(folder.cache(), options.preview_cache_bytes);
  add_workers(options, parts);
  return parts;
}

result<void> check_no_backup(const data_folder& folder) {
  std::error_code failed;
  bool is_backup = std::filesystem::exists(backup_manifest_path(folder.root), failed);
  if (failed)
    return system_error(failed.value())("cannot use the data folder " + in_quotes(folder.root));
  if (!is_backup) return {};
  return error{
      error_code::refused,
      in_quotes(folder.root)
          + " is a backup, which only 'log' commands may read; create a data folder from it "
            "with 'podstudio --data NEW restore DIR'"};
}

result<void> check_log_is_there(const data_folder& folder) {
  std::error_code ignored;
  if (std::filesystem::is_directory(folder.log(), ignored)) return {};
  auto lost = lost_log(folder);
  return lost ? result<void>(*lost) : result<void>();
}

}  // namespace podstudio
