// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"
#include "actors/operation_finder.hpp"
#include "console/server.hpp"
#include "events/log.hpp"
#include "watch/look.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace podstudio {

class database;
class projection;
class import_gauge;
class worker_pool;
struct export_tools;
namespace media {
class preview_cache;
}

/// What start-up prepared, to be handed to the actors.
struct engine_parts {
  std::unique_ptr<log_writer> log;
  std::unique_ptr<projection> tables;
  /// Read-only connections, at least two: the catalog's, and those of the reader pool.
  std::vector<std::unique_ptr<database>> reading;
  library_model model;
  recent_losses losses;
  command_memory_ptr memory = std::make_shared<command_memory>();
  recovery_report recovery;                   ///< what opening the log found
  std::shared_ptr<const console_use> server;  ///< null but in a service
  std::string data_folder;                    ///< the engine's own, never catalogued
  std::string log_folder;
  watch_options watching;
  bool service = false;  ///< watch the roots; log start and stop
  std::size_t hashers = 1;
  std::shared_ptr<media::preview_cache> previews;
  std::shared_ptr<worker_pool> workers;         ///< null: no jobs are run
  std::size_t workers_max = 0;                  ///< how many of these run at once
  std::shared_ptr<const export_tools> exports;  ///< null: no packs are exported
  operation_finder operations = nullptr;        ///< what the console can be asked for
  /// Called at most once, from an actor: the engine cannot go on.
  std::function<void(error)> on_failure;
};

struct supervisor_state {
  struct import_outcome {
    import_progress progress;
    std::optional<caf::error> failure;
  };

  // Start.
  void start(engine_parts parts);
  void watch(const watched_root& root);

  // Failure.
  void down(const caf::down_msg& who);
  void watcher_down(root_id root, const caf::error& why);
  /// Waits for the end of an import, to keep what came of it.
  void await_import(std::uint64_t number);
  void keep_outcome(std::uint64_t number, import_outcome outcome);
  /// Watches a root again that an import moved.
  void end_move();
  void report(const error& failure);

  // Stop, one step after the other.
  void stop();
  void stop_jobs();
  void stop_catalog();
  void stop_readers();
  void stop_log();
  void stop_tables();
  /// Ends the actors and goes on when all are down.
  void end(const std::vector<caf::actor>& actors, std::function<void()> then);

  supervisor_actor::pointer self = nullptr;
  std::string data_folder;
  watch_options watching;
  bool service = false;
  std::function<void(error)> on_failure;
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);

  journal_actor journal;
  projector_actor projector;
  std::vector<hasher_actor> hashers;
  catalog_actor catalog;
  undo_actor undo;
  std::vector<job_runner_actor> runners;
  jobs_actor jobs;
  std::vector<reader_actor> readers;  ///< the first is the catalog's, the others the pool's
  reader_actor reader_pool;
  historian_actor historian;
  scrubber_actor scrubber;  ///< null but in a service
  console_actor console;

  struct watched {
    watched_root root;
    watcher_actor actor;  ///< null while it is down
    unsigned failures = 0;
    bool waiting = false;     ///< to be started again
    std::string reason;       ///< why it went down last
    bool moving = false;      ///< to another path
    watcher_status status{};  ///< as it said last
    /// Since when a question has been waiting for its answer that it did not give at once.
    std::optional<std::chrono::steady_clock::time_point> asked;
  };
  std::map<root_id, watched> watchers;
  std::size_t losing = 0;             ///< lost roots that are not logged yet
  sequence_number lost_sequence = 0;  ///< of the last lost root that was logged
  struct running_import {
    importer_actor actor;
    std::shared_ptr<const import_gauge> gauge;
    std::vector<std::string> paths;  ///< as requested, at most import_paths_shown
    std::size_t paths_total = 0;
    import_progress progress{};  ///< as last reported
  };
  std::map<std::uint64_t, running_import> imports;   ///< at most imports_max
  std::map<std::uint64_t, import_outcome> imported;  ///< the last outcomes_kept
  std::uint64_t last_import = 0;
  std::uint64_t move = 0;  ///< the import that moves a watch root; 0: none
  std::map<caf::actor_addr, std::function<void()>> when_down;  ///< watchers that are waited for

  std::size_t inspections = 0;  ///< folders that are being looked at, at most inspections_max
  bool stopping = false;
  std::set<caf::actor_addr> ending;
  std::function<void()> when_ended;
  caf::typed_response_promise<bool> stopped;
  static inline const char* name = "supervisor";
};

/// How many imports run side by side.
inline constexpr std::size_t imports_max = 16;
/// How many paths of each import a status lists.
inline constexpr std::size_t import_paths_shown = 16;
/// How many folders are looked at side by side before they are watched.
inline constexpr std::size_t inspections_max = 16;
/// Of how many imports that ended the outcome can still be fetched.
inline constexpr std::size_t outcomes_kept = 1'000;
/// How many connections a service reads its tables by: the catalog's, so that what comes in never
/// waits for what people ask, and three of the reader pool, two of them for what takes long.
inline constexpr std::size_t service_readers = 4;

/// Set when the system refused a thread for an actor. CAF 0.17 counts that thread all the same, so
/// that an actor system would wait for its end for ever.
inline std::atomic<bool> thread_was_refused = false;

/// The supervisor. Its console is found by asking for it.
supervisor_actor::behavior_type
supervisor(supervisor_actor::stateful_pointer<supervisor_state> self,
           std::shared_ptr<engine_parts> parts);

}  // namespace podstudio
