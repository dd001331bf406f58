// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

/// How pictures are arranged on a sheet.
namespace podstudio::media {

/// The longest edge of a sheet.
inline constexpr std::uint32_t sheet_edge_px_max = 4096;
/// How many cells it has at most.
inline constexpr std::uint32_t sheet_cells_max = 64;
/// Pixels of the sheet, and its cells.
struct sheet_layout {
  std::uint32_t width = 0, height = 0;
  std::uint32_t columns = 1, rows = 1;
  bool operator==(const sheet_layout&) const = default;
};

/// The layout with so many cells, 1 to `sheet_cells_max`, that are as close to squares as can be.
sheet_layout lay_out_sheet(std::uint32_t width, std::uint32_t height, std::size_t cells);

}  // namespace podstudio::media
