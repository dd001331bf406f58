// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"
#include "projections/projection.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <vector>

namespace podstudio {

struct projector_state {
  /// Folds all that has arrived in one transaction and wakes those who wait for it. Without room on
  /// the disk it keeps what arrived and tries again later; meanwhile the journal refuses more, so
  /// what is kept is what was in flight.
  void flush();
  void wake();
  /// Ends the projector, and with it the engine.
  void fail(const error& why);
  /// Tells those that wait why the tables do not follow.
  void give_up_waiting(const error& why, bool for_room_too);
  /// When nothing has been folded for a while, or at last all the same: brings the indexes that lag
  /// behind up to date, a part at a time, then copies the WAL back into the database.
  void tidy();

  projector_actor::pointer self = nullptr;
  std::unique_ptr<projection> tables;
  std::vector<committed_command> arrived;
  struct waiter {
    bool for_room = true;  ///< waits also while the tables have no room
    caf::typed_response_promise<sequence_number> promise;
  };
  std::multimap<sequence_number, waiter> waiting;
  bool stopping = false;
  bool flush_sent = false;
  bool untidy = false;   ///< something was folded since the last tidying, and the next is scheduled
  bool trimmed = false;  ///< memory that was freed since the last fold was given back
  std::chrono::steady_clock::time_point folded_at{};
  std::chrono::steady_clock::time_point tidied_at{};  ///< or when there was something to tidy again
  std::chrono::steady_clock::time_point stalled_at{};  ///< since when
  bool stalled = false;                     ///< the last fold found no room, or the database locked
  std::shared_ptr<std::atomic<bool>> full;  ///< the last fold found no room; the journal reads it
  scan_count_ptr scans;
  static inline const char* name = "projector";
};

/// The projector; `full` tells the journal that there is no room for the tables. It tidies up when
/// no scan comes first. Ends with the error when the tables cannot be written for any other reason.
projector_actor::behavior_type projector(projector_actor::stateful_pointer<projector_state> self,
                                         std::shared_ptr<std::unique_ptr<projection>> tables,
                                         std::shared_ptr<std::atomic<bool>> full,
                                         scan_count_ptr scans);

}  // namespace podstudio
