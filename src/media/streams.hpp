// SPDX-License-Identifier: MIT
#pragma once

#include "media/decode.hpp"
#include "media/walk.hpp"

#include <vector>

/// Sounds and clips: what their streams are, the first frame of a clip and the loudness of a sound.
/// By libavformat and libavcodec, which read through the source and open nothing themselves.
namespace podstudio::media {

struct streams_request {
  /// The poster's longer edge.
  std::uint32_t edge_px = 1024;
  /// The loudness over the whole of a sound without pictures; without, only its beginning is
  /// decoded.
  bool want_peaks = false;
};

struct streams_result {
  /// The first frame, or where that is of one colour and there is a better one, one from a tenth
  /// into the clip; with the shape of its pixels applied, not its rotation.
  picture poster;
  /// From 0 to 1, one for each moment; at most `peaks_max`.
  std::vector<float> peaks;
};
inline constexpr std::size_t peaks_max = 1 << 16;

/// Adds what the streams say to the facts of the walk, and decodes. How it went is in the outcome
/// as for a picture; `failed` is also for a file without streams.
decode_outcome read_streams(const sniffed& what, source& from, const streams_request& request,
                            walked& to, streams_result& made);

}  // namespace podstudio::media
