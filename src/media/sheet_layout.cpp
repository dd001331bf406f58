// SPDX-License-Identifier: MIT
#include "media/sheet_layout.hpp"

#include <algorithm>
#include <cassert>

namespace podstudio::media {

sheet_layout lay_out_sheet(std::uint32_t width, std::uint32_t height, std::size_t cells) {
  assert(cells > 0 && cells <= sheet_cells_max);
  sheet_layout best{width, height, 1, static_cast<std::uint32_t>(cells)};
  std::uint32_t best_edge = 0;
  for (std::uint32_t columns = 1; columns <= cells; ++columns) {
    auto rows = static_cast<std::uint32_t>((cells + columns - 1) / columns);
    auto edge = std::min(width / columns, height / rows);
    if (edge <= best_edge) continue;
    best_edge = edge;
    best.columns = columns;
    best.rows = rows;
  }
  return best;
}

}  // namespace podstudio::media
