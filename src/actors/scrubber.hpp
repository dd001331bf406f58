// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"
#include "events/log.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <memory>

namespace podstudio {

struct scrubber_state {
  void step();
  void fail(const error& failure);

  scrubber_actor::pointer self = nullptr;
  std::unique_ptr<log_verifier> check;  ///< null when it is done
  scrub_status status;
  static inline const char* name = "scrubber";
};

/// The scrubber: reads the sealed segments of the log in `folder` once, so that damage is found
/// while there are still backups without it. It uses at most a quarter of one core.
scrubber_actor::behavior_type scrubber(scrubber_actor::stateful_pointer<scrubber_state> self,
                                       std::string folder);

}  // namespace podstudio
