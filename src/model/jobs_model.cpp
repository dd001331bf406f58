// SPDX-License-Identifier: MIT
#include "model/jobs_model.hpp"

#include "events/labels.hpp"
#include "platform/text.hpp"

#include <nlohmann/json.hpp>

#include <initializer_list>

namespace podstudio {

const job_state* jobs_model::job(job_id id) const noexcept {
  auto at = jobs_.find(id);
  return at == jobs_.end() ? nullptr : &at->second;
}

struct jobs_folds {
  jobs_model& model;

  void to(job_id id, job_status status) { model.jobs_.at(id).status = status; }

  void operator()(const job_queued& e) {
    model.jobs_[e.job] = {
        .kind = e.kind, .status = job_status::pending, .attempts = 0, .priority = e.priority};
    if (e.job > model.last_job_) model.last_job_ = e.job;
  }
  void operator()(const job_started& e) {
    to(e.job, job_status::running);
    model.jobs_.at(e.job).attempts = e.attempt;
  }
  void operator()(const job_completed& e) { to(e.job, job_status::completed); }
  void operator()(const job_failed& e) { to(e.job, job_status::failed); }
  void operator()(const job_cancelled& e) { to(e.job, job_status::cancelled); }
  void operator()(const job_requeued& e) { to(e.job, job_status::pending); }
  void operator()(const job_queue_held& e) { model.held_ = e.after; }
  void operator()(const job_progressed&) {}
  template <class Event>
  requires(!job_event<Event>) void operator()(const Event&) {}
};

void jobs_model::apply(const event& what) { std::visit(jobs_folds{*this}, what); }

struct jobs_reverts {
  jobs_model& model;

  void to(job_id id, job_status status) { model.jobs_.at(id).status = status; }

  void operator()(const job_queued& e) {
    model.jobs_.erase(e.job);
    model.last_job_ = e.job - 1;  // ids are given out one after the other
  }
  void operator()(const job_started& e) {
    to(e.job, job_status::pending);
    model.jobs_.at(e.job).attempts = e.attempt - 1;
  }
  void operator()(const job_completed& e) { to(e.job, job_status::running); }
  void operator()(const job_failed& e) { to(e.job, job_status::running); }
  void operator()(const job_cancelled& e) { to(e.job, e.before); }
  void operator()(const job_requeued& e) { to(e.job, e.before); }
  void operator()(const job_queue_held& e) { model.held_ = e.before; }
  void operator()(const job_progressed&) {}
  template <class Event>
  requires(!job_event<Event>) void operator()(const Event&) {}
};

void jobs_model::revert(const event& what) { std::visit(jobs_reverts{*this}, what); }

void jobs_model::load_job(job_id id, const job_state& state) {
  jobs_[id] = state;
  if (id > last_job_) last_job_ = id;
}

void jobs_model::load_last_id(job_id last) {
  if (last > last_job_) last_job_ = last;
}

namespace {

/// The job, if its status is one of those from which the step may be taken.
result<job_state> step_from(const jobs_model& model, job_id id, std::string_view step,
                            std::initializer_list<job_status> allowed) {
  const auto* job = model.job(id);
  if (job == nullptr)
    return error{error_code::not_found,
                 "there is no job " + std::to_string(id) + "; 'job list' shows the ids"};
  for (auto status : allowed)
    if (job->status == status) return *job;
  return error{error_code::refused, "job " + std::to_string(id) + " is "
                                        + std::string(word(job->status)) + " and cannot be "
                                        + std::string(step)};
}

std::vector<event> one(event what) { return {std::move(what)}; }

/// What an event may hold of a text that a worker or a system gave: a refusal by the log would take
/// back all that is decided beside it.
std::string bounded(std::string text) {
  if (!is_utf8(text)) text = printable(text);
  return std::string(cut_text(text, max_job_text_bytes));
}

job_attempt_end bounded(job_attempt_end attempt) {
  return {bounded(std::move(attempt.ending)), bounded(std::move(attempt.last_words))};
}

}  // namespace

namespace {

result<void> check_request(const job_request& request) {
  auto invalid = [](const std::string& what) { return error{error_code::invalid_argument, what}; };
  if (request.params_json) {
    if (request.params_json->size() > max_job_params_bytes)
      return invalid("the job's parameters are longer than " + std::to_string(max_job_params_bytes)
                     + " bytes");
    auto parsed = nlohmann::json::parse(*request.params_json, nullptr, false);
    if (!parsed.is_object()) return invalid("the job's parameters are not a JSON object");
  }
  if (request.priority < -job_priority_max || request.priority > job_priority_max)
    return invalid("a job's priority is " + std::to_string(-job_priority_max) + " to "
                   + std::to_string(job_priority_max) + ", not "
                   + std::to_string(request.priority));
  return {};
}

}  // namespace

result<std::vector<event>> decide_submit(const jobs_model& model, const job_request& request) {
  return decide_submit(model, std::vector{request});
}

result<std::vector<event>> decide_submit(const jobs_model& model,
                                         const std::vector<job_request>& requests) {
  std::vector<event> events;
  auto id = model.last_job();
  for (const auto& request : requests) {
    if (auto checked = check_request(request); !checked) return checked.failure();
    events.emplace_back(job_queued{++id, request.kind, request.asset, request.pack,
                                   request.params_json, request.priority});
  }
  return events;
}

result<std::vector<event>> decide_start(const jobs_model& model, job_id id) {
  auto job = step_from(model, id, "started", {job_status::pending});
  if (!job) return job.failure();
  return one(job_started{id, job->attempts + 1});
}

result<std::vector<event>> decide_progress(const jobs_model& model, job_id id, double percent) {
  auto job = step_from(model, id, "in progress", {job_status::running});
  if (!job) return job.failure();
  if (!(percent >= 0 && percent <= 100))
    return error{error_code::invalid_argument, "a job's progress is 0 to 100 percent"};
  return one(job_progressed{id, percent});
}

result<std::vector<event>> decide_complete(const jobs_model& model, job_id id,
                                           std::optional<std::string> result_path) {
  auto job = step_from(model, id, "completed", {job_status::running});
  if (!job) return job.failure();
  if (result_path && (result_path->size() > max_job_text_bytes || !is_utf8(*result_path)))
    return error{error_code::invalid_argument, "the path of the result of job " + std::to_string(id)
                                                   + " is too long or not valid UTF-8"};
  return one(job_completed{id, std::move(result_path)});
}

result<std::vector<event>> decide_fail(const jobs_model& model, job_id id,
                                       const std::string& message, job_attempt_end attempt) {
  auto job = step_from(model, id, "failed", {job_status::running});
  if (!job) return job.failure();
  return one(job_failed{id, bounded(message), bounded(std::move(attempt))});
}

result<std::vector<event>> decide_put_back(const jobs_model& model, job_id id,
                                           const std::string& reason, job_attempt_end attempt) {
  auto job = step_from(model, id, "put back", {job_status::running});
  if (!job) return job.failure();
  return one(job_requeued{id, job_status::running, bounded(reason), bounded(std::move(attempt))});
}

result<std::vector<event>> decide_cancel(const jobs_model& model, job_id id) {
  auto job = step_from(model, id, "cancelled", {job_status::pending, job_status::running});
  if (!job) return job.failure();
  return one(job_cancelled{id, job->status});
}

result<std::vector<event>> decide_retry(const jobs_model& model, job_id id) {
  auto job = step_from(model, id, "retried", {job_status::failed, job_status::cancelled});
  if (!job) return job.failure();
  return one(job_requeued{id, job->status, "retried", {}});
}

std::vector<event> decide_put_all_back(const jobs_model& model, const std::string& reason) {
  std::vector<event> events;
  for (const auto& [id, job] : model.jobs())
    if (job.status == job_status::running)
      events.emplace_back(job_requeued{id, job_status::running, reason, {}});
  return events;
}

std::vector<event> decide_hold(const jobs_model& model, bool held) {
  if (model.held() == held) return {};
  return {job_queue_held{model.held(), held}};
}

}  // namespace podstudio
