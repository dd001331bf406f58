// SPDX-License-Identifier: MIT
#include "actors/hasher_pool.hpp"

#include <algorithm>
#include <utility>

namespace podstudio {

std::vector<reading_range> split_reading(const std::vector<seen_file>& files) {
  std::vector<reading_range> ranges;
  for (std::size_t begin = 0; begin < files.size();) {
    auto end = begin;
    std::uint64_t bytes = 0;
    while (end < files.size() && end - begin < max_batch_files
           && (end == begin || bytes + files[end].facts.size_bytes <= reading_bytes_max))
      bytes += files[end++].facts.size_bytes;
    ranges.push_back({begin, end, bytes > reading_bytes_max});
    begin = end;
  }
  return ranges;
}

std::optional<std::size_t> free_hasher(const std::vector<hasher_load>& load, bool large) {
  auto others = std::max<std::size_t>(load.size() - 1, 1);
  std::optional<std::size_t> idlest;
  bool all_at_large = true;
  for (std::size_t i = 0; i < others; ++i) {
    all_at_large = all_at_large && load[i].large > 0;
    if (load[i].parts >= hasher_load_max || (!large && load[i].large > 0)) continue;
    if (!idlest || load[i].parts < load[*idlest].parts) idlest = i;
  }
  if (idlest || large || !all_at_large || load.back().parts >= hasher_load_max) return idlest;
  return load.size() - 1;
}

void hasher_pool::read(std::shared_ptr<const std::vector<seen_file>> files, reading_range range,
                       on_read then, on_failure otherwise) {
  auto& waiting = range.large ? large_ : small_;
  waiting.push_back({{std::move(files), range.begin, range.end},
                     range.large,
                     std::move(then),
                     std::move(otherwise)});
  hand_out();
}

void hasher_pool::hand_out() {
  hand_out(small_);
  hand_out(large_);
}

void hasher_pool::hand_out(std::deque<reading>& waiting) {
  while (!waiting.empty()) {
    auto chosen = free_hasher(load_, waiting.front().large);
    if (!chosen) return;
    auto next = std::move(waiting.front());
    waiting.pop_front();
    auto& load = load_[*chosen];
    ++load.parts;
    load.large += next.large ? 1 : 0;
    auto done = [this, chosen = *chosen, large = next.large] {
      --load_[chosen].parts;
      load_[chosen].large -= large ? 1 : 0;
      hand_out();  // before the outcome is used, so that the hasher never waits for us
    };
    self_->request(hashers_[*chosen], caf::infinite, digest_atom::value, std::move(next.request))
        .then(
            [then = std::move(next.then), done](const digest_reply& reply) {
              done();
              then(*reply.outcomes);
            },
            [otherwise = std::move(next.otherwise), done](const caf::error& failure) {
              done();
              otherwise(failure);
            });
  }
}

}  // namespace podstudio
