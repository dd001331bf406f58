// SPDX-License-Identifier: MIT
#pragma once

#include "events/segment.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

/// Walks the frames of a whole log, for reading and verifying.
namespace podstudio {

using maybe_frame = std::optional<linked_frame>;

/// Walks the frames of a whole log, from segment to segment, beside a writer if there is one.
class log_walk {
public:
  log_walk(file_system& files, std::string folder, sequence_number from)
      : files_(files), folder_(std::move(folder)), from_(std::max<sequence_number>(from, 1)) {}

  /// Opens the segment that holds the first sequence asked for. A log without segments is one whose
  /// end is reached.
  result<void> start();

  /// The next frame, or nothing at the end of the log.
  result<maybe_frame> next();

  /// Null as long as the log has no segments.
  segment_cursor* segment() const noexcept { return cursor_.get(); }
  /// Gives the segment away; the walk starts anew afterwards.
  std::unique_ptr<segment_cursor> release() noexcept { return std::move(cursor_); }

private:
  result<std::unique_ptr<segment_cursor>> find_successor();
  result<maybe_frame> next_at_end();

  file_system& files_;
  std::string folder_;
  sequence_number from_;
  std::unique_ptr<segment_cursor> cursor_;
  std::uint64_t checked_end_ = 0;  ///< the offset behind which nothing promised was found missing
};

}  // namespace podstudio
