// SPDX-License-Identifier: MIT
#include "actors/supervisor_parts.hpp"

#include "platform/text.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace podstudio {

using namespace std::chrono_literals;

// --- changing the list ---

namespace {

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

}  // namespace

caf::typed_response_promise<change_outcome> change_roots(supervisor_pointer self,
                                                         const watch_request& wanted) {
  auto promise = self->make_response_promise<change_outcome>();
  root_request step;
  step.what = wanted.add ? root_request::step::add : root_request::step::remove;
  step.path = step.asked = wanted.path;
  step.id = wanted.id;
  step.origin = wanted.origin;
  step.request = wanted.request;
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

// --- asking the watchers ---

namespace {

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
    text += (text.empty() ? "not synchronized with " : "; nor with ") + in_quotes(entry.root.path);
    if (entry.moving)
      text += ": it is being moved; try again when 'watch move' has finished";
    else if (entry.root.lost && !entry.reason.empty())
      text += ": " + entry.reason;
    else if (failed)
      text += ": " + failure->second.why.message;
    else if (held)
      text += ": more than half of its files are gone; restore them, or accept that with: "
              "podstudio watch confirm "
              + in_quotes(entry.root.path);
  }
  if (text.empty()) return std::nullopt;
  return error{error_code::refused, text};
}

void answer_sync(supervisor_pointer self, caf::typed_response_promise<sequence_number> promise,
                 const watcher_answers<sequence_number>& got) {
  // The watchers are ended, and may not have looked at everything.
  if (self->state.stopping) {
    promise.deliver(to_caf(engine_is_stopping()));
    return;
  }
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

}  // namespace

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

caf::typed_response_promise<supervisor_status> tell_status(supervisor_pointer self) {
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
}

}  // namespace podstudio
