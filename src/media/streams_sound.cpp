// SPDX-License-Identifier: MIT
#include "media/streams_parts.hpp"

#include "media/libav.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

namespace podstudio::media {

namespace {

template <class Sample>
float loudest(const std::uint8_t* data, std::size_t count, float zero, float one) {
  float peak = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Sample value;
    std::memcpy(&value, data + i * sizeof value, sizeof value);
    peak = std::max(peak, std::abs(static_cast<float>(value) - zero) / one);
  }
  return std::isfinite(peak) ? std::min(peak, 1.0f) : 0;
}

/// The loudest sample of a frame, of all channels.
float loudest_of(const AVFrame& frame) {
  auto format = static_cast<AVSampleFormat>(frame.format);
  bool planar = av_sample_fmt_is_planar(format) != 0;
  auto channels = static_cast<std::size_t>(std::max(frame.ch_layout.nb_channels, 0));
  auto count = static_cast<std::size_t>(std::max(frame.nb_samples, 0)) * (planar ? 1 : channels);
  float peak = 0;
  for (std::size_t i = 0; i < (planar ? channels : 1); ++i) {
    const auto* data = frame.extended_data[i];
    switch (av_get_packed_sample_fmt(format)) {
    case AV_SAMPLE_FMT_U8:
      peak = std::max(peak, loudest<std::uint8_t>(data, count, 128, 128));
      break;
    case AV_SAMPLE_FMT_S16:
      peak = std::max(peak, loudest<std::int16_t>(data, count, 0, 32768));
      break;
    case AV_SAMPLE_FMT_S32:
      peak = std::max(peak, loudest<std::int32_t>(data, count, 0, 2147483648.0f));
      break;
    case AV_SAMPLE_FMT_FLT:
      peak = std::max(peak, loudest<float>(data, count, 0, 1));
      break;
    case AV_SAMPLE_FMT_DBL:
      peak = std::max(peak, loudest<double>(data, count, 0, 1));
      break;
    default:
      break;
    }
  }
  return peak;
}

class sound_reader {
public:
  sound_reader(AVFormatContext& format, AVCodecContext& codec, int stream, source& from)
      : format_(format), codec_(codec), stream_(stream), from_(from), packet_(av_packet_alloc()),
        frame_(av_frame_alloc()) {}

  /// Decodes until so much has come, or the end; the loudest of each frame goes to `peaks`.
  void read(double seconds_max, std::vector<float>& peaks) {
    if (!packet_ || !frame_) return;
    double seconds = 0;
    while (seconds < seconds_max && peaks.size() < peaks_max && !from_.watch().stopped()) {
      auto status = av_read_frame(&format_, packet_.get());
      if (status < 0) {
        avcodec_send_packet(&codec_, nullptr);
        take_frames(seconds, peaks);
        ended = true;
        return;
      }
      if (packet_->stream_index == stream_) {
        status = avcodec_send_packet(&codec_, packet_.get());
        if (status < 0) {
          ++bad;
          failure = status;
        } else {
          ++good;
        }
        take_frames(seconds, peaks);
      }
      av_packet_unref(packet_.get());
    }
  }

  std::uint64_t good = 0, bad = 0, frames = 0;
  int failure = 0;
  bool ended = false;

private:
  void take_frames(double& seconds, std::vector<float>& peaks) {
    while (avcodec_receive_frame(&codec_, frame_.get()) == 0) {
      ++frames;
      if (frame_->sample_rate > 0)
        seconds += static_cast<double>(frame_->nb_samples) / frame_->sample_rate;
      if (peaks.size() < peaks_max) peaks.push_back(loudest_of(*frame_));
      av_frame_unref(frame_.get());
    }
  }

  AVFormatContext& format_;
  AVCodecContext& codec_;
  int stream_;
  source& from_;
  packet_ptr packet_;
  frame_ptr frame_;
};

}  // namespace

decode_outcome decode_audio(AVFormatContext& format, AVStream& stream, source& from,
                            const streams_request& request, walked& to, streams_result& made) {
  auto codec =
      open_decoder(avcodec_find_decoder(stream.codecpar->codec_id), stream.codecpar, to.bounds);
  if (!codec) return {decoding::failed, "it has no decoder here"};
  for (unsigned i = 0; i < format.nb_streams; ++i)
    format.streams[i]->discard = format.streams[i] == &stream ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
  constexpr double beginning_seconds = 1;
  sound_reader reader(format, *codec, stream.index, from);
  auto all = to.bounds.waveform_decoded_seconds_max;
  auto duration = to.facts.duration_sec.value_or(0);
  if (!request.want_peaks) {
    reader.read(beginning_seconds, made.peaks);
  } else if (duration <= all) {
    reader.read(all, made.peaks);
  } else {
    // Evenly spread windows of a long one.
    constexpr int windows = 1024;
    constexpr double window_seconds = 0.1;
    for (int i = 0; i < windows && !from.watch().stopped(); ++i) {
      auto when = static_cast<std::int64_t>(duration * i / windows * AV_TIME_BASE);
      if (i > 0 && av_seek_frame(&format, -1, when, AVSEEK_FLAG_BACKWARD) < 0) break;
      avcodec_flush_buffers(codec.get());
      std::vector<float> window;
      reader.read(window_seconds, window);
      made.peaks.push_back(window.empty() ? 0 : *std::ranges::max_element(window));
    }
  }
  if (from.watch().stopped()) return {decoding::stopped, {}};
  if (reader.frames == 0) return failed_with(reader.failure, from, "it has no sound in it");
  if (reader.bad > 0 && reader.bad * 4 > reader.good)
    return {decoding::damaged, std::to_string(reader.bad) + " of "
                                   + std::to_string(reader.bad + reader.good)
                                   + " packets cannot be decoded"};
  return {decoding::done, {}};
}

}  // namespace podstudio::media
