// SPDX-License-Identifier: MIT
#include "actors/job_runner.hpp"

#include "actors/media_job.hpp"
#include "jobs/worker_pool.hpp"
#include "media/preview_cache.hpp"

#include <exception>

namespace podstudio {

job_runner_actor::behavior_type job_runner(job_runner_actor::stateful_pointer<job_runner_state>,
                                           std::shared_ptr<worker_pool> workers,
                                           std::shared_ptr<media::preview_cache> previews) {
  return {
      [workers, previews](run_atom, const job_task_ptr& task) {
        auto report = std::make_shared<job_report>();
        try {
          *report = run_media_job(*workers, *previews, *task);
        } catch (const std::exception& failure) {  // no memory, most likely
          *report = {job_ending::defect, failure.what(), {}, {}};
        }
        return job_report_ptr(std::move(report));
      },
  };
}

}  // namespace podstudio
