// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/job_kind.hpp"

/// What a worker does for an export. archive_order.hpp says what it is told and what it answers.
namespace podstudio {

/// To be called once before the walls close: what OpenSSL reads and loads.
void prepare_archive_kinds();

/// Copies each input to its offset in output 0, which may hold what earlier jobs wrote, and sums
/// what it copies. How much counts of output 0 is the end of the last file. A file that cannot be
/// copied is said in the answer. Errors: `invalid_argument` for parameters that do not fit the
/// inputs and outputs; `stopping` when cancelled; `disk_full` and others of `system_error` when the
/// archive cannot be written.
result<job_result> run_archive_copy(const nlohmann::json& parameters, const job_files& files,
                                    job_control& control);

/// Checks the archive in input 0 and sums all of it. Errors: `invalid_argument` as above;
/// `stopping` when cancelled; as `archive::verify`.
result<job_result> run_archive_verify(const nlohmann::json& parameters, const job_files& files,
                                      job_control& control);

}  // namespace podstudio
