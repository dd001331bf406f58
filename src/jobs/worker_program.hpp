// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/child_process.hpp"

#include <string>
#include <string_view>

/// Which program the service starts as a worker.
namespace podstudio {

/// The program's name. It lies in the same folder as the service's own program.
inline constexpr std::string_view worker_program_name = "podstudio-worker";

/// The worker program beside this process's own program, told the version that is running, so that
/// one of another version, as there is once an upgrade has replaced it, says so and ends. Error:
/// `not_found`, naming the path and what to do.
result<worker_program> find_worker_program();

/// The same, beside the program that `own_path` leads to as `/proc/self/exe` does; for tests.
result<worker_program> find_worker_program(const std::string& own_path);

}  // namespace podstudio
