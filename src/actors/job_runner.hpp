// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"

#include <memory>

namespace podstudio {

class worker_pool;
namespace media {
class preview_cache;
}

struct job_runner_state {
  static inline const char* name = "job runner";
};

job_runner_actor::behavior_type
job_runner(job_runner_actor::stateful_pointer<job_runner_state> self,
           std::shared_ptr<worker_pool> workers, std::shared_ptr<media::preview_cache> previews);

}  // namespace podstudio
