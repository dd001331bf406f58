// SPDX-License-Identifier: MIT
#include "media/text.hpp"
#include "media/walk_parts.hpp"

#include <limits>

namespace podstudio::media {

namespace {

using namespace std::string_view_literals;

/// An EBML number of variable size (RFC 8794, 4); with the marker bit for ids, without for sizes.
std::uint64_t ebml_number(source_cursor& cursor, bool keep_marker) noexcept {
  std::uint64_t value = cursor.u8();
  unsigned size = 1;
  for (std::uint64_t bit = 0x80; size <= 8 && (value & bit) == 0; bit >>= 1)
    ++size;
  if (size > 8) return std::numeric_limits<std::uint64_t>::max();
  if (!keep_marker) value &= (0x80u >> (size - 1)) - 1;
  bool unknown = !keep_marker && value == (0x80u >> (size - 1)) - 1;
  for (unsigned i = 1; i < size; ++i) {
    auto byte = cursor.u8();
    unknown = unknown && byte == 0xff;
    value = value << 8 | byte;
  }
  return unknown ? std::numeric_limits<std::uint64_t>::max() : value;
}

constexpr std::uint64_t unknown_size = std::numeric_limits<std::uint64_t>::max();

struct box {
  std::string type;
  std::uint64_t data_at = 0;
  std::uint64_t end = 0;
  bool valid = false;
};

box read_box(source_cursor& cursor, std::uint64_t limit) {
  box made;
  auto at = cursor.at();
  std::uint64_t size = cursor.u32();
  made.type = cursor.four();
  if (size == 1) size = cursor.u64();
  made.data_at = cursor.at();
  if (size == 0) size = limit - at;
  made.valid =
      !cursor.failed() && size >= made.data_at - at && !__builtin_add_overflow(at, size, &made.end);
  return made;
}

}  // namespace

void walk_avi(source& from, walked& to) {
  auto& facts = to.facts;
  facts.mime = "video/x-msvideo";
  facts.container = "avi";
  source_cursor cursor(from, 4, byte_order::little);
  std::uint64_t stated = cursor.u32();
  if (stated + 8 > from.size() + 1) add_cut(to, "AVI", stated + 8, from.size());
  cursor.go(12);
  bool index = false, header = false, movie = false;
  constexpr std::uint32_t chunks_max = 4096;
  for (std::uint32_t step = 0; step < chunks_max && cursor.at() + 8 <= from.size(); ++step) {
    std::string type(cursor.four());
    std::uint64_t size = cursor.u32();
    auto data_at = cursor.at();
    if (type == "LIST") {
      std::string kind(cursor.four());
      if (kind == "hdrl") {
        header = true;
        // OpenDML's index stands in the streams' headers.
        auto bytes = from.read(data_at, std::min<std::uint64_t>(size, 64 << 10));
        if (text_of(bytes).find("indx") != std::string_view::npos) index = true;
      }
      if (kind == "movi") movie = true;
    }
    if (type == "idx1") index = true;
    cursor.go(data_at + size + size % 2);
  }
  if (!header)
    add_problem(facts, problem_kind::cut, "the AVI has no header");
  else if (!movie)
    add_problem(facts, problem_kind::cut, "the AVI has no frames");
  else if (!index)
    add_problem(facts, problem_kind::no_index, "the AVI has no index; players cannot seek in it");
  to.complete = true;
}

void walk_iso(source& from, walked& to) {
  auto& facts = to.facts;
  facts.container = "mp4";
  facts.mime = "video/mp4";
  source_cursor cursor(from, 0);
  bool movie = false, data = false, brand = false;
  constexpr std::uint32_t boxes_max = 100'000;
  for (std::uint32_t step = 0; step < boxes_max && !from.watch().stopped(); ++step) {
    if (cursor.at() + 8 > from.size()) break;
    auto at = cursor.at();
    auto each = read_box(cursor, from.size());
    if (!each.valid) {
      add_problem(facts, problem_kind::damaged,
                  "the file has an impossible box at " + std::to_string(at));
      break;
    }
    if (each.type == "ftyp") {
      auto major = from.read(each.data_at, 4);
      brand = true;
      if (starts_with(major, "qt  ")) facts.mime = "video/quicktime";
    } else if (each.type == "moov") {
      movie = true;
    } else if (each.type == "mdat") {
      data = true;
    } else if (each.type == "uuid") {
      auto size = each.end - each.data_at;
      auto id = from.read(each.data_at, std::min<std::uint64_t>(size, 16));
      constexpr auto xmp = "\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac"sv;
      constexpr auto c2pa = "\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81"sv;
      if (text_of(id) == xmp && to.found.xmp.empty()) {
        auto packet = from.read(each.data_at + 16,
                                std::min<std::uint64_t>(size - 16, carried_text_bytes_max));
        to.found.xmp = clean_text(text_of(packet), carried_text_bytes_max);
      } else if (text_of(id) == c2pa && to.found.jumbf.empty() && size > 28) {
        // Version and flags, the purpose with its zero, an offset, then the manifest store.
        auto bytes =
            from.read(each.data_at + 20, std::min<std::uint64_t>(size - 20, jumbf_bytes_max));
        byte_cursor body(bytes);
        auto purpose = text_of(body.take_until(0));
        if (purpose == "manifest") {
          body.skip(8);
          auto rest = body.rest();
          to.found.jumbf.assign(rest.begin(), rest.end());
        }
      }
    }
    if (each.end > from.size()) {
      // What players skip anyway may be short.
      if (each.type != "free" && each.type != "skip") {
        auto name = clean_name(each.type, 16);
        add_problem(
            facts, problem_kind::cut,
            "the file is cut within "
                + (name.empty() ? "the box at byte " + std::to_string(at) : "'" + name + "'") + "; "
                + bytes_missing(each.end, from.size()));
      }
      break;
    }
    cursor.go(each.end);
  }
  if (!movie)
    add_problem(facts, problem_kind::no_index,
                data ? "the clip has no index (moov); it was not finished, or its end is missing"
                     : "the clip has neither index (moov) nor content");
  if (!brand) facts.mime = "video/quicktime";
  to.complete = true;
}

void walk_matroska(source& from, walked& to) {
  auto& facts = to.facts;
  facts.mime = "video/x-matroska";
  facts.container = "matroska";
  constexpr std::uint64_t segment_id = 0x18538067, doctype_id = 0x4282, cluster_id = 0x1f43b675;
  source_cursor cursor(from, 4);
  auto header_size = ebml_number(cursor, false);
  auto header_end = cursor.at() + std::min<std::uint64_t>(header_size, 4096);
  for (int i = 0; i < 32 && cursor.at() < header_end; ++i) {
    auto id = ebml_number(cursor, true);
    auto size = ebml_number(cursor, false);
    if (size > 4096) break;
    auto data = cursor.take(size);
    if (id == doctype_id && text_of(data).substr(0, 4) == "webm") {
      to.webm = true;
      facts.mime = "video/webm";
      facts.container = "webm";
    }
  }
  cursor.go(header_end);
  auto id = ebml_number(cursor, true);
  auto size = ebml_number(cursor, false);
  if (id != segment_id || cursor.failed()) {
    add_problem(facts, problem_kind::cut, "the file has no segment");
    return;
  }
  if (size != unknown_size && (size > from.size() || cursor.at() + size > from.size())) {
    if (size < std::uint64_t{1} << 50)
      add_cut(to, "file", cursor.at() + size, from.size());
    else
      add_problem(facts, problem_kind::damaged, "the segment has an impossible size");
    to.complete = true;
    return;
  }
  // A recording without a size: whether its last part is whole.
  bool clusters = false;
  for (std::uint32_t step = 0; step < to.bounds.steps_max && !from.watch().stopped(); ++step) {
    if (cursor.at_end()) break;
    id = ebml_number(cursor, true);
    size = ebml_number(cursor, false);
    if (id == cluster_id) clusters = true;
    if (size == unknown_size || cursor.failed()) break;
    if (size > from.size() || cursor.at() + size > from.size()) {
      add_problem(facts, problem_kind::cut, "the file ends within an element");
      break;
    }
    cursor.skip(size);
  }
  if (!clusters) add_problem(facts, problem_kind::cut, "the file has no frames in it");
  to.complete = true;
}

void walk_flv(source& from, walked& to) {
  auto& facts = to.facts;
  facts.mime = "video/x-flv";
  facts.container = "flv";
  source_cursor cursor(from, 5);
  cursor.go(std::uint64_t{cursor.u32()} + 4);
  bool tags = false;
  for (std::uint32_t step = 0; step < to.bounds.steps_max && !from.watch().stopped(); ++step) {
    if (cursor.at_end()) {
      to.complete = true;
      break;
    }
    auto kind = cursor.u8();
    std::uint64_t size = cursor.u24();
    cursor.skip(7);
    if (cursor.failed() || cursor.at() + size > from.size()) {
      add_problem(facts, problem_kind::cut, "the FLV ends within a tag");
      break;
    }
    if ((kind & 0x1f) != 8 && (kind & 0x1f) != 9 && (kind & 0x1f) != 18) break;
    tags = true;
    cursor.skip(size + 4);
  }
  if (!tags) add_problem(facts, problem_kind::cut, "the FLV has no content");
}

}  // namespace podstudio::media
