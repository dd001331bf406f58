// SPDX-License-Identifier: MIT
#include "media/mpeg_audio.hpp"

#include <array>

namespace podstudio::media {

namespace {

/// kbit/s by bitrate index, for MPEG 1 layers I to III and MPEG 2 layers I, and II and III.
constexpr std::array<std::array<std::uint16_t, 15>, 5> rates_kbit{{
    {0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
    {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
    {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
    {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
    {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
}};

template <class Frame>
std::optional<std::size_t> find_frames(bytes_view bytes, Frame frame_at) noexcept {
  for (std::size_t at = 0; at + 4 <= bytes.size(); ++at) {
    if (bytes[at] != 0xff) continue;
    auto first = frame_at(bytes.subspan(at));
    if (!first) continue;
    std::size_t next = at + first->size_bytes;
    int count = 1;
    bool broken = false;
    while (count < 3 && next + 8 <= bytes.size()) {
      auto frame = frame_at(bytes.subspan(next));
      if (!frame || frame->samplerate_hz != first->samplerate_hz) {
        broken = true;
        break;
      }
      next += frame->size_bytes;
      ++count;
    }
    // A single frame may be all there is, but only at the very front.
    if (!broken && (count >= 2 || at == 0)) return at;
  }
  return std::nullopt;
}

}  // namespace

std::optional<audio_frame> mpeg_audio_frame(bytes_view bytes) noexcept {
  if (bytes.size() < 4) return std::nullopt;
  if (bytes[0] != 0xff || (bytes[1] & 0xe0) != 0xe0) return std::nullopt;
  unsigned version = bytes[1] >> 3 & 3, layer_code = bytes[1] >> 1 & 3;
  unsigned bitrate = bytes[2] >> 4, rate = bytes[2] >> 2 & 3, padding = bytes[2] >> 1 & 1;
  if (version == 1 || layer_code == 0 || bitrate == 0 || bitrate == 15 || rate == 3)
    return std::nullopt;
  if ((bytes[3] & 3) == 2) return std::nullopt;
  unsigned layer = 4 - layer_code;
  bool first_version = version == 3;
  constexpr std::array<std::uint32_t, 3> base_hz{44100, 48000, 32000};
  audio_frame frame;
  frame.samplerate_hz = base_hz[rate] >> (first_version ? 0 : version == 2 ? 1 : 2);
  frame.channels = bytes[3] >> 6 == 3 ? 1 : 2;
  auto row = first_version ? layer - 1 : layer == 1 ? 3 : 4;
  std::uint32_t bits = rates_kbit[row][bitrate] * 1000u;
  if (layer == 1) {
    frame.samples = 384;
    frame.size_bytes = (12 * bits / frame.samplerate_hz + padding) * 4;
  } else {
    frame.samples = layer == 3 && !first_version ? 576 : 1152;
    frame.size_bytes = frame.samples / 8 * bits / frame.samplerate_hz + padding;
  }
  if (frame.size_bytes < 4) return std::nullopt;
  return frame;
}

std::optional<audio_frame> adts_frame(bytes_view bytes) noexcept {
  constexpr std::array<std::uint32_t, 13> rates{96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                                22050, 16000, 12000, 11025, 8000,  7350};
  if (bytes.size() < 7 || bytes[0] != 0xff || (bytes[1] & 0xf6) != 0xf0) return std::nullopt;
  std::size_t rate = bytes[2] >> 2 & 15;
  if (rate >= rates.size()) return std::nullopt;
  audio_frame frame;
  frame.samplerate_hz = rates[rate];
  frame.channels = static_cast<std::uint32_t>((bytes[2] & 1) << 2 | bytes[3] >> 6);
  frame.size_bytes =
      static_cast<std::uint32_t>((bytes[3] & 3) << 11 | bytes[4] << 3 | bytes[5] >> 5);
  frame.samples = 1024u * ((bytes[6] & 3u) + 1);
  if (frame.size_bytes < 7) return std::nullopt;
  return frame;
}

std::optional<std::size_t> find_mpeg_audio(bytes_view bytes) noexcept {
  return find_frames(bytes, mpeg_audio_frame);
}
std::optional<std::size_t> find_adts(bytes_view bytes) noexcept {
  return find_frames(bytes, adts_frame);
}

}  // namespace podstudio::media
