#pragma once

#include "actors/interfaces.hpp"
#include "events/log.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <atomic>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace podstudio {

struct journal_state {
  struct waiting {
    caf::actor_id sender = 0;
    epoch_number epoch = 0;
    caf::typed_response_promise<committed_command> promise;
  };

  /// Writes all that waits as one group, then answers each sender.
  void flush();
  result<std::vector<committed_command>> write(std::span<const command_ptr> commands);
  /// Writes a part of the group and answers its senders.
  void commit(std::span<const command_ptr> commands, std::span<waiting> from);

  journal_actor::pointer self = nullptr;
  std::unique_ptr<log_writer> log;
  projector_actor projector;
  std::shared_ptr<const std::atomic<bool>> tables_full;  ///< set by the projector
  std::vector<command_ptr> group;                        ///< what waits, in the order it came
  std::vector<waiting> senders;                          ///< one for each of `group`
  /// The newest epoch of each sender that was refused. Bounded by the number of senders: catalog,
  /// jobs and supervisor.
  std::unordered_map<caf::actor_id, std::pair<epoch_number, error>> refused;
  bool flush_sent = false;
  static inline const char* name = "journal";
};

/// The journal. While the tables have no room it refuses as if the log had none: what it took would
/// be durable, but pile up unseen. Ends with the error after a failed write or sync.
journal_actor::behavior_type journal(journal_actor::stateful_pointer<journal_state> self,
                                     std::shared_ptr<std::unique_ptr<log_writer>> log,
                                     projector_actor projector,
                                     std::shared_ptr<const std::atomic<bool>> tables_full);

}  // namespace podstudio
