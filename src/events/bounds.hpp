// SPDX-License-Identifier: MIT
#pragma once

#include "platform/text.hpp"

#include <cstdint>
#include <cstring>
#include <limits>

namespace podstudio {

/// The highest asset id, and the highest id of anything else; the lowest is 1. No real library
/// reaches them: a log with a higher id was not written by PODStudio.
inline constexpr std::int64_t asset_id_max = 0xf000'0000, other_id_max = std::int64_t{1} << 53;

/// The values a signed number may have, both ends included.
struct number_bounds {
  std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  std::int64_t highest = std::numeric_limits<std::int64_t>::max();
};

/// The bounds of a signed field of an event, by its name. A field that is not listed may hold any
/// number; each new id or time has to be added.
inline number_bounds bounds_of(const char* field) noexcept {
  constexpr struct {
    const char* name;
    number_bounds bounds;
  } bounded[] = {{"asset", {1, asset_id_max}},
                 {"pack", {1, other_id_max}},
                 {"job", {1, other_id_max}},
                 {"root", {1, other_id_max}},
                 {"at_us_before", {timestamp_us_min, timestamp_us_max}},
                 {"at_us_after", {timestamp_us_min, timestamp_us_max}},
                 {"exported_at_us", {timestamp_us_min, timestamp_us_max}}};
  for (const auto& each : bounded)
    if (*each.name == *field && std::strcmp(each.name, field) == 0) return each.bounds;
  return {};
}

}  // namespace podstudio
