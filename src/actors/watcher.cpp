#include "actors/watcher.hpp"

#include "actors/readiness.hpp"
#include "media/kind.hpp"
#include "platform/text.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <unordered_set>

namespace podstudio {

namespace {

using namespace std::chrono_literals;

/// A file nobody is seen to close is taken when two looks this far apart find the same facts.
constexpr auto settle_interval = 500ms;
/// How long a file that changed while it was read is left alone, doubled with each try.
constexpr auto look_again_after = 50ms;
constexpr auto look_again_after_max = 2s;
/// How often a file that changes while it is read is looked at again before it is a problem. The
/// next notice of it, at the latest its close, starts anew.
constexpr unsigned tries_max = 20;
/// How long to wait when the engine refuses files, for want of room most likely.
constexpr auto pause = 1s;
/// How many buffers of notices one drain reads; the kernel's queue holds fewer.
constexpr int drain_reads_max = 1024;

/// In a list of looked-at paths: stands for the failures of the batch.
constexpr auto no_path = "";

std::string_view last_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::chrono::milliseconds back_off(unsigned tries) {
  auto doubled = look_again_after * (1u << std::min(tries, 6u));
  return std::min<std::chrono::milliseconds>(doubled, look_again_after_max);
}

}  // namespace

watcher_state::watcher_state() = default;
watcher_state::~watcher_state() = default;

result<void> watcher_state::open() {
  struct stat status;
  if (::stat(root.path.c_str(), &status) != 0)
    return system_error(errno, "cannot watch " + in_quotes(root.path));
  if (!S_ISDIR(status.st_mode))
    return error{error_code::invalid_argument, in_quotes(root.path) + " is no folder any more"};
  auto opened = folder_watches::open();
  if (!opened) return opened.failure();
  watches.emplace(std::move(*opened));
  // Each folder is watched before its names are read: what is made in between is noticed twice, not
  // missed.
  walker.emplace(excluded, [this](const std::string& folder) {
    auto added = watches->add(folder);
    if (added || added.failure().code == error_code::not_found || limit_reported) return;
    limit_reported = true;
    reports.push_back({printable(root.path), problem_kind::watch_limit, added.failure().message});
  });
  walk(root.path);
  notices = std::make_unique<readiness>(
      watches->fd(), [to = watcher_actor{self}] { caf::anon_send(to, readable_atom::value); });
  return {};
}

// --- noticing
// -------------------------------------------------------------------------------------

void watcher_state::drain_notices() {
  std::vector<change> changes;
  for (int reads = 0; reads < drain_reads_max; ++reads) {
    auto more = watches->read(changes);
    if (!more) {
      self->quit(to_caf(more.failure()));
      return;
    }
    for (const auto& what : changes)
      note(what);
    changes.clear();
    if (!*more) return;
  }
}

void watcher_state::note(const change& what) {
  switch (what.what) {
  case change::kind::overflow:
    spdlog::warn("too many changes at once under '{}'; walking it", printable(root.path));
    return walk(root.path);
  case change::kind::folder:
    return walk(what.path);
  case change::kind::gone:
    return;
  case change::kind::written:
  case change::kind::touched:
    break;
  }
  if (!type_of(last_name(what.path))) return;
  bool whole = what.what == change::kind::written;
  want(what.path, {.at = clock::now() + (whole ? 0ms : settle_interval), .written = whole});
}

void watcher_state::want(const std::string& path, due_path how) {
  if (due.size() >= watcher_due_max && !due.contains(path)) {
    walk(root.path);
    if (how.ticket == 0) return;
    if (how.ticket < walk_ticket)
      std::swap(walk_ticket, how.ticket);  // the walk serves the older need
    return release(how.ticket);
  }
  if (how.ticket == 0) hold(how.ticket = ticket);
  auto [at, added] = due.try_emplace(path, how);
  auto& known = at->second;
  if (!added) {
    // One look serves both; it must come in time for the older.
    release(std::max(known.ticket, how.ticket));
    known.ticket = std::min(known.ticket, how.ticket);
    known.tries = std::max(known.tries, how.tries);
    if (!how.written || (known.written && known.at <= how.at)) return;
    known.written = true;
    known.at = how.at;
  }
  agenda.emplace(known.at, path);
}

void watcher_state::walk(const std::string& folder) {
  walker->add(folder);
  if (walk_ticket == 0) hold(walk_ticket = ticket);
}

// --- looking
// --------------------------------------------------------------------------------------

void watcher_state::pump() {
  while (in_flight < watcher_batches_max && clock::now() >= pause_until) {
    findings found;
    looked_paths looked;
    found.failures = std::exchange(reports, {});
    look_at_due(found, looked);
    if (found.files.empty()) walk_on(found, looked);
    if (found.files.empty() && found.failures.empty()) {
      // A walk over files of other kinds: let notices and requests in between.
      if (walk_ticket != 0) self->send(self, step_atom::value);
      break;
    }
    send(std::move(found), std::move(looked));
  }
  answer_syncs();
  schedule();
}

void watcher_state::look_at_due(findings& found, looked_paths& looked) {
  auto now = clock::now();
  while (!agenda.empty() && agenda.begin()->first <= now
         && found.files.size() + found.failures.size() < max_batch_files) {
    auto path = std::move(agenda.begin()->second);
    auto at = agenda.begin()->first;
    agenda.erase(agenda.begin());
    auto entry = due.find(path);
    if (entry == due.end() || entry->second.at != at) continue;  // outdated
    auto how = std::move(entry->second);
    due.erase(entry);
    auto files = found.files.size(), failures = found.failures.size();
    if (look(path, found, key_of) == look_outcome::folder) walk(path);
    if (found.failures.size() > failures) {
      looked.emplace_back(no_path, std::move(how));  // a sync waits for problems too
    } else if (found.files.size() == files) {
      release(how.ticket);
    } else if (how.written || settled(found, how)) {
      found.files.back().written = true;
      looked.emplace_back(std::move(path), std::move(how));
    } else {
      found.files.pop_back();
      want(path, std::move(how));
    }
  }
}

bool watcher_state::settled(const findings& found, due_path& how) {
  const auto& facts = found.files.back().facts;
  if (how.seen == facts) return true;
  // It is still being written to: whoever waits for what was noticed so far need not wait for more.
  if (how.seen) {
    release(how.ticket);
    hold(how.ticket = ticket);
  }
  how.seen = facts;
  how.at = clock::now() + settle_interval;
  return false;
}

void watcher_state::walk_on(findings& found, looked_paths& looked) {
  if (walk_ticket == 0) return;
  walker->step(found, max_batch_files);
  if (!found.failures.empty()) {
    hold(walk_ticket);
    looked.emplace_back(no_path, due_path{.ticket = walk_ticket});
  }
  for (const auto& file : found.files) {
    hold(walk_ticket);
    looked.emplace_back(file.path, due_path{.ticket = walk_ticket});
  }
  if (walker->done()) release(std::exchange(walk_ticket, 0));
}

void watcher_state::schedule() {
  auto next = clock::time_point::max();
  if (in_flight < watcher_batches_max && !agenda.empty()) next = agenda.begin()->first;
  if (pause_until > clock::now()) next = pause_until;
  if (next >= wake_at) return;
  wake_at = next;
  auto wait = std::max<clock::duration>(next - clock::now(), 0ms);
  self->delayed_send(self, std::chrono::duration_cast<std::chrono::milliseconds>(wait) + 1ms,
                     step_atom::value);
}

// --- handing over
// ---------------------------------------------------------------------------------

void watcher_state::send(findings batch, looked_paths looked) {
  ++in_flight;
  auto kept = std::make_shared<const looked_paths>(std::move(looked));
  auto failures = std::make_shared<findings>();
  failures->failures = batch.failures;
  self->request(catalog, caf::infinite, observe_atom::value,
                observation_batch{"watcher", std::move(batch.files), std::move(batch.failures)})
      .then(
          [this, kept](const observation_outcome& outcome) {
            --in_flight;
            taken(outcome, *kept);
            pump();
          },
          [this, kept, failures](const caf::error& why) {
            --in_flight;
            refused(why, std::move(*failures), *kept);
            pump();
          });
}

void watcher_state::taken(const observation_outcome& outcome, const looked_paths& looked) {
  last_sequence = std::max(last_sequence, outcome.last_sequence);
  std::unordered_set<std::string_view> again(outcome.changed_meanwhile.begin(),
                                             outcome.changed_meanwhile.end());
  std::unordered_set<std::string_view> others(outcome.in_reading.begin(), outcome.in_reading.end());
  for (const auto& [path, how] : looked) {
    if (others.contains(path)) {
      want(path, {.at = clock::now() + look_again_after,
                  .ticket = how.ticket,
                  .written = true,
                  .tries = how.tries});
    } else if (!again.contains(path)) {
      release(how.ticket);
    } else if (how.tries < tries_max) {
      want(path, {.at = clock::now() + back_off(how.tries),
                  .ticket = how.ticket,
                  .written = true,
                  .tries = how.tries + 1});
    } else {
      reports.push_back(
          {printable(path), problem_kind::unstable, "it keeps changing while it is read"});
      release(how.ticket);
    }
  }
}

void watcher_state::refused(const caf::error& why, findings batch, const looked_paths& looked) {
  auto reason = from_caf(why);
  if (reason.code != error_code::stopping)
    spdlog::warn("files under '{}' wait: {}", printable(root.path), reason.message);
  pause_until = clock::now() + pause;
  reports.insert(reports.end(), batch.failures.begin(), batch.failures.end());
  for (const auto& [path, how] : looked) {
    if (path == no_path)
      release(how.ticket);
    else
      want(path, {.at = pause_until, .ticket = how.ticket, .written = true, .tries = how.tries});
  }
}

// --- tickets
// --------------------------------------------------------------------------------------

void watcher_state::hold(std::uint64_t number) { ++outstanding[number]; }

void watcher_state::release(std::uint64_t number) {
  auto at = outstanding.find(number);
  assert(at != outstanding.end());
  if (--at->second == 0) outstanding.erase(at);
}

void watcher_state::answer_syncs() {
  auto end = outstanding.empty() ? syncs.end() : syncs.lower_bound(outstanding.begin()->first);
  for (auto at = syncs.begin(); at != end; ++at)
    at->second.deliver(last_sequence);
  syncs.erase(syncs.begin(), end);
}

watcher_actor::behavior_type watcher(watcher_actor::stateful_pointer<watcher_state> self,
                                     watched_root root, catalog_actor catalog,
                                     folder_identity excluded) {
  auto& state = self->state;
  state.self = self;
  state.root = std::move(root);
  state.catalog = std::move(catalog);
  state.excluded = excluded;
  self->set_exit_handler([self](const caf::exit_msg& why) {
    for (auto& [ticket, promise] : self->state.syncs)
      promise.deliver(self->state.last_sequence);
    self->state.syncs.clear();
    self->quit(why.reason);
  });
  if (auto opened = state.open(); !opened)
    self->quit(to_caf(opened.failure()));
  else
    self->send(self, step_atom::value);
  return {
      [self](readable_atom) {
        auto& s = self->state;
        s.drain_notices();
        s.notices->arm();
        s.pump();
      },
      [self](step_atom) {
        self->state.wake_at = watcher_state::clock::time_point::max();
        self->state.pump();
      },
      [self](sync_atom) {
        auto& s = self->state;
        auto promise = self->make_response_promise<sequence_number>();
        // The kernel queues a notice before the call that made the change returns.
        s.drain_notices();
        s.syncs.emplace(s.ticket++, promise);
        s.pump();
        return promise;
      },
      [self](status_atom) {
        const auto& s = self->state;
        return watcher_status{s.root.id, s.root.path, "active",
                              s.walk_ticket != 0 ? "scanning" : "live"};
      },
  };
}

}  // namespace podstudio
