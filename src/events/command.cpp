// SPDX-License-Identifier: MIT
#include "events/command.hpp"

#include <variant>

namespace podstudio {

std::int64_t subject_of(const std::vector<event>& events) {
  for (const auto& each : events) {
    if (const auto* pack = std::get_if<pack_created>(&each)) return pack->pack;
    if (const auto* job = std::get_if<job_queued>(&each)) return job->job;
    if (const auto* root = std::get_if<watch_root_added>(&each)) return root->root;
    if (const auto* root = std::get_if<watch_root_removed>(&each)) return root->root;
    if (const auto* root = std::get_if<watch_root_moved>(&each)) return root->root;
  }
  return 0;
}

}  // namespace podstudio
