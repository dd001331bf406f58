// SPDX-License-Identifier: MIT
#pragma once

#include "media/sheet_layout.hpp"
#include "platform/error.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What the kind of job is told that draws files on one sheet, `draw_sheet`. How many it drew is
/// the number `drawn` of its facts.
namespace podstudio {

inline constexpr std::string_view draw_sheet_kind = "draw_sheet";

/// A file, in the order of the inputs.
struct sheet_file {
  std::uint64_t size_bytes = 0;
  std::string extension;  ///< of the file's name, without a dot; at most sheet_extension_bytes_max
  bool operator==(const sheet_file&) const = default;
};
inline constexpr std::size_t sheet_extension_bytes_max = 16;

struct sheet_order {
  media::sheet_layout layout;
  std::vector<sheet_file> files;  ///< 1 to as many as there are cells
  bool operator==(const sheet_order&) const = default;
};

nlohmann::json to_parameters(const sheet_order& order);
/// Error: `invalid_argument`, naming the member.
result<sheet_order> parse_sheet_order(const nlohmann::json& parameters);

}  // namespace podstudio
