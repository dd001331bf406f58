// SPDX-License-Identifier: MIT
#include "model/media.hpp"

#include "events/labels.hpp"

#include <algorithm>

namespace podstudio {

std::vector<event> decide_read(const catalog_model& model, std::vector<read_media> read) {
  std::vector<event> events;
  path_keyer key_of;
  for (auto& each : read) {
    const auto* asset = model.asset(each.asset);
    if (asset == nullptr || asset->sha256 != each.sha256) continue;
    // It has moved in the meantime, perhaps to another extension, and was given to another job,
    // unless it had been read before.
    if (asset->key != key_of(each.path)) continue;
    events.emplace_back(asset_metadata_extracted{each.asset, each.before, each.after, each.sha256,
                                                 each.extractor, std::move(each.report)});
  }
  return events;
}

void unread_media::see(const catalog_model& model, const event& what) {
  // Also where it only moved or was touched: a job that already has it will not find it at the old
  // path, or will find it with other times.
  auto give_again = [&]<class Event>(const Event& e) {
    if constexpr (file_event<Event>)
      if (e.asset < next_ && is_unread(model, e.asset)) behind_.insert(e.asset);
  };
  std::visit(give_again, what);
}

bool unread_media::is_unread(const catalog_model& model, asset_id id) const {
  const auto* asset = model.asset(id);
  return asset != nullptr && !asset->missing && asset->extractor != extractor_;
}

bool unread_media::any(const catalog_model& model) {
  if (extractor_ == 0) return false;
  while (!behind_.empty() && !is_unread(model, *behind_.begin()))
    behind_.erase(behind_.begin());
  if (!behind_.empty()) return true;
  while (next_ <= model.last_asset() && !is_unread(model, next_))
    ++next_;
  return next_ <= model.last_asset();
}

std::vector<asset_id> unread_media::take(const catalog_model& model, std::size_t count_max) {
  std::vector<asset_id> taken;
  while (taken.size() < count_max && any(model))
    taken.push_back(behind_.empty() ? next_++ : behind_.extract(behind_.begin()).value());
  std::ranges::sort(taken);
  return taken;
}

}  // namespace podstudio
