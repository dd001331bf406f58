#include "actors/importer.hpp"

#include "platform/text.hpp"

#include <chrono>

namespace podstudio {

namespace {

constexpr auto look_again_after = std::chrono::milliseconds(50);

}  // namespace

void importer_state::step() {
  while (!failure && in_flight < import_batches_max && !looked_everywhere()) {
    auto skipped = found.skipped;
    auto files = found.files.size();
    auto had = files + found.failures.size();
    if (named.empty()) {
      walker->step(found, max_batch_files);
      for (; files < found.files.size(); ++files)
        found.files[files].key = key_of(found.files[files].path);
    } else {
      if (look(named.back(), found, key_of) == look_outcome::folder)
        walker->add(named.back(), named.back());
      named.pop_back();
    }
    progress.skipped += found.skipped - skipped;
    add(std::exchange(found.not_taken, {}), progress.not_taken);
    auto has = found.files.size() + found.failures.size();
    progress.scanned += has - had + (found.skipped - skipped);
    if (has >= max_batch_files || looked_everywhere()) send(std::exchange(found, {}));
  }
  look_again();
  finish_if_done();
}

void importer_state::send(findings batch) {
  if (batch.files.empty() && batch.failures.empty()) return;
  ++in_flight;
  self->request(
          catalog, caf::infinite, observe_atom::value,
          observation_batch{"import", std::move(batch.files), {}, std::move(batch.failures), {}})
      .then(
          [this](const observation_outcome& outcome) {
            --in_flight;
            taken(outcome);
            step();
          },
          [this](const caf::error& reason) {
            --in_flight;
            failure = from_caf(reason);
            finish_if_done();
          });
}

void importer_state::taken(const observation_outcome& outcome) {
  progress.registered += outcome.registered;
  progress.changed += outcome.changed;
  progress.moved += outcome.moved;
  progress.unchanged += outcome.unchanged;
  progress.failed += outcome.failed;
  progress.last_sequence = std::max(progress.last_sequence, outcome.last_sequence);
  for (const auto& path : outcome.changed_meanwhile)
    ++tries[path];
  again.insert(again.end(), outcome.changed_meanwhile.begin(), outcome.changed_meanwhile.end());
  // What was not asked for is not looked at.
  std::ranges::copy_if(outcome.again, std::back_inserter(again), [this](const std::string& path) {
    return std::ranges::any_of(asked,
                               [&](const std::string& each) { return lies_within(path, each); });
  });
}

void importer_state::look_again() {
  if (again.empty() || again_scheduled || in_flight > 0) return;
  again_scheduled = true;
  self->delayed_send(self, look_again_after, step_atom::value);
}

void importer_state::finish_if_done() {
  if (in_flight > 0 || (!failure && (!looked_everywhere() || !again.empty()))) return;
  if (std::exchange(progress.done, true)) return;
  answer_all();
}

void importer_state::answer_all() {
  for (auto& promise : waiting) {
    if (failure)
      promise.deliver(to_caf(*failure));
    else
      promise.deliver(progress);
  }
  if (progress.done && !waiting.empty()) self->quit();
  waiting.clear();
}

importer_actor::behavior_type importer(importer_actor::stateful_pointer<importer_state> self,
                                       catalog_actor catalog, std::vector<std::string> paths,
                                       folder_identity excluded) {
  auto& state = self->state;
  state.self = self;
  state.catalog = std::move(catalog);
  state.walker.emplace(excluded);
  state.asked = std::move(paths);
  state.named = state.asked;
  self->send(self, step_atom::value);
  return {
      [self](step_atom) {
        auto& s = self->state;
        if (std::exchange(s.again_scheduled, false)) {
          findings batch;
          for (const auto& path : std::exchange(s.again, {})) {
            auto tried = s.tries.find(path);
            if (tried != s.tries.end() && tried->second > import_tries_max)
              batch.failures.push_back(
                  {printable(path), problem_kind::unstable, "it keeps changing while it is read"});
            else
              look(path, batch, s.key_of);  // gone: then there is nothing to take
          }
          s.send(std::move(batch));
        }
        s.step();
      },
      [self](flush_atom) { self->state.answer_all(); },
      [self](wait_atom, std::uint64_t timeout_ms) {
        auto& s = self->state;
        auto promise = self->make_response_promise<import_progress>();
        s.waiting.push_back(promise);
        if (s.progress.done || timeout_ms == 0)
          s.answer_all();
        else
          self->delayed_send(self, std::chrono::milliseconds(timeout_ms), flush_atom::value);
        return promise;
      },
  };
}

}  // namespace podstudio
