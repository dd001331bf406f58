// SPDX-License-Identifier: MIT
#include "projections/folds.hpp"

#include "platform/text.hpp"
#include "platform/types.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <type_traits>
#include <variant>

namespace podstudio {

namespace {

/// An internal error gets the event and its place, without which nobody could look for the cause.
error located(error failure, std::string_view name, sequence_number sequence) {
  if (failure.code == error_code::internal)
    failure.message = "cannot fold " + std::string(name) + " at sequence "
                      + std::to_string(sequence) + ": " + failure.message
                      + "; rebuild the tables with 'podstudio replay'";
  return failure;
}

bool is_about_library(const event& what) {
  return std::visit([]<class Event>(const Event&) { return library_event<Event>; }, what);
}

}  // namespace

// That the engine started or stopped is in `command`; no table has more of it.
result<void> fold(fold_context&, const engine_started&) { return {}; }
result<void> fold(fold_context&, const engine_stopped&) { return {}; }

result<void> fold_command(fold_context& context, const committed_command& command) {
  const auto& what = *command.what;
  context.at = to_timestamp(command.at_us);
  context.parked.clear();
  auto recorded = context.commands.insert.run(command.first_sequence, command.last_sequence(),
                                              to_string(what.id), context.at, what.origin,
                                              what.summary, subject_of(what.events), what.request);
  if (!recorded) return recorded;
  std::span<const event> rest = what.events;
  while (!rest.empty()) {
    auto sequence = context.sequence = command.last_sequence() + 1 - rest.size();
    auto folded = fold_together(context, rest);
    if (!folded) return located(folded.failure(), asset_registered::name, sequence);
    if (*folded == 0) {
      auto done = std::visit(
          [&](const auto& it) -> result<void> {
            auto one = fold(context, it);
            if (!one) return located(one.failure(), std::decay_t<decltype(it)>::name, sequence);
            return one;
          },
          rest.front());
      if (!done) return done;
      folded = 1;
    }
    rest = rest.subspan(*folded);
  }
  if (std::ranges::any_of(what.events, is_about_library))
    context.library = log_head{command.last_sequence(), command.hash};
  if (!context.parked.empty())
    return located(
        {error_code::internal, "asset " + std::to_string(*context.parked.begin())
                                   + " lost its path to another asset and got no new one"},
        "the command", command.first_sequence);
  return {};
}

result<void> fold_checkpoint(fold_context& context, const log_head& head) {
  auto done = count_resized_packs(context);
  if (!done) return done;
  const auto& counts = context.counts;
  const auto& ids = context.ids;
  std::optional<sequence_number> library_sequence;
  std::optional<digest> library_hash;
  if (context.library) {
    library_sequence = context.library->sequence;
    library_hash = context.library->hash;
  }
  return change_one(context.commands.set_checkpoint, head.sequence, head.hash, counts.of_type[0],
                    counts.of_type[1], counts.of_type[2], counts.approved, counts.missing,
                    ids.asset, ids.pack, ids.job, ids.root, library_sequence, library_hash);
}

}  // namespace podstudio
