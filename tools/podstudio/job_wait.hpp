// SPDX-License-Identifier: MIT
#pragma once

#include "command.hpp"
#include "session.hpp"

#include "platform/error.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>

namespace podstudio {

/// A service that runs jobs. Says so where it starts none for now.
result<session> working_service(const context& where);

/// Whether a job, as `job.show` tells it, has ended in whatever way.
bool has_ended(const nlohmann::json& job);

/// Error: `refused` where a job that has ended did not complete, with the reason.
result<void> check_completed(const nlohmann::json& job);

/// Waits until the job has ended, and gives it as `job.show` does. `watch`, if given, sees it each
/// time that the log has grown.
result<nlohmann::json>
wait_for_job(session& service, std::int64_t id,
             const std::function<void(const nlohmann::json& job)>& watch = {});

}  // namespace podstudio
