// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <vector>

namespace podstudio {

struct reader_pool_state {
  /// Asks a reader once one is free, and answers with what it says.
  template <class Answer, class... Question>
  caf::result<Answer> hand_on(bool quick, Question... question);
  /// Gives what waits to the readers that are free.
  void dispatch();

  reader_actor::pointer self = nullptr;
  struct pooled {
    reader_actor actor;
    bool free = true;
  };
  std::vector<pooled> readers;
  using ask_reader = std::function<void(pooled&)>;
  std::deque<ask_reader> quick, slow;  ///< waiting, each at most queries_waiting_max
  static inline const char* name = "reader_pool";
};

/// How many queries of either kind wait for a reader; what comes on top is refused as `busy`.
inline constexpr std::size_t queries_waiting_max = 1'000;

/// The reader pool. If there are several readers, the first is reserved for quick queries. The
/// others prefer slow ones, so neither kind waits for the other for ever.
reader_actor::behavior_type reader_pool(reader_actor::stateful_pointer<reader_pool_state> self,
                                        std::vector<reader_actor> readers);

}  // namespace podstudio
