// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"
#include "model/library_model.hpp"

#include <caf/expected.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace podstudio {

/// Takes every decided command to its answer: applies it to the library model at once, logs it, and
/// answers when it is durable and visible in the tables. If the journal refuses a command, it is
/// taken out of the model again, with everything decided on top of it. Owned by the catalog actor
/// and used only in its context.
class commit_pipeline {
public:
  using on_sequence = std::function<void(sequence_number)>;
  using on_failure = std::function<void(caf::error)>;
  using on_outcome = std::function<void(caf::expected<command_outcome>)>;

  commit_pipeline() = default;
  commit_pipeline(catalog_actor::pointer self, library_model model, command_memory_ptr memory,
                  journal_actor journal, projector_actor projector);

  const library_model& model() const noexcept { return model_; }
  /// Which files are to be read is no part of what is decided.
  unread_media& unread() noexcept { return model_.unread; }

  /// Applies the command to the model and logs it; `then` gets its last sequence once it is
  /// durable. A command without events stands on what was decided before it, and is answered once
  /// that is durable.
  void log(command what, on_sequence then, on_failure otherwise);
  /// Calls `then` once the tables hold the sequence. Where the disk is full, it waits for room if
  /// `for_room`.
  void when_visible(sequence_number sequence, bool for_room, on_sequence then,
                    on_failure otherwise);

  /// Whether a command with this id was given before, even if it is not durable yet: `then` gets
  /// the first answer, or `refused` where the id was another command's. Says no where the id is
  /// zeros, as those that the engine gives itself have none.
  bool repeats(const uuid& id, const request_mark& asked, const on_outcome& then);
  /// Logs what was decided and answers once it is visible. `what` has no events yet. The outcome's
  /// subject is `subject`, or where that is 0 the one of the events.
  void commit(result<std::vector<event>> decided, command what, on_outcome then,
              std::int64_t subject = 0);

private:
  /// A command that is decided and applied, but not yet durable, and who stands on it.
  struct undecided_fate {
    command_ptr what;
    std::vector<std::pair<on_sequence, on_failure>> followers;
  };
  /// A command with an id that is not durable yet, and who sent it again meanwhile.
  struct unanswered {
    request_mark asked;
    std::vector<on_outcome> again;
  };

  void answer(const command_outcome& outcome, const on_outcome& then);
  void take_back(const caf::error& failure);

  catalog_actor::pointer self_ = nullptr;
  library_model model_;
  command_memory_ptr memory_;
  journal_actor journal_;
  projector_actor projector_;
  std::map<uuid, unanswered> given_;      ///< bounded by what the catalog admits
  std::deque<undecided_fate> in_flight_;  ///< oldest first; of the current epoch
  sequence_number last_durable_ = 0;      ///< of the commands that went this way
  epoch_number epoch_ = 1;
};

}  // namespace podstudio
