// SPDX-License-Identifier: MIT
#include "actors/console.hpp"

#include "actors/console_commands.hpp"
#include "actors/historian.hpp"
#include "actors/reader.hpp"
#include "console/arguments.hpp"
#include "platform/sha256.hpp"
#include "platform/text.hpp"

#include <unistd.h>

#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace podstudio {

namespace {

using nlohmann::json;

// The commands.

void import_start(console_state& s, const request& what, answer reply) {
  import_request wanted;
  auto paths = what.arguments.value("paths", json());
  if (!paths.is_array() || paths.empty())
    return reply(wrong_argument("paths", "must be a list of absolute paths"));
  for (const auto& path : paths) {
    if (!path.is_string() || !path.get_ref<const std::string&>().starts_with("/"))
      return reply(wrong_argument("paths", "holds " + in_quotes(to_text(path))
                                               + ", which is not an absolute path"));
    wanted.paths.push_back(path.get<std::string>());
  }
  s.self->request(s.peers.supervisor, caf::infinite, import_atom::value, wanted)
      .then(
          [reply](std::uint64_t number) mutable {
            reply(json{{"import", number}});
          },
          [reply](const caf::error& failure) mutable { reply(failure); });
}

/// By ending, without those of which there are none.
json to_json(const not_taken_counts& counts) {
  auto object = json::object();
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) object[std::string(not_taken_endings[i])] = counts[i];
  return object;
}

constexpr std::uint64_t long_poll_ms_max = 60'000;

void import_wait(console_state& s, const request& what, answer reply) {
  auto number = number_argument(what.arguments, "import", UINT64_MAX);
  if (!number) return reply(number.failure());
  auto timeout = number_argument(what.arguments, "timeout_ms", long_poll_ms_max);
  if (!timeout) return reply(timeout.failure());
  s.self->request(s.peers.supervisor, caf::infinite, wait_atom::value, *number, *timeout)
      .then(
          [reply](const import_progress& p) mutable {
            reply(json{{"done", p.done},
                       {"counts",
                        {{"scanned", p.scanned},
                         {"registered", p.registered},
                         {"changed", p.changed},
                         {"moved", p.moved},
                         {"unchanged", p.unchanged},
                         {"skipped", p.skipped},
                         {"failed", p.failed},
                         {"not_taken", to_json(p.not_taken)},
                         {"missing", p.missing},
                         {"left", p.left}}}},
                  p.last_sequence);
          },
          [reply](const caf::error& failure) mutable { reply(failure); });
}

constexpr std::uint64_t sync_ms_max = 86'400'000;

void sync(console_state& s, const request& what, answer reply) {
  auto timeout = number_argument(what.arguments, "timeout_ms", sync_ms_max);
  if (!timeout) return reply(timeout.failure());
  s.self->request(s.peers.supervisor, std::chrono::milliseconds(*timeout), sync_atom::value)
      .then(
          [reply](sequence_number sequence) mutable {
            reply(json{{"sequence", sequence}}, sequence);
          },
          [reply](const caf::error& failure) mutable {
            if (failure != caf::sec::request_timeout) return reply(failure);
            reply(error{error_code::timed_out, "changes are still being processed; allow more time "
                                               "with --timeout, or see 'status'"});
          });
}

void watch(console_state& s, const request& what, answer reply, bool add) {
  auto path = text_argument(what.arguments, "path");
  if (!path) return reply(path.failure());
  if (!path->starts_with("/")) return reply(wrong_argument("path", "must be an absolute path"));
  s.self
      ->request(s.peers.supervisor, caf::infinite, root_atom::value,
                watch_request{add, *path, what.id, "console"})
      .then(
          [reply, shown = *path](const change_outcome& outcome) mutable {
            reply(json{{"root", outcome.subject}, {"path", shown}, {"changed", outcome.changed}},
                  outcome.last_sequence);
          },
          [reply](const caf::error& failure) mutable { reply(failure); });
}

void watch_add(console_state& s, const request& what, answer reply) { watch(s, what, reply, true); }
void watch_remove(console_state& s, const request& what, answer reply) {
  watch(s, what, reply, false);
}

void watch_move(console_state& s, const request& what, answer reply) {
  move_request wanted{{}, {}, what.id, "console"};
  for (auto [key, path] : {std::pair{"path", &wanted.from}, {"to", &wanted.to}}) {
    auto given = text_argument(what.arguments, key);
    if (!given) return reply(given.failure());
    if (!given->starts_with("/")) return reply(wrong_argument(key, "must be an absolute path"));
    *path = *given;
  }
  s.self->request(s.peers.supervisor, caf::infinite, root_atom::value, wanted)
      .then(
          [reply](std::uint64_t number) mutable {
            reply(json{{"import", number}});
          },
          [reply](const caf::error& failure) mutable { reply(failure); });
}

void watch_confirm(console_state& s, const request& what, answer reply) {
  auto path = text_argument(what.arguments, "path");
  if (!path) return reply(path.failure());
  s.self->request(s.peers.supervisor, caf::infinite, confirm_atom::value, *path)
      .then(
          [reply](bool confirmed) mutable {
            reply(json{{"confirmed", confirmed}});
          },
          [reply](const caf::error& failure) mutable { reply(failure); });
}

/// Adds to each root how it is followed; the tables do not know.
void add_modes(json& roots, const std::vector<watcher_status>& watchers) {
  for (auto& root : roots) {
    root["mode"] = "idle";
    for (const auto& watcher : watchers)
      if (watcher.path == root["path"]) {
        root["mode"] = watcher.mode;
        root["not_taken"] = to_json(watcher.not_taken);
        if (watcher.compared > 0) root["compared"] = watcher.compared;
      }
  }
}

void watch_list(console_state& s, const request&, answer reply) {
  auto fail = [reply](const caf::error& failure) mutable { reply(failure); };
  s.self->request(s.peers.supervisor, caf::infinite, status_atom::value)
      .then(
          [&s, reply, fail](const supervisor_status& sources) {
            s.self
                ->request(s.peers.reader, caf::infinite, query_atom::value,
                          std::string("watch.list"), std::string("{}"), given_up())
                .then(
                    [watchers = sources.watchers, reply](const std::string& text) mutable {
                      auto roots = json::parse(text);
                      add_modes(roots, watchers);
                      reply(roots);
                    },
                    fail);
          },
          fail);
}

/// How long an actor that is at work, as the journal in a sync, holds up a status. Then what it
/// said last counts.
constexpr auto status_time_max = std::chrono::milliseconds(100);

/// What a status is put together from. The first failure is the answer.
struct status_parts {
  console_state& s;
  answer reply;
  json known;
  std::size_t asked = 0;
  bool failed = false;

  void fail(const caf::error& why) {
    if (!std::exchange(failed, true)) reply(why);
  }
};
using status_parts_ptr = std::shared_ptr<status_parts>;

json to_json(const journal_status& log, const recovery_report& recovery,
             const scrub_status& scrub) {
  return {
      {"head_sequence", log.head.sequence},
      {"head_hash", to_hex(log.head.hash)},
      {"segments", log.segments},
      {"bytes", log.bytes},
      {"recovery",
       {{"clean_stop", recovery.clean_stop},
        {"torn_bytes", recovery.truncated_bytes},
        {"torn_copy", recovery.truncated_copy.empty() ? json() : json(recovery.truncated_copy)}}},
      {"scrub",
       {{"state", scrub.state},
        {"bytes", scrub.bytes},
        {"sequence", scrub.sequence},
        {"failure", scrub.failure.empty() ? json() : json(scrub.failure)}}}};
}

json to_json(const std::vector<import_status>& imports) {
  auto all = json::array();
  for (const auto& each : imports) {
    all.push_back({{"import", each.number},
                   {"paths", each.paths},
                   {"paths_total", each.paths_total},
                   {"scanned", each.scanned},
                   {"mode", each.silent ? "silent" : "running"}});
  }
  return all;
}

/// What the tables hold is asked of them, as the projector may be at work. Last, so that what the
/// others told of is in it.
void add_tables(const status_parts_ptr& parts) {
  auto& s = parts->s;
  s.self
      ->request(s.peers.reader, caf::infinite, query_atom::value, std::string("counts"),
                std::string("{}"), given_up())
      .then(
          [parts](const std::string& text) {
            const auto& state = parts->s;
            parts->known["log"] = to_json(*state.log.known, state.recovery,
                                          state.scrub.known.value_or(scrub_status{}));
            parts->known.update(json::parse(text));
            add_modes(parts->known["roots"], state.sources.known->watchers);
            parts->known["imports"] = to_json(state.sources.known->imports);
            parts->reply(parts->known);
          },
          [parts](const caf::error& why) { parts->fail(why); });
}

/// Asks an actor for its status, which is then in `last`, and goes on with the tables once all have
/// answered.
template <class Status, class Actor>
void add_status(const status_parts_ptr& parts, const Actor& whom, last_status<Status>& last,
                caf::duration time_max = caf::duration(status_time_max)) {
  ++parts->asked;
  auto done = [parts] {
    if (--parts->asked == 0 && !parts->failed) add_tables(parts);
  };
  auto& s = parts->s;
  s.self->request(whom, time_max, status_atom::value)
      .then(
          [&last, done](const Status& told) {
            last.known = told;
            done();
          },
          [&s, &last, parts, whom, done](const caf::error& why) {
            if (why != caf::sec::request_timeout) return parts->fail(why);
            if (!last.known) {
              add_status(parts, whom, last, caf::infinite);
              --parts->asked;
              return;
            }
            if (!std::exchange(last.asking, true))
              s.self->request(whom, caf::infinite, status_atom::value)
                  .then(
                      [&last](const Status& told) {
                        last.known = told;
                        last.asking = false;
                      },
                      [&last](const caf::error&) { last.asking = false; });
            done();
          });
}

json to_json(const console_use& use) {
  auto refused = json::object();
  for (std::size_t i = 0; i < refusal_count; ++i)
    refused[std::string(to_string(static_cast<refusal>(i)))] = use.refused[i].load();
  json all{{"connections", use.connections.load()}, {"refused", std::move(refused)}};
  auto text = [](const std::string& value) { return value.empty() ? json() : json(value); };
  auto listens = use.endpoints.load();
  all["socket"] = listens ? text(listens->socket) : json();
  all["socket_failure"] = listens ? text(listens->socket_failure) : json();
  all["port"] = listens ? json(listens->port) : json();
  return all;
}

void status(console_state& s, const request&, answer reply) {
  auto uptime = std::chrono::duration<double>(std::chrono::steady_clock::now() - s.started).count();
  bool service = s.peers.server != nullptr;
  auto parts = std::make_shared<status_parts>(
      status_parts{s, reply,
                   json{{"version", PODSTUDIO_VERSION},
                        {"pid", service ? json(::getpid()) : json()},
                        {"uptime_seconds", service ? uptime : 0.0},
                        {"workers", s.peers.workers},
                        {"console", service ? to_json(*s.peers.server) : json()}}});
  add_status(parts, s.peers.journal, s.log);
  if (s.peers.scrubber) add_status(parts, s.peers.scrubber, s.scrub);
  add_status(parts, s.peers.supervisor, s.sources);
}

/// Answers when the log holds more durable events than the caller has seen, or when the time is up.
/// With `folded`, only once the tables hold them too.
void log_wait(console_state& s, const request& what, answer reply) {
  auto after = number_argument(what.arguments, "after", UINT64_MAX);
  if (!after) return reply(after.failure());
  auto timeout = number_argument(what.arguments, "timeout_ms", long_poll_ms_max);
  if (!timeout) return reply(timeout.failure());
  auto folded = flag_argument(what.arguments, "folded");
  if (!folded) return reply(folded.failure());
  s.self
      ->request(s.peers.journal, std::chrono::milliseconds(*timeout), wait_atom::value,
                sequence_number{*after}, *timeout)
      .then(
          [&s, reply, folded = *folded](sequence_number durable) mutable {
            if (!folded) return reply(json{{"sequence", durable}});
            s.self->request(s.peers.projector, caf::infinite, wait_atom::value, durable, false)
                .then(
                    [reply, durable](sequence_number) mutable {
                      reply(json{{"sequence", durable}});
                    },
                    [reply](const caf::error& failure) mutable { reply(failure); });
          },
          [reply, seen = *after](const caf::error& failure) mutable {
            if (failure == caf::sec::request_timeout) return reply(json{{"sequence", seen}});
            reply(failure);
          });
}

/// Asks the reader pool or the historian. They let go of it when the asker has gone.
template <class Actor>
void query(console_state& s, const Actor& whom, const request& what, answer reply) {
  s.self
      ->request(whom, caf::infinite, query_atom::value, what.command, to_text(what.arguments),
                what.gone)
      .then([reply](const std::string& text) mutable { reply(json::parse(text)); },
            [reply](const caf::error& failure) mutable { reply(failure); });
}

/// Every command that changes nothing of assets and packs, besides the queries in reader.cpp and
/// historian.cpp. To add one, add a line.
const command_table commands = {
    {"import.start", import_start},
    {"import.wait", import_wait},
    {"log.wait", log_wait},
    {"status", status},
    {"sync", sync},
    {"watch.add", watch_add},
    {"watch.confirm", watch_confirm},
    {"watch.list", watch_list},
    {"watch.move", watch_move},
    {"watch.remove", watch_remove},
};

}  // namespace

console_actor::behavior_type console(console_actor::stateful_pointer<console_state> self,
                                     console_peers peers, recovery_report recovery) {
  self->state.self = self;
  self->state.peers = std::move(peers);
  self->state.recovery = std::move(recovery);
  return {
      [self](const request_ptr& asked) {
        auto promise = self->make_response_promise<std::string>();
        answer reply(promise, self->state.answering);
        if (asked->gone && *asked->gone) {
          reply(error{error_code::stopping, "the client has gone"});
          return promise;
        }
        if (*self->state.answering > console_requests_max) {
          reply(error{error_code::busy, "the service is answering too many requests; try again"});
          return promise;
        }
        const auto& name = asked->command;
        if (auto command = commands.find(name); command != commands.end()) {
          command->second(self->state, *asked, reply);
        } else if (auto change = change_commands().find(name); change != change_commands().end()) {
          change->second(self->state, *asked, reply);
        } else if (auto job = job_commands().find(name); job != job_commands().end()) {
          job->second(self->state, *asked, reply);
        } else if (is_query(name)) {
          query(self->state, self->state.peers.reader, *asked, reply);
        } else if (is_history(name)) {
          query(self->state, self->state.peers.historian, *asked, reply);
        } else {
          reply(error{error_code::invalid_argument,
                      "the engine does not know the command " + in_quotes(name)
                          + "; check that the service is the same version"});
        }
        return promise;
      },
  };
}

}  // namespace podstudio
