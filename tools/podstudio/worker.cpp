// SPDX-License-Identifier: MIT
#include "worker.hpp"

#include "jobs/worker.hpp"

#include <array>

namespace podstudio {

namespace {

/// The kinds of jobs that a worker of this build runs.
constexpr std::array<job_kind_runner, 0> kinds{};

}  // namespace

int be_worker() { return run_worker(kinds); }

}  // namespace podstudio
