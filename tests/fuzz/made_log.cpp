// SPDX-License-Identifier: MIT
#include "made_log.hpp"

#include "events/segment.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

using namespace podstudio;

namespace fuzz {

namespace {

enum flag : unsigned {
  short_headers = 1,     ///< headers are their first 128 bytes; zeros are added
  header_checksums = 2,  ///< are made right
  frame_checksums = 4,   ///< and the sizes at the frames' ends
  hashes = 8,            ///< of previous frames, in frames and in the second header
  numbers = 16,          ///< epochs and sequences of frames; all that the second header continues
  synced = 32,           ///< each frame says that all before it was durable
  broken = 64,           ///< then the first frame's checksum is broken
};

constexpr std::size_t short_header_bytes = 128;

// LOG_FORMAT.md has the offsets.
namespace header_at {
constexpr std::size_t log = 16, number = 32, first_sequence = 40, previous_sequence = 48,
                      previous_hash = 56, previous_end = 88, frames_before = 96, bytes_before = 104,
                      epoch = 112;
}
namespace frame_at {
constexpr std::size_t size = 4, epoch = 16, sequence = 24, synced_to = 32, previous_hash = 48;
}

std::uint64_t number_at(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;)
    value = value << 8 | static_cast<std::uint8_t>(bytes.at(at + i));
  return value;
}

/// A segment's bytes, and what its successor's header should say of it.
struct made_segment {
  std::string bytes;
  std::size_t end = segment_header_bytes;
  std::uint64_t frames = 0;
  log_head head;
};

/// A frame's size, if one may start at `at`.
std::size_t claimed_size(const std::string& bytes, std::size_t at) {
  if (bytes.size() < at + min_frame_bytes || bytes[at] == 0) return 0;
  auto size = number_at(bytes, at + frame_at::size, 4);
  bool possible =
      size >= min_frame_bytes && size % frame_alignment_bytes == 0 && size <= bytes.size() - at;
  return possible ? static_cast<std::size_t>(size) : 0;
}

void repair_frames(made_segment& made, unsigned flags) {
  auto epoch = number_at(made.bytes, header_at::epoch, 8);
  while (auto size = claimed_size(made.bytes, made.end)) {
    auto at = made.end;
    if (flags & numbers) {
      overwrite(made.bytes, at + frame_at::epoch, epoch);
      overwrite(made.bytes, at + frame_at::sequence, made.head.sequence + 1);
    }
    if (flags & synced) overwrite(made.bytes, at + frame_at::synced_to, std::uint64_t{at});
    if (flags & hashes)
      std::memcpy(made.bytes.data() + at + frame_at::previous_hash, made.head.hash.data(),
                  made.head.hash.size());
    if (flags & frame_checksums) repair_frame(made.bytes, at, size);
    auto whole = bytes_of(made.bytes).subspan(at, size);
    made.head = {read_frame_header(whole).last_sequence(), hash_frame(whole)};
    made.end += size;
    ++made.frames;
  }
  if (flags & broken && made.frames > 0) made.bytes[segment_header_bytes + 8] ^= 1;
}

made_segment make_segment(const_bytes input, unsigned flags, const made_segment* before) {
  made_segment made;
  made.bytes = text_of(input);
  if (flags & short_headers) {
    made.bytes = made.bytes.substr(0, short_header_bytes);
    made.bytes.resize(segment_header_bytes);
    made.bytes += text_of(input.subspan(std::min(input.size(), short_header_bytes)));
  }
  if (made.bytes.size() < segment_header_bytes) return made;
  if (before != nullptr && flags & numbers) {
    std::memcpy(made.bytes.data() + header_at::log, before->bytes.data() + header_at::log, 16);
    overwrite(made.bytes, header_at::number, std::uint64_t{2});
    overwrite(made.bytes, header_at::first_sequence, before->head.sequence + 1);
    overwrite(made.bytes, header_at::previous_sequence, before->head.sequence);
    overwrite(made.bytes, header_at::previous_end, std::uint64_t{before->end});
    overwrite(made.bytes, header_at::frames_before, before->frames);
    overwrite(made.bytes, header_at::bytes_before, std::uint64_t{before->end});
  }
  if (before != nullptr && flags & hashes)
    std::memcpy(made.bytes.data() + header_at::previous_hash, before->head.hash.data(),
                before->head.hash.size());
  if (flags & header_checksums) {
    auto header = made.bytes.substr(0, segment_header_bytes);
    repair_header(header);
    made.bytes.replace(0, segment_header_bytes, header);
  }
  if (before != nullptr) made.head = before->head;
  repair_frames(made, flags);
  return made;
}

}  // namespace

made_log make_log(const_bytes input, memory_disk& disk, const std::string& folder) {
  input_cursor cursor(input);
  unsigned flags = cursor.take_byte();
  auto zeros = std::size_t{cursor.take_byte()} * 16;
  auto first = make_segment(cursor.take(cursor.take_u16()), flags, nullptr);
  made_log made{.head = first.head, .last_end = first.end};
  if (first.bytes.size() >= header_at::number)
    std::memcpy(made.id.data(), first.bytes.data() + header_at::log, made.id.size());
  (void)disk.make_folder(folder);
  if (!cursor.rest().empty()) {
    auto second = make_segment(cursor.rest(), flags, &first);
    auto named = second.bytes.size() < segment_header_bytes
                     ? 0
                     : number_at(second.bytes, header_at::first_sequence, 8);
    made.head = second.head;
    made.last_end = second.end;
    second.bytes.append(zeros, '\0');
    disk.put(segment_path(folder, std::max<std::uint64_t>(named, 2)), std::move(second.bytes));
  }
  first.bytes.append(zeros, '\0');
  disk.put(segment_path(folder, 1), std::move(first.bytes));
  return made;
}

}  // namespace fuzz
