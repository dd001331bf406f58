// SPDX-License-Identifier: MIT
#include "media/decode.hpp"

#include "media/libav.hpp"

#include <array>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

namespace podstudio::media {

bool within(const limits& bounds, std::uint64_t width, std::uint64_t height, double bytes_a_pixel,
            std::uint64_t more_bytes) noexcept {
  if (width == 0 || height == 0 || width > bounds.pixels_max || height > bounds.pixels_max)
    return false;
  auto pixels = width * height;
  if (pixels > bounds.pixels_max || more_bytes > bounds.decode_bytes_max) return false;
  return static_cast<double>(pixels) * bytes_a_pixel
         <= static_cast<double>(bounds.decode_bytes_max - more_bytes);
}

namespace {

/// Gives the rows of a frame, whatever its pixels, as RGBA, a few at a time.
decode_outcome give_rows(const AVFrame& frame, source& from, bool keep_bits, picture_shrinker& to) {
  auto format = static_cast<AVPixelFormat>(frame.format);
  const auto* described = av_pix_fmt_desc_get(format);
  if (described == nullptr || frame.width <= 0 || frame.height <= 0)
    return {decoding::failed, "its pixels are of an unknown kind"};
  constexpr int band_rows = 16;
  bool alpha = (described->flags & AV_PIX_FMT_FLAG_ALPHA) != 0 || format == AV_PIX_FMT_PAL8;
  auto width = static_cast<std::size_t>(frame.width);
  to.start(static_cast<std::uint32_t>(frame.width), static_cast<std::uint32_t>(frame.height),
           pixel_kind::rgba, alpha, keep_bits);
  std::vector<std::uint8_t> band(width * 4 * band_rows + AV_INPUT_BUFFER_PADDING_SIZE);
  scaler_ptr scaler;
  int scaler_rows = 0;
  for (int y = 0; y < frame.height; y += band_rows) {
    if (from.watch().stopped()) return {decoding::stopped, {}};
    int rows = std::min(band_rows, frame.height - y);
    if (rows != scaler_rows) {
      scaler.reset(sws_getContext(frame.width, rows, format, frame.width, rows, AV_PIX_FMT_RGBA,
                                  SWS_POINT, nullptr, nullptr, nullptr));
      scaler_rows = rows;
      if (!scaler) return {decoding::failed, "its pixels cannot be converted"};
    }
    std::array<const std::uint8_t*, 4> planes{};
    for (int i = 0; i < 4 && frame.data[i] != nullptr; ++i) {
      bool palette = i == 1 && (described->flags & AV_PIX_FMT_FLAG_PAL) != 0;
      int shift = i == 1 || i == 2 ? described->log2_chroma_h : 0;
      auto index = static_cast<std::size_t>(i);
      planes[index] =
          palette ? frame.data[i] : frame.data[i] + std::ptrdiff_t{y >> shift} * frame.linesize[i];
    }
    std::array<std::uint8_t*, 4> target{band.data(), nullptr, nullptr, nullptr};
    std::array<int, 4> stride{frame.width * 4, 0, 0, 0};
    if (sws_scale(scaler.get(), planes.data(), frame.linesize, 0, rows, target.data(),
                  stride.data())
        <= 0)
      return {decoding::failed, "its pixels cannot be converted"};
    for (int i = 0; i < rows; ++i)
      to.add_row(band.data() + static_cast<std::size_t>(i) * width * 4);
  }
  return {decoding::done, {}};
}

AVCodecID codec_of(format is) noexcept {
  switch (is) {
  case format::gif:
    return AV_CODEC_ID_GIF;
  case format::bmp:
    return AV_CODEC_ID_BMP;
  case format::jpeg:
    return AV_CODEC_ID_MJPEG;
  case format::tiff:
    return AV_CODEC_ID_TIFF;
  default:
    return AV_CODEC_ID_NONE;
  }
}

}  // namespace

decode_outcome decode_by_libav(format is, source& from, const decode_request& request,
                               picture_shrinker& to) {
  quiet_libav();
  // The first frame of an animation is within this.
  constexpr std::uint64_t gif_bytes_max = 64 << 20;
  auto size = is == format::gif ? std::min(from.size(), gif_bytes_max) : from.size();
  if (size > request.bounds.decode_bytes_max) return {decoding::too_large, {}};
  auto codec = open_decoder(avcodec_find_decoder(codec_of(is)), nullptr, request.bounds);
  packet_ptr packet(av_packet_alloc());
  frame_ptr frame(av_frame_alloc());
  if (!codec || !packet || !frame) return {decoding::failed, "it has no decoder here"};
  codec->max_pixels = static_cast<std::int64_t>(
      std::min(request.bounds.pixels_max, (request.bounds.decode_bytes_max - size) / 4));
  if (av_new_packet(packet.get(), static_cast<int>(size)) < 0) return {decoding::too_large, {}};
  auto got = from.read_at(0, {packet->data, static_cast<std::size_t>(size)});
  if (from.watch().stopped()) return {decoding::stopped, {}};
  av_shrink_packet(packet.get(), static_cast<int>(got));
  auto status = avcodec_send_packet(codec.get(), packet.get());
  if (status >= 0) status = avcodec_send_packet(codec.get(), nullptr);
  if (status >= 0) status = avcodec_receive_frame(codec.get(), frame.get());
  if (status == AVERROR(ENOMEM)) return {decoding::too_large, {}};
  if (status < 0) return {decoding::failed, libav_error(status)};
  return give_rows(*frame, from, request.keep_bits && request.lossless, to);
}

decode_outcome decode_still(format is, source& from, const decode_request& request,
                            picture_shrinker& to) {
  decode_outcome outcome;
  switch (is) {
  case format::png:
    return decode_png(from, request, to);
  case format::webp:
    return decode_webp(from, request, to);
  case format::gif:
    return decode_by_libav(is, from, request, to);
  case format::bmp:
    outcome = decode_bmp(from, request, to);
    break;
  case format::jpeg:
    outcome = decode_jpeg(from, request, to);
    break;
  case format::tiff:
    outcome = decode_tiff(from, request, to);
    break;
  default:
    return {decoding::failed, "it is no picture"};
  }
  if (outcome.how != decoding::failed) return outcome;
  picture_shrinker again(to.edge_px_min());
  auto other = decode_by_libav(is, from, request, again);
  if (other.how != decoding::done) return other.how == decoding::stopped ? other : outcome;
  to = std::move(again);
  return other;
}

}  // namespace podstudio::media
