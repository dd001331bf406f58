// SPDX-License-Identifier: MIT
#include "media/exif.hpp"
#include "media/text.hpp"
#include "media/walk_parts.hpp"

#include <cmath>

namespace podstudio::media {

std::string bytes_missing(std::uint64_t end, std::uint64_t size) {
  return std::to_string(end - size) + " bytes are missing at the end";
}

void set_dpi(media_facts& facts, double x, double y) {
  auto possible = [](double dpi) { return dpi >= 1 && dpi <= 100'000; };
  if (!possible(x) || !possible(y)) return;
  facts.dpi_x = std::round(x * 100) / 100;
  facts.dpi_y = std::round(y * 100) / 100;
}

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

void add_cut(walked& to, std::string_view what, std::uint64_t end, std::uint64_t size) {
  add_problem(to.facts, problem_kind::cut,
              "the " + std::string(what) + " is cut; " + bytes_missing(end, size));
}

void walk(const sniffed& what, source& from, walked& to) {
  switch (what.is) {
  case format::none:
    break;
  case format::png:
    walk_png(from, to);
    break;
  case format::jpeg:
    walk_jpeg(from, to);
    break;
  case format::gif:
    walk_gif(from, to);
    break;
  case format::bmp:
    walk_bmp(from, to);
    break;
  case format::tiff:
    walk_tiff(from, to);
    break;
  case format::webp:
    walk_webp(from, to);
    break;
  case format::wav:
    walk_wav(from, to);
    break;
  case format::mp3:
    walk_mp3(from, what.begin, to);
    break;
  case format::flac:
    walk_flac(from, what.begin, to);
    break;
  case format::ogg:
    walk_ogg(from, to);
    break;
  case format::aac:
    walk_aac(from, what.begin, to);
    break;
  case format::iso:
    walk_iso(from, to);
    break;
  case format::avi:
    walk_avi(from, to);
    break;
  case format::matroska:
    walk_matroska(from, to);
    break;
  case format::flv:
    walk_flv(from, to);
    break;
  }
  // Without a header, a picture is neither transparent nor opaque.
  if (to.facts.width.value_or(0) == 0) {
    to.facts.alpha_present.reset();
    to.facts.alpha_used.reset();
  }
}

}  // namespace podstudio::media
