// SPDX-License-Identifier: MIT
#pragma once

#include "events/file_system.hpp"
#include "events/frame.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Reads one segment file, for recovery, the reader and verification. They decide how to treat a
/// tail that is not a frame.
namespace podstudio {

// --- every name in a log's folder is built and parsed here ---

/// `<first sequence, 20 digits>.log`, so that names sort as the log does.
std::string segment_name(sequence_number first);
/// The first sequence of a segment's name, nothing for any other name.
std::optional<sequence_number> parse_segment_name(std::string_view name);
std::string segment_path(const std::string& folder, sequence_number first);
/// The next segment while it is prepared; worthless after a crash.
std::string prepared_path(const std::string& folder);
/// Where torn tails are set aside.
std::string torn_folder(const std::string& folder);
/// The copy of what stood at `offset` of a segment. `attempt` tells copies of one moment apart.
std::string torn_path(const std::string& folder, sequence_number first, std::uint64_t offset,
                      std::int64_t at_us, unsigned attempt);

/// The first sequences of all segments in the folder, ascending.
result<std::vector<sequence_number>> list_segments(file_system& files, const std::string& folder);

// ---

/// The header at the start of an open segment file, whose name says its first sequence.
result<segment_header> read_segment_header(file& segment, const std::string& path,
                                           sequence_number first);

/// Whether `next` continues the segment with header `previous`, as far as headers tell. Error:
/// `damaged`.
result<void> check_succession(const segment_header& previous, const segment_header& next,
                              const std::string& next_path);
/// Whether the segment is a log's first. Error: `damaged`, as earlier ones are missing.
result<void> check_first(const segment_header& header, const std::string& path);

/// A window on a file: reads ahead, holds at most the largest frame, and never more than the file
/// has.
class file_window {
public:
  explicit file_window(file& source) : source_(source) {}

  /// `size` bytes from `offset`, fewer only where the file ends. Valid until the next call.
  result<const_bytes> view(std::uint64_t offset, std::size_t size);
  /// The same, and all that was read ahead behind it.
  result<const_bytes> view_ahead(std::uint64_t offset, std::size_t size);
  /// Drops what was read, to see what was written since.
  void forget() noexcept { held_ = 0; }

private:
  file& source_;
  std::vector<std::uint8_t> buffer_;
  std::uint64_t base_ = 0;  ///< the offset of the buffer's first byte
  std::size_t held_ = 0;
};

/// A whole frame, linked to the one before it. Its bytes are valid until the cursor moves.
struct linked_frame {
  std::uint64_t offset = 0;
  frame_header header;
  const_bytes bytes;
  digest hash{};
};

/// What follows a segment's last whole frame.
struct segment_tail {
  std::uint64_t offset = 0;  ///< where the next frame would be
  std::uint64_t end = 0;     ///< behind the last byte that is not zero; `offset` if there is none
  std::uint64_t promised_to =
      0;  ///< the largest synced-up-to offset in any intact frame from `offset` on
  std::uint64_t promised_by = 0;  ///< the offset of the frame that says so
  std::string found;              ///< what stands at `offset`, for a message
  bool is_clean() const noexcept { return end == offset; }
};

/// Walks the frames of one segment from its first one and checks that each is linked to the one
/// before: epoch, sequence, hash.
class segment_cursor {
public:
  /// Reads and checks the header. `path`'s name is the segment's first sequence.
  static result<std::unique_ptr<segment_cursor>> open(file_system& files, const std::string& folder,
                                                      sequence_number first, open_mode mode);

  /// The next frame, or nothing where no whole one stands (yet): see `tail`. Errors: `damaged` for
  /// a frame whose checksum is right and whose place in the chain is not; `newer_version`;
  /// `io_failed`.
  result<std::optional<linked_frame>> next();

  /// Looks at everything from `offset()` to the end of the file. Errors: `io_failed`; `damaged` for
  /// an intact frame of another epoch.
  result<segment_tail> tail();

  /// Goes to where the header of its successor says that it ends, without a look at what is before.
  void go_to_end(const segment_header& next) noexcept {
    offset_ = next.previous_end;
    head_ = next.previous;
    frames_ = next.frames_before - header_.frames_before;
  }

  /// Drops what was read ahead, to see what another process wrote since.
  void refresh() noexcept { window_.forget(); }

  const segment_header& header() const noexcept { return header_; }
  const std::string& path() const noexcept { return path_; }
  std::uint64_t offset() const noexcept { return offset_; }  ///< behind the last frame returned
  const log_head& head() const noexcept { return head_; }    ///< of the last frame returned
  std::uint64_t frames() const noexcept { return frames_; }
  std::uint64_t promised_to() const noexcept { return promised_to_; }  ///< by the frames returned
  log_place place() const { return {path_, offset_, head_.sequence + 1}; }
  file& segment() noexcept { return *file_; }
  file_window& window() noexcept { return window_; }
  /// Gives the file away; the cursor is of no use afterwards.
  std::unique_ptr<file> release() noexcept { return std::move(file_); }

private:
  segment_cursor(std::unique_ptr<file> source, std::string path, const segment_header& header);

  /// The intact frame at an offset, empty if there is none; `found` (may be null) says what there
  /// is.
  result<const_bytes> intact_frame_at(std::uint64_t at, std::string* found);
  result<void> check_link(const frame_header& header) const;

  std::unique_ptr<file> file_;
  file_window window_;
  std::string path_;
  segment_header header_;
  std::uint64_t offset_ = segment_header_bytes;
  std::uint64_t promised_to_ = segment_header_bytes;
  std::uint64_t frames_ = 0;
  log_head head_;
};

/// Reads and checks the headers of these segments, a log's first ones; the frames of sealed ones
/// are not read, so that a log of millions of events opens quickly. Verification and the reader do
/// read them. Errors: `damaged`, also where a sealed segment is shorter than its successor says.
result<std::vector<segment_header>> read_headers(file_system& files, const std::string& folder,
                                                 const std::vector<sequence_number>& firsts);

/// Why a segment that has a successor is damaged at its end, if it is: it must end where the
/// successor's header says, with nothing behind.
result<void> check_sealed_end(segment_cursor& sealed, const segment_header& next);

/// The error for a frame that was promised durable and is not there.
error lost_frame(const segment_cursor& segment, const segment_tail& tail);

}  // namespace podstudio
