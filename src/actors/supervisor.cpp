// SPDX-License-Identifier: MIT
#include "actors/supervisor_parts.hpp"

#include "actors/catalog.hpp"
#include "actors/console.hpp"
#include "actors/export_job.hpp"
#include "actors/hasher.hpp"
#include "actors/historian.hpp"
#include "actors/importer.hpp"
#include "actors/job_runner.hpp"
#include "actors/jobs.hpp"
#include "actors/journal.hpp"
#include "actors/projector.hpp"
#include "actors/reader.hpp"
#include "actors/reader_pool.hpp"
#include "actors/scrubber.hpp"
#include "actors/undoer.hpp"
#include "actors/watcher.hpp"
#include "jobs/worker_pool.hpp"
#include "platform/text.hpp"
#include "schema/sqlite.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <system_error>
#include <utility>

namespace podstudio {

namespace {

using namespace std::chrono_literals;

constexpr auto restart_after_max = 30s;

std::chrono::seconds restart_after(unsigned failures) {
  return std::min<std::chrono::seconds>(1s * (1u << std::min(failures, 5u)), restart_after_max);
}

template <class T>
std::shared_ptr<T> shared(T value) {
  return std::make_shared<T>(std::move(value));
}

}  // namespace

error no_thread(const std::system_error& failure) {
  thread_was_refused = true;
  return {error_code::io_failed, "cannot start a thread: " + std::string(failure.what())
                                     + "; raise the limit on processes (ulimit -u)"};
}

// --- start ---

void supervisor_state::start(engine_parts parts) {
  data_folder = parts.data_folder;
  watching = std::move(parts.watching);
  service = parts.service;
  on_failure = std::move(parts.on_failure);
  std::vector<watched_root> roots;
  for (const auto& [id, root] : parts.model.catalog.roots())
    roots.push_back({id, root.path, {root.device, root.inode}, root.lost, false});

  // From the end of the data flow to its beginning, so that each finds the next running.
  auto tables_full = std::make_shared<std::atomic<bool>>(false);
  projector = self->spawn<caf::detached + caf::monitored>(
      podstudio::projector, shared(std::move(parts.tables)), tables_full, watching.scans);
  journal = self->spawn<caf::detached + caf::monitored>(
      podstudio::journal, shared(std::move(parts.log)), projector,
      std::shared_ptr<const std::atomic<bool>>(tables_full));
  for (std::size_t i = 0; i < parts.hashers; ++i)
    hashers.push_back(self->spawn<caf::detached + caf::monitored>(
        hasher, std::shared_ptr<const std::atomic<bool>>(cancelled)));
  for (auto& connection : parts.reading)
    readers.push_back(self->spawn<caf::detached + caf::monitored>(
        podstudio::reader, shared(std::move(connection)), parts.previews, parts.data_folder,
        cancelled, query_time_max));
  reader_pool = self->spawn<caf::monitored>(podstudio::reader_pool,
                                            std::vector(readers.begin() + 1, readers.end()));
  historian = self->spawn<caf::detached + caf::monitored>(podstudio::historian, parts.log_folder,
                                                          watching.database);
  catalog = self->spawn<caf::monitored>(podstudio::catalog, shared(std::move(parts.model)),
                                        parts.memory, journal, projector, readers.front(), hashers,
                                        std::move(parts.losses), watching.scans);
  undo = self->spawn<caf::monitored>(undoer, catalog, historian, supervisor_actor{self});
  for (std::size_t i = 0; i < parts.workers_max; ++i)
    runners.push_back(
        self->spawn<caf::detached + caf::monitored>(job_runner, parts.workers, parts.previews));
  auto readers_of_files = runners;
  job_runner_actor exporter;
  if (parts.exports) {
    exporter = self->spawn<caf::detached + caf::monitored>(export_runner, parts.exports);
    runners.push_back(exporter);
  }
  jobs = self->spawn<caf::monitored>(podstudio::jobs, catalog, reader_pool, parts.workers,
                                     std::move(readers_of_files), exporter);
  if (service)
    scrubber = self->spawn<caf::detached + caf::monitored>(podstudio::scrubber, parts.log_folder);
  console = self->spawn<caf::monitored>(
      podstudio::console,
      console_peers{journal, projector, catalog, reader_pool, historian, undo, jobs, scrubber,
                    supervisor_actor{self}, std::move(parts.server), parts.workers_max,
                    parts.operations},
      std::move(parts.recovery));
  if (!service) return;
  auto started = std::make_shared<const command>(
      command{make_uuid(),
              "engine",
              "start",
              {engine_started{PODSTUDIO_VERSION, static_cast<std::int64_t>(::getpid())}}});
  self->request(journal, caf::infinite, append_atom::value, started, epoch_number{1})
      .then([](const committed_command&) {},
            [](const caf::error& failure) {
              spdlog::warn("cannot log the start: {}", from_caf(failure).message);
            });
  for (const auto& root : roots) {
    watch(root);
  }
}

void supervisor_state::watch(const watched_root& root) {
  auto& entry = watchers[root.id];
  entry.root = root;
  try {
    entry.actor = self->spawn<caf::detached + caf::monitored>(watcher, root, catalog, watching);
  } catch (const std::system_error& failure) {
    return watcher_down(root.id, to_caf(no_thread(failure)));  // and again later
  }
  entry.status = {root.id, root.path, "scanning"};  // which is how it begins
  entry.asked.reset();
  entry.root.just_added = false;  // when it is started again, what is in it counts
  if (entry.failures == 0 && !root.lost) return;
  // It is back only if the watcher lives; a root that is not lost is left as it is.
  self->request(entry.actor, caf::infinite, status_atom::value)
      .then(
          [this, id = root.id](const watcher_status&) {
            root_request back;
            back.what = root_request::step::regain;
            back.root = id;
            back.origin = "watcher";
            watchers[id].failures = 0;
            watchers[id].root.lost = false;
            self->request(catalog, caf::infinite, root_atom::value, back)
                .then([](const root_outcome&) {}, [](const caf::error&) {});
          },
          [](const caf::error&) {});
}

// --- failure ---

void supervisor_state::report(const error& failure) {
  spdlog::critical("the engine cannot continue: {}", failure.message);
  if (on_failure) std::exchange(on_failure, nullptr)(failure);
}

void supervisor_state::down(const caf::down_msg& who) {
  if (auto then = when_down.extract(who.source)) return then.mapped()();
  if (ending.erase(who.source) != 0) {
    if (ending.empty() && when_ended) std::exchange(when_ended, nullptr)();
    return;
  }
  for (auto& [id, entry] : watchers)
    if (entry.actor && entry.actor.address() == who.source) return watcher_down(id, who.reason);
  if (stopping && (!who.reason || who.reason == caf::exit_reason::user_shutdown)) return;
  report(who.reason ? from_caf(who.reason)
                    : error{error_code::internal, "a part of the engine stopped unexpectedly"});
}

void supervisor_state::watcher_down(root_id root, const caf::error& why) {
  auto& entry = watchers[root];
  entry.actor = nullptr;
  entry.root.lost = true;
  if (stopping) return;
  auto reason = from_caf(why);
  entry.reason = reason.message;
  root_request lost;
  lost.what = root_request::step::lose;
  lost.root = root;
  lost.reason = reason.message;
  lost.origin = "watcher";
  ++losing;
  self->request(catalog, caf::infinite, root_atom::value, lost)
      .then(
          [this](const root_outcome& outcome) {
            --losing;
            lost_sequence = std::max(lost_sequence, outcome.last_sequence);
          },
          [this](const caf::error& failure) {
            --losing;
            spdlog::warn("cannot log a lost root: {}", from_caf(failure).message);
          });
  // One that was started in between, for a sync, waits for what it waited for before.
  if (std::exchange(entry.waiting, true)) return;
  auto wait = restart_after(entry.failures++);
  spdlog::warn("watching '{}' failed: {}; retrying in {} s", printable(entry.root.path),
               reason.message, wait.count());
  self->delayed_send(self, wait, step_atom::value, root);
}

// --- behaviour ---

supervisor_actor::behavior_type supervisor(supervisor_pointer self,
                                           std::shared_ptr<engine_parts> parts) {
  auto& state = self->state;
  state.self = self;
  self->set_down_handler([self](const caf::down_msg& who) { self->state.down(who); });
  // A thread that cannot be made, most likely.
  self->set_exception_handler([](std::exception_ptr& thrown) -> caf::error {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::system_error& failure) {
      return to_caf(no_thread(failure));
    } catch (const std::exception& failure) {
      return to_caf({error_code::internal, "internal error: " + std::string(failure.what())});
    }
  });
  state.start(std::move(*parts));
  return {
      [self](get_atom) { return self->state.console; },
      [self](root_atom, const watch_request& wanted) { return change_roots(self, wanted); },
      [self](root_atom, const move_request& wanted) { return start_move(self, wanted); },
      [self](root_atom, const root_request& wanted) { return move_root(self, wanted); },
      [self](import_atom, const import_request& wanted) {
        return start_import(self, wanted.paths, std::nullopt);
      },
      [self](confirm_atom, const std::string& path) { return confirm(self, path); },
      [self](wait_atom, std::uint64_t number, std::uint64_t timeout_ms) {
        return wait_for_import(self, number, std::chrono::milliseconds(timeout_ms));
      },
      [self](path_atom, const asset_paths& paths) {
        for (const auto& [root, entry] : self->state.watchers)
          if (entry.actor) self->send(entry.actor, path_atom::value, paths);
      },
      [self](sync_atom) { return sync(self); },
      [self](status_atom) { return tell_status(self); },
      [self](step_atom, root_id root) {
        auto& s = self->state;
        auto entry = s.watchers.find(root);
        if (s.stopping || entry == s.watchers.end()) return;
        entry->second.waiting = false;
        if (!entry->second.actor && !entry->second.moving) s.watch(entry->second.root);
      },
      [self](stop_atom) {
        self->state.stopped = self->make_response_promise<bool>();
        self->state.stop();
        return self->state.stopped;
      },
  };
}

}  // namespace podstudio
