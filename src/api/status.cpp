// SPDX-License-Identifier: MIT
#include "api/declare.hpp"
#include "api/families.hpp"
#include "api/parts.hpp"
#include "projections/projection.hpp"
#include "query/assets.hpp"
#include "query/library.hpp"
#include "query/packs.hpp"
#include "schema/sqlite.hpp"

#include <unistd.h>

#include <chrono>
#include <memory>

namespace podstudio::api {

namespace {

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
  return {{"head_sequence", log.head.sequence},
          {"head_hash", to_hex(log.head.hash)},
          {"segments", log.segments},
          {"bytes", log.bytes},
          {"recovery",
           {{"clean_stop", recovery.clean_stop},
            {"torn_bytes", recovery.truncated_bytes},
            {"torn_copy", text_or_nothing(recovery.truncated_copy)}}},
          {"scrub",
           {{"state", scrub.state},
            {"bytes", scrub.bytes},
            {"sequence", scrub.sequence},
            {"failure", text_or_nothing(scrub.failure)}}}};
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

json to_json(const console_use& use) {
  auto refused = json::object();
  for (std::size_t i = 0; i < refusal_count; ++i)
    refused[std::string(to_string(static_cast<refusal>(i)))] = use.refused[i].load();
  json all{{"connections", use.connections.load()}, {"refused", std::move(refused)}};
  auto listens = use.endpoints.load();
  all["socket"] = listens ? text_or_nothing(listens->socket) : json();
  all["socket_failure"] = listens ? text_or_nothing(listens->socket_failure) : json();
  all["port"] = listens ? json(listens->port) : json();
  return all;
}

/// All counts in one view of the tables, and up to where these hold the log.
result<json> count_all(database& tables) {
  auto view = transaction::begin_read(tables);
  if (!view) return view.failure();
  auto head = read_checkpoint(tables);
  if (!head) return head.failure();
  auto assets = asset_counts(tables);
  if (!assets) return assets.failure();
  auto packs = pack_count(tables);
  if (!packs) return packs.failure();
  auto jobs = job_counts(tables);
  if (!jobs) return jobs.failure();
  auto held = tables.value<std::int64_t>("SELECT count(*) FROM job_queue");
  if (!held) return held.failure();
  (*jobs)["held"] = *held > 0;
  auto roots = list_roots(tables);
  if (!roots) return roots.failure();
  auto problems = problem_count(tables);
  if (!problems) return problems.failure();
  return json{{"projection", {{"sequence", head->sequence}}},
              {"assets", *assets},
              {"packs", {{"total", *packs}}},
              {"jobs", *jobs},
              {"roots", *roots},
              {"problems", *problems}};
}

struct counts : no_arguments {
  static constexpr std::string_view name = "status";
  /// The counts are taken again only where something was folded since: to count a million assets
  /// takes a tenth of a second.
  result<json> ask(reader_state& s, const is_over&) const {
    auto head = read_checkpoint(*s.tables);
    if (!head) return head.failure();
    if (s.counted_at != 0 && s.counted_at == head->sequence) return s.counts;
    auto counted = count_all(*s.tables);
    if (!counted) return counted;
    s.counted_at = (*counted)["projection"]["sequence"].get<sequence_number>();
    return s.counts = *std::move(counted);
  }
};

/// What the tables hold is asked of them, as the projector may be at work. Last, so that what the
/// others told of is in it.
void add_tables(const status_parts_ptr& parts) {
  ask_tables(
      parts->s, counts{},
      [parts](const json& counted) {
        const auto& state = parts->s;
        parts->known["log"] =
            to_json(*state.log.known, state.recovery, state.scrub.known.value_or(scrub_status{}));
        parts->known.update(counted);
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

struct status : no_arguments {
  static constexpr std::string_view name = "status",
                                    help =
                                        "Show what the service is doing and what the library holds",
                                    example = "podstudio status --watch";
  static constexpr auto needs = role::viewer;

  static json outcome() {
    auto recovery = shape::object({{"clean_stop", shape::flag()},
                                   {"torn_bytes", shape::count()},
                                   {"torn_copy", shape::nullable(shape::text())}});
    auto scrub =
        shape::object({{"state", shape::word_of({"off", "running", "intact", "damaged", "failed"})},
                       {"bytes", shape::count()},
                       {"sequence", shape::count()},
                       {"failure", shape::nullable(shape::text())}});
    auto log = shape::object({{"head_sequence", shape::count()},
                              {"head_hash", shape::digest()},
                              {"segments", shape::count()},
                              {"bytes", shape::count()},
                              {"recovery", recovery},
                              {"scrub", scrub}});
    auto console = shape::object({{"connections", shape::count()},
                                  {"refused", shape::map(shape::count())},
                                  {"socket", shape::nullable(shape::text())},
                                  {"socket_failure", shape::nullable(shape::text())},
                                  {"port", shape::nullable(shape::count())}});
    auto assets = shape::object({{"total", shape::count()},
                                 {"image", shape::count()},
                                 {"audio", shape::count()},
                                 {"video", shape::count()},
                                 {"approved", shape::count()},
                                 {"missing", shape::count()}});
    auto jobs = shape::object({{"held", shape::flag()}});
    for (auto word : enum_words<job_status>)
      jobs = shape::extended(std::move(jobs), {{word.data(), shape::count()}});
    auto import = shape::object({{"import", shape::count()},
                                 {"paths", shape::list(shape::text())},
                                 {"paths_total", shape::count()},
                                 {"scanned", shape::count()},
                                 {"mode", shape::word_of({"silent", "running"})}});
    return shape::object({{"version", shape::text()},
                          {"pid", shape::nullable(shape::count())},
                          {"uptime_seconds", shape::number()},
                          {"workers", shape::count()},
                          {"console", shape::nullable(console)},
                          {"log", log},
                          {"projection", shape::object({{"sequence", shape::count()}})},
                          {"assets", assets},
                          {"packs", shape::object({{"total", shape::count()}})},
                          {"jobs", jobs},
                          {"roots", shape::list(root_shape())},
                          {"problems", shape::count()},
                          {"imports", shape::list(import)}});
  }
  void start(console_state& s, const request&, answer reply) const {
    auto uptime =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - s.started).count();
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
};

constexpr std::uint64_t sync_ms_max = 86'400'000;

struct sync {
  static constexpr std::string_view name = "sync",
                                    help = "Wait until every change made so far is in the tables",
                                    example = "podstudio sync --timeout 60";
  static constexpr auto needs = role::viewer;
  std::uint64_t timeout_ms = 0;

  static void declare(auto& add) {
    add("timeout_ms", &sync::timeout_ms, whole_number{0, sync_ms_max});
  }
  static json outcome() { return shape::object({{"sequence", shape::count()}}); }
  void start(console_state& s, const request&, answer reply) const {
    s.self->request(s.peers.supervisor, std::chrono::milliseconds(timeout_ms), sync_atom::value)
        .then(
            [reply](sequence_number sequence) mutable {
              reply(json{{"sequence", sequence}}, sequence);
            },
            [reply](const caf::error& failure) mutable {
              if (failure != caf::sec::request_timeout) return reply(failure);
              reply(error{error_code::timed_out,
                          "changes are still being processed; allow more time with --timeout, or "
                          "see 'status'"});
            });
  }
};

struct problem_list : no_arguments {
  static constexpr std::string_view name = "problem.list",
                                    help = "List the files that could not be ingested, and why",
                                    example = "podstudio problem list";
  static constexpr auto needs = role::viewer;

  static json outcome() {
    return shape::list(shape::object({{"path", shape::text()},
                                      {"kind", shape::word<problem_kind>()},
                                      {"reason", shape::text()},
                                      {"since", shape::time()}}));
  }
  result<json> ask(reader_state& s, const is_over&) const { return list_problems(*s.tables); }
};

}  // namespace

std::vector<operation> status_operations() { return rows_of<problem_list, status, sync>(); }

}  // namespace podstudio::api
