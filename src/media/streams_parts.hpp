// SPDX-License-Identifier: MIT
#pragma once

#include "media/streams.hpp"

#include <string_view>

struct AVFormatContext;
struct AVStream;

/// What the files of `read_streams` share: streams.cpp opens a file and reads its facts,
/// streams_poster.cpp decodes a picture of a clip, streams_sound.cpp the loudness of a sound.
namespace podstudio::media {

decode_outcome decode_video(AVFormatContext& format, AVStream& stream, source& from,
                            const streams_request& request, walked& to, streams_result& made);
decode_outcome decode_audio(AVFormatContext& format, AVStream& stream, source& from,
                            const streams_request& request, walked& to, streams_result& made);

/// Whether a stream of VP8 or VP9 has opacity.
bool vpx_alpha(const AVStream& stream);

/// The outcome of a call of libav that failed; `nothing` says what is missing if none did.
decode_outcome failed_with(int failure, source& from, std::string_view nothing);

}  // namespace podstudio::media
