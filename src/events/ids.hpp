// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace podstudio {

/// The highest asset id, and the highest id of anything else; the lowest is 1. No real library reaches them:
/// a log with a higher id was not written by PODStudio.
inline constexpr std::int64_t asset_id_max = 0xf000'0000, other_id_max = std::int64_t{1} << 53;

/// Calls `visit(name, id, highest)` with each id in an event's fields. Such a field is named after
/// what it identifies.
template <class Fields, class Visit>
void for_each_id(Fields& fields, Visit visit) {
  [[maybe_unused]] auto one = [&](const char* name, auto& id, std::int64_t highest) {
    if constexpr (requires { id.has_value(); }) {
      if (id) visit(name, *id, highest);
    } else {
      visit(name, id, highest);
    }
  };
  if constexpr (requires { fields.asset; }) one("asset", fields.asset, asset_id_max);
  if constexpr (requires { fields.pack; }) one("pack", fields.pack, other_id_max);
  if constexpr (requires { fields.job; }) one("job", fields.job, other_id_max);
  if constexpr (requires { fields.root; }) one("root", fields.root, other_id_max);
}

}  // namespace podstudio
