// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/job_kind.hpp"

/// What a worker does for the pictures of a pack. sheet_order.hpp says what it is told.
namespace podstudio {

/// Draws each input on a sheet, and writes that to output 0 as JPEG. A file that has no picture
/// leaves no gap; one that cannot be read counts as such. Errors: `invalid_argument` for parameters
/// that do not fit the inputs and outputs; `stopping` when cancelled; as `media::encode_jpeg`; as
/// `system_error` where the output cannot be written.
result<job_result> run_draw_sheet(const nlohmann::json& parameters, const job_files& files,
                                  job_control& control);

}  // namespace podstudio
