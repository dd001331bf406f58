// SPDX-License-Identifier: MIT
#include "job_wait.hpp"

#include "events/enums.hpp"

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

namespace podstudio {

using nlohmann::json;

result<session> working_service(const context& where) {
  auto service = session::open(where, session::need::service);
  if (!service) return service;
  auto status = service->status_with_jobs();
  if (!status) return status.failure();
  if ((*status)["jobs"]["held"] == true)
    std::fputs("podstudio: jobs are paused; 'podstudio job resume' starts them again\n", stderr);
  return service;
}

namespace {

std::optional<job_status> status_of(const json& job) {
  return from_word<job_status>(job["status"].get<std::string>());
}

}  // namespace

bool has_ended(const json& job) {
  auto status = status_of(job);
  return status == job_status::completed || status == job_status::failed
         || status == job_status::cancelled;
}

result<void> check_completed(const json& job) {
  if (status_of(job) == job_status::completed) return {};
  auto why = job["error_message"].is_string() ? job["error_message"].get<std::string>()
                                              : "the job was " + job["status"].get<std::string>();
  return error{error_code::refused,
               why + " (job " + std::to_string(job["id"].get<std::int64_t>()) + ")"};
}

result<json> wait_for_job(session& service, std::int64_t id,
                          const std::function<void(const json& job)>& watch) {
  json job;
  auto ended = service.follow_log(std::chrono::seconds(30), [&]() -> result<bool> {
    auto found = service.request("job.show", {{"job", id}});
    if (!found) return found.failure();
    job = *std::move(found);
    if (watch) watch(job);
    return has_ended(job);
  });
  if (!ended) return ended.failure();
  return job;
}

}  // namespace podstudio
