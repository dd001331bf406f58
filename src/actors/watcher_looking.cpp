// SPDX-License-Identifier: MIT
#include "actors/watcher.hpp"

#include "platform/text.hpp"
#include "query/files.hpp"
#include "schema/sqlite.hpp"

#include <algorithm>
#include <cassert>
#include <unordered_set>

/// The second half of a watcher: looking at what was noticed, and handing it to the catalog.
namespace podstudio {

namespace {

using namespace std::chrono_literals;

/// How long a file that changed while it was read is left alone, doubled with each try.
constexpr auto look_again_after = 50ms;
constexpr auto look_again_after_max = 2s;
/// How often a file that changes while it is read is looked at again before it is a problem. The
/// next notice of it, at the latest its close, starts anew.
constexpr unsigned tries_max = 20;
/// How long to wait when the engine refuses files, for want of room most likely.
constexpr auto pause = 1s;
/// How often the root is looked at: nobody tells when a disk is pulled out that is in use
/// elsewhere, or when another is mounted over it.
constexpr auto root_check_interval = 1s;
/// In a list of looked-at paths: stands for the failures of the batch.
constexpr auto no_path = "";

bool is_large(const seen_file& file) { return file.facts.size_bytes > large_file_bytes; }

std::chrono::milliseconds back_off(unsigned tries) {
  auto doubled = look_again_after * (1u << std::min(tries, 6u));
  return std::min<std::chrono::milliseconds>(doubled, look_again_after_max);
}

}  // namespace

// --- looking ---

void watcher_state::pump() {
  if (clock::now() >= root_check_at) {
    root_check_at = clock::now() + root_check_interval;
    if (auto there = check_root(); !there) return fail(there.failure());
    if (auto readable = check_readable(root.path); !readable) return fail(readable.failure());
  }
  if (clock::now() >= rescan_at) {
    rescan_at = clock::time_point::max();
    walk(root.path);
  }
  while (!failed && in_flight.size() < watcher_batches_max && clock::now() >= pause_until) {
    findings found;
    looked_paths looked;
    found.failures = std::exchange(reports, {});
    look_at_due(found, looked);
    bool may_walk = in_flight.size() < watcher_slow_batches_max
                    && (walking || (!walks.empty() && may_begin_walk()));
    if (may_walk && found.files.empty() && found.gone.empty()) walk_on(found, looked);
    if (found.size() == 0 && resolved.empty()) {
      // A walk that finds nothing new: let notices and requests in between.
      if (may_walk) self->send(self, step_atom::value);
      break;
    }
    send(std::move(found), std::move(looked));
  }
  answer_syncs();
  schedule();
}

/// Where the paths of a batch are looked at from. An asset that is looked at for the sake of
/// another may lie in another root; where it was imported nobody knows what was named, and no link
/// in its path is followed.
class watcher_state::view {
public:
  explicit view(const watcher_state& of) : of_(of) {}

  const root_folder& at(const std::string& path) {
    if (lies_within(path, of_.root.path)) return last_.at(of_.root.path);
    if (!roots_) {
      auto read = root_paths(*of_.tables);
      roots_ = read ? std::move(*read) : std::vector<std::string>();
    }
    const auto* root = find_enclosing(path, *roots_);
    return last_.at(root != nullptr ? *root : "/");
  }

private:
  const watcher_state& of_;
  last_root_folder last_;
  std::optional<std::vector<std::string>> roots_;  ///< read once they are needed
};

void watcher_state::look_at_due(findings& found, looked_paths& looked) {
  auto now = clock::now();
  view from(*this);
  while (!agenda.empty() && agenda.begin()->first <= now && found.size() < max_batch_files) {
    auto path = std::move(agenda.begin()->second);
    auto at = agenda.begin()->first;
    agenda.erase(agenda.begin());
    auto entry = due.find(path);
    if (entry == due.end() || entry->second.at != at) continue;  // outdated
    auto how = std::move(entry->second);
    due.erase(entry);
    auto files = found.files.size(), failures = found.failures.size();
    if (look(from.at(path), path, found, key_of) == look_outcome::folder) walk(path);
    if (found.failures.size() > failures && is_in_flight(path)) {
      // It was gone a moment ago, which may be decided after what comes later.
      found.failures.pop_back();
      how.at = clock::now() + look_again_after;
      want(path, std::move(how));
    } else if (found.failures.size() > failures) {
      remember_problem(found.failures.back().path);
      looked.emplace_back(no_path, std::move(how));  // a sync waits for problems too
    } else if (found.files.size() > files && is_left_out(path)) {
      found.files.pop_back();
      release(how.ticket);
    } else if (found.files.size() == files) {
      found.gone.push_back(gone_from(from.at(path), path, key_of));
      looked.emplace_back(std::move(path), std::move(how));
    } else if (is_large(found.files.back()) && large_in_flight >= watcher_slow_batches_max) {
      found.files.pop_back();
      how.at = clock::now() + look_again_after;
      want(path, std::move(how));
    } else if (how.written || settled(found, how)) {
      found.files.back().written = true;
      looked.emplace_back(std::move(path), std::move(how));
    } else {
      found.files.pop_back();
      want(path, std::move(how));
    }
  }
}

void watcher_state::remember_problem(const std::string& path) {
  if (problems.size() < watcher_problems_max) problems.insert(path);
  if (problems.contains(path)) problems_seen.insert(path);
}

bool watcher_state::settled(const findings& found, due_path& how) {
  const auto& facts = found.files.back().facts;
  if (how.seen == facts) return true;
  // It is still being written to: whoever waited before the last look need not wait for what came
  // after.
  if (how.seen) {
    release(how.ticket);
    hold(how.ticket = how.seen_ticket);
  }
  how.seen = facts;
  how.seen_ticket = ticket;
  how.at = clock::now() + settle_interval;
  return false;
}

bool watcher_state::is_in_flight(const std::string& path) const {
  return std::ranges::any_of(in_flight, [&](const auto& batch) {
    return std::ranges::any_of(*batch, [&](const auto& each) { return each.first == path; });
  });
}

/// What was sent of the folder must be visible, or the tables would not know of all that is gone.
bool watcher_state::may_begin_walk() const {
  const auto& folder = walks.front().first;
  return std::ranges::none_of(in_flight, [&](const auto& batch) {
    return std::ranges::any_of(*batch,
                               [&](const auto& each) { return lies_within(each.first, folder); });
  });
}

void watcher_state::begin_walk() {
  const auto& folder = walks.front().first;
  bool whole = folder == root.path;
  if (whole) {
    scan.emplace(options.scans);
    no_watch_left = false;
    holding = false;
    problems_seen.clear();
    not_taken_seen = {};
  } else {
    std::erase_if(problems_seen, [shown = printable(folder)](const std::string& path) {
      return lies_within(path, shown);
    });
  }
  // Each folder is watched before its names are read: what is made in between is noticed twice, not
  // missed.
  auto watch = [this](const std::string& path, int opened) {
    if (!watches) return;
    auto added = watches->add(path, opened);
    if (added || added.failure().code == error_code::not_found) return;
    if (!std::exchange(no_watch_left, true))
      reports.push_back({printable(root.path), problem_kind::watch_limit, added.failure().message});
    limited = true;
  };
  auto known = [this](const std::string& below, const std::string& after) {
    return files_under(*tables, below, after);
  };
  auto may_tell_gone = [this, whole](const reconciler::counts& counts) {
    return !whole || scan_may_tell_gone(counts);
  };
  walking.emplace(folder, root.path, options.excluded, known, watch, may_tell_gone);
}

bool watcher_state::scan_may_tell_gone(const reconciler::counts& counts) {
  bool hold_back =
      counts.known >= guarded_files_min && counts.gone * 2 > counts.known && !confirmed;
  confirmed = false;
  if (hold_back)
    reports.push_back({printable(root.path), problem_kind::scan_held,
                       std::to_string(counts.gone) + " of " + std::to_string(counts.known)
                           + " files are gone; restore them, or accept that with: podstudio watch "
                             "confirm "
                           + in_quotes(root.path)});
  holding = hold_back;
  return !hold_back;
}

void watcher_state::walk_on(findings& found, looked_paths& looked) {
  if (!walking) begin_walk();
  auto failures = found.failures.size();
  found.not_taken = {};
  if (auto stepped = walking->step(found, max_batch_files); !stepped)
    return fail(stepped.failure());
  if (walks.front().first == root.path) add(found.not_taken, not_taken_seen);
  auto number = walks.front().second;
  auto kept = [&](const std::string& path) {
    hold(number);
    looked.emplace_back(path, due_path{.ticket = number});
  };
  for (auto at = failures; at < found.failures.size(); ++at) {
    remember_problem(found.failures[at].path);
    kept(no_path);
  }
  for (const auto& file : found.files)
    kept(file.path);
  for (const auto& gone : found.gone)
    kept(gone.path);
  if (!walking->done()) return;
  end_walk();
  if (!resolved.empty()) kept(no_path);  // likewise a sync waits for what is none any more
}

void watcher_state::end_walk() {
  auto [folder, number] = walks.front();
  walking.reset();
  scan.reset();
  walks.pop_front();
  release(number);
  // What is no problem any more, in the eyes of one who looked at everything there.
  auto shown = printable(folder);
  if (folder != root.path) {
    std::erase_if(problems, [&](const std::string& path) {
      bool is_solved = lies_within(path, shown) && !problems_seen.contains(path);
      if (is_solved) resolved.push_back(path);
      return is_solved;
    });
    return;
  }
  limited = watches && no_watch_left;
  not_taken = not_taken_seen;
  held = holding;
  if (!held) problems_seen.erase(printable(root.path));
  for (auto at = problems.begin(); at != problems.end();) {
    bool still = problems_seen.contains(*at)
                 || (*at == printable(root.path) && (held || limited || !watches));
    if (!still) resolved.push_back(*at);
    at = still ? std::next(at) : problems.erase(at);
  }
  if (held || limited || !watches) problems.insert(printable(root.path));
  clock::duration wait = polls() ? options.poll_interval : options.rescan_interval;
  held_wait = held ? std::clamp<clock::duration>(
                  held_wait * 2, held_wait_min,
                  std::max<clock::duration>(options.poll_interval, held_wait_min))
                   : 0s;
  if (held) wait = held_wait;
  rescan_at = clock::now() + wait;
}

void watcher_state::schedule() {
  auto next = std::min(rescan_at, root_check_at);
  if (in_flight.size() < watcher_batches_max && !agenda.empty())
    next = std::min(next, agenda.begin()->first);
  if (pause_until > clock::now()) next = pause_until;
  if (next >= wake_at) return;
  wake_at = next;
  auto wait = std::max<clock::duration>(next - clock::now(), 0ms);
  self->delayed_send(self, std::chrono::duration_cast<std::chrono::milliseconds>(wait) + 1ms,
                     step_atom::value);
}

// --- handing over ---

void watcher_state::send(findings batch, looked_paths looked) {
  // What was found there, or is gone, is so only if the root is still there afterwards, and was all
  // the time.
  // A walk found it some time ago; of what came back since, notices tell.
  view from(*this);
  std::erase_if(batch.gone,
                [&](const gone_file& gone) { return !is_gone(from.at(gone.path), gone.path); });
  for (auto& gone : batch.gone)
    gone.on_root = gone.volume == root_volume;
  if (!batch.gone.empty() || !batch.files.empty()) {
    drain_notices();
    if (failed) return;
    if (auto there = check_root(); !there) return fail(there.failure());
  }
  auto kept = std::make_shared<const looked_paths>(std::move(looked));
  in_flight.push_back(kept);
  std::size_t large = std::ranges::any_of(batch.files, is_large) ? 1 : 0;
  large_in_flight += large;
  auto solved = std::exchange(resolved, {});
  auto failures = std::make_shared<const std::vector<failed_file>>(batch.failures);
  self->request(catalog, caf::infinite, observe_atom::value,
                observation_batch{"watcher", std::move(batch.files), std::move(batch.gone),
                                  std::move(batch.failures), solved})
      .then(
          [this, kept, large](const observation_outcome& outcome) {
            std::erase(in_flight, kept);
            large_in_flight -= large;
            taken(outcome, *kept);
            pump();
          },
          [this, kept, large, failures, solved](const caf::error& why) {
            std::erase(in_flight, kept);
            large_in_flight -= large;
            reports.insert(reports.end(), failures->begin(), failures->end());
            resolved.insert(resolved.end(), solved.begin(), solved.end());
            refused(why, *kept);
            pump();
          });
}

void watcher_state::taken(const observation_outcome& outcome, const looked_paths& looked) {
  last_sequence = std::max(last_sequence, outcome.last_sequence);
  std::unordered_set<std::string_view> again(outcome.changed_meanwhile.begin(),
                                             outcome.changed_meanwhile.end());
  std::unordered_set<std::string_view> others(outcome.again.begin(), outcome.again.end());
  std::unordered_set<std::string_view> later(outcome.later.begin(), outcome.later.end());
  auto oldest = ticket;
  for (const auto& [path, how] : looked)
    oldest = std::min(oldest, how.ticket);
  std::unordered_set<std::string_view> own;
  for (const auto& [path, how] : looked)
    own.insert(path);
  view from(*this);
  for (const auto& path : outcome.again) {
    // Of what is gone its own notice or walk tells.
    if (own.contains(path) || is_gone(from.at(path), path)) continue;
    hold(oldest);
    want(path, {.at = clock::now(), .ticket = oldest, .written = true});
  }
  for (const auto& [path, how] : looked) {
    if (later.contains(path)) {
      want(path, {.at = clock::now() + recent_moves::pause, .ticket = how.ticket, .written = true});
    } else if (others.contains(path)) {
      want(path, {.at = clock::now() + look_again_after,
                  .ticket = how.ticket,
                  .written = true,
                  .tries = how.tries});
    } else if (!again.contains(path)) {
      if (allowed_in_flight.erase(path) != 0 && is_problem(path))
        want(path, {.at = clock::now(), .ticket = how.ticket, .written = true});
      else
        release(how.ticket);
    } else if (how.tries < tries_max) {
      want(path, {.at = clock::now() + back_off(how.tries),
                  .ticket = how.ticket,
                  .written = true,
                  .tries = how.tries + 1});
    } else {
      reports.push_back(
          {printable(path), problem_kind::unstable, "it keeps changing while it is being read"});
      release(how.ticket);
    }
  }
}

void watcher_state::refused(const caf::error& why, const looked_paths& looked) {
  auto reason = from_caf(why);
  if (reason.code != error_code::stopping)
    spdlog::warn("files under '{}' are waiting: {}", printable(root.path), reason.message);
  pause_until = clock::now() + pause;
  for (const auto& [path, how] : looked) {
    if (path == no_path)
      release(how.ticket);
    else
      want(path, {.at = pause_until, .ticket = how.ticket, .written = true, .tries = how.tries});
  }
}

}  // namespace podstudio
