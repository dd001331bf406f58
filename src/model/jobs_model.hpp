// SPDX-License-Identifier: MIT
#pragma once

#include "events/command.hpp"
#include "platform/error.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// The state of all jobs, in memory, and the decisions about them: (model, operation) -> events or
/// a refusal, (model, event) -> model. No I/O, no clock, no actors.
///
///   from                  step       to
///   (none)                submit     pending
///   pending               start      running
///   running               complete   completed
///   running               fail       failed
///   pending, running      cancel     cancelled
///   failed, cancelled     retry      pending
///   running               put back   pending
namespace podstudio {

struct job_state {
  job_kind kind = job_kind::upscale;
  job_status status = job_status::pending;
  std::uint32_t attempts = 0;
  std::int32_t priority = 0;
  bool operator==(const job_state&) const = default;
};

/// Whether this build can run jobs of the kind; others can only be queued.
constexpr bool is_runnable(job_kind kind) noexcept {
  return kind == job_kind::metadata_extract || kind == job_kind::export_pack;
}

struct job_request {
  job_kind kind = job_kind::upscale;
  std::optional<asset_id> asset;
  std::optional<pack_id> pack;
  std::optional<std::string> params_json;
  std::int32_t priority = 0;  ///< -job_priority_max to job_priority_max
};
inline constexpr std::int32_t job_priority_max = 100;

/// The longest parameters of a job, in bytes.
inline constexpr std::size_t max_job_params_bytes = 64 << 10;
/// The longest result's path and reason of a failure, in bytes; a reason is cut.
inline constexpr std::size_t max_job_text_bytes = 8 << 10;

class jobs_model {
public:
  const job_state* job(job_id id) const noexcept;
  const std::map<job_id, job_state>& jobs() const noexcept { return jobs_; }
  job_id last_job() const noexcept { return last_job_; }
  /// Whether a person holds the queue.
  bool held() const noexcept { return held_; }

  void apply(const event& what);
  /// The model before the event, which was the last one applied.
  void revert(const event& what);
  void load_job(job_id id, const job_state& state);
  void load_last_id(job_id last);
  void load_held(bool held) { held_ = held; }
  bool operator==(const jobs_model&) const = default;

private:
  friend struct jobs_folds;
  friend struct jobs_reverts;
  std::map<job_id, job_state> jobs_;
  job_id last_job_ = 0;
  bool held_ = false;
};

/// Errors of all: `not_found` naming the job; `refused` when its status does not allow the step,
/// naming the status; `invalid_argument` naming the parameter.
result<std::vector<event>> decide_submit(const jobs_model& model, const job_request& request);
/// Several at once: all of them, or none.
result<std::vector<event>> decide_submit(const jobs_model& model,
                                         const std::vector<job_request>& requests);
result<std::vector<event>> decide_start(const jobs_model& model, job_id id);
result<std::vector<event>> decide_progress(const jobs_model& model, job_id id, double percent);
result<std::vector<event>> decide_complete(const jobs_model& model, job_id id,
                                           std::optional<std::string> result_path);
result<std::vector<event>> decide_fail(const jobs_model& model, job_id id,
                                       const std::string& message, job_attempt_end attempt);
/// A running job is to be tried again.
result<std::vector<event>> decide_put_back(const jobs_model& model, job_id id,
                                           const std::string& reason, job_attempt_end attempt);
result<std::vector<event>> decide_cancel(const jobs_model& model, job_id id);
result<std::vector<event>> decide_retry(const jobs_model& model, job_id id);
/// Puts every running job back: at a stop, and at a start after a crash.
std::vector<event> decide_put_all_back(const jobs_model& model, const std::string& reason);
/// Holds the queue or lets it go on; no event where it is so already.
std::vector<event> decide_hold(const jobs_model& model, bool held);

}  // namespace podstudio
