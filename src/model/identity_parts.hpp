// SPDX-License-Identifier: MIT
#pragma once

#include "model/identity.hpp"

#include <cstddef>
#include <string>

/// What deciding about files that were read and about files that are gone have in common.
namespace podstudio {

/// How many assets without a decision are asked after for each file.
inline constexpr std::size_t undecided_candidates_max = 4;

/// Calls `visit` with a few other present names of the inode that the asset's path held, for which
/// `is_it(id)` is true. The inode may have been changed through the path before that was lost, and
/// such a change is reported under that name only.
template <class IsIt, class Visit>
void for_each_name_left(const catalog_model& model, asset_id id, IsIt is_it, Visit visit) {
  constexpr std::size_t asked_max = 1024, names_max = 4;
  std::size_t asked = 0, names = 0;
  model.find_inode(model.asset(id)->facts, [&](asset_id other) {
    bool is_one = other != id && !model.asset(other)->missing && is_it(other);
    if (is_one) visit(other);
    return (is_one && ++names == names_max) || ++asked == asked_max;
  });
}

/// An asset of which nobody said anything, as it makes way for another one or leaves nothing.
inline event forgotten(const catalog_model& model, asset_id id, const std::string& path) {
  const auto& asset = *model.asset(id);
  return asset_forgotten{.asset = id,
                         .path = path,
                         .type = asset.type,
                         .content = {asset.sha256, asset.facts},
                         .media = {},
                         .theme = {},
                         .source = {},
                         .origin = asset.labels.provenance,
                         .approved = asset.labels.approved,
                         .missing = asset.missing};
}

/// Whether nothing is left of the asset once its file is gone: nobody said anything of it, and no
/// file would be taken for it, as it is empty. Mostly it was the beginning of a file that was moved
/// on while it was written.
inline bool leaves_nothing(const catalog_model& model, asset_id id) {
  return model.asset(id)->facts.size_bytes == 0 && !model.has_decisions(id);
}

/// An asset goes on at another path.
inline event goes_on(asset_id id, const asset_state& asset, const std::string& before,
                     const std::string& path, const file_facts& facts) {
  if (asset.missing) return asset_returned{id, before, path, asset.facts, facts};
  return asset_moved{id, before, path, asset.facts, facts};
}

}  // namespace podstudio
