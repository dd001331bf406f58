// SPDX-License-Identifier: MIT
#pragma once

#include "events/command.hpp"
#include "platform/error.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// The bytes of a segment header and of a frame; see LOG_FORMAT.md. Nothing here does I/O.
namespace podstudio {

using const_bytes = std::span<const std::uint8_t>;

inline constexpr std::uint32_t log_format_version = 1;

/// A header has its own sectors, so that writing frames never touches it.
inline constexpr std::size_t segment_header_bytes = 4096;

/// Type, flags, size and the two checksums.
inline constexpr std::size_t frame_prefix_bytes = 16;
/// All that comes before the origin.
inline constexpr std::size_t frame_header_bytes = 104;
/// Header, and the size again.
inline constexpr std::size_t min_frame_bytes = frame_header_bytes + 8;
inline constexpr std::size_t frame_alignment_bytes = 8;

inline constexpr std::uint8_t command_frame = 1;  ///< the only type so far; 0 is unwritten space
/// A flag: the digest of the request stands behind the summary.
inline constexpr std::uint32_t has_request = 1;

/// What a segment says about itself and all segments before it.
struct segment_header {
  uuid log{};                          ///< the same in all segments of a log
  std::uint64_t number = 1;            ///< counted from 1 without gaps
  sequence_number first_sequence = 1;  ///< of its first frame; its name too
  log_head previous;                   ///< where the previous segment ends; {0, zeros} in the first
  std::uint64_t previous_end = 0;      ///< the offset behind the previous segment's last frame
  std::uint64_t frames_before = 0;     ///< in all segments before this one
  std::uint64_t bytes_before = 0;      ///< of headers and frames in all segments before
  std::uint64_t epoch = 0;             ///< random; every frame of the segment bears it
  std::int64_t created_us = 0;         ///< microseconds since the Unix epoch
  bool operator==(const segment_header&) const = default;
};

/// Where in a log something was found, for messages.
struct log_place {
  std::string file;
  std::uint64_t offset = 0;
  sequence_number sequence = 0;
};

/// Exactly `segment_header_bytes` long.
std::string encode_segment_header(const segment_header& header);
/// `place` is for the message. Errors: `damaged`, `newer_version`.
result<segment_header> decode_segment_header(const_bytes bytes, const log_place& place);

/// What ties a frame to its place.
struct frame_link {
  std::uint64_t epoch = 0;             ///< the segment's
  sequence_number first_sequence = 0;  ///< of its first event
  std::uint64_t synced_to = 0;  ///< this segment was durable up to this offset when it was written
  std::int64_t at_us = 0;       ///< the writer's time
  digest previous_hash{};       ///< of the frame before it, across segments
};

/// The fixed part of a frame.
struct frame_header {
  std::uint8_t type = command_frame;
  std::uint32_t flags = 0;  ///< 24 bits, of which `has_request` is defined
  std::uint64_t size_bytes = 0;
  frame_link link;
  uuid command{};
  std::uint32_t event_count = 0;

  sequence_number last_sequence() const noexcept { return link.first_sequence + event_count - 1; }
};

/// Appends the frame of a command to `out`, all but its link and its checksums. Error:
/// `invalid_argument`, with `out` as it was.
result<void> append_frame(const command& what, std::string& out);
/// Completes a frame that `append_frame` made.
void seal_frame(std::span<std::uint8_t> frame, const frame_link& link);

/// The size a frame claims in its first `frame_prefix_bytes`, if their checksum and the size's
/// bounds hold. Only then may the size be believed.
std::optional<std::uint32_t> frame_size(const_bytes prefix) noexcept;
/// Whether the checksum over a whole frame holds, and the size at its end.
bool is_intact(const_bytes frame) noexcept;
/// Of an intact frame.
frame_header read_frame_header(const_bytes frame) noexcept;
/// SHA-256 of the whole frame: the link of the chain.
digest hash_frame(const_bytes frame);

/// The end of the message of every `damage`: what to do where the damaged log is the one in use.
inline constexpr std::string_view damage_remedy =
    "move the log's folder away and restore it from a backup";

/// The `damaged` error that stops recovery, reading and verification.
error damage(const log_place& place, const std::string& expected, const std::string& found,
             std::string_view claim = "the log is damaged",
             std::string_view remedy = damage_remedy);

/// Whether this build knows every event in an intact frame; the bodies are not decoded. Errors:
/// `newer_version`, and `damaged` for a frame whose inner lengths do not add up.
result<void> check_frame(const_bytes frame, const log_place& place);
/// The command of an intact frame. Errors: as `check_frame`, and those of `decode_event`.
result<command> decode_frame(const_bytes frame, const log_place& place);

/// The name of the last event's type in an intact frame that `check_frame` accepts; it lies in the
/// frame.
std::string_view last_event_name(const_bytes frame);

}  // namespace podstudio
