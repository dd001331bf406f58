// SPDX-License-Identifier: MIT
#include "actors/importer.hpp"
#include "actors/supervisor_parts.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

namespace podstudio {

void supervisor_state::await_import(std::uint64_t number) {
  self->request(imports.at(number).actor, caf::infinite, wait_atom::value)
      .then(
          [this, number](const import_progress& progress) {
            if (!stopping) keep_outcome(number, {progress, {}});
          },
          [this, number](const caf::error& failure) {
            if (!stopping) keep_outcome(number, {{}, failure});
          });
}

void supervisor_state::keep_outcome(std::uint64_t number, import_outcome outcome) {
  imports.erase(number);
  if (number == move) end_move();
  imported.emplace(number, std::move(outcome));
  if (imported.size() > outcomes_kept) imported.erase(imported.begin());
}

void supervisor_state::end_move() {
  move = 0;
  for (auto& [id, entry] : watchers)
    if (std::exchange(entry.moving, false) && !entry.actor) watch(entry.root);
}

namespace {

void tell_outcome(const supervisor_state& s, std::uint64_t number,
                  caf::typed_response_promise<import_progress> promise) {
  auto outcome = s.imported.find(number);
  if (outcome == s.imported.end() && s.stopping)  // it may have been running until then
    promise.deliver(to_caf(engine_is_stopping()));
  else if (outcome == s.imported.end())
    promise.deliver(to_caf({error_code::not_found, "there is no import " + std::to_string(number)
                                                       + ", or " + std::to_string(outcomes_kept)
                                                       + " others have finished since"}));
  else if (outcome->second.failure)
    promise.deliver(*outcome->second.failure);
  else
    promise.deliver(outcome->second.progress);
}

}  // namespace

caf::typed_response_promise<import_progress>
wait_for_import(supervisor_pointer self, std::uint64_t number, std::chrono::milliseconds time_max) {
  auto promise = self->make_response_promise<import_progress>();
  auto running = self->state.imports.find(number);
  if (running == self->state.imports.end()) {
    tell_outcome(self->state, number, promise);
    return promise;
  }
  auto deliver = [self, number, promise](const import_progress& progress) mutable {
    auto known = self->state.imports.find(number);
    if (known != self->state.imports.end()) known->second.progress = progress;
    promise.deliver(progress);
  };
  auto ended = [self, number, promise](const caf::error&) {
    tell_outcome(self->state, number, promise);
  };
  auto ask = [self, number, import = running->second.actor, deliver, ended] {
    self->request(import, caf::duration(status_time_max), status_atom::value)
        .then(deliver, [self, number, deliver, ended](const caf::error& failure) mutable {
          // It hangs on a dead disk, say.
          auto known = self->state.imports.find(number);
          bool hangs = failure == caf::sec::request_timeout && known != self->state.imports.end();
          hangs ? deliver(known->second.progress) : ended(failure);
        });
  };
  if (time_max.count() == 0)
    ask();
  else
    self->request(running->second.actor, caf::duration(time_max), wait_atom::value)
        .then(deliver, [ask, ended](const caf::error& failure) {
          failure == caf::sec::request_timeout ? ask() : ended(failure);
        });
  return promise;
}

caf::result<std::uint64_t> start_import(supervisor_pointer self, std::vector<std::string> paths,
                                        std::optional<root_move> move) {
  auto& s = self->state;
  if (s.stopping) return to_caf(engine_is_stopping());
  if (s.imports.size() >= imports_max)
    return to_caf({error_code::busy, "too many imports are running; wait for one to finish"});
  supervisor_state::running_import started;
  auto gauge = std::make_shared<import_gauge>();
  started.gauge = gauge;
  started.paths_total = paths.size();
  std::copy_n(paths.begin(), std::min(paths.size(), import_paths_shown),
              std::back_inserter(started.paths));
  try {
    // Not monitored: its end comes with its outcome.
    started.actor = self->spawn<caf::detached>(
        importer, s.catalog, std::move(paths),
        import_bounds{s.data_folder, s.watching.excluded, s.watching.database}, std::move(move),
        std::move(gauge));
  } catch (const std::system_error& failure) {
    return to_caf(no_thread(failure));
  }
  auto number = ++s.last_import;
  s.imports.emplace(number, std::move(started));
  s.await_import(number);
  return number;
}

caf::result<std::uint64_t> start_move(supervisor_pointer self, const move_request& wanted) {
  auto& s = self->state;
  if (s.move != 0)
    return to_caf({error_code::busy, "another watched folder is being moved; wait until that has "
                                     "ended"});
  auto before = s.last_import;
  auto started = start_import(self, {wanted.to}, root_move{wanted, supervisor_actor{self}, {}, {}});
  if (s.last_import != before) s.move = s.last_import;
  return started;
}

std::vector<import_status> statuses_of_imports(const supervisor_state& s) {
  std::vector<import_status> statuses;
  for (const auto& [number, entry] : s.imports)
    statuses.push_back({number, entry.paths, entry.paths_total, entry.gauge->scanned(),
                        entry.gauge->exceeds(silent_after)});
  return statuses;
}

}  // namespace podstudio
