// SPDX-License-Identifier: MIT
#pragma once

#include "media/carriers.hpp"
#include "media/format.hpp"
#include "media/media_facts.hpp"
#include "media/source.hpp"

/// A file's structure: the chunks, segments, boxes, blocks, pages or frames that it consists of,
/// without decoding any. Tells sizes before memory is taken for them, whether the file ends before
/// its content does, and finds what is carried beside it.
namespace podstudio::media {

/// Where a walk writes to.
struct walked {
  media_facts& facts;
  carriers& found;
  const limits& bounds;
  /// The walk went through all of the content, so a missing end was noticed.
  bool complete = false;
  bool progressive = false;  ///< a JPEG of several scans, an interlaced PNG
  /// The walk's own duration is exact, where libavformat would estimate one.
  bool exact_duration = false;
  /// WebM, not another Matroska.
  bool webm = false;
  /// The pixels are stored without loss, so that their least bits may mean something.
  bool lossless = false;
};

void walk_png(source& from, walked& to);
void walk_jpeg(source& from, walked& to);
void walk_gif(source& from, walked& to);
void walk_bmp(source& from, walked& to);
void walk_tiff(source& from, walked& to);
void walk_webp(source& from, walked& to);
void walk_wav(source& from, walked& to);
void walk_avi(source& from, walked& to);
/// `begin` is where the frames begin, behind tags.
void walk_mp3(source& from, std::uint64_t begin, walked& to);
void walk_aac(source& from, std::uint64_t begin, walked& to);
void walk_flac(source& from, std::uint64_t begin, walked& to);
void walk_ogg(source& from, walked& to);
void walk_iso(source& from, walked& to);
void walk_matroska(source& from, walked& to);
void walk_flv(source& from, walked& to);

/// The walk of this format; `none` walks nothing.
void walk(const sniffed& what, source& from, walked& to);

}  // namespace podstudio::media
