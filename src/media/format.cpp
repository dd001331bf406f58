// SPDX-License-Identifier: MIT
#include "media/format.hpp"

#include "media/mpeg_audio.hpp"

#include <algorithm>
#include <array>

namespace podstudio::media {

namespace {

constexpr std::size_t head_bytes = 4096;
/// How far behind a tag, or in a file without one, the first frames of sound may begin.
constexpr std::size_t sound_search_bytes_max = 64 << 10;

struct signature {
  std::size_t at;
  std::string_view bytes;
  std::string_view what;
};

using namespace std::string_view_literals;

/// What else is found under names of media, so that a message can say what it is.
constexpr auto others = std::to_array<signature>({
    {0, "PK\x03\x04"sv, "a ZIP archive"},
    {0, "%PDF-"sv, "a PDF document"},
    {0, "8BPS"sv, "a Photoshop document"},
    {0, "\x1f\x8b"sv, "a gzip archive"},
    {0, "7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive"},
    {0, "Rar!\x1a\x07"sv, "a RAR archive"},
    {0,
     "\x7f"
     "ELF"sv,
     "a program"},
    {0, "<!DOCTYPE html"sv, "an HTML page"},
    {0, "<!doctype html"sv, "an HTML page"},
    {0, "<html"sv, "an HTML page"},
    {0, "<svg"sv, "an SVG drawing"},
    {0, "<?xml"sv, "an XML document"},
    {0, "\xff\x0a"sv, "a JPEG XL picture"},
    {0, "\0\0\0\x0cJXL "sv, "a JPEG XL picture"},
    {0, "\0\0\0\x0cjP  "sv, "a JPEG 2000 picture"},
    {0, "\0\0\1\0"sv, "an icon"},
    {0, "FORM"sv, "an AIFF sound"},
    {0, "ADIF"sv, "AAC in the form ADIF, which few programs read"},
    {0, "#!AMR"sv, "an AMR sound"},
    {0, "MThd"sv, "a MIDI file"},
    {0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"sv, "a Windows Media file"},
    {0, "{\\rtf"sv, "an RTF document"},
    {0, "version https://git-lfs"sv, "a Git LFS pointer"},
    {0, "gimp xcf"sv, "a GIMP picture"},
    {0, "\x76\x2f\x31\x01"sv, "an OpenEXR picture"},
    {0, "#?RADIANCE"sv, "a Radiance picture"},
    {0, "\0\0\1\xba"sv, "an MPEG program stream"},
});

/// ISO media that hold still pictures; the library does not take those.
bool is_still_brand(std::string_view brand) noexcept {
  constexpr auto brands = std::to_array<std::string_view>(
      {"heic", "heix", "heim", "heis", "mif1", "msf1", "avif", "avis", "crx "});
  return std::ranges::find(brands, brand) != brands.end();
}

bool is_text(bytes_view head) noexcept {
  if (head.empty()) return false;
  return std::ranges::all_of(head.first(std::min<std::size_t>(head.size(), 512)),
                             [](std::uint8_t byte) {
                               return byte >= 0x20 || byte == '\n' || byte == '\r' || byte == '\t';
                             });
}

/// The size of an ID3v2 tag with its header, where one begins there.
std::uint64_t id3_size(bytes_view head) noexcept {
  if (head.size() < 10 || !starts_with(head, "ID3") || head[3] == 0xff || head[4] == 0xff) return 0;
  std::uint64_t size = 0;
  for (std::size_t i = 6; i < 10; ++i) {
    if ((head[i] & 0x80) != 0) return 0;
    size = size << 7 | head[i];
  }
  return size + 10 + ((head[5] & 0x10) != 0 ? 10 : 0);
}

format sniff_iso(bytes_view head) noexcept {
  auto text = text_of(head);
  auto type = text.substr(std::min<std::size_t>(4, text.size()), 4);
  if (type == "ftyp") return is_still_brand(text.substr(8, 4)) ? format::none : format::iso;
  // QuickTime files from before brands, and files that begin with filling.
  constexpr auto first =
      std::to_array<std::string_view>({"moov", "mdat", "free", "skip", "wide", "pnot"});
  return std::ranges::find(first, type) != first.end() ? format::iso : format::none;
}

format sniff_head(bytes_view head) noexcept {
  auto text = text_of(head);
  if (text.starts_with("\x89PNG\r\n\x1a\n")) return format::png;
  if (text.starts_with("\xff\xd8\xff")) return format::jpeg;
  if (text.starts_with("GIF87a") || text.starts_with("GIF89a")) return format::gif;
  if (text.starts_with("II*\0"sv) || text.starts_with("MM\0*"sv) || text.starts_with("II+\0"sv)
      || text.starts_with("MM\0+"sv))
    return format::tiff;
  if (text.starts_with("RIFF") || text.starts_with("RF64") || text.starts_with("BW64")
      || text.starts_with("RIFX")) {
    auto form = text.substr(std::min<std::size_t>(8, text.size()), 4);
    if (form == "WEBP") return format::webp;
    if (form == "WAVE") return format::wav;
    if (form == "AVI ") return format::avi;
    return format::none;
  }
  if (text.starts_with("fLaC")) return format::flac;
  if (text.starts_with("OggS")) return format::ogg;
  if (text.starts_with("\x1a\x45\xdf\xa3")) return format::matroska;
  if (text.starts_with("FLV\1")) return format::flv;
  if (text.starts_with("BM") && head.size() >= 26) {
    byte_cursor cursor(part(head, 14), byte_order::little);
    auto header = cursor.u32();
    if (header == 12 || (header >= 16 && header <= 256)) return format::bmp;
  }
  return sniff_iso(head);
}

/// Sound in bare frames.
format sniff_frames(bytes_view bytes, std::uint64_t& begin) {
  if (auto at = find_adts(bytes); at && *at == 0) return format::aac;
  if (auto at = find_mpeg_audio(bytes)) {
    begin += *at;
    return format::mp3;
  }
  if (auto at = find_adts(bytes)) {
    begin += *at;
    return format::aac;
  }
  return format::none;
}

std::string lower(std::string_view text) {
  std::string made(text.substr(0, 16));
  for (auto& c : made)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return made;
}

struct extension_row {
  std::string_view extension;
  std::array<format, 2> fits;
};

constexpr auto extensions = std::to_array<extension_row>({
    {"aac", {format::aac}},
    {"adts", {format::aac}},
    {"apng", {format::png}},
    {"avi", {format::avi}},
    {"bmp", {format::bmp}},
    {"dib", {format::bmp}},
    {"f4v", {format::iso, format::flv}},
    {"flac", {format::flac}},
    {"flv", {format::flv}},
    {"gif", {format::gif}},
    {"jfif", {format::jpeg}},
    {"jif", {format::jpeg}},
    {"jpe", {format::jpeg}},
    {"jpeg", {format::jpeg}},
    {"jpg", {format::jpeg}},
    {"m4a", {format::iso}},
    {"m4b", {format::iso}},
    {"m4v", {format::iso}},
    {"mkv", {format::matroska}},
    {"mov", {format::iso}},
    {"mp3", {format::mp3}},
    {"mp4", {format::iso}},
    {"oga", {format::ogg}},
    {"ogg", {format::ogg}},
    {"opus", {format::ogg}},
    {"png", {format::png}},
    {"qt", {format::iso}},
    {"tif", {format::tiff}},
    {"tiff", {format::tiff}},
    {"wav", {format::wav}},
    {"wave", {format::wav}},
    {"webm", {format::matroska}},
    {"webp", {format::webp}},
});

}  // namespace

sniffed sniff(source& from) {
  sniffed found;
  // Tags stand one behind the other at times; a few are passed over.
  constexpr int tags_max = 4;
  std::vector<std::uint8_t> head;
  for (int i = 0; i <= tags_max; ++i) {
    head = from.read(found.begin, head_bytes);
    auto tag = id3_size(head);
    if (tag == 0) break;
    found.begin += tag;
  }
  if (head.empty()) {
    // A tag and nothing else is a cut MP3.
    if (found.begin > 0) found.is = format::mp3;
    found.begin = std::min(found.begin, from.size());
    return found;
  }
  found.is = sniff_head(head);
  if (found.begin > 0 && found.is != format::flac && found.is != format::wav
      && found.is != format::ogg)
    found.is = format::none;
  if (found.is != format::none) return found;
  for (const auto& each : others)
    if (text_of(part(head, each.at)).starts_with(each.bytes)) {
      found.other = each.what;
      return found;
    }
  if (text_of(part(head, 4)).starts_with("ftyp")) {
    found.other = "a HEIF, AVIF or raw picture";
    return found;
  }
  if (is_text(head)) {
    found.other = "text";
    return found;
  }
  auto bytes = from.read(found.begin, sound_search_bytes_max);
  found.is = sniff_frames(bytes, found.begin);
  if (found.is == format::none && found.begin > 0) found.is = format::mp3;
  return found;
}

bool fits_extension(format is, std::string_view extension) {
  auto name = lower(extension);
  auto row = std::ranges::find(extensions, name, &extension_row::extension);
  if (row == extensions.end()) return true;
  return is != format::none && std::ranges::find(row->fits, is) != row->fits.end();
}

std::string_view describe(format is) noexcept {
  switch (is) {
  case format::none:
    return "an unknown format";
  case format::png:
    return "a PNG picture";
  case format::jpeg:
    return "a JPEG picture";
  case format::gif:
    return "a GIF picture";
  case format::bmp:
    return "a BMP picture";
  case format::tiff:
    return "a TIFF picture";
  case format::webp:
    return "a WebP picture";
  case format::wav:
    return "a WAV sound";
  case format::mp3:
    return "an MPEG sound";
  case format::flac:
    return "a FLAC sound";
  case format::ogg:
    return "an Ogg file";
  case format::aac:
    return "an AAC sound";
  case format::iso:
    return "an MP4 or QuickTime file";
  case format::avi:
    return "an AVI clip";
  case format::matroska:
    return "a Matroska or WebM file";
  case format::flv:
    return "an FLV clip";
  }
  return "";
}

}  // namespace podstudio::media
