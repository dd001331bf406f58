// SPDX-License-Identifier: MIT
#pragma once

#include "media/bytes.hpp"

#include <cstdint>
#include <optional>

/// Frames of MPEG audio (ISO/IEC 11172-3, 13818-3) and of AAC in ADTS (ISO/IEC 13818-7, 6.2).
namespace podstudio::media {

struct audio_frame {
  std::uint32_t size_bytes = 0;
  std::uint32_t samplerate_hz = 0;
  std::uint32_t samples = 0;
  std::uint32_t channels = 0;
};

/// The frame whose header the bytes begin with; nothing where there is no valid one, or one of free
/// format, whose size is not stated.
std::optional<audio_frame> mpeg_audio_frame(bytes_view bytes) noexcept;
std::optional<audio_frame> adts_frame(bytes_view bytes) noexcept;

/// Where the first three frames in a row begin that have one rate; fewer at the bytes' end, but
/// two at least, or one that is all there is.
std::optional<std::size_t> find_mpeg_audio(bytes_view bytes) noexcept;
std::optional<std::size_t> find_adts(bytes_view bytes) noexcept;

}  // namespace podstudio::media
