// SPDX-License-Identifier: MIT
#pragma once

#include "model/catalog_model.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// Changes to the watch roots, and how they are decided.
namespace podstudio {

/// A new watch root. Errors: `refused` when it overlaps another root, naming it.
result<std::vector<event>> decide_root_added(const catalog_model& model, const std::string& path,
                                             std::uint64_t device, std::uint64_t inode);
/// Errors: `not_found` when no root has this path.
result<std::vector<event>> decide_root_removed(const catalog_model& model, const std::string& path);
/// A person says that the root `from` is at `to` now; no event when it is there already. Errors:
/// `not_found` when no root has this path, `refused` when the new one overlaps a root, naming it.
result<std::vector<event>> decide_root_moved(const catalog_model& model, const std::string& from,
                                             const std::string& to, std::uint64_t device,
                                             std::uint64_t inode);
/// The root's folder was recognised by what is in it, on this volume and with this inode. No event
/// when the root is removed or known as that.
std::vector<event> decide_root_recognised(const catalog_model& model, root_id root,
                                          std::uint64_t device, std::uint64_t inode);
/// Loses a root, for this reason, or has it back; a lost one is a problem of its path. No event
/// when the root is removed, or already is in this state for this reason.
std::vector<event> decide_root_state(const catalog_model& model, root_id root, bool lost,
                                     const std::string& reason);

}  // namespace podstudio
