// SPDX-License-Identifier: MIT
#pragma once

#include "media/media_facts.hpp"
#include "media/picture.hpp"
#include "platform/error.hpp"

#include <array>
#include <cstdint>
#include <vector>

/// Small pictures of assets, as WebP.
namespace podstudio::media {

/// Raised when previews of the same file come out otherwise.
inline constexpr int preview_version = 1;
/// Bytes of one preview; the encoder is given a lower quality until it fits.
inline constexpr std::size_t preview_bytes_max = 1 << 20;
/// Edges that may be asked for.
inline constexpr std::uint32_t preview_edge_px_max = 1024;
/// The edges of the previews that are made of each asset: for a grid, and for a closer look.
inline constexpr std::array<std::uint32_t, 2> preview_edges_px{256, 1024};

/// Whether a file can serve as its own preview, so that none needs to be made: an intact still
/// picture that browsers can show, that fits into a square with this edge, and that takes at most
/// 256 bytes per pixel of the edge.
bool is_own_preview(const media_facts& facts, std::uint64_t size_bytes, std::uint32_t edge_px);

/// A picture as a WebP file, with its opacity where it has any. Errors: `internal` (the encoder
/// refused), `refused` (it does not fit into `preview_bytes_max`).
result<std::vector<std::uint8_t>> encode_webp(const picture& from);

/// Writes all bytes to an open descriptor, from its position on. Errors: as `system_error`.
result<void> write_all(int fd, const std::vector<std::uint8_t>& bytes);

/// The picture of a sound: its loudest moments from left to right, on nothing. `peaks` are from 0
/// to 1, one a moment. `edge_px` wide, a quarter as high.
picture draw_waveform(const std::vector<float>& peaks, std::uint32_t edge_px);

}  // namespace podstudio::media
