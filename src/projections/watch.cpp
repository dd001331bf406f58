// SPDX-License-Identifier: MIT
#include "projections/folds.hpp"

#include "events/enums.hpp"

#include <algorithm>
#include <optional>

namespace podstudio {

result<void> fold(fold_context& context, const watch_root_added& what) {
  context.ids.root = std::max(context.ids.root, what.root);
  return context.watch.add_root.run(what.root, what.path, what.device, what.inode, context.at);
}

result<void> fold(fold_context& context, const watch_root_removed& what) {
  return change_one(context.watch.remove_root, what.root);
}

result<void> fold(fold_context& context, const watch_root_moved& what) {
  return change_one(context.watch.move_root, what.root, what.path_after, what.device_after,
                    what.inode_after);
}

result<void> fold(fold_context& context, const watch_root_lost& what) {
  return change_one(context.watch.set_root_state, what.root, "lost",
                    std::optional<std::string_view>(what.reason));
}

result<void> fold(fold_context& context, const watch_root_returned& what) {
  return change_one(context.watch.set_root_state, what.root, "active",
                    std::optional<std::string_view>());
}

result<void> fold(fold_context& context, const problem_found& what) {
  return context.watch.put_problem.run(what.path, word(what.kind), what.reason, context.at);
}

result<void> fold(fold_context& context, const problem_resolved& what) {
  return change_one(context.watch.remove_problem, what.path);
}

}  // namespace podstudio
