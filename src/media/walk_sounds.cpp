// SPDX-License-Identifier: MIT
#include "media/mpeg_audio.hpp"
#include "media/walk_parts.hpp"

#include <array>
#include <optional>

namespace podstudio::media {

namespace {

using namespace std::string_view_literals;

std::uint8_t flac_crc8(bytes_view bytes) noexcept {
  unsigned crc = 0;
  for (auto byte : bytes) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i)
      crc = (crc & 0x80) != 0 ? (crc << 1 ^ 0x07) & 0xff : crc << 1;
  }
  return static_cast<std::uint8_t>(crc);
}

/// Of a whole frame with its checksum, 0 (polynomial x^16 + x^15 + x^2 + 1).
std::uint16_t flac_crc16(bytes_view bytes) noexcept {
  unsigned crc = 0;
  for (auto byte : bytes) {
    crc ^= static_cast<unsigned>(byte) << 8;
    for (int i = 0; i < 8; ++i)
      crc = (crc & 0x8000) != 0 ? (crc << 1 ^ 0x8005) & 0xffff : crc << 1;
  }
  return static_cast<std::uint16_t>(crc);
}

/// Without what some programs put behind the last frame.
bytes_view without_tags(bytes_view tail) noexcept {
  constexpr std::size_t id3_bytes = 128;
  if (tail.size() >= id3_bytes && starts_with(part(tail, tail.size() - id3_bytes), "TAG"))
    return tail.first(tail.size() - id3_bytes);
  return tail;
}

struct flac_frame {
  std::uint64_t number = 0;  ///< of the frame, or of its first sample
  bool by_sample = false;
  std::uint32_t samples = 0;
};

/// The frame whose header the bytes begin with (RFC 9639, 9.1), if its checksum is right.
std::optional<flac_frame> flac_frame_at(bytes_view bytes) noexcept {
  if (bytes.size() < 6 || bytes[0] != 0xff || (bytes[1] & 0xfe) != 0xf8) return std::nullopt;
  flac_frame frame;
  frame.by_sample = (bytes[1] & 1) != 0;
  unsigned block = bytes[2] >> 4, rate = bytes[2] & 15;
  if (block == 0 || rate == 15) return std::nullopt;
  byte_cursor cursor(part(bytes, 4));
  std::uint64_t first = cursor.u8();
  unsigned more = 0;
  if (first >= 0x80) {
    while (more < 7 && (first & (0x40u >> more)) != 0)
      ++more;
    if (more == 0 || more > 6) return std::nullopt;
    first &= (0x3fu >> more);
  }
  for (unsigned i = 0; i < more; ++i) {
    auto byte = cursor.u8();
    if ((byte & 0xc0) != 0x80) return std::nullopt;
    first = first << 6 | (byte & 0x3f);
  }
  frame.number = first;
  if (block == 1)
    frame.samples = 192;
  else if (block <= 5)
    frame.samples = 576u << (block - 2);
  else if (block == 6)
    frame.samples = cursor.u8() + 1u;
  else if (block == 7)
    frame.samples = cursor.u16() + 1u;
  else
    frame.samples = 256u << (block - 8);
  if (rate == 12) cursor.skip(1);
  if (rate == 13 || rate == 14) cursor.skip(2);
  auto header = bytes.size() - cursor.left();
  if (cursor.failed() || cursor.left() < 1) return std::nullopt;
  if (flac_crc8(bytes.first(header)) != cursor.u8()) return std::nullopt;
  return frame;
}

}  // namespace

void walk_wav(source& from, walked& to) {
  auto& facts = to.facts;
  facts.mime = "audio/wav";
  facts.container = "wav";
  auto head = from.read(0, 4);
  bool big = starts_with(head, "RIFX");
  bool large = starts_with(head, "RF64") || starts_with(head, "BW64");
  source_cursor cursor(from, 12, big ? byte_order::big : byte_order::little);
  std::uint64_t large_data = 0;
  bool format_seen = false, data_seen = false;
  constexpr std::uint32_t streamed = 0xffffffff;
  constexpr std::uint32_t chunks_max = 4096;
  for (std::uint32_t step = 0; step < chunks_max && cursor.at() + 8 <= from.size(); ++step) {
    std::string type(cursor.four());
    auto stated = cursor.u32();
    std::uint64_t size = stated;
    auto data_at = cursor.at();
    if (type == "ds64") {
      cursor.skip(8);
      large_data = cursor.u64();
    } else if (type == "fmt ") {
      format_seen = true;
    } else if (type == "data") {
      data_seen = true;
      if (large && stated == streamed) size = large_data;
      // A recorder that could not go back to fill it in leaves one of these.
      if (stated == streamed || stated == 0) break;
      if (data_at + size > from.size()) {
        add_cut(to, "WAV", data_at + size, from.size());
        break;
      }
    }
    if (size > from.size()) break;
    cursor.go(data_at + size + size % 2);
  }
  if (!format_seen)
    add_problem(facts, problem_kind::damaged, "the WAV does not say how its sound is stored");
  else if (!data_seen)
    add_problem(facts, problem_kind::cut, "the WAV has no sound in it");
  to.complete = true;
}

void walk_mp3(source& from, std::uint64_t begin, walked& to) {
  auto& facts = to.facts;
  facts.mime = "audio/mpeg";
  facts.container = "mp3";
  auto bytes = from.read(begin, 4096);
  auto first = mpeg_audio_frame(bytes);
  if (!first) {
    add_problem(facts, problem_kind::cut, "the MP3 has no sound in it");
    return;
  }
  // Xing's header, as LAME writes it: flags, then frames and bytes, which count from this frame on.
  auto head = text_of(bytes_view(bytes).first(std::min<std::size_t>(bytes.size(), 256)));
  auto at = head.find("Xing");
  if (at == std::string_view::npos) at = head.find("Info");
  if (at == std::string_view::npos) return;
  byte_cursor cursor(part(bytes, at + 4));
  auto flags = cursor.u32();
  std::uint64_t size = 0;
  if ((flags & 1) != 0) cursor.skip(4);
  if ((flags & 2) != 0) size = cursor.u32();
  // Some writers count a frame too many.
  const std::uint64_t tolerance_bytes = 2 * first->size_bytes;
  if (size > 0 && begin + size > from.size() + tolerance_bytes
      && begin + size < std::uint64_t{1} << 40)
    add_cut(to, "MP3", begin + size, from.size());
  to.complete = size > 0;
}

void walk_aac(source& from, std::uint64_t begin, walked& to) {
  auto& facts = to.facts;
  facts.mime = "audio/aac";
  facts.container = "aac";
  source_cursor cursor(from, begin);
  std::uint64_t samples = 0;
  std::uint32_t rate = 0;
  bool ended = false;
  for (std::uint32_t step = 0; step < to.bounds.steps_max && !from.watch().stopped(); ++step) {
    auto left = from.size() - std::min(from.size(), cursor.at());
    if (left < 7) {
      ended = true;
      if (left > 0) add_problem(facts, problem_kind::cut, "the AAC ends within a frame");
      break;
    }
    std::array<std::uint8_t, 7> header{};
    from.read_at(cursor.at(), header);
    auto frame = adts_frame(header);
    // A tag at the end, or damage: what is behind is left to the decoder.
    if (!frame) {
      ended =
          starts_with(header, "TAG") || starts_with(header, "APETAG") || starts_with(header, "ID3");
      break;
    }
    if (frame->size_bytes > left) {
      add_problem(facts, problem_kind::cut, "the AAC ends within a frame");
      ended = true;
      break;
    }
    rate = frame->samplerate_hz;
    samples += frame->samples;
    cursor.skip(frame->size_bytes);
  }
  if (ended && rate > 0) {
    facts.duration_sec = static_cast<double>(samples) / rate;
    to.exact_duration = true;
  }
  to.complete = ended;
}

void walk_flac(source& from, std::uint64_t begin, walked& to) {
  auto& facts = to.facts;
  facts.mime = "audio/flac";
  facts.container = "flac";
  source_cursor cursor(from, begin + 4);
  std::uint64_t total = 0;
  std::uint32_t block_max = 0;
  bool last = false;
  constexpr int blocks_max = 256;
  for (int i = 0; i < blocks_max && !last; ++i) {
    auto type = cursor.u8();
    std::uint64_t size = cursor.u24();
    if (cursor.failed() || cursor.at() + size > from.size()) {
      add_problem(facts, problem_kind::cut, "the FLAC ends within its headers");
      return;
    }
    last = (type & 0x80) != 0;
    if ((type & 0x7f) == 0 && size >= 34) {
      auto bytes = from.read(cursor.at(), 34);
      byte_cursor info(bytes);
      info.skip(2);
      block_max = info.u16();
      info.skip(6);
      auto packed = info.u64();
      total = packed & 0xfffffffff;
    }
    cursor.skip(size);
  }
  if (total == 0 || block_max == 0) return;
  if (cursor.at() >= from.size()) {
    add_problem(facts, problem_kind::cut, "the FLAC has no sound in it");
    return;
  }
  // The last frame says how many samples stand before it.
  constexpr std::uint64_t tail_bytes = 256 << 10;
  auto tail_at = std::max(cursor.at(), from.size() - std::min(from.size(), tail_bytes));
  auto tail = from.read(tail_at, tail_bytes);
  std::uint64_t reached = 0;
  std::size_t last_at = 0;
  for (std::size_t i = 0; i + 6 <= tail.size(); ++i) {
    if (tail[i] != 0xff) continue;
    auto frame = flac_frame_at(part(tail, i, 24));
    if (!frame) continue;
    std::uint64_t first = frame->by_sample ? frame->number : frame->number * block_max;
    if (first >= total || first + frame->samples <= reached) continue;
    reached = first + frame->samples;
    last_at = i;
  }
  if (reached >= total && flac_crc16(part(without_tags(tail), last_at)) != 0)
    add_problem(facts, problem_kind::cut, "the FLAC ends within its last frame");
  else if (reached > 0 && reached < total)
    add_problem(facts, problem_kind::cut,
                "the FLAC is cut; " + std::to_string(total - reached) + " of "
                    + std::to_string(total) + " samples are missing at the end");
  to.complete = reached > 0;
}

void walk_ogg(source& from, walked& to) {
  auto& facts = to.facts;
  facts.mime = "audio/ogg";
  facts.container = "ogg";
  // The last page: whether all of it is there.
  constexpr std::uint64_t tail_bytes = 128 << 10;
  auto tail_at = from.size() - std::min(from.size(), tail_bytes);
  auto tail = from.read(tail_at, tail_bytes);
  auto text = text_of(tail);
  for (auto at = text.rfind("OggS"); at != std::string_view::npos && at > 0;
       at = text.rfind("OggS", at - 1)) {
    byte_cursor cursor(part(tail, at + 4), byte_order::little);
    if (cursor.left() < 23) {
      add_problem(facts, problem_kind::cut, "the Ogg ends within a page");
      return;
    }
    if (cursor.u8() != 0) continue;
    auto flags = cursor.u8();
    cursor.skip(20);
    std::size_t segments = cursor.u8(), size = 0;
    auto lacing = cursor.take(segments);
    for (auto each : lacing)
      size += each;
    if (cursor.failed() || size > cursor.left())
      add_problem(facts, problem_kind::cut, "the Ogg ends within a page");
    else if ((flags & 4) == 0)
      add_problem(facts, problem_kind::cut, "the Ogg has no last page");
    to.complete = true;
    return;
  }
}

}  // namespace podstudio::media
