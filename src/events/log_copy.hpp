// SPDX-License-Identifier: MIT
#pragma once

#include "events/file_system.hpp"
#include "events/segment.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace podstudio {

/// Copies the frames of a log into another folder at the same offsets, so that the copy is
/// identical except for the space after the last frames.
class log_copy {
public:
  log_copy(file_system& files, std::string folder) : files_(files), folder_(std::move(folder)) {}

  /// Goes on with a segment that is there, behind `offset`; what it has there is cut off.
  result<void> resume(sequence_number first, std::uint64_t offset);

  /// Takes a frame that follows the last one. `from` is the segment it was read from.
  result<void> add(const segment_cursor& from, const linked_frame& frame);

  /// Makes all of it durable.
  result<void> finish();

  /// How many bytes were taken, headers included.
  std::uint64_t bytes() const noexcept { return bytes_; }

private:
  result<void> start(const segment_header& header);
  result<void> append(const_bytes bytes);
  result<void> flush();
  result<void> sync_segment();

  file_system& files_;
  std::string folder_;
  std::unique_ptr<file> segment_;
  sequence_number first_ = 0;          ///< of the segment that is written; 0 before any
  std::uint64_t end_ = 0;              ///< of what is written of it
  std::vector<std::uint8_t> waiting_;  ///< to be written at `end_`
  std::uint64_t bytes_ = 0;
};

}  // namespace podstudio
