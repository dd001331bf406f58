// SPDX-License-Identifier: MIT
#include "model/identity_parts.hpp"

#include "platform/text.hpp"
#include "platform/volume.hpp"

#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace podstudio {

bool is_believed_gone(const file_facts& known, std::uint64_t folder_volume, bool on_root) {
  return known.device == folder_volume || (is_device_number(known.device) && on_root);
}

namespace {

/// The assets that are to be missing, each with its path.
std::vector<std::pair<asset_id, const gone_file*>> find_lost(const catalog_model& model,
                                                             const std::vector<gone_file>& gone) {
  std::vector<std::pair<asset_id, const gone_file*>> lost;
  for (const auto& file : gone) {
    auto id = model.asset_at(file.key);
    if (id != 0 && !model.asset(id)->missing
        && is_believed_gone(model.asset(id)->facts, file.volume, file.on_root))
      lost.emplace_back(id, &file);
  }
  return lost;
}

/// Calls `visit` with each asset that may make way for one that is lost, until it returns true.
template <class Visit>
void for_each_successor(const catalog_model& model, asset_id lost, Visit visit) {
  if (!model.has_decisions(lost) || model.asset(lost)->facts.size_bytes == 0) return;
  model.each_twin(lost, [&](asset_id id) {
    return !model.asset(id)->missing && !model.has_decisions(id) && visit(id);
  });
}

/// Returns an asset without decisions that is another path to the lost asset's file (same inode)
/// and satisfies `is_it(id)`; 0 if there is none.
template <class IsIt>
asset_id find_other_name(const catalog_model& model, asset_id lost, IsIt is_it) {
  const auto& asset = *model.asset(lost);
  if (!model.has_decisions(lost) || asset.facts.size_bytes == 0) return 0;
  return model.find_inode(asset.facts, [&](asset_id id) {
    const auto& other = *model.asset(id);
    return id != lost && other.sha256 == asset.sha256 && !other.missing && !model.has_decisions(id)
           && is_it(id);
  });
}

}  // namespace

std::vector<asset_id> find_successors(const catalog_model& model,
                                      const std::vector<gone_file>& gone) {
  std::vector<asset_id> successors;
  const auto lost = find_lost(model, gone);
  std::unordered_set<asset_id> gone_too;
  for (const auto& [id, file] : lost)
    gone_too.insert(id);
  for (const auto& [id, file] : lost) {
    std::size_t found = 0;
    auto add = [&](asset_id successor) {
      successors.push_back(successor);
      return ++found == undecided_candidates_max;
    };
    find_other_name(model, id, add);
    found = 0;
    for_each_successor(model, id, add);
    for_each_name_left(
        model, id, [&](asset_id name) { return !gone_too.contains(name); },
        [&](asset_id name) { successors.push_back(name); });
  }
  return successors;
}

std::vector<asset_id> find_heirs(const catalog_model& model) {
  std::unordered_set<asset_id> heirs;
  model.each_missing([&](asset_id lost) {
    for_each_successor(model, lost, [&](asset_id heir) {
      heirs.insert(heir);
      return heirs.size() >= heirs_max;
    });
    return heirs.size() >= heirs_max;
  });
  return {heirs.begin(), heirs.end()};
}

std::vector<event> decide_gone(const catalog_model& model, const std::vector<gone_file>& gone,
                               const asset_places& places) {
  std::vector<event> events;
  std::vector<std::string> resolved;
  const auto lost = find_lost(model, gone);
  std::unordered_set<asset_id> taken;  // an asset is lost, or makes way, once
  for (const auto& [id, file] : lost)
    taken.insert(id);
  path_keyer key_of;
  for (const auto& [id, file] : lost) {
    auto may_succeed = [&](asset_id other, bool unseen) {
      auto path = places.paths.find(other);
      return path != places.paths.end() && !places.left.contains(other)
             && places.unseen.contains(other) == unseen
             && key_of(path->second) == model.asset(other)->key && !taken.contains(other);
    };
    // Prefer another path to the same file; a copy on an unmounted disk comes last.
    auto successor =
        find_other_name(model, id, [&](asset_id other) { return may_succeed(other, false); });
    for (bool unseen : {false, true}) {
      if (successor != 0) break;
      for_each_successor(model, id, [&](asset_id other) {
        // A copy that was rewritten is none any more.
        if (may_succeed(other, unseen) && !places.rewritten.contains(other)) successor = other;
        return successor != 0;
      });
    }
    if (successor != 0) taken.insert(successor);
    if (successor == 0) {
      if (leaves_nothing(model, id))
        events.push_back(forgotten(model, id, file->path));
      else
        events.emplace_back(asset_missing{id});
      continue;
    }
    const auto& path = places.paths.at(successor);
    events.push_back(forgotten(model, successor, path));
    events.push_back(
        goes_on(id, *model.asset(id), file->path, path, model.asset(successor)->facts));
  }
  for (const auto& file : gone)
    resolved.push_back(printable(file.path));
  auto solved = decide_resolved(model, resolved);
  events.insert(events.end(), solved.begin(), solved.end());
  return events;
}

}  // namespace podstudio
