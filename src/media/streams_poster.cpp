// SPDX-License-Identifier: MIT
#include "media/streams_parts.hpp"

#include "media/libav.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

namespace podstudio::media {

namespace {

/// The next frame of a stream; nothing at the end or after too many packets. `failure` is then the
/// last thing that went wrong, or 0.
frame_ptr next_frame(AVFormatContext& format, AVCodecContext& codec, int stream,
                     unsigned packets_max, int& failure) {
  frame_ptr frame(av_frame_alloc());
  packet_ptr packet(av_packet_alloc());
  if (!frame || !packet) {
    failure = AVERROR(ENOMEM);
    return nullptr;
  }
  bool flushed = false;
  for (unsigned i = 0; i < packets_max && !flushed;) {
    auto status = av_read_frame(&format, packet.get());
    if (status < 0) {
      if (status != AVERROR_EOF) failure = status;
      flushed = true;
      avcodec_send_packet(&codec, nullptr);
    } else {
      bool ours = packet->stream_index == stream;
      if (ours) {
        ++i;
        status = avcodec_send_packet(&codec, packet.get());
        if (status < 0 && status != AVERROR(EAGAIN)) failure = status;
      }
      av_packet_unref(packet.get());
      if (!ours) continue;
    }
    status = avcodec_receive_frame(&codec, frame.get());
    if (status == 0) return frame;
    if (status != AVERROR(EAGAIN) && status != AVERROR_EOF) failure = status;
    if (failure == AVERROR(ENOMEM) || failure == AVERROR_EXIT) return nullptr;
  }
  return nullptr;
}

picture poster_of(const AVFrame& frame, AVRational shape, std::uint32_t edge_px) {
  picture made;
  double width = frame.width, height = frame.height;
  if (shape.num > 0 && shape.den > 0) {
    auto ratio = av_q2d(shape);
    if (ratio > 0.1 && ratio < 10) width *= ratio;
  }
  auto scale = std::min(1.0, edge_px / std::max(width, height));
  made.width = static_cast<std::uint32_t>(std::max(1.0, std::round(width * scale)));
  made.height = static_cast<std::uint32_t>(std::max(1.0, std::round(height * scale)));
  auto format = static_cast<AVPixelFormat>(frame.format);
  const auto* described = av_pix_fmt_desc_get(format);
  if (described == nullptr) return {};
  auto columns = static_cast<int>(made.width), rows = static_cast<int>(made.height);
  scaler_ptr scaler(sws_getContext(frame.width, frame.height, format, columns, rows,
                                   AV_PIX_FMT_RGBA, SWS_AREA, nullptr, nullptr, nullptr));
  if (!scaler) return {};
  bool hd = frame.height >= 720;
  auto space = frame.colorspace == AVCOL_SPC_UNSPECIFIED ? (hd ? SWS_CS_ITU709 : SWS_CS_ITU601)
                                                         : frame.colorspace;
  int full = frame.color_range == AVCOL_RANGE_JPEG ? 1 : 0;
  if ((described->flags & AV_PIX_FMT_FLAG_RGB) == 0)
    sws_setColorspaceDetails(scaler.get(), sws_getCoefficients(space), full,
                             sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
  // The library writes a little beyond a row's end at times.
  std::vector<std::uint8_t> padded(std::size_t{made.width} * made.height * 4 + 64);
  std::array<std::uint8_t*, 4> target{padded.data(), nullptr, nullptr, nullptr};
  std::array<int, 4> stride{columns * 4, 0, 0, 0};
  if (sws_scale(scaler.get(), frame.data, frame.linesize, 0, frame.height, target.data(),
                stride.data())
      <= 0)
    return {};
  padded.resize(std::size_t{made.width} * made.height * 4);
  made.pixels = std::move(padded);
  for (std::size_t i = 3; i < made.pixels.size() && !made.alpha; i += 4)
    made.alpha = made.pixels[i] != 255;
  return made;
}

/// Whether it shows nothing: a clip that fades in begins with such a frame.
bool is_plain(const picture& what) {
  constexpr int spread_max = 12;
  int low = 255, high = 0;
  for (std::size_t i = 0; i + 3 < what.pixels.size(); i += 4) {
    int value = (what.pixels[i] * 2 + what.pixels[i + 1] * 5 + what.pixels[i + 2]) / 8;
    low = std::min(low, value);
    high = std::max(high, value);
    if (high - low > spread_max) return false;
  }
  return true;
}

}  // namespace

decode_outcome decode_video(AVFormatContext& format, AVStream& stream, source& from,
                            const streams_request& request, walked& to, streams_result& made) {
  if (to.facts.width && to.facts.height && !within(to.bounds, *to.facts.width, *to.facts.height, 0))
    return {decoding::too_large, {}};
  const auto* decoder = avcodec_find_decoder(stream.codecpar->codec_id);
  // The library's own decoders of VP8 and VP9 leave opacity out.
  if (vpx_alpha(stream)) {
    bool vp9 = stream.codecpar->codec_id == AV_CODEC_ID_VP9;
    if (const auto* other = avcodec_find_decoder_by_name(vp9 ? "libvpx-vp9" : "libvpx"))
      decoder = other;
  }
  auto codec = open_decoder(decoder, stream.codecpar, to.bounds);
  if (!codec) return {decoding::failed, "it has no decoder here"};
  for (unsigned i = 0; i < format.nb_streams; ++i)
    format.streams[i]->discard = format.streams[i] == &stream ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
  int failure = 0;
  auto frame = next_frame(format, *codec, stream.index, to.bounds.first_frame_packets_max, failure);
  if (!frame) return failed_with(failure, from, "it has no frame");
  auto shape = av_guess_sample_aspect_ratio(&format, &stream, frame.get());
  made.poster = poster_of(*frame, shape, request.edge_px);
  if (made.poster.empty()) return {decoding::failed, "its pixels cannot be converted"};
  if (to.facts.alpha_present) to.facts.alpha_used = made.poster.alpha;
  if (is_plain(made.poster) && to.facts.duration_sec && *to.facts.duration_sec > 1) {
    auto when = static_cast<std::int64_t>(*to.facts.duration_sec / 10 * AV_TIME_BASE);
    if (av_seek_frame(&format, -1, when, 0) >= 0) {
      avcodec_flush_buffers(codec.get());
      int ignored = 0;
      constexpr unsigned packets_max = 100;
      if (auto later = next_frame(format, *codec, stream.index, packets_max, ignored)) {
        auto better = poster_of(*later, shape, request.edge_px);
        if (!better.empty() && !is_plain(better)) made.poster = std::move(better);
      }
    }
  }
  return {decoding::done, {}};
}

}  // namespace podstudio::media
