// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/job_kind.hpp"

#include <nlohmann/json.hpp>

#include <string>

/// What a worker is made to try. An attempt says what came of it, such as "EACCES", or "done" where
/// nothing stopped it; or it never returns.
std::string attempt(const std::string& name, const nlohmann::json& parameters,
                    const podstudio::job_files& files, podstudio::job_control& control);
