// SPDX-License-Identifier: MIT
#include "model/roots.hpp"

#include "platform/text.hpp"

namespace podstudio {

namespace {

/// Nothing where no root but `own` overlaps the path.
result<void> check_free(const catalog_model& model, const std::string& path, root_id own) {
  for (const auto& [id, root] : model.roots())
    if (id != own && (lies_within(path, root.path) || lies_within(root.path, path)))
      return error{error_code::refused, "the folder " + in_quotes(path)
                                            + " overlaps the watched folder " + in_quotes(root.path)
                                            + "; remove that one first or choose another"};
  return {};
}

error not_watched(const std::string& path) {
  return {error_code::not_found,
          "the folder " + in_quotes(path) + " is not watched; 'watch list' shows those that are"};
}

}  // namespace

result<std::vector<event>> decide_root_added(const catalog_model& model, const std::string& path,
                                             std::uint64_t device, std::uint64_t inode) {
  if (model.root_at(path) != 0) return std::vector<event>{};
  if (auto free = check_free(model, path, 0); !free) return free.failure();
  return std::vector<event>{watch_root_added{model.last_root() + 1, path, device, inode}};
}

result<std::vector<event>> decide_root_removed(const catalog_model& model,
                                               const std::string& path) {
  auto id = model.root_at(path);
  if (id == 0) return not_watched(path);
  const auto& root = model.roots().at(id);
  std::vector<event> events{watch_root_removed{id, root.path, root.device, root.inode}};
  auto shown = printable(path);
  if (model.problem(path_keyer()(shown))) events.emplace_back(problem_resolved{shown});
  return events;
}

result<std::vector<event>> decide_root_moved(const catalog_model& model, const std::string& from,
                                             const std::string& to, std::uint64_t device,
                                             std::uint64_t inode) {
  if (from == to)
    return error{error_code::refused, in_quotes(to) + " is already the watched folder"};
  if (lies_within(to, from) || lies_within(from, to))
    return error{error_code::refused, in_quotes(from) + " and " + in_quotes(to)
                                          + ": one contains the other; choose a separate folder"};
  auto id = model.root_at(from);
  if (id == 0 && model.root_at(to) != 0) return std::vector<event>{};
  if (id == 0) return not_watched(from);
  if (model.root_at(to) != 0)
    return error{error_code::refused, in_quotes(to)
                                          + " is watched already; remove one of the two "
                                            "with 'watch remove' first"};
  if (auto free = check_free(model, to, id); !free) return free.failure();
  const auto& root = model.roots().at(id);
  std::vector<event> events{watch_root_moved{id, from, to, root.device, root.inode, device, inode}};
  if (root.lost) events.emplace_back(watch_root_returned{id});
  auto shown = printable(from);
  if (model.problem(path_keyer()(shown))) events.emplace_back(problem_resolved{shown});
  return events;
}

std::vector<event> decide_root_recognised(const catalog_model& model, root_id root,
                                          std::uint64_t device, std::uint64_t inode) {
  auto at = model.roots().find(root);
  if (at == model.roots().end()) return {};
  const auto& known = at->second;
  if (known.device == device && known.inode == inode) return {};
  return {watch_root_moved{root, known.path, known.path, known.device, known.inode, device, inode}};
}

std::vector<event> decide_root_state(const catalog_model& model, root_id root, bool lost,
                                     const std::string& reason) {
  auto at = model.roots().find(root);
  if (at == model.roots().end()) return {};
  const auto& known = at->second;
  auto shown = printable(known.path);
  bool is_problem = model.problem(path_keyer()(shown)) == problem_kind::root_lost;
  std::vector<event> events;
  if (!lost) {
    if (known.lost) events.emplace_back(watch_root_returned{root});
    if (is_problem) events.emplace_back(problem_resolved{shown});
  } else if (!known.lost || known.reason != reason || !is_problem) {
    events.emplace_back(watch_root_lost{root, reason});
    events.emplace_back(problem_found{shown, problem_kind::root_lost, reason});
  }
  return events;
}

}  // namespace podstudio
