// SPDX-License-Identifier: MIT
#include "media/inflate.hpp"
#include "media/walk_parts.hpp"

namespace podstudio::media {

namespace {

using namespace std::string_view_literals;

/// tEXt, zTXt and iTXt of PNG (third edition, 11.3.3): a keyword, then the text, compressed or not.
void take_png_text(std::string_view type, bytes_view data, bool is_cut, walked& to) {
  byte_cursor cursor(data);
  auto key = text_of(cursor.take_until(0));
  std::string_view text;
  inflated expanded;
  if (type == "tEXt" || type == "comf") {
    text = text_of(cursor.rest());
  } else {
    bool compressed = true;
    if (type == "iTXt") {
      compressed = cursor.u8() == 1;
      cursor.skip(1);
      cursor.take_until(0);
      cursor.take_until(0);
    } else {
      cursor.skip(1);
    }
    text = text_of(cursor.rest());
    if (compressed) {
      expanded = inflate(cursor.rest(), std::min(carried_text_bytes_max, to.found.room()));
      text = expanded.bytes;
      is_cut = is_cut || !expanded.whole;
    }
  }
  if (key == "XML:com.adobe.xmp") {
    keep_xmp(text, to);
  } else if (key == "Raw profile type exif" || key == "Raw profile type APP1"
             || key == "Raw profile type xmp") {
    // ImageMagick's form: a name, a length, then hexadecimal digits in lines.
    std::vector<std::uint8_t> bytes;
    auto at = text.find_first_not_of("\n ");
    for (int lines = 0; lines < 2 && at != std::string_view::npos; ++lines)
      at = text.find('\n', at + 1);
    int high = -1;
    for (char c : at == std::string_view::npos ? ""sv : text.substr(at)) {
      int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
      if (digit < 0) continue;
      if (high < 0) {
        high = digit;
      } else {
        bytes.push_back(static_cast<std::uint8_t>(high << 4 | digit));
        high = -1;
      }
    }
    if (key == "Raw profile type xmp")
      keep_xmp(text_of(bytes), to);
    else
      take_exif(bytes, to);
  } else {
    to.found.add(carrier::png_text, key, text, is_cut);
  }
}

std::string_view png_pixel_format(unsigned depth, unsigned colour) noexcept {
  switch (colour) {
  case 0:
    return depth == 16 ? "gray16be" : depth == 1 ? "monob" : "gray";
  case 2:
    return depth == 16 ? "rgb48be" : "rgb24";
  case 3:
    return "pal8";
  case 4:
    return depth == 16 ? "ya16be" : "ya8";
  case 6:
    return depth == 16 ? "rgba64be" : "rgba";
  default:
    return "";
  }
}

}  // namespace

void walk_png(source& from, walked& to) {
  auto& facts = to.facts;
  facts.mime = "image/png";
  facts.container = "png";
  facts.video_codec = "png";
  facts.alpha_present = false;
  to.lossless = true;
  source_cursor cursor(from, 8);
  bool ended = false, data_seen = false;
  std::uint64_t frames = 0;
  double seconds = 0;
  for (std::uint32_t step = 0; step < to.bounds.steps_max && !from.watch().stopped(); ++step) {
    if (cursor.at_end()) break;
    auto length = cursor.u32();
    std::string type(cursor.four());
    if (cursor.failed()) break;
    auto data_at = cursor.at();
    if (length > 0x7fffffff) {
      add_problem(facts, problem_kind::damaged, "a PNG chunk has an impossible length");
      return;
    }
    auto end = data_at + length + 4;
    bool is_cut = end > from.size();
    auto data = [&](std::uint64_t size_max) {
      return from.read(data_at, std::min<std::uint64_t>(length, size_max));
    };
    if (type == "IHDR") {
      auto bytes = data(13);
      byte_cursor header(bytes);
      auto width = header.u32(), height = header.u32();
      unsigned depth = header.u8(), colour = header.u8();
      header.skip(2);
      facts.width = width;
      facts.height = height;
      if (depth > 0) facts.bit_depth = depth;
      facts.pixel_format = png_pixel_format(depth, colour);
      facts.alpha_present = colour == 4 || colour == 6;
      to.progressive = header.u8() == 1;
    } else if (type == "tRNS") {
      facts.alpha_present = true;
    } else if (type == "pHYs") {
      auto bytes = data(9);
      byte_cursor density(bytes);
      double x = density.u32(), y = density.u32();
      if (density.u8() == 1) set_dpi(facts, x / inches_a_metre, y / inches_a_metre);
    } else if (type == "sRGB") {
      if (facts.colour_profile.empty()) facts.colour_profile = "sRGB";
    } else if (type == "iCCP") {
      auto bytes = data(icc_bytes_max);
      byte_cursor profile(bytes);
      profile.take_until(0);
      profile.skip(1);
      auto expanded = inflate(profile.rest(), icc_bytes_max);
      if (expanded.whole) to.found.icc.assign(expanded.bytes.begin(), expanded.bytes.end());
    } else if (type == "acTL") {
      auto bytes = data(8);
      if (!data_seen) frames = byte_cursor(bytes).u32();
    } else if (type == "fcTL") {
      auto bytes = data(26);
      byte_cursor control(bytes);
      control.skip(20);
      double above = control.u16(), below = control.u16();
      seconds += above / (below > 0 ? below : 100);
    } else if (type == "eXIf") {
      take_exif(data(carried_text_bytes_max), to);
    } else if (type == "caBX") {
      to.found.jumbf = data(jumbf_bytes_max);
    } else if (type == "tEXt" || type == "zTXt" || type == "iTXt" || type == "comf") {
      take_png_text(type, data(carried_text_bytes_max), is_cut || length > carried_text_bytes_max,
                    to);
    } else if (type == "IDAT") {
      data_seen = true;
    } else if (type == "IEND") {
      ended = true;
    }
    if (is_cut && !ended) {
      add_problem(facts, problem_kind::cut,
                  "the PNG ends within a chunk; at least " + bytes_missing(end, from.size()));
      return;
    }
    if (ended) break;
    cursor.go(end);
  }
  if (!facts.width)
    add_problem(facts, problem_kind::damaged, "the PNG has no header");
  else if (!ended)
    add_problem(facts, problem_kind::cut, "the PNG has no end (IEND)");
  if (frames > 1) {
    facts.mime = "image/apng";
    facts.frame_count = frames;
    facts.video_codec = "apng";
    if (seconds > 0) facts.duration_sec = seconds;
  }
  to.complete = ended;
}

}  // namespace podstudio::media
