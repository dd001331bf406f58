// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <memory>

namespace podstudio {

/// An undo under way, until it is known which commands stand in its way.
struct contested_undo;

/// Finds what a command did in the log, has the catalog take it back, and finds out who changed
/// what cannot be.
struct undoer_state {
  using answer = caf::typed_response_promise<undo_report>;

  void undo(const undo_command& what, answer promise);
  /// Goes on once the catalog has decided.
  void decided(const std::shared_ptr<contested_undo>& undo, sequence_number from);
  /// Finds the commands that stand in the way, a part of the log at a time.
  void find_conflicts(const std::shared_ptr<contested_undo>& undo, sequence_number from);

  undo_actor::pointer self = nullptr;
  catalog_actor catalog;
  historian_actor historian;
  supervisor_actor supervisor;
  static inline const char* name = "undo";
};

undo_actor::behavior_type undoer(undo_actor::stateful_pointer<undoer_state> self,
                                 catalog_actor catalog, historian_actor historian,
                                 supervisor_actor supervisor);

}  // namespace podstudio
