// SPDX-License-Identifier: MIT
#include "media/exif.hpp"
#include "media/walk_parts.hpp"

#include <array>

namespace podstudio::media {

namespace {

using namespace std::string_view_literals;

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

}  // namespace podstudio::media
