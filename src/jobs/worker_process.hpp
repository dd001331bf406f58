// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/answers.hpp"
#include "jobs/child_process.hpp"
#include "jobs/job_cancel.hpp"
#include "jobs/transport.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// A worker as the service sees it.
namespace podstudio {

/// How long a worker has between its start and its first word.
inline constexpr std::chrono::milliseconds worker_start_ms_max{10'000};
/// How long a worker has to end a job that is cancelled, before it is killed.
inline constexpr std::chrono::milliseconds worker_cancel_ms_max{100};
/// How long a worker has to take all frames of a job.
inline constexpr std::chrono::milliseconds worker_take_ms_max{5'000};
/// How many lines of its log and of its standard error are kept, the last ones.
inline constexpr std::size_t last_words_max = 32;
/// How much of a worker's standard error is kept, the end of it, in bytes.
inline constexpr std::size_t last_error_bytes_max = 4096;
/// How much of a worker's standard error is read for one job, in bytes. Where there is more, its
/// pipe stays full, and what it writes gets lost.
inline constexpr std::size_t job_error_bytes_max = std::size_t{1} << 20;

/// Workers take the processor time that others leave: their niceness is so much higher than the
/// service's.
inline constexpr int worker_niceness = 10;

/// How long a job may be given, and how much processor time.
inline constexpr std::chrono::milliseconds job_time_ms_max = std::chrono::hours(24 * 7);
inline constexpr std::uint64_t job_cpu_seconds_max = 365 * 24 * 3600;

struct worker_options {
  worker_program program{};
  /// The address space of a worker, in bytes, its code and libraries included.
  std::uint64_t memory_bytes = std::uint64_t{2} << 30;
};

/// A job to be run. The descriptors are the caller's, and stay open and unused until it is done.
struct job_order {
  std::uint64_t number = 0;  ///< not 0
  std::string kind{};
  nlohmann::json parameters = nlohmann::json::object();
  std::vector<int> inputs{};                            ///< open for reading only
  std::vector<int> outputs{};                           ///< open for writing, regular files
  std::chrono::milliseconds time_limit{60'000};         ///< 1 ms to job_time_ms_max
  std::uint64_t cpu_seconds = 60;                       ///< of all threads together
  std::uint64_t output_bytes = std::uint64_t{1} << 30;  ///< of each output
};

/// What a job came to: exactly one for each that is run.
struct job_outcome {
  job_ending ending = job_ending::not_started;
  std::string text{};      ///< for people, one line; empty when completed
  nlohmann::json facts{};  ///< when completed: an object, see bounded_json.hpp
  /// When completed: how much of each output counts; no more than the file holds.
  std::vector<std::uint64_t> written{};
  /// What the worker said last, at most last_words_max lines, safe on a terminal.
  std::vector<std::string> last_words{};
  bool worker_ended = false;  ///< the worker takes no further job
};

/// Called by the thread that runs the job, while it runs; either may be null. An exception of
/// theirs passes through `run`, and the worker is used no more.
struct job_observer {
  std::function<void(unsigned percent)> progress{};
  std::function<void(std::string_view line)> log{};  ///< safe on a terminal
};

class worker_process {
public:
  /// Starts a worker and waits until its walls are up. Errors: `timed_out`, `refused` when it
  /// cannot lock itself in, `io_failed` and others of `system_error`; `internal` when it ended or
  /// said what is not to be understood.
  static result<std::unique_ptr<worker_process>> start(const worker_options& options);

  /// Kills what still runs.
  ~worker_process() = default;
  worker_process(const worker_process&) = delete;
  worker_process& operator=(const worker_process&) = delete;

  pid_t pid() const noexcept { return child_.pid(); }
  const walls_report& walls() const noexcept { return walls_; }

  /// Runs a job and waits for its end, whatever becomes of the worker. An order beyond its bounds
  /// is `not_started`, and says why. `cancel` takes effect within
  /// 200 ms: the worker is asked, and killed if it goes on. Only while `is_usable`.
  job_outcome run(const job_order& job, const job_observer& observer, const job_cancel& cancel);

  /// Whether it lives, runs nothing, and said nothing unasked.
  bool is_usable();
  /// How many jobs it was given.
  std::uint64_t jobs() const noexcept { return jobs_; }
  /// What of its memory lies in RAM, in bytes; 0 when that cannot be told.
  std::uint64_t resident_bytes() const;

private:
  class running;

  worker_process(child_process child, std::unique_ptr<transport> link, unique_fd errors)
      : child_(std::move(child)), link_(std::move(link)), errors_(std::move(errors)) {}

  result<void> await_ready();
  error start_failure(error_code code, const std::string& what);
  void read_errors();

  child_process child_;
  std::unique_ptr<transport> link_;
  unique_fd errors_;  ///< what it writes to its standard error
  answer_reader answers_{};
  walls_report walls_{};
  std::uint64_t jobs_ = 0;
  bool ended_ = false;
  std::string last_errors_{};  ///< the end of its standard error during this job
  std::size_t error_bytes_ = 0;
};

}  // namespace podstudio
