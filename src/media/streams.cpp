// SPDX-License-Identifier: MIT
#include "media/streams.hpp"

#include "media/libav.hpp"
#include "media/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

namespace podstudio::media {

namespace {

constexpr int io_buffer_bytes = 64 << 10;

struct input_state {
  source* from;
  std::uint64_t at = 0;
};

int read_packet(void* opaque, std::uint8_t* to, int size) {
  auto* input = static_cast<input_state*>(opaque);
  auto got = input->from->read_at(input->at, {to, static_cast<std::size_t>(size)});
  if (got == 0) return input->from->watch().stopped() ? AVERROR_EXIT : AVERROR_EOF;
  input->at += got;
  return static_cast<int>(got);
}

std::int64_t seek_to(void* opaque, std::int64_t offset, int whence) {
  auto* input = static_cast<input_state*>(opaque);
  auto size = static_cast<std::int64_t>(input->from->size());
  switch (whence & ~AVSEEK_FORCE) {
  case AVSEEK_SIZE:
    return size;
  case SEEK_SET:
    break;
  case SEEK_CUR:
    offset += static_cast<std::int64_t>(input->at);
    break;
  case SEEK_END:
    offset += size;
    break;
  default:
    return AVERROR(EINVAL);
  }
  if (offset < 0) return AVERROR(EINVAL);
  input->at = static_cast<std::uint64_t>(offset);
  return offset;
}

int is_stopped(void* opaque) { return static_cast<source*>(opaque)->watch().stopped() ? 1 : 0; }

const char* demuxer_of(format is) noexcept {
  switch (is) {
  case format::wav:
    return "wav";
  case format::mp3:
    return "mp3";
  case format::flac:
    return "flac";
  case format::ogg:
    return "ogg";
  case format::aac:
    return "aac";
  case format::iso:
    return "mov";
  case format::avi:
    return "avi";
  case format::matroska:
    return "matroska";
  case format::flv:
    return "flv";
  default:
    return "";
  }
}

/// An open file with its streams.
class demuxer {
public:
  demuxer() = default;
  demuxer(const demuxer&) = delete;
  demuxer& operator=(const demuxer&) = delete;
  ~demuxer() {
    if (format_ != nullptr) avformat_close_input(&format_);
    if (io_ != nullptr) {
      av_freep(&io_->buffer);
      avio_context_free(&io_);
    }
  }

  /// 0, or what libavformat says.
  int open(format is, source& from, const limits& bounds) {
    input_.from = &from;
    auto* buffer = static_cast<unsigned char*>(av_malloc(io_buffer_bytes));
    if (buffer == nullptr) return AVERROR(ENOMEM);
    io_ = avio_alloc_context(buffer, io_buffer_bytes, 0, &input_, read_packet, nullptr, seek_to);
    if (io_ == nullptr) {
      av_free(buffer);
      return AVERROR(ENOMEM);
    }
    format_ = avformat_alloc_context();
    if (format_ == nullptr) return AVERROR(ENOMEM);
    format_->pb = io_;
    format_->flags |= AVFMT_FLAG_CUSTOM_IO;
    format_->probesize = bounds.probe_bytes_max;
    format_->max_analyze_duration = bounds.probe_time_max.count();
    format_->max_streams = static_cast<int>(bounds.streams_max);
    // 16-bit samples of a WAV may be DTS in disguise, for which each packet would be tried with
    // every demuxer there is; that takes ten times as long as all else.
    if (is == format::wav) format_->max_probe_packets = 1;
    format_->max_index_size = 1u << 20;
    format_->max_picture_buffer = 1u << 20;
    format_->interrupt_callback = {is_stopped, &from};
    // Nothing may be opened by a name that stands in a file.
    format_->protocol_whitelist = av_strdup("none");
    // Frees the context where it fails.
    auto status = avformat_open_input(&format_, "", av_find_input_format(demuxer_of(is)), nullptr);
    if (status < 0) return status;
    std::vector<AVDictionary*> options(format_->nb_streams, nullptr);
    for (auto& each : options)
      av_dict_set(&each, "threads", "1", 0);
    status = avformat_find_stream_info(format_, options.empty() ? nullptr : options.data());
    for (auto& each : options)
      av_dict_free(&each);
    // Streams that stay unknown are told by what they lack.
    return from.watch().stopped() ? AVERROR_EXIT : std::min(status, 0);
  }

  AVFormatContext& operator*() const noexcept { return *format_; }
  AVFormatContext* operator->() const noexcept { return format_; }

private:
  input_state input_{};
  AVIOContext* io_ = nullptr;
  AVFormatContext* format_ = nullptr;
};

std::uint8_t orientation_of(const AVStream& stream) {
  std::size_t size = 0;
  auto* matrix = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
  if (matrix == nullptr || size < 9 * sizeof(std::int32_t)) return 1;
  std::array<std::int32_t, 9> numbers;
  std::memcpy(numbers.data(), matrix, sizeof numbers);
  auto degrees = av_display_rotation_get(numbers.data());
  if (!std::isfinite(degrees)) return 1;
  switch ((static_cast<int>(std::lround(degrees)) % 360 + 360) % 360) {
  case 90:
    return 8;
  case 180:
    return 3;
  case 270:
    return 6;
  default:
    return 1;
  }
}

AVStream* best(AVFormatContext& format, AVMediaType type) {
  auto index = av_find_best_stream(&format, type, -1, -1, nullptr, 0);
  if (index < 0) return nullptr;
  auto* stream = format.streams[index];
  // A cover is a picture of the sound, not a clip.
  return (stream->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0 ? nullptr : stream;
}

bool vpx_alpha(const AVStream& stream) {
  auto* entry = av_dict_get(stream.metadata, "alpha_mode", nullptr, 0);
  return entry != nullptr && std::strcmp(entry->value, "1") == 0;
}

std::optional<std::uint32_t> positive(std::int64_t value) {
  if (value <= 0 || value > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(value);
}

void take_video(const AVStream& stream, walked& to) {
  auto& facts = to.facts;
  const auto& codec = *stream.codecpar;
  facts.video_codec = avcodec_get_name(codec.codec_id);
  facts.width = positive(codec.width);
  facts.height = positive(codec.height);
  if (stream.avg_frame_rate.num > 0 && stream.avg_frame_rate.den > 0)
    facts.fps = {stream.avg_frame_rate.num, stream.avg_frame_rate.den};
  if (stream.nb_frames > 0) facts.frame_count = static_cast<std::uint64_t>(stream.nb_frames);
  const auto* pixels = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(codec.format));
  if (pixels != nullptr) {
    facts.pixel_format = pixels->name;
    facts.bit_depth = static_cast<std::uint32_t>(pixels->comp[0].depth);
    facts.alpha_present = (pixels->flags & AV_PIX_FMT_FLAG_ALPHA) != 0 || vpx_alpha(stream);
  }
  facts.orientation = orientation_of(stream);
  if (codec.color_primaries != AVCOL_PRI_UNSPECIFIED)
    if (const auto* name = av_color_primaries_name(codec.color_primaries))
      facts.colour_profile = name;
}

void take_audio(const AVStream& stream, bool video, walked& to) {
  auto& facts = to.facts;
  const auto& codec = *stream.codecpar;
  facts.audio_codec = avcodec_get_name(codec.codec_id);
  facts.samplerate_hz = positive(codec.sample_rate);
  facts.channels = positive(codec.ch_layout.nb_channels);
  if (video) return;
  auto bits = av_get_exact_bits_per_sample(codec.codec_id);
  if (codec.bits_per_raw_sample > 0) bits = codec.bits_per_raw_sample;
  facts.bit_depth = positive(bits);
}

void take_tags(const AVDictionary* tags, carriers& found) {
  const AVDictionaryEntry* entry = nullptr;
  while ((entry = av_dict_get(tags, "", entry, AV_DICT_IGNORE_SUFFIX)) != nullptr)
    found.add(carrier::container_tag, entry->key, entry->value);
}

void name_type(const sniffed& what, bool video, walked& to) {
  auto& mime = to.facts.mime;
  if (what.is == format::iso && !video) mime = "audio/mp4";
  if (what.is == format::ogg && video) mime = "video/ogg";
  if (what.is == format::matroska && !video) mime = to.webm ? "audio/webm" : "audio/x-matroska";
}

// Pictures
// --------------------------------------------------------------------------------------------

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

decode_outcome failed_with(int failure, source& from, std::string_view nothing) {
  if (from.watch().stopped()) return {decoding::stopped, {}};
  if (failure == AVERROR(ENOMEM)) return {decoding::too_large, {}};
  if (failure == AVERROR(ENOSYS) || failure == AVERROR_PATCHWELCOME)
    return {decoding::failed, "of a kind that cannot be decoded here"};
  return {decoding::failed, failure == 0 ? std::string(nothing) : libav_error(failure)};
}

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

// Sound
// -----------------------------------------------------------------------------------------------

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

}  // namespace

decode_outcome read_streams(const sniffed& what, source& from, const streams_request& request,
                            walked& to, streams_result& made) {
  quiet_libav();
  demuxer file;
  auto status = file.open(what.is, from, to.bounds);
  if (from.watch().stopped()) return {decoding::stopped, {}};
  if (status < 0) return failed_with(status, from, "it cannot be opened");
  auto* video = best(*file, AVMEDIA_TYPE_VIDEO);
  auto* audio = best(*file, AVMEDIA_TYPE_AUDIO);
  auto& facts = to.facts;
  if (!to.exact_duration && file->duration > 0)
    facts.duration_sec = static_cast<double>(file->duration) / AV_TIME_BASE;
  if (video != nullptr) take_video(*video, to);
  if (audio != nullptr) take_audio(*audio, video != nullptr, to);
  name_type(what, video != nullptr, to);
  take_tags(file->metadata, to.found);
  if (video != nullptr) take_tags(video->metadata, to.found);
  if (audio != nullptr) take_tags(audio->metadata, to.found);
  if (video != nullptr) return decode_video(*file, *video, from, request, to, made);
  if (audio != nullptr) return decode_audio(*file, *audio, from, request, to, made);
  return {decoding::failed, "it has neither pictures nor sound"};
}

}  // namespace podstudio::media
