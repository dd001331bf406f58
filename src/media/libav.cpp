// SPDX-License-Identifier: MIT
#include "media/libav.hpp"

#include <array>
#include <cerrno>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>
}

namespace podstudio::media {

void free_codec::operator()(AVCodecContext* codec) const noexcept { avcodec_free_context(&codec); }
void free_frame::operator()(AVFrame* frame) const noexcept { av_frame_free(&frame); }
void free_packet::operator()(AVPacket* packet) const noexcept { av_packet_free(&packet); }
void free_scaler::operator()(SwsContext* scaler) const noexcept { sws_freeContext(scaler); }

void quiet_libav() {
  static const bool quiet = [] {
    av_log_set_level(AV_LOG_QUIET);
    return true;
  }();
  (void)quiet;
}

std::string libav_error(int code) {
  // The GIF decoder's way to say that there is no more to read.
  if (code == AVERROR(EPERM)) return "its data is damaged";
  std::array<char, 128> text{};
  av_strerror(code, text.data(), text.size());
  return text.data();
}

codec_ptr open_decoder(const AVCodec* decoder, const AVCodecParameters* parameters,
                       const limits& bounds) {
  if (decoder == nullptr) return nullptr;
  codec_ptr codec(avcodec_alloc_context3(decoder));
  if (!codec) return nullptr;
  if (parameters != nullptr && avcodec_parameters_to_context(codec.get(), parameters) < 0)
    return nullptr;
  codec->thread_count = 1;
  codec->max_pixels = static_cast<std::int64_t>(bounds.pixels_max);
  if (avcodec_open2(codec.get(), decoder, nullptr) < 0) return nullptr;
  return codec;
}

}  // namespace podstudio::media
