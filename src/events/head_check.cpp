// SPDX-License-Identifier: MIT
#include "events/head_check.hpp"

namespace podstudio {

result<void> head_check::see(const log_head& head, const log_place& place) {
  if (seen_ || head.sequence < wanted_.sequence) return {};
  seen_ = true;
  if (head == wanted_) return {};
  return mismatch(place, head.sequence == wanted_.sequence
                             ? "hash " + to_hex(head.hash)
                             : "no command that ends there; the next one ends with sequence "
                                   + std::to_string(head.sequence));
}

error head_check::mismatch(const log_place& place, const std::string& found) const {
  return damage(place,
                what_ + ", up to sequence " + std::to_string(wanted_.sequence) + " with hash "
                    + to_hex(wanted_.hash),
                found, claim_, remedy_);
}

}  // namespace podstudio
