// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string_view>

/// JSON from a process that is not trusted.
namespace podstudio {

/// How deeply objects and arrays nest; copying and printing JSON recurse.
inline constexpr std::size_t job_json_depth_max = 32;
/// How many values and keys a text holds. A value takes about 16 times the two bytes that it may be
/// written with, so the length of a text alone bounds the memory too loosely.
inline constexpr std::size_t job_json_values_max = std::size_t{1} << 18;

struct json_bounds {
  std::size_t depth_max = job_json_depth_max;
  std::size_t values_max = job_json_values_max;
};

/// The object that `text` is. All is checked before memory is taken for it: the bounds, and that
/// each text and key is UTF-8 without NUL, so that it can stand in a TEXT column. Error: `damaged`,
/// saying what is wrong.
result<nlohmann::json> parse_bounded_json(std::string_view text, const json_bounds& bounds = {});

}  // namespace podstudio
