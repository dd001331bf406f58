#include "actors/journal.hpp"

#include "platform/text.hpp"

#include <algorithm>

namespace podstudio {

result<std::vector<committed_command>> journal_state::write(std::span<const command_ptr> commands) {
  if (*tables_full) {
    self->send(projector,
               flush_atom::value);  // there may be room again: the next command will tell
    return error{error_code::disk_full,
                 "the disk has no room for the tables; free some space and try again"};
  }
  // Progress of jobs may be lost in a crash; it rides along with the next sync.
  bool sync = !std::all_of(commands.begin(), commands.end(), [](const command_ptr& each) {
    return std::all_of(each->events.begin(), each->events.end(),
                       [](const event& e) { return std::holds_alternative<job_progressed>(e); });
  });
  return log->append(commands, now_us(), sync);
}

void journal_state::flush() {
  flush_sent = false;
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
  if (!accepted.empty()) commit(accepted, from);
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
  auto durable = std::make_shared<const std::vector<committed_command>>(std::move(*committed));
  // The projector first: by the time a sender asks it for the sequence, it has it on its way.
  self->send(projector, fold_atom::value, durable);
  for (std::size_t i = 0; i < durable->size(); ++i)
    from[i].promise.deliver((*durable)[i]);
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
        if (!s.flush_sent) self->send(self, flush_atom::value);
        s.flush_sent = true;
        return promise;
      },
      [self](flush_atom) { self->state.flush(); },
      [self](status_atom) {
        const auto& s = *self->state.log;
        return journal_status{s.head(), s.segments(), s.size_bytes()};
      },
  };
}

}  // namespace podstudio
