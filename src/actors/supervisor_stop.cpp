// SPDX-License-Identifier: MIT
#include "actors/supervisor_parts.hpp"

#include <unistd.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace podstudio {

void supervisor_state::end(const std::vector<caf::actor>& actors, std::function<void()> then) {
  for (const auto& actor : actors) {
    ending.insert(actor.address());
    self->monitor(actor);  // again: one that is down already says so at once
  }
  if (actors.empty()) return then();
  when_ended = std::move(then);
  for (const auto& actor : actors)
    self->send_exit(actor, caf::exit_reason::user_shutdown);
}

void supervisor_state::stop() {
  stopping = true;
  *cancelled = true;
  self->send(projector, stop_atom::value);
  std::vector<caf::actor> sources;
  for (auto& [id, entry] : watchers)
    if (entry.actor) sources.push_back(caf::actor_cast<caf::actor>(entry.actor));
  for (auto& [number, entry] : imports)
    sources.push_back(caf::actor_cast<caf::actor>(entry.actor));
  watchers.clear();
  imports.clear();
  end(sources, [this] { stop_jobs(); });
}

namespace {

/// Has an actor finish what it has begun, then ends it and those that work for it.
template <class Actor, class Helper>
void drain_and_end(supervisor_state& of, const Actor& actor, const std::vector<Helper>& helpers,
                   std::function<void()> then) {
  auto next = [&of, actor, helpers, then = std::move(then)] {
    std::vector<caf::actor> actors{caf::actor_cast<caf::actor>(actor)};
    for (const auto& each : helpers)
      actors.push_back(caf::actor_cast<caf::actor>(each));
    of.end(actors, then);
  };
  of.self->request(actor, caf::infinite, drain_atom::value)
      .then([next](bool) { next(); }, [next](const caf::error&) { next(); });
}

}  // namespace

void supervisor_state::stop_jobs() {
  drain_and_end(*this, jobs, runners, [this] { stop_catalog(); });
}

void supervisor_state::stop_catalog() {
  drain_and_end(*this, catalog, hashers, [this] { stop_readers(); });
}

void supervisor_state::stop_readers() {
  std::vector<caf::actor> actors{
      caf::actor_cast<caf::actor>(console), caf::actor_cast<caf::actor>(undo),
      caf::actor_cast<caf::actor>(reader_pool), caf::actor_cast<caf::actor>(historian)};
  for (const auto& each : readers)
    actors.push_back(caf::actor_cast<caf::actor>(each));
  if (scrubber) actors.push_back(caf::actor_cast<caf::actor>(scrubber));
  end(actors, [this] { stop_log(); });
}

void supervisor_state::stop_log() {
  auto next = [this] { end({caf::actor_cast<caf::actor>(journal)}, [this] { stop_tables(); }); };
  if (!service) return next();
  auto last = std::make_shared<const command>(command{
      make_uuid(), "engine", "stop", {engine_stopped{static_cast<std::int64_t>(::getpid())}}});
  self->request(journal, caf::infinite, append_atom::value, last, epoch_number{2})
      .then(
          [this, next](const committed_command& logged) {
            self->request(projector, caf::infinite, wait_atom::value, logged.last_sequence(), false)
                .then([next](sequence_number) { next(); }, [next](const caf::error&) { next(); });
          },
          [next](const caf::error& failure) {
            spdlog::warn("cannot log the stop: {}", from_caf(failure).message);
            next();
          });
}

void supervisor_state::stop_tables() {
  end({caf::actor_cast<caf::actor>(projector)}, [this] { stopped.deliver(true); });
}

}  // namespace podstudio
