// SPDX-License-Identifier: MIT
#include "actors/journal.hpp"

#include "platform/text.hpp"

#include <algorithm>
#include <thread>

namespace podstudio {

namespace {

/// Progress of a job may be lost in a crash: the job is begun anew then.
bool may_be_lost(const command_ptr& what) {
  return std::ranges::all_of(
      what->events, [](const event& e) { return std::holds_alternative<job_progressed>(e); });
}

}  // namespace

result<std::vector<committed_command>> journal_state::write(std::span<const command_ptr> commands) {
  if (*tables_full) {
    self->send(projector,
               flush_atom::value);  // there may be room again: the next command will tell
    return error{error_code::disk_full,
                 "the disk has no room for the tables; free some space and try again"};
  }
  bool sync = unpublished.size() >= riders_max || !std::ranges::all_of(commands, may_be_lost);
  return log->append(commands, now_us(), sync);
}

bool journal_state::is_gathering(std::chrono::steady_clock::time_point now) const {
  if (group.size() >= last_size) return false;
  return now - group_began
         < std::min<std::chrono::steady_clock::duration>(last_took / gather_part, gather_max);
}

bool journal_state::is_looking(std::chrono::steady_clock::time_point now) const {
  return came_soon && now - answered < look_max;
}

void journal_state::flush_again() {
  std::this_thread::yield();
  self->send(self, flush_atom::value);
}

void journal_state::flush() {
  auto now = std::chrono::steady_clock::now();
  if (group.empty() ? is_looking(now) : is_gathering(now)) return flush_again();
  flush_sent = false;
  if (group.empty()) return;
  came_soon = group_began - answered < look_max;
  // What was decided on top of a refused command falls with it.
  std::vector<command_ptr> accepted;
  std::vector<waiting> from;
  for (std::size_t i = 0; i < group.size(); ++i) {
    auto at = refused.find(senders[i].sender);
    if (at != refused.end() && senders[i].epoch <= at->second.first) {
      senders[i].promise.deliver(to_caf(at->second.second));
      continue;
    }
    accepted.push_back(std::move(group[i]));
    from.push_back(std::move(senders[i]));
  }
  group.clear();
  senders.clear();
  if (accepted.empty()) return;
  last_size = accepted.size();
  commit(accepted, from);
  answered = std::chrono::steady_clock::now();
  last_took = answered - now;
  if (came_soon) {
    flush_sent = true;
    self->send(self, flush_atom::value);
  }
}

void journal_state::commit(std::span<const command_ptr> commands, std::span<waiting> from) {
  auto committed = write(commands);
  if (!committed && committed.failure().code == error_code::invalid_argument
      && commands.size() > 1) {
    // One of them cannot be logged; the others must not suffer for it.
    for (std::size_t i = 0; i < commands.size(); ++i) {
      auto at = refused.find(from[i].sender);
      if (at != refused.end() && from[i].epoch <= at->second.first)
        from[i].promise.deliver(to_caf(at->second.second));
      else
        commit(commands.subspan(i, 1), from.subspan(i, 1));
    }
    return;
  }
  if (!committed) {
    const auto& failure = committed.failure();
    spdlog::error("the log refused {} commands: {}", commands.size(), failure.message);
    for (auto& each : from) {
      refused[each.sender] = {each.epoch, failure};
      each.promise.deliver(to_caf(failure));
    }
    if (failure.code == error_code::outcome_unknown) self->quit(to_caf(failure));
    return;
  }
  unpublished.insert(unpublished.end(), committed->begin(), committed->end());
  for (std::size_t i = 0; i < committed->size(); ++i)
    from[i].promise.deliver((*committed)[i]);
  publish();
}

void journal_state::publish() {
  auto durable = log->durable_head().sequence;
  if (unpublished.empty()) return;
  if (unpublished.back().last_sequence() > durable) {
    if (!std::exchange(riders_timed, true)) self->delayed_send(self, riders_wait, step_atom::value);
    return;
  }
  self->send(projector, fold_atom::value,
             std::make_shared<const std::vector<committed_command>>(std::move(unpublished)));
  unpublished.clear();
  for (auto& each : std::exchange(followers, {}))
    each.promise.deliver(durable);
}

void journal_state::follow(sequence_number after, std::chrono::milliseconds wait,
                           caf::typed_response_promise<sequence_number> promise) {
  auto durable = log->durable_head().sequence;
  if (durable > after) {
    promise.deliver(durable);
    return;
  }
  auto now = std::chrono::steady_clock::now();
  std::erase_if(followers, [now](const follower& each) { return each.until < now; });
  if (followers.size() == log_waiters_max) {
    followers.front().promise.deliver(durable);
    followers.pop_front();
  }
  followers.push_back({now + wait, std::move(promise)});
}

void journal_state::sync_riders() {
  riders_timed = false;
  if (unpublished.empty()) return;
  if (auto synced = log->sync(); !synced) return self->quit(to_caf(synced.failure()));
  publish();
}

journal_actor::behavior_type journal(journal_actor::stateful_pointer<journal_state> self,
                                     std::shared_ptr<std::unique_ptr<log_writer>> log,
                                     projector_actor projector,
                                     std::shared_ptr<const std::atomic<bool>> tables_full) {
  auto& state = self->state;
  state.self = self;
  state.log = std::move(*log);
  state.projector = std::move(projector);
  state.tables_full = std::move(tables_full);
  return {
      [self](append_atom, const command_ptr& what, epoch_number epoch) {
        auto& s = self->state;
        auto sender = self->current_sender()->id();  // the promise takes the sender away
        auto promise = self->make_response_promise<committed_command>();
        s.group.push_back(what);
        s.senders.push_back({sender, epoch, promise});
        // The flush goes to the end of the mailbox: all that waits there now joins the group.
        if (s.group.size() == 1) s.group_began = std::chrono::steady_clock::now();
        if (!std::exchange(s.flush_sent, true)) self->send(self, flush_atom::value);
        return promise;
      },
      [self](flush_atom) { self->state.flush(); },
      [self](step_atom) { self->state.sync_riders(); },
      [self](wait_atom, sequence_number after, std::uint64_t wait_ms) {
        auto promise = self->make_response_promise<sequence_number>();
        self->state.follow(after, std::chrono::milliseconds(wait_ms), promise);
        return promise;
      },
      [self](status_atom) {
        const auto& s = *self->state.log;
        return journal_status{s.durable_head(), s.segments(), s.size_bytes()};
      },
  };
}

}  // namespace podstudio
