// SPDX-License-Identifier: MIT
#include "model/recent_assets.hpp"

namespace podstudio {

void vanishing_assets::add(asset_id id, const digest& sha256) {
  auto key = digest_key(sha256);
  if (digests_.emplace(id, key).second) by_digest_.emplace(key, id);
}

void vanishing_assets::remove(asset_id id) {
  auto at = digests_.find(id);
  if (at == digests_.end()) return;
  by_digest_.erase({at->second, id});
  digests_.erase(at);
}

void recent_losses::add(asset_id id, time_point now) {
  forget_old(now);
  if (oldest_.size() >= size_max) {
    losses_.erase(oldest_.front().second);
    oldest_.pop_front();
  }
  losses_[id] = now;
  oldest_.emplace_back(now, id);
}

void recent_losses::forget_old(time_point now) {
  for (; !oldest_.empty() && oldest_.front().first + time_max < now; oldest_.pop_front()) {
    auto at = losses_.find(oldest_.front().second);
    if (at != losses_.end() && at->second == oldest_.front().first) losses_.erase(at);
  }
}

void recent_moves::add(asset_id id, time_point now) {
  if (moves_.size() >= size_max) {
    std::erase_if(moves_, [&](const auto& each) { return each.second.since + time_max < now; });
    if (moves_.size() >= size_max) moves_.clear();
  }
  auto& known = moves_[id];
  if (known.since + time_max < now) known = {now, now};
  known.last = now;
  ++known.count;
}

recent_moves::answer recent_moves::may_move(asset_id id, time_point now) const {
  auto known = moves_.find(id);
  if (known == moves_.end() || known->second.since + time_max < now) return answer::yes;
  const auto& [since, last, count, told] = known->second;
  if (count >= moves_max) return answer::too_often;
  return count < moves_free || last + pause < now ? answer::yes : answer::later;
}

bool recent_moves::is_news(asset_id id) {
  auto known = moves_.find(id);
  return known == moves_.end() || !std::exchange(known->second.told, true);
}

}  // namespace podstudio
