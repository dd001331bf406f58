// SPDX-License-Identifier: MIT
#include "media/exif.hpp"
#include "media/walk_parts.hpp"

#include <cmath>

namespace podstudio::media {

using namespace std::string_view_literals;

void walk_gif(source& from, walked& to) {
  auto& facts = to.facts;
  facts.mime = "image/gif";
  facts.container = "gif";
  facts.video_codec = "gif";
  facts.pixel_format = "bgra";
  facts.bit_depth = 8;
  facts.alpha_present = false;
  source_cursor cursor(from, 6, byte_order::little);
  facts.width = cursor.u16();
  facts.height = cursor.u16();
  auto flags = cursor.u8();
  cursor.skip(2);
  if ((flags & 0x80) != 0) cursor.skip(3u << ((flags & 7) + 1));
  std::uint64_t frames = 0;
  double seconds = 0;
  bool ended = false;
  std::uint32_t step = 0;
  auto sub_blocks = [&](std::string* text) {
    for (; step < to.bounds.steps_max && !from.watch().stopped(); ++step) {
      auto size = cursor.u8();
      if (size == 0 || cursor.failed()) return;
      if (text != nullptr && text->size() < carried_text_bytes_max) {
        auto bytes = cursor.take(size);
        *text += text_of(bytes);
      } else {
        cursor.skip(size);
      }
    }
  };
  for (; step < to.bounds.steps_max && !cursor.at_end() && !from.watch().stopped(); ++step) {
    auto kind = cursor.u8();
    if (kind == 0x3b) {
      ended = true;
      break;
    }
    if (kind == 0x2c) {
      ++frames;
      cursor.skip(8);
      auto local = cursor.u8();
      if ((local & 0x80) != 0) cursor.skip(3u << ((local & 7) + 1));
      cursor.skip(1);
      sub_blocks(nullptr);
    } else if (kind == 0x21) {
      auto label = cursor.u8();
      if (label == 0xf9) {
        auto size = cursor.u8();
        auto packed = cursor.u8();
        double delay = cursor.u16();
        if ((packed & 1) != 0) facts.alpha_present = true;
        // As players do, and libavformat: what is too quick to show gets a tenth of a second.
        seconds += delay < 2 ? 0.1 : delay / 100;
        cursor.skip(size > 3 ? size - 3u : 0u);
        sub_blocks(nullptr);
      } else if (label == 0xfe) {
        std::string text;
        sub_blocks(&text);
        to.found.add(carrier::comment, "Comment", text);
      } else if (label == 0xff) {
        auto name = cursor.take(cursor.u8());
        if (text_of(name) == "XMP DataXMP") {
          // The packet stands there as it is; a trailer leads readers of sub-blocks to its end.
          auto packet = from.read(cursor.at(), carried_text_bytes_max);
          auto whole = text_of(packet);
          keep_xmp(whole.substr(0, whole.find('\1')), to);
        }
        sub_blocks(nullptr);
      } else {
        sub_blocks(nullptr);
      }
    } else {
      add_problem(facts, problem_kind::damaged, "the GIF has a block of an unknown kind");
      return;
    }
  }
  if (!ended) add_problem(facts, problem_kind::cut, "the GIF has no end");
  facts.frame_count = frames;
  if (frames > 1 && seconds > 0) {
    facts.duration_sec = seconds;
    auto centiseconds = std::llround(seconds * 100);
    if (centiseconds > 0 && centiseconds < 100'000'000 && frames < 1'000'000)
      facts.fps = {static_cast<std::int32_t>(frames * 100),
                   static_cast<std::int32_t>(centiseconds)};
  }
  to.complete = ended;
}

void walk_bmp(source& from, walked& to) {
  auto& facts = to.facts;
  facts.mime = "image/bmp";
  facts.container = "bmp";
  facts.video_codec = "bmp";
  facts.alpha_present = false;
  source_cursor cursor(from, 10, byte_order::little);
  std::uint64_t data_at = cursor.u32();
  auto header = cursor.u32();
  std::int64_t width = 0, height = 0;
  unsigned bits = 0;
  std::uint32_t compression = 0;
  if (header == 12) {
    width = cursor.u16();
    height = cursor.u16();
    cursor.skip(2);
    bits = cursor.u16();
  } else {
    width = static_cast<std::int32_t>(cursor.u32());
    height = static_cast<std::int32_t>(cursor.u32());
    cursor.skip(2);
    bits = cursor.u16();
    compression = cursor.u32();
    cursor.skip(4);
    double x = cursor.u32(), y = cursor.u32();
    set_dpi(facts, x / inches_a_metre, y / inches_a_metre);
    cursor.skip(8);
    if (bits == 32 && header >= 56) {
      cursor.skip(12);
      facts.alpha_present = cursor.u32() != 0;
    }
  }
  height = height < 0 ? -height : height;
  if (width <= 0 || height == 0) {
    add_problem(facts, problem_kind::damaged, "the BMP has no size");
    return;
  }
  facts.width = static_cast<std::uint32_t>(width);
  facts.height = static_cast<std::uint32_t>(height);
  constexpr std::uint32_t header_with_profile = 124, embedded = 0x4d424544;  // "MBED"
  if (header == header_with_profile) {
    cursor.go(14 + 56);
    bool has_profile = cursor.u32() == embedded;
    cursor.go(14 + 112);
    auto profile_at = std::uint64_t{cursor.u32()} + 14, profile_size = std::uint64_t{cursor.u32()};
    if (has_profile && profile_size <= icc_bytes_max)
      to.found.icc = from.read(profile_at, profile_size);
  }
  if (bits > 0) facts.bit_depth = bits <= 8 ? bits : bits == 16 ? 5 : 8;
  facts.pixel_format = bits <= 8    ? "pal8"
                       : bits == 16 ? "rgb555le"
                       : bits == 24 ? "bgr24"
                                    : (*facts.alpha_present ? "bgra" : "bgr0");
  if (compression == 0 || compression == 3) {
    auto row = (static_cast<std::uint64_t>(width) * bits + 31) / 32 * 4;
    auto end = data_at + row * static_cast<std::uint64_t>(height);
    // The last row's filling is left out by some writers.
    if (end > from.size() + 4) add_cut(to, "BMP", end, from.size());
  }
  to.complete = true;
  to.lossless = true;
}

void walk_tiff(source& from, walked& to) {
  auto& facts = to.facts;
  facts.mime = "image/tiff";
  facts.container = "tiff";
  facts.video_codec = "tiff";
  auto ifd = read_ifds(from, to.found);
  if (!ifd.readable) {
    add_problem(facts, problem_kind::cut, "the TIFF's directory cannot be read");
    return;
  }
  facts.width = ifd.width;
  facts.height = ifd.height;
  auto bits = ifd.bits.value_or(1);
  if (bits > 0) facts.bit_depth = bits;
  facts.orientation = ifd.orientation;
  facts.alpha_present = ifd.alpha;
  if (ifd.page_count > 1) facts.frame_count = ifd.page_count;
  if (ifd.resolution_unit != 1) {
    auto scale = ifd.resolution_unit == 3 ? 2.54 : 1;
    set_dpi(facts, ifd.resolution_x * scale, ifd.resolution_y * scale);
  }
  auto samples = ifd.samples.value_or(1);
  bool deep = bits == 16;
  switch (ifd.photometric.value_or(1)) {
  case 0:
  case 1:
    facts.pixel_format = samples == 2 ? (deep ? "ya16le" : "ya8")
                         : bits == 1  ? "monob"
                         : deep       ? "gray16le"
                                      : "gray";
    break;
  case 2:
    facts.pixel_format = samples >= 4 ? (deep ? "rgba64le" : "rgba") : (deep ? "rgb48le" : "rgb24");
    break;
  case 3:
    facts.pixel_format = "pal8";
    break;
  case 5:
    facts.pixel_format = "cmyk";
    break;
  case 6:
    facts.pixel_format = "yuv";
    break;
  default:
    break;
  }
  if (!facts.width || !facts.height)
    add_problem(facts, problem_kind::damaged, "the TIFF has no size");
  if (ifd.data_end > from.size()) add_cut(to, "TIFF", ifd.data_end, from.size());
  to.complete = true;
}

void walk_webp(source& from, walked& to) {
  auto& facts = to.facts;
  facts.mime = "image/webp";
  facts.container = "webp";
  facts.video_codec = "webp";
  facts.bit_depth = 8;
  facts.alpha_present = false;
  source_cursor cursor(from, 4, byte_order::little);
  auto whole = std::uint64_t{cursor.u32()} + 8;
  if (whole > from.size() + 1) add_cut(to, "WebP", whole, from.size());
  cursor.go(12);
  std::uint64_t frames = 0;
  double milliseconds = 0;
  bool extended = false, lossy = false;
  for (std::uint32_t step = 0; step < to.bounds.steps_max && !from.watch().stopped(); ++step) {
    if (cursor.at() + 8 > std::min(from.size(), whole)) break;
    std::string type(cursor.four());
    std::uint64_t size = cursor.u32();
    auto data_at = cursor.at();
    auto data = [&](std::uint64_t size_max) {
      return from.read(data_at, std::min(size, size_max));
    };
    if (type == "VP8X") {
      extended = true;
      facts.alpha_present = (cursor.u8() & 0x10) != 0;
      cursor.skip(3);
      facts.width = cursor.u24() + 1;
      facts.height = cursor.u24() + 1;
    } else if (type == "VP8 ") {
      lossy = true;
      cursor.skip(6);
      auto width = cursor.u16() & 0x3fffu, height = cursor.u16() & 0x3fffu;
      if (!extended) {
        facts.width = width;
        facts.height = height;
      }
    } else if (type == "VP8L") {
      cursor.skip(1);
      auto packed = cursor.u32();
      to.lossless = true;
      if (!extended) {
        facts.width = (packed & 0x3fff) + 1;
        facts.height = (packed >> 14 & 0x3fff) + 1;
        facts.alpha_present = (packed >> 28 & 1) != 0;
      }
    } else if (type == "ANMF") {
      ++frames;
      auto head = data(16);
      byte_cursor frame(part(head, 12), byte_order::little);
      milliseconds += frame.u24();
    } else if (type == "ICCP") {
      to.found.icc = data(icc_bytes_max);
    } else if (type == "EXIF") {
      take_exif(data(carried_text_bytes_max), to);
    } else if (type == "XMP ") {
      auto packet = data(carried_text_bytes_max);
      keep_xmp(text_of(packet), to);
    } else if (type == "C2PA") {
      to.found.jumbf = data(jumbf_bytes_max);
    }
    cursor.go(data_at + size + size % 2);
  }
  facts.pixel_format = !lossy && to.lossless  ? "argb"
                       : *facts.alpha_present ? "yuva420p"
                                              : "yuv420p";
  if (frames > 0) {
    facts.frame_count = frames;
    if (frames > 1 && milliseconds > 0) facts.duration_sec = milliseconds / 1000;
  }
  if (!facts.width) add_problem(facts, problem_kind::damaged, "the WebP has no picture");
  to.complete = true;
}

}  // namespace podstudio::media
