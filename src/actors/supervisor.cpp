// SPDX-License-Identifier: MIT
#include "actors/supervisor.hpp"

#include "actors/catalog.hpp"
#include "actors/console.hpp"
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
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <exception>
#include <system_error>
#include <utility>

namespace podstudio {

namespace {

using namespace std::chrono_literals;

constexpr auto restart_after_max = 30s;
/// How long a watcher that is at work, or hangs in a dead file system, holds up the status of the
/// others.
constexpr auto status_time_max = 50ms;
/// A watcher or import that has not answered for this long is reported as silent.
constexpr auto silent_after = 2s;

std::chrono::seconds restart_after(unsigned failures) {
  return std::min<std::chrono::seconds>(1s * (1u << std::min(failures, 5u)), restart_after_max);
}

template <class T>
std::shared_ptr<T> shared(T value) {
  return std::make_shared<T>(std::move(value));
}

error no_thread(const std::system_error& failure) {
  thread_was_refused = true;
  return {error_code::io_failed, "cannot start a thread: " + std::string(failure.what())
                                     + "; raise the limit on processes (ulimit -u)"};
}

}  // namespace

// --- start
// ----------------------------------------------------------------------------------------

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
      podstudio::projector, shared(std::move(parts.tables)), tables_full);
  journal = self->spawn<caf::detached + caf::monitored>(
      podstudio::journal, shared(std::move(parts.log)), projector,
      std::shared_ptr<const std::atomic<bool>>(tables_full));
  for (std::size_t i = 0; i < parts.hashers; ++i)
    hashers.push_back(self->spawn<caf::detached + caf::monitored>(
        hasher, std::shared_ptr<const std::atomic<bool>>(cancelled)));
  for (auto& connection : parts.reading)
    readers.push_back(self->spawn<caf::detached + caf::monitored>(
        podstudio::reader, shared(std::move(connection)), parts.previews, cancelled,
        query_time_max));
  reader_pool = self->spawn<caf::monitored>(podstudio::reader_pool,
                                            std::vector(readers.begin() + 1, readers.end()));
  historian = self->spawn<caf::detached + caf::monitored>(podstudio::historian, parts.log_folder,
                                                          watching.database);
  catalog = self->spawn<caf::monitored>(podstudio::catalog, shared(std::move(parts.model)),
                                        parts.memory, journal, projector, readers.front(), hashers,
                                        std::move(parts.losses));
  undo = self->spawn<caf::monitored>(undoer, catalog, historian, supervisor_actor{self});
  for (std::size_t i = 0; i < parts.workers_max; ++i)
    runners.push_back(self->spawn<caf::detached + caf::monitored>(job_runner, parts.workers, parts.previews));
  jobs = self->spawn<caf::monitored>(podstudio::jobs, catalog, reader_pool, parts.workers, runners);
  if (service)
    scrubber = self->spawn<caf::detached + caf::monitored>(podstudio::scrubber, parts.log_folder);
  console = self->spawn<caf::monitored>(podstudio::console,
                                        console_peers{journal, projector, catalog, reader_pool,
                                                      historian, undo, jobs, scrubber,
                                                      supervisor_actor{self},
                                                      std::move(parts.server), parts.workers_max},
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

// --- failure
// --------------------------------------------------------------------------------------

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

// --- stop
// -----------------------------------------------------------------------------------------

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

void supervisor_state::stop_jobs() {
  auto next = [this] {
    std::vector<caf::actor> actors{caf::actor_cast<caf::actor>(jobs)};
    for (const auto& each : runners)
      actors.push_back(caf::actor_cast<caf::actor>(each));
    end(actors, [this] { stop_catalog(); });
  };
  self->request(jobs, caf::infinite, drain_atom::value)
      .then([next](bool) { next(); }, [next](const caf::error&) { next(); });
}

void supervisor_state::stop_catalog() {
  auto next = [this] {
    std::vector<caf::actor> actors{caf::actor_cast<caf::actor>(catalog)};
    for (const auto& each : hashers)
      actors.push_back(caf::actor_cast<caf::actor>(each));
    end(actors, [this] { stop_readers(); });
  };
  self->request(catalog, caf::infinite, drain_atom::value)
      .then([next](bool) { next(); }, [next](const caf::error&) { next(); });
}

void supervisor_state::stop_readers() {
  std::vector<caf::actor> actors{caf::actor_cast<caf::actor>(console),
                                 caf::actor_cast<caf::actor>(undo),
                                 caf::actor_cast<caf::actor>(reader_pool),
                                 caf::actor_cast<caf::actor>(historian)};
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

// --- behaviour
// ------------------------------------------------------------------------------------

namespace {

using supervisor_pointer = supervisor_actor::stateful_pointer<supervisor_state>;

/// Looks at a folder in a thread of its own, as that may take for ever where a disk hangs.
void inspect(supervisor_pointer self, const std::string& path,
             const std::function<void(const result<folder_candidate>&)>& then) {
  auto& s = self->state;
  if (s.inspections >= inspections_max)
    return then(error{error_code::busy, "too many folders that do not respond are being checked; "
                                        "try again later"});
  caf::actor looker;
  try {
    looker = self->spawn<caf::detached>([path, data_folder = s.data_folder](
                                            caf::event_based_actor* own) -> caf::behavior {
      return {[=](step_atom) {
        own->quit();
        return std::make_shared<const result<folder_candidate>>(inspect_folder(path, data_folder));
      }};
    });
  } catch (const std::system_error& failure) {
    return then(no_thread(failure));
  }
  ++s.inspections;
  self->request(looker, caf::infinite, step_atom::value)
      .then(
          [self, then](const inspected_folder& found) {
            --self->state.inspections;
            then(*found);
          },
          [self, then](const caf::error& failure) {
            --self->state.inspections;
            then(from_caf(failure));
          });
}

void change_root(supervisor_pointer self, const root_request& step,
                 caf::typed_response_promise<change_outcome> promise) {
  self->request(self->state.catalog, caf::infinite, root_atom::value, step)
      .then(
          [self, promise, step](const root_outcome& outcome) mutable {
            auto& state = self->state;
            auto answer = change_outcome{outcome.changed, outcome.last_sequence, outcome.root};
            auto known = state.watchers.find(outcome.root);
            if (outcome.repeated) {
              // What was to be done was done, and may have been undone since.
            } else if (step.what == root_request::step::add && state.service && outcome.root != 0
                       && !state.stopping && known == state.watchers.end()) {
              state.watch({outcome.root, step.path, {step.device, step.inode}, false, true});
            } else if (step.what == root_request::step::remove && known != state.watchers.end()) {
              if (known->second.actor) {
                state.ending.insert(known->second.actor.address());
                self->send_exit(known->second.actor, caf::exit_reason::user_shutdown);
              }
              state.watchers.erase(known);
            }
            promise.deliver(answer);
          },
          [promise](const caf::error& failure) mutable { promise.deliver(failure); });
}

caf::typed_response_promise<change_outcome> change_roots(supervisor_pointer self,
                                                         const watch_request& wanted) {
  auto promise = self->make_response_promise<change_outcome>();
  root_request step;
  step.what = wanted.add ? root_request::step::add : root_request::step::remove;
  step.path = step.asked = wanted.path;
  step.id = wanted.id;
  step.origin = wanted.origin;
  // A folder that is gone or hangs can still be removed from the list, by the path it was added
  // under.
  bool is_listed = std::ranges::any_of(self->state.watchers, [&](const auto& each) {
    return each.second.root.path == lexical_path(wanted.path);
  });
  if (!wanted.add && is_listed) {
    change_root(self, step, promise);
    return promise;
  }
  inspect(self, wanted.path, [self, step, promise](const result<folder_candidate>& found) mutable {
    if (!found && step.what == root_request::step::add) step.unfit = found.failure();
    if (found) {
      step.path = found->path;
      step.device = found->identity.device;
      step.inode = found->identity.inode;
    }
    change_root(self, step, promise);
  });
  return promise;
}

/// A watcher that did not answer: it hangs, or is down and about to be reported so.
struct silent_watcher {
  watcher_actor who;
  error why;
};

template <class Answer>
struct watcher_answers {
  std::vector<Answer> answers;
  std::map<root_id, silent_watcher> failures;
};

/// Asks every watcher that is up, and calls `then` with what came of it.
template <class Answer, class Then, class... Question>
void ask_watchers(supervisor_pointer self, caf::duration time_max, Then then,
                  Question... question) {
  struct asking {
    Then then;
    std::size_t left = 1;
    watcher_answers<Answer> got;
  };
  auto state = std::make_shared<asking>(asking{then, 1, {}});
  auto arrived = [state] {
    if (--state->left == 0) state->then(state->got);
  };
  for (const auto& [id, entry] : self->state.watchers) {
    if (!entry.actor) continue;
    ++state->left;
    self->request(entry.actor, time_max, question...)
        .then(
            [state, arrived](const Answer& answer) {
              state->got.answers.push_back(answer);
              arrived();
            },
            [state, arrived, root = id, who = entry.actor](const caf::error& failure) {
              state->got.failures.emplace(root, silent_watcher{who, from_caf(failure)});
              arrived();
            });
  }
  arrived();
}

/// Which watched folders are not in step, and why; nothing when all are.
std::optional<error> not_in_step(const supervisor_state& s,
                                 const std::map<root_id, silent_watcher>& failures,
                                 const std::vector<watcher_status>& statuses) {
  std::string text;
  for (const auto& [id, entry] : s.watchers) {
    auto failure = failures.find(id);
    bool failed = failure != failures.end();
    bool held = std::ranges::any_of(statuses, [root = id](const watcher_status& each) {
      return each.root == root && each.mode == "held";
    });
    if (!entry.root.lost && !failed && !entry.moving && !held) continue;
    text += (text.empty() ? "not synchronized with " : ", nor with ") + in_quotes(entry.root.path);
    if (entry.moving)
      text += ": it is being moved; try again when 'watch move' has finished";
    else if (entry.root.lost && !entry.reason.empty())
      text += ": " + entry.reason;
    else if (failed)
      text += ": " + failure->second.why.message;
    else if (held)
      text += ": more than half of its files are gone; restore them, or accept that with "
              "'podstudio watch confirm DIR'";
  }
  if (text.empty()) return std::nullopt;
  return error{error_code::refused, text};
}

void answer_sync(supervisor_pointer self, caf::typed_response_promise<sequence_number> promise,
                 const watcher_answers<sequence_number>& got) {
  // At least what the tables hold, also where nothing was noticed since the start.
  auto last = self->state.lost_sequence;
  for (auto sequence : got.answers)
    last = std::max(last, sequence);
  self->request(self->state.projector, caf::infinite, wait_atom::value, last, true)
      .then(
          [self, promise, got](sequence_number holds) mutable {
            // A watcher's failed answer arrives before the message that it went down, and the lost
            // root is logged later still. Wait for both, so that the tables hold the reason.
            if (self->state.losing > 0) return answer_sync(self, promise, got);
            const auto& watchers = self->state.watchers;
            for (const auto& [root, silent] : got.failures)
              if (auto entry = watchers.find(root);
                  entry != watchers.end() && entry->second.actor == silent.who)
                return answer_sync(self, promise, got);
            auto with_statuses = [self, promise, got,
                                  holds](const watcher_answers<watcher_status>& now) mutable {
              if (auto apart = not_in_step(self->state, got.failures, now.answers))
                promise.deliver(to_caf(*apart));
              else
                promise.deliver(holds);
            };
            ask_watchers<watcher_status>(self, caf::duration(1s), with_statuses,
                                         status_atom::value);
          },
          [promise](const caf::error& failure) mutable { promise.deliver(failure); });
}

caf::typed_response_promise<sequence_number> sync(supervisor_pointer self) {
  auto& s = self->state;
  auto promise = self->make_response_promise<sequence_number>();
  // A root that is lost may be back.
  for (const auto& [id, entry] : s.watchers)
    if (!entry.actor && !entry.moving && s.service && !s.stopping) s.watch(entry.root);
  auto all = [self, promise](const watcher_answers<sequence_number>& got) {
    answer_sync(self, promise, got);
  };
  ask_watchers<sequence_number>(self, caf::infinite, all, sync_atom::value);
  return promise;
}

/// What is known of a watcher that did not answer at once. One that does not for long hangs in a
/// file system that does not answer, most likely.
watcher_status status_of_silent(supervisor_pointer self, root_id root,
                                supervisor_state::watched& entry) {
  auto now = std::chrono::steady_clock::now();
  auto status = entry.status;
  if (entry.asked) {
    if (now - *entry.asked > silent_after) status.mode = "silent";
    return status;
  }
  entry.asked = now;
  auto answered = [self, root, who = entry.actor] {
    auto known = self->state.watchers.find(root);
    if (known != self->state.watchers.end() && known->second.actor == who)
      known->second.asked.reset();
  };
  self->request(entry.actor, caf::infinite, status_atom::value)
      .then([answered](const watcher_status&) { answered(); },
            [answered](const caf::error&) { answered(); });
  return status;
}

std::vector<import_status> statuses_of_imports(const supervisor_state& s) {
  std::vector<import_status> statuses;
  for (const auto& [number, entry] : s.imports)
    statuses.push_back(
        {number, entry.paths, entry.paths_total, entry.clock->exceeds(silent_after)});
  return statuses;
}

caf::typed_response_promise<bool> confirm(supervisor_pointer self, const std::string& path) {
  auto promise = self->make_response_promise<bool>();
  for (const auto& [id, entry] : self->state.watchers)
    if (entry.root.path == path && entry.actor) {
      promise.delegate(entry.actor, confirm_atom::value);
      return promise;
    }
  promise.deliver(to_caf(
      {error_code::not_found, "the folder " + in_quotes(path)
                                  + " is not being watched; 'watch list' shows those that are"}));
  return promise;
}

void tell_outcome(const supervisor_state& s, std::uint64_t number,
                  caf::typed_response_promise<import_progress> promise) {
  auto outcome = s.imported.find(number);
  if (outcome == s.imported.end())
    promise.deliver(to_caf({error_code::not_found, "there is no import " + std::to_string(number)
                                                       + ", or " + std::to_string(outcomes_kept)
                                                       + " others have finished since"}));
  else if (outcome->second.failure)
    promise.deliver(*outcome->second.failure);
  else
    promise.deliver(outcome->second.progress);
}

/// The timer is the supervisor's: one of the import's own would keep its thread until it runs out.
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

/// The import looks at the paths itself, as a look may take for ever where a disk hangs.
caf::result<std::uint64_t> start_import(supervisor_pointer self, std::vector<std::string> paths,
                                        std::optional<root_move> move) {
  auto& s = self->state;
  if (s.stopping)
    return to_caf({error_code::stopping, "the engine is stopping; try again when it is running"});
  if (s.imports.size() >= imports_max)
    return to_caf({error_code::busy, "too many imports are running; wait for one to finish"});
  supervisor_state::running_import started;
  auto clock = std::make_shared<work_clock>();
  started.clock = clock;
  started.paths_total = paths.size();
  started.paths.assign(paths.begin(),
                       paths.begin() + std::ssize(paths | std::views::take(import_paths_shown)));
  try {
    // Not monitored: its end comes with its outcome.
    started.actor = self->spawn<caf::detached>(importer, s.catalog, std::move(paths),
                                               import_bounds{s.data_folder, s.watching.excluded},
                                               std::move(move), std::move(clock));
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
  auto started = start_import(
      self, {wanted.to}, root_move{wanted, s.watching.database, supervisor_actor{self}, {}, {}});
  if (s.last_import != before) s.move = s.last_import;
  return started;
}

/// Ends the watcher of a root, which is to be at another path, and then tells the catalog.
caf::typed_response_promise<root_outcome> move_root(supervisor_pointer self,
                                                    const root_request& wanted) {
  auto& s = self->state;
  auto promise = self->make_response_promise<root_outcome>();
  auto entry = std::ranges::find_if(
      s.watchers, [&](const auto& each) { return each.second.root.path == wanted.asked; });
  auto root = entry == s.watchers.end() ? root_id{0} : entry->first;
  auto tell = [self, promise, wanted, root] {
    self->request(self->state.catalog, caf::infinite, root_atom::value, wanted)
        .then(
            [self, promise, wanted, root](const root_outcome& outcome) mutable {
              auto moved = self->state.watchers.find(root);
              if (moved != self->state.watchers.end() && !outcome.repeated && outcome.changed != 0)
                moved->second.root = {
                    root, wanted.path, {wanted.device, wanted.inode}, false, true};
              promise.deliver(outcome);
            },
            [promise](const caf::error& failure) mutable { promise.deliver(failure); });
  };
  if (root != 0) entry->second.moving = true;
  if (root == 0 || !entry->second.actor) {
    tell();
    return promise;
  }
  s.when_down.emplace(entry->second.actor.address(), tell);
  self->send_exit(std::exchange(entry->second.actor, nullptr), caf::exit_reason::user_shutdown);
  return promise;
}

}  // namespace

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
      [self](status_atom) {
        auto promise = self->make_response_promise<supervisor_status>();
        auto all = [self, promise](const watcher_answers<watcher_status>& got) mutable {
          auto& watchers = self->state.watchers;
          for (const auto& each : got.answers)
            if (auto known = watchers.find(each.root); known != watchers.end())
              known->second.status = each;
          supervisor_status status{got.answers, statuses_of_imports(self->state)};
          for (const auto& [root, silent] : got.failures)
            if (auto known = watchers.find(root);
                known != watchers.end() && known->second.actor == silent.who)
              status.watchers.push_back(status_of_silent(self, root, known->second));
          promise.deliver(std::move(status));
        };
        ask_watchers<watcher_status>(self, caf::duration(status_time_max), all, status_atom::value);
        return promise;
      },
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
