// SPDX-License-Identifier: MIT
#include "actors/commit_pipeline.hpp"

namespace podstudio {

commit_pipeline::commit_pipeline(catalog_actor::pointer self, library_model model,
                                 command_memory_ptr memory, journal_actor journal,
                                 projector_actor projector)
    : self_(self), model_(std::move(model)), memory_(std::move(memory)),
      journal_(std::move(journal)), projector_(std::move(projector)) {}

void commit_pipeline::log(command what, on_sequence then, on_failure otherwise) {
  if (what.events.empty()) {
    if (in_flight_.empty()) return then(last_durable_);
    in_flight_.back().followers.emplace_back(std::move(then), std::move(otherwise));
    return;
  }
  if (what.id == uuid{}) what.id = make_uuid();
  for (const auto& e : what.events)
    model_.apply(e);
  auto shared = std::make_shared<const command>(std::move(what));
  in_flight_.push_back({shared, {}});
  self_->request(journal_, caf::infinite, append_atom::value, shared, epoch_)
      .then(
          [this, then](const committed_command& durable) {
            for (const auto& e : in_flight_.front().what->events)
              model_.settle(e);
            auto followers = std::move(in_flight_.front().followers);
            in_flight_.pop_front();
            last_durable_ = durable.last_sequence();
            then(last_durable_);
            for (auto& [follower, unused] : followers)
              follower(durable.last_sequence());
          },
          [this, otherwise, sent = epoch_](const caf::error& failure) {
            // The first refusal of an epoch takes back all that was decided in it and is not
            // durable; the journal refuses the rest of it too.
            if (sent == epoch_) take_back(failure);
            otherwise(failure);
          });
}

void commit_pipeline::take_back(const caf::error& failure) {
  for (auto fate = in_flight_.rbegin(); fate != in_flight_.rend(); ++fate)
    for (auto e = fate->what->events.rbegin(); e != fate->what->events.rend(); ++e)
      model_.revert(*e);
  auto refused = std::exchange(in_flight_, {});
  ++epoch_;
  for (auto& fate : refused)
    for (auto& [unused, otherwise] : fate.followers)
      otherwise(failure);
}

void commit_pipeline::when_visible(sequence_number sequence, bool for_room, on_sequence then,
                                   on_failure otherwise) {
  if (sequence == 0) return then(0);
  self_->request(projector_, caf::infinite, wait_atom::value, sequence, for_room)
      .then([then, sequence](sequence_number) { then(sequence); },
            [otherwise](const caf::error& failure) { otherwise(failure); });
}

void commit_pipeline::answer(const command_outcome& outcome, const on_outcome& then) {
  when_visible(
      outcome.last_sequence, false, [then, outcome](sequence_number) { then(outcome); },
      [then](const caf::error& failure) { then(failure); });
}

bool commit_pipeline::repeats(const uuid& id, const request_mark& asked, const on_outcome& then) {
  if (id == uuid{}) return false;
  if (auto known = memory_->find(id, asked)) {
    if (*known)
      answer(**known, then);
    else
      then(to_caf(known->failure()));
    return true;
  }
  auto first = given_.find(id);
  if (first == given_.end()) return false;
  if (!first->second.asked.matches(asked))
    then(to_caf(id_of_another(id)));
  else
    first->second.again.push_back(then);
  return true;
}

void commit_pipeline::commit(result<std::vector<event>> decided, command what, on_outcome then,
                             std::int64_t subject) {
  auto fail = [this, then, id = what.id](const caf::error& failure) {
    auto sent = given_.extract(id);
    then(failure);
    if (sent.empty()) return;
    for (auto& again : sent.mapped().again)
      again(failure);
  };
  if (!decided) return fail(to_caf(decided.failure()));
  what.events = std::move(*decided);
  if (subject == 0) subject = subject_of(what.events);
  if (what.id != uuid{}) given_[what.id].asked = {what.request, what.summary};
  auto count = what.events.size();
  log(
      std::move(what),
      [this, then, id = what.id, count, subject](sequence_number sequence) {
        command_outcome outcome{count, sequence, subject};
        auto sent = given_.extract(id);
        if (!sent.empty()) memory_->remember(id, sent.mapped().asked, outcome);
        answer(outcome, then);
        if (sent.empty()) return;
        for (auto& again : sent.mapped().again)
          answer(outcome, again);
      },
      fail);
}

}  // namespace podstudio
