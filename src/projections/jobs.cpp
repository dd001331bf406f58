// SPDX-License-Identifier: MIT
#include "projections/folds.hpp"

#include "events/enums.hpp"

#include <algorithm>

namespace podstudio {

result<void> fold(fold_context& context, const job_queued& what) {
  context.ids.job = std::max(context.ids.job, what.job);
  return context.jobs.insert.run(what.job, word(what.kind), what.asset, what.pack, what.params_json,
                                 context.at);
}

result<void> fold(fold_context& context, const job_started& what) {
  auto started = change_one(context.jobs.start, what.job, context.at);
  if (!started) return started;
  return context.jobs.set_attempts.run(what.job, what.attempt);
}

result<void> fold(fold_context& context, const job_progressed& what) {
  return change_one(context.jobs.set_progress, what.job, what.progress);
}

result<void> fold(fold_context& context, const job_completed& what) {
  return change_one(context.jobs.complete, what.job, what.result_path, context.at);
}

result<void> fold(fold_context& context, const job_failed& what) {
  return change_one(context.jobs.fail, what.job, what.error_message, context.at);
}

result<void> fold(fold_context& context, const job_cancelled& what) {
  return change_one(context.jobs.cancel, what.job, context.at);
}

result<void> fold(fold_context& context, const job_requeued& what) {
  return change_one(context.jobs.requeue, what.job);
}

}  // namespace podstudio
