// SPDX-License-Identifier: MIT
#pragma once

#include "media/picture.hpp"
#include "media/sheet_layout.hpp"
#include "platform/error.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

/// Several pictures on one sheet, as JPEG: what a shop shows of a pack.
namespace podstudio::media {

/// Bytes of one as JPEG; it is encoded with a lower quality until it fits.
inline constexpr std::size_t sheet_bytes_max = 512 << 10;

/// Draws a sheet on white, cell by cell from the top left. A picture stands in the middle of its
/// cell, as large as that allows but not enlarged; what is transparent is white. Of a sheet with a
/// single cell the picture has no margin.
class sheet_drawer {
public:
  /// The layout's edges are from 1 to `sheet_edge_px_max`, its cells at most `sheet_cells_max`.
  explicit sheet_drawer(const sheet_layout& layout);

  /// The longest edge of a picture that is not shrunk for its cell.
  std::uint32_t edge_px() const noexcept;

  /// Draws into the next cell; nothing for an empty picture, whose cell is the next one's. RGBA.
  void add(const picture& tile);
  std::size_t drawn() const noexcept { return drawn_; }

  const picture& sheet() const noexcept { return sheet_; }

private:
  std::uint32_t cell_width() const noexcept;
  std::uint32_t cell_height() const noexcept;

  sheet_layout layout_;
  std::uint32_t margin_ = 0;
  std::size_t drawn_ = 0;
  picture sheet_;
};

/// An opaque picture as a JPEG file of at most `sheet_bytes_max`. The same pixels give the same
/// bytes with the same version of the library. Errors: `internal` (the encoder refused); `refused`
/// (it does not fit).
result<std::vector<std::uint8_t>> encode_jpeg(const picture& from);

}  // namespace podstudio::media
