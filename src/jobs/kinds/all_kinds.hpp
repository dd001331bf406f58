// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/job_kind.hpp"

#include <span>

namespace podstudio {

/// The kinds of jobs that a worker of this build runs.
std::span<const job_kind_runner> all_job_kinds() noexcept;

}  // namespace podstudio
