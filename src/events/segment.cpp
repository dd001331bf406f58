// SPDX-License-Identifier: MIT
#include "events/segment.hpp"

#include "events/log.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace podstudio {

namespace {

constexpr std::string_view segment_suffix = ".log";
constexpr std::size_t name_digits = 20;
constexpr std::size_t read_ahead_bytes = 256u << 10;

std::string hash_text(const digest& hash) { return "hash " + to_hex(hash); }

/// How many zeros the bytes start with.
std::size_t leading_zeros(const_bytes bytes) noexcept {
  std::size_t at = 0;
  for (std::uint64_t eight = 0; at + 8 <= bytes.size(); at += 8) {
    std::memcpy(&eight, bytes.data() + at, 8);
    if (eight != 0) break;
  }
  while (at < bytes.size() && bytes[at] == 0)
    ++at;
  return at;
}

}  // namespace

std::string segment_name(sequence_number first) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%020llu", static_cast<unsigned long long>(first));
  return digits + std::string(segment_suffix);
}

std::optional<sequence_number> parse_segment_name(std::string_view name) {
  if (name.size() != name_digits + segment_suffix.size() || !name.ends_with(segment_suffix))
    return std::nullopt;
  sequence_number first = 0;
  auto [end, failure] = std::from_chars(name.data(), name.data() + name_digits, first);
  if (failure != std::errc() || end != name.data() + name_digits || first == 0) return std::nullopt;
  return first;
}

std::string segment_path(const std::string& folder, sequence_number first) {
  return folder + "/" + segment_name(first);
}

std::string prepared_path(const std::string& folder) { return folder + "/next.tmp"; }

std::string torn_folder(const std::string& folder) { return folder + "/torn"; }

std::string torn_path(const std::string& folder, sequence_number first, std::uint64_t offset,
                      std::int64_t at_us, unsigned attempt) {
  auto name = segment_name(first);
  name.resize(name_digits);
  return torn_folder(folder) + "/" + name + "-" + std::to_string(offset) + "-"
         + std::to_string(at_us) + "-" + std::to_string(attempt) + ".torn";
}

result<std::vector<sequence_number>> list_segments(file_system& files, const std::string& folder) {
  auto names = files.list(folder);
  if (!names) return names.failure();
  std::vector<sequence_number> firsts;
  for (auto& name : *names)
    if (auto first = parse_segment_name(name)) firsts.push_back(*first);
  std::ranges::sort(firsts);
  return firsts;
}

result<segment_header> read_segment_header(file& segment, const std::string& path,
                                           sequence_number first) {
  std::vector<std::uint8_t> bytes(segment_header_bytes);
  auto count = segment.read_at(0, bytes);
  if (!count) return count.failure();
  return decode_segment_header(const_bytes(bytes).first(*count), {path, 0, first});
}

result<void> check_succession(const segment_header& previous, const segment_header& next,
                              const std::string& next_path) {
  log_place place{next_path, 0, next.first_sequence};
  if (next.log != previous.log)
    return damage(place, "a segment of log " + to_string(previous.log),
                  "one of log " + to_string(next.log));
  if (next.number != previous.number + 1)
    return damage(place, "segment number " + std::to_string(previous.number + 1),
                  "number " + std::to_string(next.number) + " (a segment is missing)");
  auto used = next.previous_end - segment_header_bytes;
  bool continues = next.previous.sequence >= previous.previous.sequence
                   && next.previous_end >= segment_header_bytes
                   && next.frames_before >= previous.frames_before
                   && next.bytes_before == previous.bytes_before + segment_header_bytes + used;
  if (!continues)
    return damage(place,
                  "a header that continues the one of segment " + std::to_string(previous.number),
                  "counts that do not");
  return {};
}

result<void> check_first(const segment_header& header, const std::string& path) {
  if (header.number == 1 && header.first_sequence == 1 && header.previous == log_head{}
      && header.previous_end == 0 && header.frames_before == 0 && header.bytes_before == 0)
    return {};
  return damage({path, 0, header.first_sequence}, "the log's first segment, number 1",
                "number " + std::to_string(header.number) + " (a segment is missing)");
}

result<const_bytes> file_window::view(std::uint64_t offset, std::size_t size) {
  auto held_end = base_ + held_;
  if (offset >= base_ && offset + size <= held_end)
    return const_bytes(buffer_).subspan(static_cast<std::size_t>(offset - base_), size);
  if (size > read_ahead_bytes) {  // a hostile size must not make us allocate what the file has not
    auto file_size = source_.size();
    if (!file_size) return file_size.failure();
    size = static_cast<std::size_t>(
        std::min<std::uint64_t>(size, *file_size > offset ? *file_size - offset : 0));
  }
  std::size_t kept = 0;
  if (offset >= base_ && offset < held_end) {
    kept = static_cast<std::size_t>(held_end - offset);
    std::memmove(buffer_.data(), buffer_.data() + (offset - base_), kept);
  }
  base_ = offset;
  held_ = kept;
  auto wanted = std::max(size, read_ahead_bytes);
  if (buffer_.size() < wanted) buffer_.resize(wanted);
  if (wanted > kept) {
    auto count = source_.read_at(offset + kept, std::span(buffer_).subspan(kept, wanted - kept));
    if (!count) {
      held_ = 0;
      return count.failure();
    }
    held_ += *count;
  }
  return const_bytes(buffer_).first(std::min(size, held_));
}

result<const_bytes> file_window::view_ahead(std::uint64_t offset, std::size_t size) {
  auto viewed = view(offset, size);
  if (!viewed || viewed->empty()) return viewed;
  auto at = static_cast<std::size_t>(offset - base_);
  return const_bytes(buffer_).subspan(at, held_ - at);
}

segment_cursor::segment_cursor(std::unique_ptr<file> source, std::string path,
                               const segment_header& header)
    : file_(std::move(source)), window_(*file_), path_(std::move(path)), header_(header),
      head_(header.previous) {}

result<std::unique_ptr<segment_cursor>> segment_cursor::open(file_system& files,
                                                             const std::string& folder,
                                                             sequence_number first,
                                                             open_mode mode) {
  auto path = segment_path(folder, first);
  auto opened = files.open(path, mode);
  if (!opened) return opened.failure();
  auto header = read_segment_header(**opened, path, first);
  if (!header) return header.failure();
  if (header->first_sequence != first || header->previous.sequence + 1 != first
      || header->epoch == 0)
    return damage({path, 0, first}, "a segment that starts with sequence " + std::to_string(first),
                  "one that starts with " + std::to_string(header->first_sequence) + " after "
                      + std::to_string(header->previous.sequence));
  return std::unique_ptr<segment_cursor>(
      new segment_cursor(std::move(*opened), std::move(path), *header));
}

result<const_bytes> segment_cursor::intact_frame_at(std::uint64_t at, std::string* found) {
  auto say = [&](const std::string& what) {
    if (found != nullptr) *found = what;
    return const_bytes{};
  };
  auto prefix = window_.view(at, frame_prefix_bytes);
  if (!prefix) return prefix.failure();
  if (prefix->size() < frame_prefix_bytes)
    return say("the end of the file after " + std::to_string(prefix->size()) + " bytes");
  if (leading_zeros(*prefix) == frame_prefix_bytes) return say("zeros");
  auto size = frame_size(*prefix);
  if (!size) return say("no frame: the checksum of its size is wrong");
  auto frame = window_.view(at, *size);
  if (!frame) return frame.failure();
  if (frame->size() < *size)
    return say("the end of the file within a frame of " + std::to_string(*size) + " bytes");
  if (!is_intact(*frame))
    return say("a frame of " + std::to_string(*size) + " bytes with a wrong checksum");
  return *frame;
}

result<void> segment_cursor::check_link(const frame_header& header) const {
  auto& link = header.link;
  if (link.epoch != header_.epoch)
    return damage(place(), "a frame of epoch " + std::to_string(header_.epoch),
                  "one of epoch " + std::to_string(link.epoch));
  if (link.first_sequence != head_.sequence + 1)
    return damage(place(), "a frame of sequence " + std::to_string(head_.sequence + 1),
                  "one of sequence " + std::to_string(link.first_sequence));
  if (link.previous_hash != head_.hash)
    return damage(place(), "a frame that follows " + hash_text(head_.hash),
                  "one that follows " + hash_text(link.previous_hash));
  if (link.synced_to > offset_ || link.synced_to < segment_header_bytes)
    return damage(place(),
                  "a frame written after a sync up to " + std::to_string(offset_) + " at most",
                  "one after a sync up to " + std::to_string(link.synced_to));
  return {};
}

result<std::optional<linked_frame>> segment_cursor::next() {
  auto bytes = intact_frame_at(offset_, nullptr);
  if (!bytes) return bytes.failure();
  if (bytes->empty()) return std::optional<linked_frame>();
  linked_frame frame{offset_, read_frame_header(*bytes), *bytes, {}};
  if (auto linked = check_link(frame.header); !linked) return linked.failure();
  if (auto known = check_frame(*bytes, place()); !known) return known.failure();
  frame.hash = hash_frame(*bytes);
  head_ = {frame.header.last_sequence(), frame.hash};
  offset_ += bytes->size();
  promised_to_ = std::max(promised_to_, frame.header.link.synced_to);
  ++frames_;
  return std::optional(frame);
}

// Frames start at multiples of eight, so behind a bad one every such offset may be the start of a
// good one. A good one is skipped whole; what is none is passed over eight bytes at a time.
result<segment_tail> segment_cursor::tail() {
  segment_tail tail{offset_, offset_, 0, 0, {}};
  if (auto at_offset = intact_frame_at(offset_, &tail.found); !at_offset)
    return at_offset.failure();
  for (auto at = offset_;;) {
    auto bytes = window_.view_ahead(at, frame_prefix_bytes);
    if (!bytes) return bytes.failure();
    if (bytes->empty()) return tail;
    if (auto zeros = leading_zeros(*bytes) / frame_alignment_bytes * frame_alignment_bytes) {
      at += zeros;
      continue;
    }
    auto here = std::min(frame_alignment_bytes, bytes->size());
    auto last = bytes->first(here);
    while (!last.empty() && last.back() == 0)
      last = last.first(last.size() - 1);
    if (!last.empty()) tail.end = at + last.size();
    auto frame = intact_frame_at(at, nullptr);
    if (!frame) return frame.failure();
    if (frame->empty()) {
      at += here;
      continue;
    }
    auto link = read_frame_header(*frame).link;
    if (link.epoch != header_.epoch)
      return damage({path_, at, link.first_sequence},
                    "frames of epoch " + std::to_string(header_.epoch) + " only",
                    "one of epoch " + std::to_string(link.epoch));
    if (link.synced_to > tail.promised_to) {
      tail.promised_to = link.synced_to;
      tail.promised_by = at;
    }
    at += frame->size();
    tail.end = at;
  }
}

result<std::vector<segment_header>> read_headers(file_system& files, const std::string& folder,
                                                 const std::vector<sequence_number>& firsts) {
  std::vector<segment_header> headers;
  headers.reserve(firsts.size());
  std::uint64_t previous_size = 0;
  for (auto first : firsts) {
    auto cursor = segment_cursor::open(files, folder, first, open_mode::read);
    if (!cursor) return cursor.failure();
    auto& header = (*cursor)->header();
    auto fits = headers.empty() ? check_first(header, (*cursor)->path())
                                : check_succession(headers.back(), header, (*cursor)->path());
    if (!fits) return fits.failure();
    if (previous_size < header.previous_end)
      return damage({segment_path(folder, headers.back().first_sequence), previous_size,
                     header.previous.sequence},
                    "a sealed segment of at least " + std::to_string(header.previous_end)
                        + " bytes",
                    "the end of the file");
    auto size = (*cursor)->segment().size();
    if (!size) return size.failure();
    previous_size = *size;
    headers.push_back(header);
  }
  return headers;
}

result<void> check_sealed_end(segment_cursor& sealed, const segment_header& next) {
  auto tail = sealed.tail();
  if (!tail) return tail.failure();
  if (sealed.offset() != next.previous_end || sealed.head().sequence != next.previous.sequence)
    return damage(sealed.place(),
                  "frames up to offset " + std::to_string(next.previous_end) + " and sequence "
                      + std::to_string(next.previous.sequence)
                      + ", as the header of the next segment has it",
                  tail->found);
  if (!tail->is_clean())
    return damage(sealed.place(), "zeros behind the last frame of a sealed segment", tail->found);
  if (sealed.head().hash != next.previous.hash)
    return damage(sealed.place(),
                  "a last frame with " + hash_text(next.previous.hash)
                      + ", as the header of the next segment has it",
                  hash_text(sealed.head().hash));
  if (sealed.header().frames_before + sealed.frames() != next.frames_before)
    return damage(sealed.place(), std::to_string(next.frames_before) + " frames so far",
                  std::to_string(sealed.header().frames_before + sealed.frames()));
  return {};
}

error lost_frame(const segment_cursor& segment, const segment_tail& tail) {
  return damage(segment.place(),
                "a frame, as the one at offset " + std::to_string(tail.promised_by)
                    + " was written when the file was durable up to offset "
                    + std::to_string(tail.promised_to),
                tail.found);
}

}  // namespace podstudio
