// SPDX-License-Identifier: MIT
#include "media/streams_parts.hpp"

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

}  // namespace

bool vpx_alpha(const AVStream& stream) {
  auto* entry = av_dict_get(stream.metadata, "alpha_mode", nullptr, 0);
  return entry != nullptr && std::strcmp(entry->value, "1") == 0;
}

decode_outcome failed_with(int failure, source& from, std::string_view nothing) {
  if (from.watch().stopped()) return {decoding::stopped, {}};
  if (failure == AVERROR(ENOMEM)) return {decoding::too_large, {}};
  if (failure == AVERROR(ENOSYS) || failure == AVERROR_PATCHWELCOME)
    return {decoding::failed, "of a kind that cannot be decoded here"};
  return {decoding::failed, failure == 0 ? std::string(nothing) : libav_error(failure)};
}

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
