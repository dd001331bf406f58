// SPDX-License-Identifier: MIT
#pragma once

#include "events/log.hpp"
#include "events/segment.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

/// Recovery: what happens between any kind of stop and the first new frame. LOG_FORMAT.md has the
/// rules.
namespace podstudio {

/// A log that is known to be whole, durable, and ready to be continued.
struct recovered_log {
  std::unique_ptr<file> last;   ///< the last segment, to write; null for a log without segments
  segment_header header;        ///< of the last segment
  std::uint64_t end = 0;        ///< the offset behind its last frame, durable up to there
  std::uint64_t file_size = 0;  ///< zeros from `end` to here
  std::uint64_t frames = 0;     ///< in this segment
  log_head head;
};

/// Recovers the log in an existing folder. Until every check has passed, nothing in the folder is
/// changed. `at_us` is the time in the name of a torn tail's copy. Errors: as `log_writer::open`.
result<recovered_log> recover_log(file_system& files, const std::string& folder,
                                  const std::optional<log_head>& checkpoint, std::int64_t at_us,
                                  recovery_report& report);

}  // namespace podstudio
