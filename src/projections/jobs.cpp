// SPDX-License-Identifier: MIT
#include "projections/folds.hpp"

#include "events/enums.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace podstudio {

namespace {

/// An attempt that was under way has ended. One that a log of an earlier version began has no row.
result<void> end_attempt(fold_context& context, job_id job, std::string_view ending,
                         std::string_view reason = {}, std::string_view last_words = {}) {
  auto or_null = [](std::string_view text) {
    return text.empty() ? std::nullopt : std::optional(text);
  };
  return context.jobs.end_attempt.run(job, context.at, or_null(ending), or_null(reason),
                                      or_null(last_words));
}

}  // namespace

result<void> fold(fold_context& context, const job_queued& what) {
  context.ids.job = std::max(context.ids.job, what.job);
  auto queued = context.jobs.insert.run(what.job, word(what.kind), what.asset, what.pack,
                                        what.params_json, context.at);
  if (!queued || what.priority == 0) return queued;
  return context.jobs.set_priority.run(what.job, what.priority);
}

result<void> fold(fold_context& context, const job_started& what) {
  auto started = change_one(context.jobs.start, what.job, context.at);
  if (!started) return started;
  return context.jobs.begin_attempt.run(what.job, what.attempt, context.at);
}

result<void> fold(fold_context& context, const job_progressed& what) {
  return change_one(context.jobs.set_progress, what.job, what.progress);
}

result<void> fold(fold_context& context, const job_completed& what) {
  auto ended = end_attempt(context, what.job, "completed");
  if (!ended) return ended;
  return change_one(context.jobs.complete, what.job, what.result_path, context.at);
}

result<void> fold(fold_context& context, const job_failed& what) {
  auto ended = end_attempt(context, what.job, what.attempt.ending, what.error_message,
                           what.attempt.last_words);
  if (!ended) return ended;
  return change_one(context.jobs.fail, what.job, what.error_message, context.at);
}

result<void> fold(fold_context& context, const job_cancelled& what) {
  auto ended = end_attempt(context, what.job, "cancelled");
  if (!ended) return ended;
  return change_one(context.jobs.cancel, what.job, context.at);
}

result<void> fold(fold_context& context, const job_requeued& what) {
  auto ended =
      end_attempt(context, what.job, what.attempt.ending, what.reason, what.attempt.last_words);
  if (!ended) return ended;
  return change_one(context.jobs.requeue, what.job);
}

result<void> fold(fold_context& context, const job_queue_held& what) {
  return what.after ? context.jobs.hold_queue.run() : context.jobs.release_queue.run();
}

}  // namespace podstudio
