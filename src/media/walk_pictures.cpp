// SPDX-License-Identifier: MIT
#include "media/exif.hpp"
#include "media/inflate.hpp"
#include "media/text.hpp"
#include "media/walk.hpp"
#include "media/xmp.hpp"

#include <array>
#include <cmath>

namespace podstudio::media {

namespace {

using namespace std::string_view_literals;

constexpr double inches_a_metre = 39.3700787;

std::string bytes_missing(std::uint64_t end, std::uint64_t size) {
  return std::to_string(end - size) + " bytes are missing at the end";
}

/// Dots an inch out of a density in a file; nonsense is left out.
void set_dpi(media_facts& facts, double x, double y) {
  auto possible = [](double dpi) { return dpi >= 1 && dpi <= 100'000; };
  if (!possible(x) || !possible(y)) return;
  facts.dpi_x = std::round(x * 100) / 100;
  facts.dpi_y = std::round(y * 100) / 100;
}

/// What an EXIF block says of the picture that it is in.
void take_exif(bytes_view block, walked& to) {
  auto exif = read_ifds(block, to.found);
  if (exif.orientation != 1) to.facts.orientation = exif.orientation;
  if (!to.facts.dpi_x && exif.resolution_unit != 1) {
    auto scale = exif.resolution_unit == 3 ? 2.54 : 1;
    set_dpi(to.facts, exif.resolution_x * scale, exif.resolution_y * scale);
  }
  if (exif.colour_space == 1 && to.facts.colour_profile.empty()) to.facts.colour_profile = "sRGB";
}

void keep_xmp(std::string_view packet, walked& to) {
  if (to.found.xmp.empty()) to.found.xmp = clean_text(packet, carried_text_bytes_max);
}

// PNG -------------------------------------------------------------------------------------------

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

// JPEG ------------------------------------------------------------------------------------------

/// Photoshop's image resources with the datasets of IPTC-IIM 4.2 in number 0x0404.
void take_photoshop(bytes_view block, walked& to) {
  byte_cursor cursor(block);
  constexpr int resources_max = 256;
  for (int i = 0; i < resources_max && cursor.left() >= 12; ++i) {
    if (text_of(cursor.take(4)) != "8BIM") return;
    auto id = cursor.u16();
    std::size_t name = cursor.u8();
    cursor.skip(name + (name % 2 == 0 ? 1 : 0));
    std::size_t size = cursor.u32();
    auto data = cursor.take(size);
    cursor.skip(size % 2);
    if (id != 0x0404) continue;
    byte_cursor datasets(data);
    for (int each = 0; each < resources_max && datasets.left() >= 5; ++each) {
      if (datasets.u8() != 0x1c) return;
      auto record = datasets.u8(), number = datasets.u8();
      auto value = datasets.take(datasets.u16());
      if (record == 2 && number == 120) to.found.add(carrier::iptc, "Caption", text_of(value));
    }
  }
}

struct jpeg_parts {
  std::vector<std::vector<std::uint8_t>> icc;  ///< by number, from 0
  bool adobe = false;
  unsigned adobe_transform = 0;
};

void take_jpeg_segment(unsigned marker, bytes_view data, walked& to, jpeg_parts& parts) {
  byte_cursor cursor(data);
  switch (marker) {
  case 0xe0:
    if (starts_with(data, "JFIF\0"sv) && data.size() >= 12) {
      cursor.skip(7);
      auto unit = cursor.u8();
      double x = cursor.u16(), y = cursor.u16();
      if (unit == 1) set_dpi(to.facts, x, y);
      if (unit == 2) set_dpi(to.facts, x * 2.54, y * 2.54);
    }
    break;
  case 0xe1: {
    constexpr auto xmp = "http://ns.adobe.com/xap/1.0/\0"sv;
    if (starts_with(data, "Exif\0"sv))
      take_exif(part(data, 6), to);
    else if (starts_with(data, xmp))
      keep_xmp(text_of(part(data, xmp.size())), to);
    break;
  }
  case 0xe2:
    if (starts_with(data, "ICC_PROFILE\0"sv)) {
      cursor.skip(12);
      std::size_t number = cursor.u8(), count = cursor.u8();
      if (number >= 1 && number <= count) {
        if (parts.icc.size() < count) parts.icc.resize(count);
        auto bytes = cursor.rest();
        if (parts.icc[number - 1].empty()) parts.icc[number - 1].assign(bytes.begin(), bytes.end());
      }
    }
    break;
  case 0xeb:
    // JPEG XT (ISO/IEC 18477-3, B.2): a box in parts, each with the box's header again.
    if (starts_with(data, "JP"sv) && data.size() > 16) {
      cursor.skip(4);
      auto number = cursor.u32();
      auto rest = cursor.rest();
      if (number != 1) {
        bool large = byte_cursor(rest).u32() == 1;
        rest = part(rest, large ? 16 : 8);
      }
      if (to.found.jumbf.size() + rest.size() <= jumbf_bytes_max)
        to.found.jumbf.insert(to.found.jumbf.end(), rest.begin(), rest.end());
    }
    break;
  case 0xed:
    if (starts_with(data, "Photoshop 3.0\0"sv)) take_photoshop(part(data, 14), to);
    break;
  case 0xee:
    if (starts_with(data, "Adobe"sv) && data.size() >= 12) {
      parts.adobe = true;
      parts.adobe_transform = data[11];
    }
    break;
  case 0xfe:
    to.found.add(carrier::comment, "Comment", text_of(data));
    break;
  default:
    break;
  }
}

void take_jpeg_frame(unsigned marker, bytes_view data, walked& to, const jpeg_parts& parts) {
  byte_cursor cursor(data);
  auto& facts = to.facts;
  if (auto depth = cursor.u8(); depth > 0) facts.bit_depth = depth;
  std::uint32_t height = cursor.u16(), width = cursor.u16();
  facts.width = width;
  if (height > 0) facts.height = height;
  auto components = cursor.u8();
  std::array<unsigned, 4> ids{}, factors{};
  for (std::size_t i = 0; i < std::min<std::size_t>(components, 4); ++i) {
    ids[i] = cursor.u8();
    factors[i] = cursor.u8();
    cursor.skip(1);
  }
  to.progressive = marker == 0xc2 || marker == 0xc6 || marker == 0xca;
  if (components == 1) facts.pixel_format = "gray";
  if (components == 4) facts.pixel_format = "cmyk";
  if (components == 3) {
    bool rgb = (ids[0] == 'R' && ids[1] == 'G' && ids[2] == 'B')
               || (parts.adobe && parts.adobe_transform == 0);
    bool even = factors[1] == 0x11 && factors[2] == 0x11;
    if (rgb)
      facts.pixel_format = "gbrp";
    else if (factors[0] == factors[1] && factors[1] == factors[2])
      facts.pixel_format = "yuvj444p";
    else if (even && factors[0] == 0x22)
      facts.pixel_format = "yuvj420p";
    else if (even && factors[0] == 0x21)
      facts.pixel_format = "yuvj422p";
    else if (even && factors[0] == 0x12)
      facts.pixel_format = "yuvj440p";
    else if (even && factors[0] == 0x41)
      facts.pixel_format = "yuvj411p";
    else
      facts.pixel_format = "yuvj";
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

void walk_jpeg(source& from, walked& to) {
  auto& facts = to.facts;
  facts.mime = "image/jpeg";
  facts.container = "jpeg";
  facts.video_codec = "mjpeg";
  facts.alpha_present = false;
  facts.alpha_used = false;
  jpeg_parts parts;
  source_cursor cursor(from, 2);
  bool scan = false;
  for (std::uint32_t step = 0; step < to.bounds.steps_max && !cursor.at_end(); ++step) {
    if (from.watch().stopped()) return;
    auto byte = cursor.u8();
    if (byte != 0xff) continue;
    unsigned marker = cursor.u8();
    while (marker == 0xff && !cursor.failed())
      marker = cursor.u8();
    if (marker == 0 || marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) continue;
    if (marker == 0xd9) break;
    if (marker == 0xda) {
      scan = true;
      break;
    }
    std::uint64_t length = cursor.u16();
    if (cursor.failed() || length < 2) break;
    auto data_at = cursor.at();
    if (data_at + length - 2 > from.size()) break;
    bool frame =
        marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    bool wanted = frame || marker == 0xfe || (marker >= 0xe0 && marker <= 0xef);
    if (wanted) {
      auto data = from.read(data_at, length - 2);
      if (frame && !facts.width)
        take_jpeg_frame(marker, data, to, parts);
      else
        take_jpeg_segment(marker, data, to, parts);
    }
    cursor.go(data_at + length - 2);
  }
  std::size_t total = 0;
  for (const auto& each : parts.icc)
    total += each.size();
  if (total <= icc_bytes_max)
    for (const auto& each : parts.icc)
      to.found.icc.insert(to.found.icc.end(), each.begin(), each.end());
  if (!scan) add_problem(facts, problem_kind::cut, "the JPEG ends before its picture begins");
  // Whether the picture is whole only decoding tells: much may stand behind its end.
}

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
    if (end > from.size() + 4)
      add_problem(facts, problem_kind::cut, "the BMP is cut; " + bytes_missing(end, from.size()));
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
  if (ifd.data_end > from.size())
    add_problem(facts, problem_kind::cut,
                "the TIFF is cut; " + bytes_missing(ifd.data_end, from.size()));
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
  if (whole > from.size() + 1)
    add_problem(facts, problem_kind::cut, "the WebP is cut; " + bytes_missing(whole, from.size()));
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
