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

void recent_files::memory::add(asset_id id, time_point when) {
  if (oldest_.size() >= size_max) forget_oldest();
  times_[id] = when;
  oldest_.emplace_back(when, id);
}

void recent_files::memory::forget_before(time_point when) {
  while (!oldest_.empty() && oldest_.front().first < when)
    forget_oldest();
}

void recent_files::memory::forget_oldest() {
  auto [when, id] = oldest_.front();
  oldest_.pop_front();
  auto found = times_.find(id);
  if (found != times_.end() && found->second == when) times_.erase(found);
}

void recent_files::see(const event& what, std::int64_t now_us, time_point now) {
  if (const auto* lost = std::get_if<asset_missing>(&what)) add_loss(lost->asset, now);
  see_new(what, now_us, now);
}

void recent_files::see_past(const committed_command& past, std::int64_t now_us, time_point now) {
  auto age = std::chrono::microseconds(now_us - past.at_us);
  if (age < age.zero() || age >= time_max) return;
  for (const auto& e : past.what->events)
    see_new(e, past.at_us, now - age);
}

void recent_files::see_new(const event& what, std::int64_t at_us, time_point when) {
  // Nobody but the kernel sets the ctime: at the last write, or when the file got its name.
  auto add = [&](asset_id id, const file_facts& facts) {
    auto age = std::chrono::microseconds(at_us - facts.ctime_ns / 1000);
    if (age > -time_max && age < time_max) new_.add(id, when);
  };
  if (const auto* made = std::get_if<asset_registered>(&what))
    add(made->asset, made->content.facts);
  else if (const auto* changed = std::get_if<asset_content_changed>(&what))
    add(changed->asset, changed->after.facts);
}

void recent_files::forget_old(time_point now) {
  lost_.forget_before(now - time_max);
  new_.forget_before(now - time_max);
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
