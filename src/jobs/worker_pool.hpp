// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/worker_process.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

/// The workers of a service.
namespace podstudio {

struct worker_pool_options {
  worker_options worker{};
  std::size_t workers_max = 1;
  /// A worker is replaced after so many jobs, as decoders leak,
  std::uint64_t jobs_max = 512;
  /// or when after a job more of its memory lies in RAM, in bytes.
  std::uint64_t resident_bytes_max = std::uint64_t{512} << 20;
};

struct worker_pool_counts {
  std::size_t running = 0, idle = 0;
  std::uint64_t started = 0;  ///< since the pool was made
  std::uint64_t lost = 0;     ///< of these, ended by a crash, a kill, a limit or a bad answer
  std::uint64_t retired = 0;  ///< of these, replaced as they had done or grown enough
};

/// At most so many workers, started when there is work, kept for the next, replaced when they have
/// ended. Each calling thread runs one job at a time and waits for it. Rejected: one loop over the
/// descriptors of all workers, as the one who schedules jobs has a thread for each that runs
/// anyhow, and a job that waits is a function from top to bottom, with no state to keep elsewhere.
class worker_pool {
public:
  /// Errors: as `system_error`.
  static result<std::unique_ptr<worker_pool>> make(worker_pool_options options);

  /// Every `run` must have returned. Kills the workers.
  ~worker_pool() = default;
  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;

  /// Waits for a worker to be free, then for the job. One outcome, whatever happens; a job whose
  /// worker died before it took the job gets another worker, once. The time limit begins with the
  /// worker. Any thread may call this, as many at once as there are.
  job_outcome run(const job_order& job, const job_observer& observer, const job_cancel& cancel);

  /// Ends the workers that run nothing, as when there has been nothing to do for long.
  void end_idle();

  worker_pool_counts counts() const;

private:
  using worker = std::unique_ptr<worker_process>;

  worker_pool(worker_pool_options options, unique_fd free_slots)
      : options_(std::move(options)), free_slots_(std::move(free_slots)) {}

  /// The right to one of the workers; given back when it goes, whatever happens meanwhile.
  class slot;
  /// A worker that runs a job; given back likewise.
  class lease;

  /// One that is idle, else a new one.
  result<worker> take_worker();
  void give_back(worker leased);
  job_outcome run_once(const job_order& job, const job_observer& observer,
                       const job_cancel& cancel);

  const worker_pool_options options_;
  unique_fd free_slots_;  ///< a semaphore: how many more workers may run
  mutable std::mutex mutex_;
  std::vector<worker> idle_;  ///< the last one is the next to be used, so that the first get old
  worker_pool_counts counts_;
};

}  // namespace podstudio
