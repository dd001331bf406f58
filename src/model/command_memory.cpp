#include "model/command_memory.hpp"

#include <cstring>
#include <utility>

namespace podstudio {

std::size_t command_memory::id_hash::operator()(const uuid& id) const noexcept {
  std::size_t hash = 0;
  std::memcpy(&hash, id.data(), sizeof hash);
  return hash;
}

std::optional<command_outcome> command_memory::find(const uuid& id) const {
  std::scoped_lock hold(mutex_);
  for (const auto* half : {&newer_, &older_})
    if (auto known = half->find(id); known != half->end()) return known->second;
  return std::nullopt;
}

void command_memory::remember(const uuid& id, const command_outcome& outcome) {
  std::scoped_lock hold(mutex_);
  if (newer_.size() >= capacity) older_ = std::exchange(newer_, {});
  newer_.insert_or_assign(id, outcome);
}

}  // namespace podstudio
