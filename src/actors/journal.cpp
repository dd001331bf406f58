#include "actors/journal.hpp"

#include "platform/text.hpp"

namespace podstudio {

void journal_state::flush() {
  flush_sent = false;
  // What was decided on top of a refused command falls with it.
  std::vector<command_ptr> accepted;
  std::vector<waiting> accepted_senders;
  accepted.reserve(group.size());
  for (std::size_t i = 0; i < group.size(); ++i) {
    auto& from = senders[i];
    auto at = refused.find(from.sender);
    if (at != refused.end() && from.epoch <= at->second) {
      from.promise.deliver(to_caf({error_code::disk_full, "no room for the log; free some space"}));
      continue;
    }
    accepted.push_back(std::move(group[i]));
    accepted_senders.push_back(std::move(from));
  }
  group.clear();
  senders.clear();
  if (accepted.empty()) return;

  auto committed = log->append(accepted, now_us());
  if (!committed) {
    const auto& failure = committed.failure();
    spdlog::error("the log refused {} commands: {}", accepted.size(), failure.message);
    for (auto& from : accepted_senders) {
      auto& newest = refused[from.sender];
      newest = std::max(newest, from.epoch);
      from.promise.deliver(to_caf(failure));
    }
    if (failure.code == error_code::outcome_unknown) self->quit(to_caf(failure));
    return;
  }
  auto durable = std::make_shared<const std::vector<committed_command>>(std::move(*committed));
  // The projector first: by the time a sender asks it for the sequence, it has it on its way.
  self->send(projector, fold_atom::value, durable);
  for (std::size_t i = 0; i < durable->size(); ++i) accepted_senders[i].promise.deliver((*durable)[i]);
}

journal_actor::behavior_type journal(journal_actor::stateful_pointer<journal_state> self,
                                     std::shared_ptr<std::unique_ptr<log_writer>> log,
                                     projector_actor projector) {
  auto& state = self->state;
  state.self = self;
  state.log = std::move(*log);
  state.projector = std::move(projector);
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
