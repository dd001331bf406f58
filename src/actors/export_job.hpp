// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"
#include "jobs/worker_process.hpp"
#include "platform/data_folder.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <memory>
#include <vector>

/// A job of the kind `export_pack`, from the service's side.
namespace podstudio {

struct export_tools {
  /// Each export has a worker of its own, which ends with it: it has decoded nothing, so no
  /// seller's file can have taken it over, and what it writes is signed.
  worker_options worker;
  data_folder folder;
};

/// Checks the pack, writes its archives to files without a name, reads them back, and only then
/// gives them their names, which never replaces a file. In the data folder's packs/, a new name is
/// found; elsewhere one that is taken fails the job. An archive of exactly these bytes that an
/// earlier attempt of the same job left under that name is taken as the result: the service was
/// ended before it could log it. Blocks until the job has ended; nothing is thrown but for want of
/// memory.
job_report run_export_job(const export_tools& tools, const job_task& task);

/// Removes the archives of a job that was cancelled as it ended, where their names still are
/// theirs.
void withdraw(const std::vector<named_result>& archives) noexcept;

struct export_runner_state {
  static inline const char* name = "export runner";
};

job_runner_actor::behavior_type
export_runner(job_runner_actor::stateful_pointer<export_runner_state> self,
              std::shared_ptr<const export_tools> tools);

}  // namespace podstudio
