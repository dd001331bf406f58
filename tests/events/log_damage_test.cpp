// SPDX-License-Identifier: MIT
#include "log_fixture.hpp"
#include "support/exhaustive.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <map>

using namespace podstudio;

namespace {

std::span<std::uint8_t> writable(std::string& bytes) {
  return {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()};
}
const_bytes readable(const std::string& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

log_options options_of(std::uint64_t segment_size_bytes) {
  auto options = small_log;
  options.segment_size_bytes = segment_size_bytes;
  return options;
}

struct segment_image {
  std::string path;
  std::string bytes;
  std::vector<std::uint64_t> offsets;  ///< of its frames, and behind the last
  std::uint64_t frames_before = 0;
  std::uint64_t end() const { return offsets.back(); }
  std::string frame(std::size_t i) const {
    return bytes.substr(offsets[i], offsets[i + 1] - offsets[i]);
  }
};

/// A log as its writer left it, and all heads it had.
struct log_image {
  log_image(std::uint64_t count, std::uint64_t segment_size_bytes, std::int64_t at_us = 1)
      : options(options_of(segment_size_bytes)) {
    auto log = open_log(disk, {}, nullptr, options);
    REQUIRE_OK(log);
    for (std::uint64_t number = 1; number <= count; ++number) {
      auto what = sample_command(number);
      REQUIRE_OK((*log)->append({&what, 1}, at_us));
      heads.push_back((*log)->head());
    }
    log->reset();
    std::uint64_t before = 0;
    auto firsts = list_segments(disk, log_folder);
    REQUIRE_OK(firsts);
    for (auto first : *firsts) {
      auto path = segment_path(log_folder, first);
      segments.push_back({path, disk.bytes(path), frame_offsets(disk.bytes(path)), before});
      before += segments.back().offsets.size() - 1;
    }
  }
  const segment_image& last() const { return segments.back(); }
  memory_disk with(const segment_image& segment, std::string bytes) const {
    auto changed = disk.clone();
    changed.put(segment.path, std::move(bytes));
    return changed;
  }

  log_options options;
  memory_disk disk;
  std::vector<log_head> heads{log_head{}};
  std::vector<segment_image> segments;
};

/// Whether an error names file, offset and sequence.
bool names_its_place(const error& failure) {
  return failure.message.find("'" + log_folder + "/") != std::string::npos
         && failure.message.find(", offset ") != std::string::npos
         && failure.message.find(", sequence ") != std::string::npos
         && failure.message.find(", sequence 0:") == std::string::npos;
}

enum class verdict : std::uint8_t { whole, prefix, stop, stop_when_read };

struct outcome {
  verdict what = verdict::whole;
  std::uint64_t frames = 0;
};

/// Reads a log that may be damaged backwards. What comes before the end or a stop is a suffix of
/// the log as it is up to `head`, the last that is whole; all of it comes if nothing is damaged.
void check_backwards(const log_image& log, memory_disk& damaged, const log_head& head, bool whole) {
  auto to = std::ranges::find(log.heads, head);
  BOOST_REQUIRE(to != log.heads.end());
  auto reader = open_backwards(damaged, log_folder, UINT64_MAX);
  bool stopped = !reader;
  while (!stopped && to != log.heads.begin()) {
    auto next = (*reader)->next();
    stopped = !next;
    if (stopped) break;
    BOOST_REQUIRE(*next);
    BOOST_REQUIRE((log_head{(*next)->last_sequence(), (*next)->hash} == *to--));
  }
  if (!stopped) stopped = !(*reader)->next();
  BOOST_REQUIRE(stopped != whole);
}

/// Opens a log that may be damaged, and reads it where opening did not. A stop changes nothing and
/// names the place; whatever else is there is an exact prefix.
outcome try_to_open(const log_image& log, memory_disk& damaged) {
  auto changes = damaged.changes();
  auto stopped = [&](const error& failure) {
    return failure.code == error_code::damaged && names_its_place(failure)
           && damaged.changes() == changes;
  };
  if (auto verified = verify_log(damaged, log_folder); !verified) {
    BOOST_REQUIRE_MESSAGE(stopped(verified.failure()), verified.failure().message);
    check_backwards(log, damaged, log.heads.back(), false);
    recovery_report report;
    auto opened = open_log(damaged, {}, &report, log.options);
    if (!opened) {
      BOOST_REQUIRE_MESSAGE(stopped(opened.failure()), opened.failure().message);
      return {verdict::stop, 0};
    }
    // Only what recovery does not read may be damaged, and it is not touched.
    BOOST_REQUIRE(report.truncated_bytes == 0);
    BOOST_REQUIRE(report.frames == log.heads.size() - 1);
    BOOST_REQUIRE((*opened)->head() == log.heads.back());
    return {verdict::stop_when_read, report.frames};
  } else
    check_backwards(log, damaged, verified->head, true);
  // With a checkpoint nothing that the tables hold is ever cut off.
  auto checked = damaged.clone();
  bool fits = bool(open_log(checked, log.heads.back(), nullptr, log.options));
  recovery_report report;
  auto opened = open_log(damaged, {}, &report, log.options);
  BOOST_REQUIRE_MESSAGE(bool(opened), why(opened));
  BOOST_REQUIRE(report.frames < log.heads.size());
  BOOST_REQUIRE((*opened)->head() == log.heads[report.frames]);
  bool whole = report.frames + 1 == log.heads.size();
  BOOST_REQUIRE(fits == whole);
  return {whole ? verdict::whole : verdict::prefix, report.frames};
}

/// What LOG_FORMAT.md says of a log of which the bytes from `first` to `last` of one segment
/// differ.
outcome expected_of(const log_image& log, const segment_image& segment, std::uint64_t first,
                    std::uint64_t last) {
  auto all = log.heads.size() - 1;
  if (first < segment_header_bytes) return {verdict::stop, 0};
  if (&segment != &log.last()) return {verdict::stop_when_read, all};
  if (first >= segment.end()) return {verdict::whole, all};
  if (last < segment.offsets[segment.offsets.size() - 2]) return {verdict::stop, 0};
  auto whole = std::ranges::upper_bound(segment.offsets, first) - segment.offsets.begin() - 1;
  return {verdict::prefix, segment.frames_before + static_cast<std::uint64_t>(whole)};
}

struct damage_table {
  std::string title;
  std::map<verdict, std::uint64_t> counts;
  std::uint64_t tried = 0;

  void check(const outcome& found, const outcome& expected) {
    BOOST_REQUIRE(found.what == expected.what);
    if (found.what != verdict::stop) BOOST_REQUIRE(found.frames == expected.frames);
    ++counts[found.what];
    ++tried;
  }
  ~damage_table() {
    if (!exhaustive()) return;
    std::cout << std::left << std::setw(46) << title << std::right << std::setw(8) << tried
              << " tried: " << std::setw(7) << counts[verdict::whole] << " whole, " << std::setw(7)
              << counts[verdict::prefix] << " exact prefix, " << std::setw(7)
              << counts[verdict::stop] << " stop at start, " << std::setw(7)
              << counts[verdict::stop_when_read] << " stop when read" << std::endl;
  }
};

std::size_t stride(std::size_t usual) { return exhaustive() ? 1 : usual; }

void cut_everywhere(const log_image& log, const segment_image& segment, std::size_t step,
                    damage_table& table) {
  auto all = log.heads.size() - 1;
  for (std::size_t size = 0; size < segment.bytes.size(); size += step) {
    BOOST_TEST_INFO_SCOPE(segment.path << " cut to " << size << " bytes");
    auto damaged = log.with(segment, segment.bytes.substr(0, size));
    auto whole = std::ranges::upper_bound(segment.offsets, size) - segment.offsets.begin() - 1;
    outcome expected{verdict::whole, all};
    if (size < segment_header_bytes || (&segment != &log.last() && size < segment.end()))
      expected = {verdict::stop, 0};
    else if (size < segment.end())
      expected = {verdict::prefix, segment.frames_before + static_cast<std::uint64_t>(whole)};
    table.check(try_to_open(log, damaged), expected);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(log_damage)

BOOST_AUTO_TEST_CASE(a_log_of_1000_frames_cut_at_any_byte_is_a_prefix_or_a_stop) {
  log_image log(1000, 16u << 10);
  BOOST_REQUIRE(log.segments.size() > 10u);
  damage_table last{"last segment cut, 1,000 frames", {}, 0};
  cut_everywhere(log, log.last(), stride(7), last);
  damage_table sealed{"sealed segments cut, 1,000 frames", {}, 0};
  for (auto& segment : log.segments)
    if (&segment != &log.last()) cut_everywhere(log, segment, stride(61), sealed);
  log_image one(1000, 1u << 20);
  BOOST_REQUIRE(one.segments.size() == 1u);
  damage_table only{"only segment cut, 1,000 frames", {}, 0};
  cut_everywhere(one, one.last(), stride(211), only);
}

BOOST_AUTO_TEST_CASE(any_flipped_bit_of_a_log_of_200_frames_is_a_prefix_or_a_stop) {
  log_image log(200, 16u << 10);
  BOOST_REQUIRE(log.segments.size() >= 3u);
  damage_table table{"bits flipped, 200 frames", {}, 0};
  for (auto& segment : log.segments)
    for (std::size_t bit = 0; bit < segment.bytes.size() * 8; bit += stride(83)) {
      BOOST_TEST_INFO_SCOPE(segment.path << ", bit " << bit);
      auto flipped = segment.bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      auto damaged = log.with(segment, std::move(flipped));
      table.check(try_to_open(log, damaged), expected_of(log, segment, bit / 8, bit / 8));
    }
}

BOOST_AUTO_TEST_CASE(any_zeroed_sector_of_a_log_of_1000_frames_is_a_prefix_or_a_stop) {
  log_image log(1000, 16u << 10);
  damage_table table{"sectors zeroed, 1,000 frames", {}, 0};
  for (auto& segment : log.segments)
    for (std::size_t at = 0; at < segment.bytes.size(); at += memory_disk::sector_bytes) {
      BOOST_TEST_INFO_SCOPE(segment.path << ", sector at " << at);
      auto sector = segment.bytes.substr(at, memory_disk::sector_bytes);
      auto first = sector.find_first_not_of('\0');
      auto damaged = log.with(segment, segment.bytes);
      auto expected = outcome{verdict::whole, log.heads.size() - 1};
      if (first != std::string::npos) {
        auto zeroed = segment.bytes;
        std::fill_n(zeroed.begin() + static_cast<std::ptrdiff_t>(at), sector.size(), '\0');
        damaged = log.with(segment, std::move(zeroed));
        expected = expected_of(log, segment, at + first, at + sector.find_last_not_of('\0'));
      }
      table.check(try_to_open(log, damaged), expected);
    }
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

/// Who refuses a forged log.
struct forgery_counts {
  std::uint64_t tried = 0;
  std::uint64_t recovery = 0;
  std::uint64_t verification = 0;
  std::uint64_t reader = 0;
  std::uint64_t backwards = 0;
  std::uint64_t noted_head_only = 0;
};

/// The segments of a log taken apart, to be put together in another way.
struct loose_log {
  struct loose_segment {
    std::string path;
    std::string header;
    std::vector<std::string> frames;
    std::size_t size = 0;
  };
  std::vector<loose_segment> segments;

  explicit loose_log(const log_image& log) {
    for (auto& each : log.segments) {
      loose_segment loose{
          each.path, each.bytes.substr(0, segment_header_bytes), {}, each.bytes.size()};
      for (std::size_t i = 0; i + 1 < each.offsets.size(); ++i)
        loose.frames.push_back(each.frame(i));
      segments.push_back(std::move(loose));
    }
  }
  struct position {
    std::size_t segment = 0;
    std::size_t index = 0;
  };
  std::vector<position> positions() const {
    std::vector<position> all;
    for (std::size_t s = 0; s < segments.size(); ++s)
      for (std::size_t i = 0; i < segments[s].frames.size(); ++i)
        all.push_back({s, i});
    return all;
  }
  std::string& at(const position& where) { return segments[where.segment].frames[where.index]; }
  const std::string& at(const position& where) const {
    return segments[where.segment].frames[where.index];
  }

  memory_disk on_disk() const {
    memory_disk disk;
    REQUIRE_OK(disk.make_folder(log_folder));
    for (auto& each : segments) {
      auto bytes = each.header;
      for (auto& frame : each.frames)
        bytes += frame;
      bytes.resize(std::max(bytes.size(), each.size));
      disk.put(each.path, std::move(bytes));
    }
    return disk;
  }
};

frame_link link_of(const std::string& frame) { return read_frame_header(readable(frame)).link; }
segment_header header_of(const std::string& bytes) {
  auto header = decode_segment_header(readable(bytes), {});
  REQUIRE_OK(header);
  return *header;
}

/// The frame with the link of another place, all of it or all but the hash before it.
std::string linked_as(std::string frame, frame_link link, bool with_hash) {
  if (!with_hash) link.previous_hash = link_of(frame).previous_hash;
  seal_frame(writable(frame), link);
  return frame;
}

class forgery_table {
public:
  explicit forgery_table(const log_image& original) : original_(original) {}

  /// The forged log must be refused; by a head noted earlier if nothing in the log itself can tell.
  void check(const std::string& kind, const loose_log& forged, bool needs_noted_head = false) {
    auto disk = forged.on_disk();
    if (disk.files() == loose_log(original_).on_disk().files()) return;
    auto head = original_.heads.back();
    auto refuses = [](const auto& outcome) {
      if (outcome) return false;
      BOOST_REQUIRE_MESSAGE(outcome.failure().code == error_code::damaged, why(outcome));
      return true;
    };
    auto& row = rows_[kind];
    ++row.tried;
    bool verification = refuses(verify_log(disk, log_folder));
    bool reader = refuses(read_log(disk));
    bool backwards = refuses(read_backwards(disk));
    bool expected = refuses(verify_log(disk, log_folder, {.expect = head}));
    auto with_checkpoint = disk.clone();
    bool checkpoint = refuses(open_log(with_checkpoint, head, nullptr, original_.options));
    bool recovery = refuses(open_log(disk, {}, nullptr, original_.options));
    BOOST_TEST_INFO_SCOPE(kind << ", number " << row.tried);
    BOOST_REQUIRE(reader == verification);
    BOOST_REQUIRE(backwards == verification);
    BOOST_REQUIRE(expected);
    bool by_itself = recovery || verification;
    if (needs_noted_head)
      BOOST_REQUIRE(by_itself || checkpoint);
    else
      BOOST_REQUIRE(by_itself);
    row.recovery += recovery;
    row.verification += verification;
    row.reader += reader;
    row.backwards += backwards;
    row.noted_head_only += !by_itself;
  }

  const std::map<std::string, forgery_counts>& rows() const { return rows_; }

  ~forgery_table() {
    if (!exhaustive()) return;
    std::cout << std::left << std::setw(52) << "forgery" << std::right
              << "  tried recovery verify reader backwards noted-head-only\n";
    for (auto& [kind, row] : rows_)
      std::cout << std::left << std::setw(52) << kind << std::right << std::setw(7) << row.tried
                << std::setw(9) << row.recovery << std::setw(7) << row.verification << std::setw(7)
                << row.reader << std::setw(10) << row.backwards << std::setw(16)
                << row.noted_head_only << '\n';
  }

private:
  static result<void> read_backwards(memory_disk& disk) {
    auto reader = open_backwards(disk, log_folder, UINT64_MAX);
    if (!reader) return reader.failure();
    for (;;) {
      auto next = (*reader)->next();
      if (!next) return next.failure();
      if (!*next) return {};
    }
  }

  const log_image& original_;
  std::map<std::string, forgery_counts> rows_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(log_forgery)

BOOST_AUTO_TEST_CASE(frames_swapped_repeated_removed_or_from_another_log_are_refused) {
  log_image original(24, 5632), twin_image(24, 5632, 2);
  loose_log log(original), twin(twin_image);
  auto places = log.positions();
  BOOST_REQUIRE(log.segments.size() >= 3u);
  BOOST_REQUIRE(twin.positions().size() == places.size());
  forgery_table table(original);
  for (std::size_t p = 0; p < places.size(); ++p) {
    auto& a = places[p];
    auto link_a = link_of(log.at(a));
    for (auto q = p + 1; q < places.size(); ++q) {
      auto& b = places[q];
      auto link_b = link_of(log.at(b));
      auto swapped = log;
      std::swap(swapped.at(a), swapped.at(b));
      table.check("frames swapped", swapped);
      auto sealed = swapped;
      sealed.at(a) = linked_as(swapped.at(a), link_a, false);
      sealed.at(b) = linked_as(swapped.at(b), link_b, false);
      table.check("frames swapped, all but the hash before right", sealed);
      sealed.at(a) = linked_as(swapped.at(a), link_a, true);
      if (q == p + 1 && a.segment == b.segment)
        link_b.previous_hash = hash_frame(readable(sealed.at(a)));
      sealed.at(b) = linked_as(swapped.at(b), link_b, true);
      table.check("frames swapped, the hash before right too", sealed, q + 1 == places.size());
    }
    for (auto& b : places) {
      auto& frames = log.segments[b.segment].frames;
      for (auto index : {b.index, b.index + 1}) {
        if (index == b.index + 1 && index != frames.size()) continue;
        auto repeated = log;
        auto& into = repeated.segments[b.segment].frames;
        auto inserted = into.insert(into.begin() + static_cast<std::ptrdiff_t>(index), log.at(a));
        table.check("a frame repeated", repeated);
        auto link = link_of(index < frames.size() ? frames[index] : frames.back());
        if (index == frames.size()) ++link.first_sequence;
        *inserted = linked_as(log.at(a), link, false);
        // Where the hash before is right as well, it is the frame that stands there anyway.
        if (link_of(*inserted).previous_hash
            != (index < frames.size() ? link.previous_hash : hash_frame(readable(frames.back()))))
          table.check("a frame repeated, all but the hash before right", repeated);
      }
    }
    if (p + 1 < places.size()) {
      auto removed = log;
      auto& from = removed.segments[a.segment].frames;
      from.erase(from.begin() + static_cast<std::ptrdiff_t>(a.index));
      table.check("a frame removed", removed);
      auto& next = places[p + 1];
      auto& moved = next.segment == a.segment ? from[a.index] : removed.at(next);
      auto link = link_of(log.at(next));
      link.first_sequence = link_a.first_sequence;
      link.synced_to = std::min(link.synced_to, link_a.synced_to);
      moved = linked_as(moved, link, false);
      table.check("a frame removed, all but the hash before right", removed);
    }
    bool last = p + 1 == places.size();
    auto spliced = log;
    spliced.at(a) = twin.at(a);
    table.check("a frame from another log", spliced);
    auto link = link_a;
    link.at_us = 2;
    spliced.at(a) = linked_as(twin.at(a), link, false);
    table.check("a frame from another log, all but the hash before", spliced);
    spliced.at(a) = linked_as(twin.at(a), link, true);
    table.check("a frame from another log, the hash before too", spliced, last);
  }
  // Only a forged end that is linked in full tells nothing of itself.
  for (auto& [kind, row] : table.rows())
    BOOST_TEST(row.noted_head_only
                   == (kind.ends_with("the hash before too")
                       || kind.ends_with("the hash before right too")),
               kind);
}

BOOST_AUTO_TEST_CASE(segments_swapped_repeated_removed_or_from_another_log_are_refused) {
  log_image original(40, 5632), twin_image(40, 5632, 2);
  loose_log log(original), twin(twin_image);
  auto count = log.segments.size();
  BOOST_REQUIRE(count >= 4u);
  forgery_table table(original);
  auto put = [](loose_log& into, std::size_t at, const loose_log::loose_segment& from) {
    into.segments[at].header = from.header;
    into.segments[at].frames = from.frames;
  };
  /// The header of the place, with the epoch that the frames bear.
  auto header_for = [](const std::string& place, const std::string& frames) {
    auto header = header_of(place);
    header.epoch = header_of(frames).epoch;
    return encode_segment_header(header);
  };
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t b = 0; b < count; ++b) {
      if (a == b) continue;
      if (a < b) {
        auto swapped = log;
        put(swapped, a, log.segments[b]);
        put(swapped, b, log.segments[a]);
        table.check("segments swapped", swapped);
        swapped.segments[a].header = header_for(log.segments[a].header, log.segments[b].header);
        swapped.segments[b].header = header_for(log.segments[b].header, log.segments[a].header);
        table.check("segments swapped, headers right", swapped);
      }
      auto repeated = log;
      put(repeated, b, log.segments[a]);
      table.check("a segment repeated", repeated);
      repeated.segments[b].header = header_for(log.segments[b].header, log.segments[a].header);
      table.check("a segment repeated, header right", repeated);
      auto& first = repeated.segments[b].frames.front();
      auto link = link_of(log.segments[b].frames.front());
      link.epoch = header_of(log.segments[a].header).epoch;
      first = linked_as(first, link, true);
      table.check("a segment repeated, header and first frame right", repeated);
    }
    if (a + 1 < count) {
      auto removed = log;
      removed.segments.erase(removed.segments.begin() + static_cast<std::ptrdiff_t>(a));
      table.check("a segment removed", removed);
      auto next = header_of(log.segments[a + 1].header);
      auto gone = header_of(log.segments[a].header);
      next.number = gone.number;
      removed.segments[a].header = encode_segment_header(next);
      table.check("a segment removed, the next one's number right", removed);
    }
    auto spliced = log;
    put(spliced, a, twin.segments[a]);
    table.check("a segment from another log", spliced);
    auto header = header_of(twin.segments[a].header);
    header.log = header_of(log.segments[a].header).log;
    spliced.segments[a].header = encode_segment_header(header);
    table.check("a segment from another log, with this one's UUID", spliced);
    spliced.segments[a].header = header_for(log.segments[a].header, twin.segments[a].header);
    table.check("a segment from another log, header right", spliced);
    auto link = link_of(log.segments[a].frames.front());
    link.epoch = header_of(twin.segments[a].header).epoch;
    spliced.segments[a].frames.front() = linked_as(twin.segments[a].frames.front(), link, true);
    table.check("a segment from another log, first frame right too", spliced);
  }
  for (auto& [kind, row] : table.rows())
    BOOST_TEST(row.noted_head_only == 0u, kind);
}

BOOST_AUTO_TEST_CASE(any_removed_suffix_is_refused_by_a_noted_head_alone) {
  log_image original(40, 5632);
  loose_log log(original);
  forgery_table table(original);
  while (!log.segments.empty()) {
    auto& frames = log.segments.back().frames;
    if (frames.empty()) {
      log.segments.pop_back();
      if (log.segments.empty()) break;
      table.check("whole segments removed from the end", log, true);
      continue;
    }
    frames.pop_back();
    table.check("frames removed from the end", log, true);
  }
  for (auto& [kind, row] : table.rows())
    BOOST_TEST(row.noted_head_only == row.tried, kind);
}

BOOST_AUTO_TEST_SUITE_END()
