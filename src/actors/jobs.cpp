// SPDX-License-Identifier: MIT
#include "actors/jobs.hpp"

#include "actors/export_job.hpp"
#include "jobs/worker_pool.hpp"

#include <algorithm>
#include <utility>

namespace podstudio {

using kind = job_step::step;

void jobs_state::decide(job_step step, then_outcome then, then_failure otherwise) {
  if (step.origin.empty()) step.origin = "jobs";
  self->request(catalog, caf::infinite, job_atom::value, std::move(step))
      .then(std::move(then), std::move(otherwise));
}

// --- start and stop ---

void jobs_state::put_all_back(const std::string& reason, std::function<void()> then) {
  job_step step;
  step.what = kind::put_all_back;
  step.text = reason;
  decide(
      std::move(step), [then](const change_outcome&) { then(); },
      [then](const caf::error& failure) {
        spdlog::warn("jobs stay running: {}", from_caf(failure).message);
        then();
      });
}

void jobs_state::take_over() {
  put_all_back("the engine was ended while it ran", [this] {
    if (workers) reload();
  });
}

void jobs_state::reload() {
  self->request(catalog, caf::infinite, job_atom::value)
      .then(
          [this](const job_queue& queue) {
            held = queue.held;
            for (const auto& [job, priority, of] : queue.pending) {
              if (running.contains(job) || resting.contains(job)) continue;
              known[job].kind = of;
              known[job].priority = priority;
              enqueue(job);
              if (!begun && of != job_kind::export_pack) inherited.insert(job);
            }
            begun = true;
            fill();
          },
          [](const caf::error& failure) {
            spdlog::error("the jobs that wait are not known: {}", from_caf(failure).message);
          });
}

void jobs_state::drain(caf::typed_response_promise<bool> promise) {
  draining = true;
  for (auto& [job, each] : running)
    each.cancel->ask();
  drained = std::move(promise);
  release_drained();
}

void jobs_state::release_drained() {
  if (!drained || !running.empty()) return;
  put_all_back("the engine stopped", [promise = *std::exchange(drained, std::nullopt)]() mutable {
    promise.deliver(true);
  });
}

// --- running ---

void jobs_state::enqueue(job_id job) {
  const auto& waiting = known[job];
  if (!running.contains(job)) lane_of(waiting.kind).pending.emplace(-waiting.priority, job);
}

void jobs_state::forget(job_id job) {
  known.erase(job);
  inherited.erase(job);
}

void jobs_state::stall(std::chrono::seconds time, std::string why) {
  if (!std::exchange(stalled, std::move(why)).empty()) return;
  self->delayed_send(self, time, unread_atom::value);
}

void jobs_state::fill() {
  if (!begun || draining || held || !stalled.empty()) return;
  for (auto* each : {&media, &exports})
    while (!each->idle.empty() && !each->pending.empty()) {
      auto job = each->pending.extract(each->pending.begin()).value().second;
      running[job].kind = known[job].kind;
      running[job].runner = std::move(each->idle.back());
      each->idle.pop_back();
      ++runs;
      start(job);
    }
  if (media.pending.empty() && !media.idle.empty() && inherited.empty()) ask_for_unread();
}

void jobs_state::ask_for_unread() {
  if (std::exchange(asking, true)) return;
  self->request(catalog, caf::infinite, unread_atom::value)
      .then(
          [this](job_id job) {
            asking = false;
            enqueue(job);
            fill();
          },
          [this](const caf::error& failure) {
            asking = false;
            if (draining) return;
            auto why = from_caf(failure).message;
            spdlog::warn("no files are read for now: {}", why);
            stall(log_rest, std::move(why));
            reload();  // the job may be in the log all the same
          });
}

void jobs_state::start(job_id job) {
  job_step step;
  step.what = kind::start;
  step.job = job;
  auto otherwise = [this, job](const caf::error& failure) {
    auto why = from_caf(failure);
    if (why.code == error_code::not_found) return release(job, true);
    if (why.code == error_code::refused) return reclaim(job);
    spdlog::warn("no jobs are started for now: {}", why.message);
    stall(log_rest, why.message);
    return_to_queue(job);
  };
  decide(
      std::move(step), [this, job](const change_outcome&) { read_inputs(job); }, otherwise);
}

void jobs_state::read_inputs(job_id job) {
  auto fail = [this, job](const caf::error& failure) {
    auto why = from_caf(failure);
    bool is_final = why.code == error_code::not_found || why.code == error_code::refused;
    attempt_failed(job, why.message, {}, is_final);
  };
  if (running.at(job).kind == job_kind::export_pack) {
    self->request(reader, caf::infinite, pack_atom::value, job)
        .then([this, job](const export_input_ptr& input) { run(job, {}, input); }, fail);
    return;
  }
  self->request(reader, caf::infinite, media_atom::value, job)
      .then(
          [this, job, fail](const asset_ids& assets) {
            self->request(reader, caf::infinite, media_atom::value, assets)
                .then([this, job](media_inputs& inputs) { run(job, std::move(inputs)); }, fail);
          },
          fail);
}

void jobs_state::reclaim(job_id job) {
  job_step step;
  step.what = kind::put_back;
  step.job = job;
  step.text = "nobody ran it";
  decide(
      std::move(step), [this, job](const change_outcome&) { return_to_queue(job); },
      [this, job](const caf::error& failure) {
        auto why = from_caf(failure);
        // It is cancelled, or has ended.
        if (why.code == error_code::refused || why.code == error_code::not_found)
          return release(job, true);
        stay_running(job, why.message);
      });
}

void jobs_state::stay_running(job_id job, const std::string& why) {
  spdlog::warn("job {} stays recorded as running for now: {}", job, why);
  stall(log_rest, why);
  return_to_queue(job);
}

void jobs_state::run(job_id job, media_inputs inputs, export_input_ptr exports_of) {
  auto& own = running.at(job);
  auto task = std::make_shared<job_task>();
  task->job = job;
  task->inputs = std::move(inputs);
  task->exports = std::move(exports_of);
  task->cancel = own.cancel;
  task->progress = [to = jobs_actor{self}, job](double percent) {
    caf::anon_send(to, step_atom::value, job, percent);
  };
  self->request(own.runner, caf::infinite, run_atom::value, job_task_ptr(std::move(task)))
      .then([this, job](const job_report_ptr& report) { ended(job, *report); },
            [this, job](const caf::error& failure) {
              attempt_failed(job, from_caf(failure).message, {});
            });
}

void jobs_state::ended(job_id job, const job_report& report) {
  // What a person cancelled has ended already, and so leaves nothing behind. What runs when the
  // engine stops is put back; archives that are finished are found by the next attempt.
  if (running.at(job).cancelled) withdraw(report.named);
  if (draining || running.at(job).cancelled) return release(job, !draining);
  if (report.ending == job_ending::not_started || report.ending == job_ending::no_sandbox)
    return without_worker(job, report.text);
  workers_rest = workers_rest_min;
  if (report.ending != job_ending::completed)
    return attempt_failed(job, report.text,
                          {std::string(to_string(report.ending)), report.last_words},
                          report.is_final);
  job_step step;
  step.what = kind::complete;
  step.job = job;
  step.read = report.read;
  step.pack = report.pack;
  step.exported = report.exported;
  if (!report.exported.empty()) step.text = report.exported.front().path;
  bool reads = running.at(job).kind == job_kind::metadata_extract;
  decide(
      std::move(step),
      [this, job, reads](const change_outcome& outcome) {
        if (reads) read += outcome.changed - 1;  // all but the end of the job
        release(job, true);
      },
      [this, job, named = report.named](const caf::error& failure) {
        auto why = from_caf(failure);
        // Refused: it was cancelled in the meantime.
        if (running.at(job).cancelled || why.code == error_code::refused) withdraw(named);
        attempt_failed(job, why.message, {}, why.code == error_code::not_found);
      });
}

void jobs_state::without_worker(job_id job, const std::string& why) {
  spdlog::error("no jobs are run for {} s, as no worker can be started: {}", workers_rest.count(),
                why);
  stall(workers_rest, why);
  workers_rest = std::min(workers_rest * 2, workers_rest_max);
  job_step step;
  step.what = kind::put_back;
  step.job = job;
  step.text = why;
  step.attempt.ending = to_string(job_ending::not_started);
  auto then = [this, job] { return_to_queue(job); };
  // If it stays running, that is found when it is started again.
  decide(
      std::move(step), [then](const change_outcome&) { then(); },
      [then](const caf::error&) { then(); });
}

void jobs_state::attempt_failed(job_id job, std::string why, job_attempt_end attempt,
                                bool is_final) {
  if (draining || running.at(job).cancelled) return release(job, !draining);
  auto& state = known[job];
  ++state.failures;
  bool again = !is_final && state.failures < job_attempts_max;
  spdlog::warn("job {} failed{}: {}", job, again ? ", and will be tried again" : "", why);
  job_step step;
  step.what = again ? kind::put_back : kind::fail;
  step.job = job;
  step.text = std::move(why);
  step.attempt = std::move(attempt);
  auto rest = state.failures == 1 ? job_rest : job_rest * 10;
  decide(
      std::move(step),
      [this, job, again, rest](const change_outcome&) {
        if (again)
          resting.insert(job);
        else
          ++failed;
        release(job, !again);
        if (again) self->delayed_send(self, rest, run_atom::value, job);
      },
      [this, job](const caf::error& failure) {
        if (from_caf(failure).code == error_code::refused) return release(job, true);  // cancelled
        stay_running(job, from_caf(failure).message);
      });
}

void jobs_state::return_to_queue(job_id job) {
  running.at(job).again = true;
  release(job, false);
}

void jobs_state::release(job_id job, bool is_over) {
  auto was = std::move(running.extract(job).mapped());
  lane_of(was.kind).idle.push_back(std::move(was.runner));
  if (was.again && !draining)
    enqueue(job);
  else if (is_over)
    forget(job);
  release_drained();
  fill();
  if (running.empty() && !draining)
    self->delayed_send(self, idle_workers_after, flush_atom::value, runs);
}

void jobs_state::progressed(job_id job, double percent) {
  auto at = running.find(job);
  auto now = steady_clock::now();
  if (at == running.end() || now - at->second.told < job_progress_interval) return;
  at->second.told = now;
  job_step step;
  step.what = kind::progress;
  step.job = job;
  step.percent = percent;
  decide(
      std::move(step), [](const change_outcome&) {}, [](const caf::error&) {});
}

// --- what people ask for ---

void jobs_state::change(job_step step, caf::typed_response_promise<change_outcome> promise) {
  decide(
      step,
      [this, step, promise](const change_outcome& outcome) mutable {
        if (workers && !outcome.repeated) changed(step, outcome);
        promise.deliver(outcome);
      },
      [this, promise](const caf::error& failure) mutable {
        // What is in the log, if not yet in the tables, has been done.
        if (workers && begun) reload();
        promise.deliver(failure);
      });
}

void jobs_state::changed(const job_step& step, const change_outcome& outcome) {
  switch (step.what) {
  case kind::submit:
    // Ids are given out one after the other.
    for (auto job = outcome.subject; const auto& request : step.requests) {
      if (is_runnable(request.kind)) {
        known[job].kind = request.kind;
        known[job].priority = request.priority;
        enqueue(job);
      }
      ++job;
    }
    break;
  case kind::retry:
    if (auto at = running.find(step.job); at != running.end()) {
      at->second.again = true;  // it is still being ended
    } else {
      resting.erase(step.job);
      known.erase(step.job);
      reload();
    }
    break;
  case kind::cancel:
    if (auto at = running.find(step.job); at != running.end()) {
      at->second.cancelled = true;
      at->second.again = false;
      at->second.cancel->ask();
    } else if (auto waiting = known.find(step.job); waiting != known.end()) {
      lane_of(waiting->second.kind).pending.erase({-waiting->second.priority, step.job});
      resting.erase(step.job);
      forget(step.job);
    }
    break;
  case kind::hold:
    held = true;
    break;
  case kind::release:
    held = false;
    break;
  case kind::start:
  case kind::progress:
  case kind::complete:
  case kind::fail:
  case kind::put_back:
  case kind::put_all_back:
    break;
  }
  fill();
}

bool jobs_state::has_read_all() const {
  // Those that wait, rest or run.
  return std::ranges::none_of(
             known, [](const auto& each) { return each.second.kind == job_kind::metadata_extract; })
         && std::ranges::none_of(running, [](const auto& each) {
              return each.second.kind == job_kind::metadata_extract;
            });
}

void jobs_state::tell(caf::typed_response_promise<reading_status> promise) {
  // By the time the catalog answers, every job that it has queued is known here.
  self->request(catalog, caf::infinite, status_atom::value)
      .then(
          [this, promise](const catalog_status& status) mutable {
            bool quiet = begun && stalled.empty() && has_read_all();
            promise.deliver(reading_status{read, failed, quiet && !status.unread, held, stalled});
          },
          [promise](const caf::error& failure) mutable { promise.deliver(failure); });
}

jobs_actor::behavior_type jobs(jobs_actor::stateful_pointer<jobs_state> self, catalog_actor catalog,
                               reader_actor reader, std::shared_ptr<worker_pool> workers,
                               std::vector<job_runner_actor> runners, job_runner_actor exporter) {
  auto& state = self->state;
  state.self = self;
  state.catalog = std::move(catalog);
  state.reader = std::move(reader);
  state.workers = std::move(workers);
  state.media.idle = std::move(runners);
  if (exporter) state.exports.idle.push_back(std::move(exporter));
  state.take_over();
  return {
      [self](job_atom, const job_step& step) {
        auto promise = self->make_response_promise<change_outcome>();
        self->state.change(step, promise);
        return promise;
      },
      [self](step_atom, job_id job, double percent) { self->state.progressed(job, percent); },
      [self](run_atom, job_id job) {
        auto& s = self->state;
        if (s.resting.erase(job) == 0) return;  // it was cancelled meanwhile
        s.enqueue(job);
        s.fill();
      },
      [self](unread_atom) {
        self->state.stalled.clear();
        self->state.fill();
      },
      [self](flush_atom, std::uint64_t runs) {
        auto& s = self->state;
        if (s.running.empty() && s.runs == runs) s.workers->end_idle();
      },
      [self](status_atom) {
        auto promise = self->make_response_promise<reading_status>();
        self->state.tell(promise);
        return promise;
      },
      [self](drain_atom) {
        auto promise = self->make_response_promise<bool>();
        self->state.drain(promise);
        return promise;
      },
  };
}

}  // namespace podstudio
