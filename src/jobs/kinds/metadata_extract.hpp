// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/job_kind.hpp"

/// What a worker does for a job of the kind `metadata_extract`: `media::extract` for each of its
/// files. metadata_order.hpp says what it is told, metadata_answer.hpp what it answers.
namespace podstudio {

/// To be called once before the walls close.
void prepare_metadata_extract();

/// Reads each input and writes its line to output 0, its previews to output 1; says progress before
/// each file. A line is written as soon as its file is done, so that where the worker dies, the
/// number of whole lines tells at which file. The result's facts are `{"files":N}`. A file that is
/// broken, or that cannot be read, is no failure of the job: its line says so. Errors:
/// `invalid_argument` for parameters beyond their bounds, or that do not fit the number of inputs
/// and outputs; `stopping` when cancelled; `disk_full` and others of `system_error` when an output
/// cannot be written.
result<job_result> run_metadata_extract(const nlohmann::json& parameters, const job_files& files,
                                        job_control& control);

}  // namespace podstudio
