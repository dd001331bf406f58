// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"
#include "media/digest.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <atomic>
#include <memory>
#include <optional>

namespace podstudio {

struct hasher_state {
  std::shared_ptr<const std::atomic<bool>> cancelled;
  std::optional<file_digester> digester;
  static inline const char* name = "hasher";
};

/// A hasher; it abandons the file it is reading soon after `cancelled` becomes true.
hasher_actor::behavior_type hasher(hasher_actor::stateful_pointer<hasher_state> self,
                                   std::shared_ptr<const std::atomic<bool>> cancelled);

}  // namespace podstudio
