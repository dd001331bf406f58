// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <string>

namespace podstudio {

/// Schedules jobs. The catalog decides their changes of state, like everything else.
struct jobs_state {
  /// Makes running jobs pending, as nobody runs them any more.
  void put_back(const std::string& reason, std::function<void()> then);

  jobs_actor::pointer self = nullptr;
  catalog_actor catalog;
  static inline const char* name = "jobs";
};

jobs_actor::behavior_type jobs(jobs_actor::stateful_pointer<jobs_state> self,
                               catalog_actor catalog);

}  // namespace podstudio
