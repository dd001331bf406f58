// SPDX-License-Identifier: MIT
#include "actors/jobs.hpp"

namespace podstudio {

void jobs_state::put_back(const std::string& reason, std::function<void()> then) {
  job_step step;
  step.what = job_step::step::put_back;
  step.text = reason;
  step.origin = "jobs";
  self->request(catalog, caf::infinite, job_atom::value, std::move(step))
      .then([then](const change_outcome&) { then(); },
            [then](const caf::error& failure) {
              spdlog::warn("jobs stay running: {}", from_caf(failure).message);
              then();
            });
}

jobs_actor::behavior_type jobs(jobs_actor::stateful_pointer<jobs_state> self,
                               catalog_actor catalog) {
  self->state.self = self;
  self->state.catalog = std::move(catalog);
  self->state.put_back("the engine was ended while it ran", [] {});
  return {
      [self](drain_atom) {
        auto promise = self->make_response_promise<bool>();
        self->state.put_back("the engine stopped", [promise]() mutable { promise.deliver(true); });
        return promise;
      },
  };
}

}  // namespace podstudio
