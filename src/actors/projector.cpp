// SPDX-License-Identifier: MIT
#include "actors/projector.hpp"

#include <chrono>
#include <malloc.h>

namespace podstudio {

namespace {

constexpr auto retry_after = std::chrono::seconds(1);
/// So long another program may keep the tables locked before who waits for them is told.
constexpr auto locked_max = std::chrono::seconds(20);
constexpr auto tidy_after = std::chrono::seconds(1);
/// A projector that never rests tidies up all the same after this time, a part now and then.
constexpr auto tidy_at_last = std::chrono::seconds(10);
constexpr auto tidy_in_passing = std::chrono::milliseconds(200);

}  // namespace

void projector_state::wake() {
  auto holds = tables->checkpoint().sequence;
  for (auto at = waiting.begin(); at != waiting.end();) {
    auto& [sequence, who] = *at;
    if (sequence > holds && !(*full && (stopping || !who.for_room))) {
      ++at;
      continue;
    }
    who.promise.deliver(holds);
    at = waiting.erase(at);
  }
}

void projector_state::give_up_waiting(const error& why, bool for_room_too) {
  auto told =
      to_caf({why.code,
              "the change is saved in the log, but the tables do not show it yet: " + why.message});
  for (auto at = waiting.begin(); at != waiting.end();) {
    auto& who = at->second;
    if (who.for_room && !for_room_too) {
      ++at;
      continue;
    }
    who.promise.deliver(told);
    at = waiting.erase(at);
  }
}

void projector_state::fail(const error& why) {
  spdlog::critical("the tables cannot be written: {}", why.message);
  give_up_waiting(why, true);
  self->quit(to_caf(why));
}

void projector_state::flush() {
  flush_sent = false;
  if (arrived.empty()) return;
  auto folded = tables->fold(arrived);
  if (folded) {
    if (stalled) spdlog::info("the tables can be written again");
    stalled = false;
    *full = false;
    arrived.clear();
    wake();
    folded_at = std::chrono::steady_clock::now();
    trimmed = false;
    if (!std::exchange(untidy, true)) {
      tidied_at = folded_at;
      self->delayed_send(self, tidy_after, step_atom::value);
    }
    return;
  }
  auto code = folded.failure().code;
  if (code != error_code::disk_full && code != error_code::busy)
    return fail(as_damage(folded.failure()));
  auto now = std::chrono::steady_clock::now();
  if (!std::exchange(stalled, true)) {
    spdlog::error("the tables are waiting: {}", folded.failure().message);
    stalled_at = now;
  }
  *full = code == error_code::disk_full;
  if (!*full && now - stalled_at > locked_max) give_up_waiting(folded.failure(), false);
  wake();
  flush_sent = true;
  self->delayed_send(self, retry_after, flush_atom::value);
}

void projector_state::tidy() {
  auto now = std::chrono::steady_clock::now();
  bool rests = now - folded_at >= tidy_after;
  if (scans->comes_first() || (!rests && now - tidied_at < tidy_at_last))
    return self->delayed_send(self, tidy_after, step_atom::value);
  // What was freed is in pieces between what lives, which the library keeps for itself otherwise:
  // after an import of a million files hundreds of megabytes, and entering all these takes minutes.
  if (rests && !std::exchange(trimmed, true)) ::malloc_trim(0);
  auto more = tables->enter_for_lookup();
  if (more && *more) {
    if (rests)
      self->send(self, step_atom::value);  // what arrived meanwhile comes first
    else
      self->delayed_send(self, tidy_in_passing, step_atom::value);
    return;
  }
  untidy = false;
  tidied_at = now;
  if (!more && more.failure().code == error_code::damaged) return fail(more.failure());
  if (!more) spdlog::warn("searches stay slower for now: {}", more.failure().message);
  if (auto copied = tables->checkpoint_wal(); !copied)
    spdlog::warn("the tables' WAL is kept for now: {}", copied.failure().message);
  ::malloc_trim(0);  // what indexing left
}

projector_actor::behavior_type projector(projector_actor::stateful_pointer<projector_state> self,
                                         std::shared_ptr<std::unique_ptr<projection>> tables,
                                         std::shared_ptr<std::atomic<bool>> full,
                                         scan_count_ptr scans) {
  self->state.self = self;
  self->state.tables = std::move(*tables);
  self->state.full = std::move(full);
  self->state.scans = std::move(scans);
  // An earlier run may have left something to tidy up.
  self->state.untidy = true;
  self->delayed_send(self, tidy_after, step_atom::value);
  return {
      [self](fold_atom, const committed_group& group) {
        auto& s = self->state;
        s.arrived.insert(s.arrived.end(), group->begin(), group->end());
        // The flush goes to the end of the mailbox: all that waits there now joins the transaction.
        if (!s.flush_sent) self->send(self, flush_atom::value);
        s.flush_sent = true;
      },
      [self](flush_atom) { self->state.flush(); },
      [self](step_atom) { self->state.tidy(); },
      [self](wait_atom, sequence_number sequence, bool for_room) {
        auto& s = self->state;
        auto promise = self->make_response_promise<sequence_number>();
        s.waiting.emplace(sequence, projector_state::waiter{for_room, promise});
        s.wake();
        return promise;
      },
      [self](stop_atom) {
        self->state.stopping = true;
        self->state.wake();
      },
      [self](status_atom) { return projector_status{self->state.tables->checkpoint().sequence}; },
  };
}

}  // namespace podstudio
