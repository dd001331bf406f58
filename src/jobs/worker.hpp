// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/job_kind.hpp"
#include "jobs/sandbox.hpp"

#include <span>

/// What a worker process runs.
namespace podstudio {

/// The descriptor under which a worker finds its socket.
inline constexpr int worker_socket = 3;

struct worker_walls {
  bool landlock = true, filter = true;  ///< false for tests only
};

/// Locks this process in, then runs the jobs that arrive at `worker_socket`, one at a time, until
/// the service closes its end. Returns the process's exit code: 0 after that; 1 when the sandbox
/// could not be made, which the service is told, or when the service broke the protocol; 2 when
/// there is no socket, as somebody started the worker by hand. The process dies with its parent.
int run_worker(std::span<const job_kind_runner> kinds, const worker_walls& walls = {});

}  // namespace podstudio
