#include "actors/jobs.hpp"

namespace podstudio {

namespace {

result<std::vector<event>> decide_step(const jobs_model& model, const job_step& step) {
  using kind = job_step::step;
  switch (step.what) {
  case kind::submit:
    return decide_submit(model, step.request);
  case kind::start:
    return decide_start(model, step.job);
  case kind::progress:
    return decide_progress(model, step.job, step.percent);
  case kind::complete:
    return decide_complete(model, step.job,
                           step.text.empty() ? std::nullopt : std::optional(step.text));
  case kind::fail:
    return decide_fail(model, step.job, step.text);
  case kind::cancel:
    return decide_cancel(model, step.job);
  case kind::retry:
    return decide_retry(model, step.job);
  }
  return error{error_code::internal, "no such step of a job"};
}

std::string describe(const job_request& request) {
  auto text = "submit " + std::string(word(request.kind));
  if (request.asset) text += " of asset " + std::to_string(*request.asset);
  if (request.pack) text += " of pack " + std::to_string(*request.pack);
  if (request.params_json) text += " with " + in_summary(*request.params_json);
  return text;
}

std::string describe(const job_step& step) {
  using kind = job_step::step;
  auto job = " job " + std::to_string(step.job);
  switch (step.what) {
  case kind::submit:
    return describe(step.request);
  case kind::start:
    return "start" + job;
  case kind::progress:
    return "progress of" + job;
  case kind::complete:
    return "complete" + job + ": " + in_summary(step.text);
  case kind::fail:
    return "fail" + job + ": " + in_summary(step.text);
  case kind::cancel:
    return "cancel" + job;
  case kind::retry:
    return "retry" + job;
  }
  return {};
}

}  // namespace

void jobs_state::enqueue(waiting step) {
  if (queue.size() >= jobs_queue_max)
    return step.answer(to_caf({error_code::busy, "too many job commands wait already; try again"}));
  queue.push_back(std::move(step));
  if (!busy) next();
}

void jobs_state::put_back(std::string reason, std::function<void()> then) {
  enqueue({[reason](const jobs_model& now) -> result<std::vector<event>> {
             return decide_put_back(now, reason);
           },
           {{}, "jobs", "put running jobs back: " + reason, {}},
           [then](const caf::expected<change_outcome>& outcome) {
             if (!outcome) spdlog::warn("jobs stay running: {}", from_caf(outcome.error()).message);
             then();
           }});
}

void jobs_state::next() {
  busy = false;
  while (!queue.empty() && !busy) {
    auto step = std::move(queue.front());
    queue.pop_front();
    if (auto known = memory->find(step.what.id, step.what.summary)) {
      if (*known)
        answer_visible(**known, step.answer);
      else
        step.answer(to_caf(known->failure()));
      continue;
    }
    auto decided = step.decide(model);
    if (!decided) {
      step.answer(to_caf(decided.failure()));
      continue;
    }
    bool given = step.what.id != uuid{};
    if (!given) step.what.id = make_uuid();
    if (decided->empty()) {
      if (given) memory->remember(step.what.id, step.what.summary, {});
      step.answer(change_outcome{});
      continue;
    }
    busy = true;
    step.what.events = std::move(*decided);
    auto what = std::make_shared<const command>(std::move(step.what));
    auto answer = std::move(step.answer);
    // Every step is an epoch of its own: nothing is ever decided on top of what is not durable.
    self->request(journal, caf::infinite, append_atom::value, command_ptr(what), ++epoch)
        .then(
            [this, what, answer, given](const committed_command& durable) {
              for (const auto& e : what->events)
                model.apply(e);
              change_outcome outcome{what->events.size(), durable.last_sequence(),
                                     subject_of(what->events)};
              if (given) memory->remember(what->id, what->summary, outcome);
              answer_visible(outcome, answer);
              next();
            },
            [this, answer](const caf::error& failure) {
              answer(failure);
              next();
            });
  }
}

void jobs_state::answer_visible(const change_outcome& outcome,
                                const std::function<void(caf::expected<change_outcome>)>& answer) {
  self->request(projector, caf::infinite, wait_atom::value, outcome.last_sequence, false)
      .then([answer, outcome](sequence_number) { answer(outcome); },
            [answer](const caf::error& failure) { answer(failure); });
}

jobs_actor::behavior_type jobs(jobs_actor::stateful_pointer<jobs_state> self,
                               std::shared_ptr<jobs_model> model, command_memory_ptr memory,
                               journal_actor journal, projector_actor projector) {
  auto& state = self->state;
  state.self = self;
  state.model = std::move(*model);
  state.memory = std::move(memory);
  state.journal = std::move(journal);
  state.projector = std::move(projector);
  state.put_back("the engine was ended while it ran", [] {});
  return {
      [self](job_atom, const job_step& step) {
        auto promise = self->make_response_promise<change_outcome>();
        auto answer = [promise](caf::expected<change_outcome> outcome) mutable {
          if (outcome)
            promise.deliver(std::move(*outcome));
          else
            promise.deliver(outcome.error());
        };
        if (self->state.draining)
          answer(to_caf({error_code::stopping, "the engine is stopping; try again when it runs"}));
        else
          self->state.enqueue({[step](const jobs_model& now) { return decide_step(now, step); },
                               {step.id, step.origin, describe(step), {}},
                               answer});
        return promise;
      },
      [self](drain_atom) {
        self->state.draining = true;
        auto promise = self->make_response_promise<bool>();
        self->state.put_back("the engine stopped", [promise]() mutable { promise.deliver(true); });
        return promise;
      },
  };
}

}  // namespace podstudio
