// SPDX-License-Identifier: MIT
#include "actors/undoer.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace podstudio {

struct contested_undo {
  uuid id{};
  uuid target{};
  bool force = false;
  std::optional<digest> request{};
  undoer_state::answer promise;
  asset_paths missing;  ///< assets that the undone command marked missing
  undo_outcome outcome;
  std::shared_ptr<const std::vector<field>> conflicts;
  std::vector<conflicting_command> commands;  ///< the newest left_named_max, oldest first
  std::size_t commands_count = 0;             ///< also those before
  std::size_t undoable_count = 0;
};

namespace {

/// The first few, and how many more.
std::string listed(const std::vector<std::string>& texts, std::size_t count) {
  constexpr std::size_t shown_max = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(texts.size(), shown_max); ++i)
    text += (i == 0 ? "" : ", ") + texts[i];
  if (count > shown_max) text += " and " + std::to_string(count - shown_max) + " more";
  return text;
}

std::vector<std::string> names_of(const std::map<std::string, std::uint64_t>& facts) {
  std::vector<std::string> names;
  for (const auto& [name, count] : facts)
    names.push_back(std::to_string(count) + " " + name);
  return names;
}

/// Newest first, as they are to be undone.
template <class Take>
std::vector<std::string> ids_of(const std::vector<conflicting_command>& commands, Take take) {
  std::vector<std::string> ids;
  for (auto command = commands.rbegin(); command != commands.rend(); ++command)
    if (take(*command)) ids.push_back(command->id);
  return ids;
}

/// Who changed what the undone command left, and what to do about it.
std::string changed_by(const contested_undo& undo) {
  auto undoable = ids_of(undo.commands, [](const auto& each) { return each.undoable; });
  auto of_files = ids_of(undo.commands, [](const auto& each) { return !each.undoable; });
  std::string text;
  if (!undoable.empty())
    text = " by " + listed(undoable, undo.undoable_count)
           + (undo.undoable_count == 1 ? "; undo that first" : "; undo these first, newest first");
  if (!of_files.empty())
    text += (undoable.empty() ? " by" : "; and by")
            + (" what happened to files in "
               + listed(of_files, undo.commands_count - undo.undoable_count)
               + ", which cannot be undone");
  return text;
}

error refusal(const contested_undo& undo) {
  const auto& decided = *undo.outcome.decided;
  auto text = (undo.force ? "nothing of command " : "the command ") + to_string(undo.target)
              + (undo.force ? " can" : " cannot") + " be undone: ";
  // By people, that is: what happened to files cannot be undone to have the change again.
  if (decided.is_as_before && undo.commands_count > 0
      && undo.undoable_count == undo.commands_count) {
    text += "everything it changed has been changed back by "
            + listed(ids_of(undo.commands, [](const auto&) { return true; }), undo.commands_count);
    if (undo.commands_count == 1) text += "; undo that to apply it again";
  } else if (!decided.conflicts.empty()) {
    text += listed(names_of(decided.conflicts), decided.conflicts.size())
            + (decided.conflicts.size() == 1 ? " was" : " were") + " changed since"
            + changed_by(undo);
  }
  if (!decided.no_room.empty()) {
    if (!decided.conflicts.empty()) text += "; and ";
    text += "there is no room for " + listed(names_of(decided.no_room), decided.no_room.size())
            + ", as a library has at most " + std::to_string(max_packs) + " packs, a pack "
            + std::to_string(max_pack_assets) + " assets and an asset "
            + std::to_string(max_asset_tags) + " tags; remove some first";
  }
  if (!decided.facts.empty()) {
    if (!decided.conflicts.empty() || !decided.no_room.empty()) text += "; and ";
    auto facts = names_of(decided.facts);
    text += "it holds " + listed(facts, facts.size())
            + "; what happens to files, jobs and watched folders cannot be undone";
  }
  if (!undo.force && !decided.events.empty()) text += "; --force undoes the rest";
  return {error_code::refused, text};
}

void answer_undo(const contested_undo& undo) {
  auto promise = undo.promise;
  if (!undo.outcome.undone) {
    promise.deliver(to_caf(refusal(undo)));
    return;
  }
  undo_report report{undo.id, undo.outcome.done, !undo.outcome.decided, undo.outcome.decided, {}};
  if (report.left && report.left->complete()) report.left = nullptr;
  if (report.left) report.conflicting = ids_of(undo.commands, [](const auto&) { return true; });
  promise.deliver(std::move(report));
}

}  // namespace

void undoer_state::undo(const undo_command& what, answer promise) {
  auto undo = std::make_shared<contested_undo>();
  undo->id = what.id;
  undo->target = what.target;
  undo->force = what.force;
  undo->request = what.request;
  undo->promise = promise;
  auto fail = [promise](const caf::error& failure) mutable { promise.deliver(failure); };
  self->request(historian, caf::infinite, undo_atom::value, to_string(what.target))
      .then(
          [this, undo, origin = what.origin, fail](const past_command& past) {
            undo->missing = past.paths;
            self->request(catalog, caf::infinite, undo_atom::value,
                          undo_request{undo->id, origin, past, undo->force, undo->request})
                .then(
                    [this, undo,
                     from = past.done.last_sequence() + 1](const undo_outcome& outcome) {
                      undo->outcome = outcome;
                      decided(undo, from);
                    },
                    fail);
          },
          fail);
}

void undoer_state::decided(const std::shared_ptr<contested_undo>& undo, sequence_number from) {
  const auto& outcome = undo->outcome;
  // Those that are not there after all are found missing again.
  if (!undo->missing.empty() && outcome.undone)
    self->send(supervisor, path_atom::value, std::move(undo->missing));
  if (!outcome.decided || outcome.decided->conflicts.empty()) return answer_undo(*undo);
  undo->conflicts = {outcome.decided, &outcome.decided->conflicts};
  find_conflicts(undo, from);
}

void undoer_state::find_conflicts(const std::shared_ptr<contested_undo>& undo,
                                  sequence_number from) {
  self->request(historian, caf::infinite, find_atom::value, conflict_search{undo->conflicts, from})
      .then(
          [this, undo](const conflict_page& page) {
            auto& known = undo->commands;
            known.insert(known.end(), page.commands.begin(), page.commands.end());
            undo->commands_count += page.commands.size();
            undo->undoable_count += static_cast<std::size_t>(
                std::ranges::count_if(page.commands, &conflicting_command::undoable));
            if (known.size() > left_named_max)
              known.erase(known.begin(), known.end() - left_named_max);
            if (page.next)
              find_conflicts(undo, *page.next);
            else
              answer_undo(*undo);
          },
          [undo](const caf::error& failure) {
            // What is done is done, whoever stood in the way of the rest.
            if (undo->outcome.undone) return answer_undo(*undo);
            undo->promise.deliver(failure);
          });
}

undo_actor::behavior_type undoer(undo_actor::stateful_pointer<undoer_state> self,
                                 catalog_actor catalog, historian_actor historian,
                                 supervisor_actor supervisor) {
  self->state.self = self;
  self->state.catalog = std::move(catalog);
  self->state.historian = std::move(historian);
  self->state.supervisor = std::move(supervisor);
  return {
      [self](undo_atom, const undo_command& what) {
        auto promise = self->make_response_promise<undo_report>();
        self->state.undo(what, promise);
        return promise;
      },
  };
}

}  // namespace podstudio
