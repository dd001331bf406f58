// SPDX-License-Identifier: MIT
#pragma once

#include "media/format.hpp"
#include "media/picture.hpp"
#include "media/source.hpp"

#include <cstdint>
#include <string>

/// The first picture of a file of still pictures, decoded by the library that its format is best
/// served by: libpng, libjpeg-turbo, libwebp, libtiff, and libavcodec for the rest. libavcodec
/// alone was tried: it holds whole frames, does not shrink JPEGs while it decodes them, knows no
/// animated WebP at this version and a part of TIFF only.
namespace podstudio::media {

enum class decoding : std::uint8_t {
  done,       ///< all of the picture came
  cut,        ///< the data ended early; what came before is there
  damaged,    ///< data within is wrong; what came before is there
  failed,     ///< nothing came
  too_large,  ///< the limits do not allow it; nothing was tried
  stopped,    ///< the watch said so
};

struct decode_outcome {
  decoding how = decoding::failed;
  std::string reason;  ///< of a failure; the library's words
};

struct decode_request {
  const limits& bounds;
  bool keep_bits = false;    ///< for stealth texts
  bool progressive = false;  ///< as the walk told
  bool lossless = false;
};

decode_outcome decode_png(source& from, const decode_request& request, picture_shrinker& to);
decode_outcome decode_jpeg(source& from, const decode_request& request, picture_shrinker& to);
decode_outcome decode_webp(source& from, const decode_request& request, picture_shrinker& to);
/// What is not compressed; the rest is libavcodec's.
decode_outcome decode_bmp(source& from, const decode_request& request, picture_shrinker& to);
decode_outcome decode_tiff(source& from, const decode_request& request, picture_shrinker& to);
/// GIF; also what the others do not know of BMP, JPEG and TIFF.
decode_outcome decode_by_libav(format is, source& from, const decode_request& request,
                               picture_shrinker& to);

/// The decoder of the format, and libavcodec where that one gives up on a kind it does not know.
decode_outcome decode_still(format is, source& from, const decode_request& request,
                            picture_shrinker& to);

/// Whether a picture of this size, of which `bytes_a_pixel` and `more_bytes` have to be held, may
/// be decoded.
bool within(const limits& bounds, std::uint64_t width, std::uint64_t height, double bytes_a_pixel,
            std::uint64_t more_bytes = 0) noexcept;

}  // namespace podstudio::media
