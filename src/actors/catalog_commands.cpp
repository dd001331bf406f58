// SPDX-License-Identifier: MIT
#include "actors/catalog.hpp"

#include "actors/media_job.hpp"
#include "model/roots.hpp"
#include "platform/text.hpp"

#include <iterator>
#include <utility>

/// The half of the catalog that does what people ask for.
namespace podstudio {

template <class Outcome, class Fill>
catalog_state::on_outcome catalog_state::deliver(caf::typed_response_promise<Outcome> promise,
                                                 Fill fill) {
  return [this, promise, fill](caf::expected<command_outcome> outcome) mutable {
    if (outcome)
      promise.deliver(fill(*outcome));
    else
      promise.deliver(std::move(outcome.error()));
    answered();
  };
}

void catalog_state::command_once(command what,
                                 const std::function<result<std::vector<event>>()>& decide,
                                 caf::typed_response_promise<change_outcome> promise) {
  auto again = deliver(promise, [](command_outcome outcome) {
    outcome.repeated = true;
    return outcome;
  });
  if (commits.repeats(what.id, {what.request, what.summary}, again)) return;
  commits.commit(decide(), std::move(what),
                 deliver(promise, [](const command_outcome& outcome) { return outcome; }));
}

// --- curation and packs ---

void catalog_state::label(const label_request& request,
                          caf::typed_response_promise<change_outcome> promise) {
  command_once(
      {request.id, request.origin, request.summary, {}, request.request},
      [&] { return decide(model(), request.change); }, promise);
}

void catalog_state::change_pack(const pack_request& request,
                                caf::typed_response_promise<change_outcome> promise) {
  command_once(
      {request.id, request.origin, request.summary, {}, request.request},
      [&] { return decide(model(), request.change); }, promise);
}

// --- undo ---

void catalog_state::undo(const undo_request& request,
                         caf::typed_response_promise<undo_outcome> promise) {
  const auto& what = *request.what.done.what;
  auto summary = undo_summary(what.id, what.summary, request.force);
  if (commits.repeats(request.id, {request.request, summary},
                      deliver(promise, [](const command_outcome& outcome) {
                        return undo_outcome{outcome, nullptr, true};
                      })))
    return;
  auto decided = std::make_shared<undo_decision>(
      decide_undo(model(), what.events, request.what.paths, is_by_person(what)));
  if (!decided->complete() && (!request.force || decided->events.empty())) {
    promise.deliver(undo_outcome{{}, decided, false});
    return answered();
  }
  auto events = std::exchange(decided->events, {});
  commits.commit(std::move(events), {request.id, request.origin, summary, {}, request.request},
                 deliver(promise, [decided](const command_outcome& outcome) {
                   return undo_outcome{outcome, decided, true};
                 }));
}

// --- watch roots ---

namespace {

result<std::vector<event>> decide_root(const catalog_model& model, const root_request& request) {
  using step = root_request::step;
  switch (request.what) {
  case step::add:
    // One that is listed is watched, though its disk may be away.
    if (model.root_at(lexical_path(request.asked)) != 0) return std::vector<event>{};
    if (request.unfit) return *request.unfit;
    return decide_root_added(model, request.path, request.device, request.inode);
  case step::remove:
    return decide_root_removed(model, request.path);
  case step::move:
    return decide_root_moved(model, request.asked, request.path, request.device, request.inode);
  case step::lose:
    return decide_root_state(model, request.root, true, request.reason);
  case step::regain:
    return decide_root_state(model, request.root, false, {});
  case step::recognise:
    return decide_root_recognised(model, request.root, request.device, request.inode);
  }
  return error{error_code::internal, "no such step of a watch root"};
}

std::string describe(const root_request& request) {
  using step = root_request::step;
  switch (request.what) {
  case step::add:
    return "watch " + printable(request.asked);
  case step::remove:
    return "stop watching " + printable(request.asked);
  case step::move:
    return "watch " + printable(request.path) + " in place of " + printable(request.asked);
  case step::lose:
    return "lost a watched folder: " + request.reason;
  case step::regain:
    return "a watched folder is back";
  case step::recognise:
    return "recognised a watched folder by what is in it";
  }
  return {};
}

/// The root to remove. It is named by the path that `watch list` shows, though that may be a link
/// to another place by now, or else by another way to the same place.
std::string listed_path(const catalog_model& model, const root_request& request) {
  auto given = lexical_path(request.asked);
  return model.root_at(given) != 0 ? given : request.path;
}

}  // namespace

void catalog_state::change_root(root_request request,
                                caf::typed_response_promise<root_outcome> promise) {
  if (request.what == root_request::step::remove) request.path = listed_path(model(), request);
  auto answer = [&](bool repeated) {
    return deliver(promise, [repeated](const command_outcome& outcome) {
      return root_outcome{outcome.subject, outcome.last_sequence, outcome.changed, repeated};
    });
  };
  auto summary = describe(request);
  if (commits.repeats(request.id, {request.request, summary}, answer(true))) return;
  commits.commit(decide_root(model(), request),
                 {request.id, request.origin, summary, {}, request.request}, answer(false),
                 model().root_at(request.path));
}

// --- jobs ---

namespace {

/// What a job read, and what it exported, belongs to its end: all are one command.
result<std::vector<event>> decide_end(const library_model& model, const job_step& step) {
  auto events = decide_complete(model.jobs, step.job,
                                step.text.empty() ? std::nullopt : std::optional(step.text));
  if (!events) return events;
  auto read = decide_read(model.catalog, step.read);
  events->insert(events->end(), std::make_move_iterator(read.begin()),
                 std::make_move_iterator(read.end()));
  if (step.pack == 0) return events;
  auto exported = decide_exported(model.catalog, step.pack, step.exported);
  if (!exported) return exported;
  events->insert(events->end(), std::make_move_iterator(exported->begin()),
                 std::make_move_iterator(exported->end()));
  return events;
}

/// Jobs of assets that there are.
result<std::vector<event>> decide_submit(const library_model& library, const job_step& step) {
  for (const auto& request : step.requests) {
    if (request.asset && library.catalog.asset(*request.asset) == nullptr)
      return no_such_asset(*request.asset);
    if (request.pack && library.catalog.pack(*request.pack) == nullptr)
      return error{error_code::not_found, "there is no pack " + std::to_string(*request.pack)
                                              + "; 'podstudio pack list' shows the ids"};
  }
  return decide_submit(library.jobs, step.requests);
}

result<std::vector<event>> decide_step(const library_model& library, const job_step& step) {
  using kind = job_step::step;
  const auto& model = library.jobs;
  switch (step.what) {
  case kind::submit:
    return decide_submit(library, step);
  case kind::start:
    return decide_start(model, step.job);
  case kind::progress:
    return decide_progress(model, step.job, step.percent);
  case kind::complete:
    return decide_end(library, step);
  case kind::fail:
    return decide_fail(model, step.job, step.text, step.attempt);
  case kind::cancel:
    return decide_cancel(model, step.job);
  case kind::retry:
    return decide_retry(model, step.job);
  case kind::put_back:
    return decide_put_back(model, step.job, step.text, step.attempt);
  case kind::put_all_back:
    return decide_put_all_back(model, step.text);
  case kind::hold:
    return decide_hold(model, true);
  case kind::release:
    return decide_hold(model, false);
  }
  return error{error_code::internal, "no such step of a job"};
}

std::string describe(const job_step& step) {
  using kind = job_step::step;
  auto job = " job " + std::to_string(step.job);
  switch (step.what) {
  case kind::submit:
    return step.summary;
  case kind::start:
    return "start" + job;
  case kind::progress:
    return "progress of" + job;
  case kind::complete:
    return "complete" + job + (step.text.empty() ? "" : ": " + in_summary(step.text));
  case kind::fail:
    return "fail" + job + ": " + in_summary(step.text);
  case kind::cancel:
    return "cancel" + job;
  case kind::retry:
    return "retry" + job;
  case kind::put_back:
    return "put back" + job + ": " + in_summary(step.text);
  case kind::put_all_back:
    return "put running jobs back: " + step.text;
  case kind::hold:
    return "pause jobs";
  case kind::release:
    return "resume jobs";
  }
  return {};
}

}  // namespace

void catalog_state::change_job(const job_step& step,
                               caf::typed_response_promise<change_outcome> promise) {
  command_once(
      {step.id, step.origin, describe(step), {}, step.request},
      [&] { return decide_step(commits.model(), step); }, promise);
}

job_queue catalog_state::waiting_jobs() const {
  const auto& jobs = commits.model().jobs;
  job_queue queue{{}, jobs.held()};
  for (const auto& [id, job] : jobs.jobs())
    if (job.status == job_status::pending && is_runnable(job.kind))
      queue.pending.push_back({id, job.priority, job.kind});
  return queue;
}

void catalog_state::look_for_unread() {
  if (wants_unread.empty() || unread_due || pending != 0 || draining) return;
  if (!commits.unread().any(model())) {
    unread_since.reset();
    return;
  }
  unread_due = true;
  auto wait = unread_wait();
  if (wait.count() <= 0)
    self->send(self, step_atom::value);
  else
    self->delayed_send(self, wait, step_atom::value);
}

std::chrono::steady_clock::duration catalog_state::unread_wait() {
  using clock = std::chrono::steady_clock;
  auto now = clock::now();
  if (!unread_since) unread_since = now;
  if (scans->comes_first()) return unread_quiet;
  if (more_unread) return clock::duration::zero();
  return std::min(observed_last + unread_quiet, *unread_since + unread_wait_max) - now;
}

void catalog_state::queue_unread() {
  unread_due = false;
  // What is in flight ends, and then it is looked at again.
  if (wants_unread.empty() || pending != 0 || draining) return;
  if (unread_wait().count() > 0) return look_for_unread();
  unread_since.reset();
  auto assets = commits.unread().take(model(), media_files_max);
  more_unread = assets.size() == media_files_max;
  if (assets.empty()) return;
  auto promise = std::move(wants_unread.back());
  wants_unread.pop_back();
  ++pending;
  job_request request;
  request.kind = job_kind::metadata_extract;
  if (assets.size() == 1) request.asset = assets.front();
  request.params_json = nlohmann::json{{"assets", assets}}.dump();
  auto summary =
      "read " + std::to_string(assets.size()) + (assets.size() == 1 ? " file" : " files");
  auto told = deliver(promise, [](const command_outcome& outcome) { return outcome.subject; });
  commits.commit(decide_submit(commits.model().jobs, request), {{}, "jobs", summary, {}},
                 [this, assets, told](caf::expected<command_outcome> outcome) {
                   // What is in the log, if not yet in the tables, is queued.
                   if (!outcome && from_caf(outcome.error()).code == error_code::disk_full)
                     commits.unread().give_back(assets);
                   told(std::move(outcome));
                 });
}

}  // namespace podstudio
