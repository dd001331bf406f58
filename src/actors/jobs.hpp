// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace podstudio {

class worker_pool;

/// How often a job is started before it has failed, and how long it rests after its first failure;
/// ten times as long after the next.
inline constexpr std::uint32_t job_attempts_max = 3;
inline constexpr std::chrono::seconds job_rest{1};
/// How often the progress of a job is logged at most.
inline constexpr std::chrono::seconds job_progress_interval{1};
/// How long nothing is started once nothing can be logged, as on a full disk; and once workers
/// cannot be started: twice as long each time, up to the second.
inline constexpr std::chrono::seconds log_rest{10};
inline constexpr std::chrono::seconds workers_rest_min{1}, workers_rest_max{60};
/// After so long without a job its workers end.
inline constexpr std::chrono::seconds idle_workers_after{30};

/// Schedules jobs: those of the highest priority first, of equal ones the oldest. One that runs is
/// leased to a runner; whatever becomes of that, the job is put back, ends, or fails after
/// job_attempts_max attempts, or the first if another would only repeat it.
struct jobs_state {
  using steady_clock = std::chrono::steady_clock;
  /// Jobs that wait for the same runners. Exports have a runner of their own: one may take hours,
  /// and others have thousands of jobs before it.
  struct lane {
    std::vector<job_runner_actor> idle;                 ///< runners
    std::set<std::pair<std::int32_t, job_id>> pending;  ///< the highest priority first, then by age
  };
  struct running_job {
    job_runner_actor runner;
    job_kind kind = job_kind::metadata_extract;
    std::shared_ptr<job_cancel> cancel = std::make_shared<job_cancel>();
    steady_clock::time_point told{};  ///< when progress was last logged
    bool cancelled = false;           ///< by a person
    bool again = false;               ///< it waits again once its runner is free
  };
  /// What is known of a job that has not ended.
  struct waiting_job {
    job_kind kind = job_kind::metadata_extract;
    std::int32_t priority = 0;
    std::uint32_t failures = 0;  ///< attempts that failed, since the engine's start or a retry
  };
  using then_outcome = std::function<void(const change_outcome&)>;
  using then_failure = std::function<void(const caf::error&)>;

  /// Puts back what an engine before this one left running, and begins.
  void take_over();
  /// Takes in the jobs that are pending and that nobody here knows of.
  void reload();
  /// Starts jobs while there are free runners, and has more queued where none is pending.
  void fill();
  void ask_for_unread();
  void start(job_id job);
  /// Asks for what a job that has been started works on, then runs it.
  void read_inputs(job_id job);
  void run(job_id job, media_inputs inputs, export_input_ptr exports = nullptr);
  void ended(job_id job, const job_report& report);
  /// The start of a job was refused. If it is running, nobody runs it.
  void reclaim(job_id job);
  /// The log could take neither a job's end nor its return to the queue. Queues it here: its next
  /// start will be refused, and `reclaim` then puts it back.
  void stay_running(job_id job, const std::string& why);
  /// Starts nothing for so long.
  void stall(std::chrono::seconds time, std::string why);
  /// No worker could be started, for which the job is not to blame.
  void without_worker(job_id job, const std::string& why);
  /// An attempt has failed: the job is tried again later, or it has failed.
  void attempt_failed(job_id job, std::string why, job_attempt_end attempt, bool is_final = false);
  /// The runner of a job is free again, and the job in the queue before the next one is started: it
  /// may be its own turn.
  void return_to_queue(job_id job);
  /// The runner of a job is free again. The job itself is forgotten if it has come to its end.
  void release(job_id job, bool is_over);
  lane& lane_of(job_kind kind) noexcept { return kind == job_kind::export_pack ? exports : media; }
  /// Whether no job that reads files waits or runs.
  bool has_read_all() const;
  void enqueue(job_id job);
  void forget(job_id job);
  void progressed(job_id job, double percent);
  /// What a person asks for.
  void change(job_step step, caf::typed_response_promise<change_outcome> promise);
  void changed(const job_step& step, const change_outcome& outcome);
  void tell(caf::typed_response_promise<reading_status> promise);
  void drain(caf::typed_response_promise<bool> promise);
  void release_drained();
  void put_all_back(const std::string& reason, std::function<void()> then);
  /// Has the catalog decide a step.
  void decide(job_step step, then_outcome then, then_failure otherwise);

  jobs_actor::pointer self = nullptr;
  catalog_actor catalog;
  reader_actor reader;
  std::shared_ptr<worker_pool> workers;
  lane media, exports;
  std::map<job_id, waiting_job> known;  ///< pending, resting and running jobs
  std::map<job_id, running_job> running;
  std::set<job_id> resting;  ///< until they are tried again
  /// Jobs of an engine before this one. Before they have ended nobody asks for unread files, as
  /// they may read those.
  std::set<job_id> inherited;
  std::chrono::seconds workers_rest = workers_rest_min;
  bool held = false;
  bool begun = false;
  std::string stalled;  ///< why nothing is started for now; empty if nothing prevents it
  bool asking = false;  ///< for files to be read
  bool draining = false;
  std::uint64_t read = 0, failed = 0;  ///< files read and jobs failed since the engine started
  std::uint64_t runs = 0;  ///< how many jobs were begun, to tell whether there was any since
  std::optional<caf::typed_response_promise<bool>> drained;
  static inline const char* name = "jobs";
};

/// Without workers nothing is run: jobs are only queued. `exporter` runs exports, the other runners
/// all else.
jobs_actor::behavior_type jobs(jobs_actor::stateful_pointer<jobs_state> self, catalog_actor catalog,
                               reader_actor reader, std::shared_ptr<worker_pool> workers,
                               std::vector<job_runner_actor> runners, job_runner_actor exporter);

}  // namespace podstudio
