// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"
#include "events/log.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <atomic>
#include <chrono>
#include <deque>
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

  /// Writes all that waits as one group, then answers each sender; or puts it off for a moment, as
  /// more is about to come.
  void flush();
  /// Those whose commands shared a sync come back one after the other, and the first would have the
  /// next sync to itself while the others wait for it. So a group that is smaller than the last one
  /// waits, at most for a part of what the last one took. A lone command after a lone command never
  /// waits.
  bool is_gathering(std::chrono::steady_clock::time_point now) const;
  /// A lone client sends its next command as soon as it has its answer. To sleep until then would
  /// take as long as a tenth of a sync: so where the last command came that soon, the next one is
  /// looked for a moment.
  bool is_looking(std::chrono::steady_clock::time_point now) const;
  /// Comes back to `flush` behind all that is in the mailbox by then.
  void flush_again();
  result<std::vector<committed_command>> write(std::span<const command_ptr> commands);
  /// Writes a part of the group and answers its senders.
  void commit(std::span<const command_ptr> commands, std::span<waiting> from);
  /// What has become durable goes to the projector and to those who wait for it.
  void publish();
  /// Syncs what rode along without a sync and found no other command to ride with.
  void sync_riders();
  void follow(sequence_number after, std::chrono::milliseconds wait,
              caf::typed_response_promise<sequence_number> promise);

  journal_actor::pointer self = nullptr;
  std::unique_ptr<log_writer> log;
  projector_actor projector;
  std::shared_ptr<const std::atomic<bool>> tables_full;  ///< set by the projector
  std::vector<command_ptr> group;                        ///< what waits, in the order it came
  std::vector<waiting> senders;                          ///< one for each of `group`
  /// The newest epoch of each sender that was refused. Bounded by the number of senders: catalog
  /// and supervisor.
  std::unordered_map<caf::actor_id, std::pair<epoch_number, error>> refused;
  bool flush_sent = false;
  std::chrono::steady_clock::time_point group_began;  ///< when the first of `group` came
  std::size_t last_size = 0;                          ///< commands of the last group
  std::chrono::steady_clock::duration last_took{};    ///< its write and sync
  std::chrono::steady_clock::time_point answered;     ///< when its senders were
  bool came_soon = false;                             ///< whether the present group did after that
  /// Written, and published only when durable: tables that hold more than the log after a crash
  /// would stop the next start. Bounded by riders_max and one group.
  std::vector<committed_command> unpublished;
  bool riders_timed = false;
  /// Who waits for more to be durable than is now, oldest first, and until when; at most
  /// log_waiters_max.
  struct follower {
    std::chrono::steady_clock::time_point until;
    caf::typed_response_promise<sequence_number> promise;
  };
  std::deque<follower> followers;
  static inline const char* name = "journal";
};

/// Progress of jobs is written without a sync and rides along with the next one. Where none comes,
/// it is synced after this time, or when so many commands wait for one.
inline constexpr auto riders_wait = std::chrono::seconds(1);
inline constexpr std::size_t riders_max = 1024;
/// A group is put off by at most this part of what the last one took, and by this much.
inline constexpr int gather_part = 4;
inline constexpr auto gather_max = std::chrono::milliseconds(1);
/// How long the next command is looked for, and how soon the last one must have come for that.
inline constexpr auto look_max = std::chrono::microseconds(100);
/// One more who waits for new events than this, and the one who waits longest is answered early.
inline constexpr std::size_t log_waiters_max = 1024;

/// The journal. While there is no room for the tables, it refuses commands as if there were none
/// for the log: they would be durable, but pile up unseen. Ends with the error after a failed write
/// or sync.
journal_actor::behavior_type journal(journal_actor::stateful_pointer<journal_state> self,
                                     std::shared_ptr<std::unique_ptr<log_writer>> log,
                                     projector_actor projector,
                                     std::shared_ptr<const std::atomic<bool>> tables_full);

}  // namespace podstudio
