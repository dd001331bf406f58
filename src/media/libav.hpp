// SPDX-License-Identifier: MIT
#pragma once

#include "media/limits.hpp"

#include <memory>
#include <string>

struct AVCodec;
struct AVCodecContext;
struct AVCodecParameters;
struct AVFrame;
struct AVPacket;
struct SwsContext;

/// What the files that use libavformat and libavcodec share.
namespace podstudio::media {

struct free_codec {
  void operator()(AVCodecContext* codec) const noexcept;
};
struct free_frame {
  void operator()(AVFrame* frame) const noexcept;
};
struct free_packet {
  void operator()(AVPacket* packet) const noexcept;
};
struct free_scaler {
  void operator()(SwsContext* scaler) const noexcept;
};
using codec_ptr = std::unique_ptr<AVCodecContext, free_codec>;
using frame_ptr = std::unique_ptr<AVFrame, free_frame>;
using packet_ptr = std::unique_ptr<AVPacket, free_packet>;
using scaler_ptr = std::unique_ptr<SwsContext, free_scaler>;

/// Once a process: the libraries say nothing on standard error.
void quiet_libav();

/// The library's words for a negative result.
std::string libav_error(int code);

/// A decoder of one thread, bounded; null where there is none or it does not open.
codec_ptr open_decoder(const AVCodec* decoder, const AVCodecParameters* parameters,
                       const limits& bounds);

}  // namespace podstudio::media
