// SPDX-License-Identifier: MIT
#pragma once

#include "events/events.hpp"
#include "platform/types.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace podstudio {

/// An accepted change: all of its events happen, or none. It becomes one frame of the log.
struct command {
  uuid id{};                  ///< the sender's; names the command in the log and in history
  std::string origin;         ///< who gave it: "console", "import", "watcher", "jobs", "engine"
  std::string summary;        ///< one line for a person, such as "approve 3 assets"
  std::vector<event> events;  ///< at least 1, at most max_events_per_command
  /// SHA-256 of what a client asked for, by which the same request that comes again is known.
  /// Nothing where no client asked, and in logs from before there was one.
  std::optional<digest> request{};
  bool operator==(const command&) const = default;
};

/// Bounds of a command, so that a frame fits a segment and a buffer.
inline constexpr std::size_t max_events_per_command = 65'536;
inline constexpr std::size_t max_command_bytes = 8u << 20;  ///< half of what a frame may have

/// A command that is durable in the log.
struct committed_command {
  sequence_number first_sequence = 0;  ///< of its first event; they are numbered without gaps
  std::int64_t at_us = 0;              ///< the writer's time, microseconds since the Unix epoch
  digest hash{};                       ///< of its frame: the link of the chain
  std::shared_ptr<const command> what;

  sequence_number last_sequence() const noexcept {
    return first_sequence + what->events.size() - 1;
  }
};

/// The id of the first pack or job that these events make, or watch root that they make or remove;
/// 0 where they do not.
std::int64_t subject_of(const std::vector<event>& events);

/// A place in the chain: the last sequence of a frame, and its hash. {0, zeros} is the empty log.
struct log_head {
  sequence_number sequence = 0;
  digest hash{};
  bool operator==(const log_head&) const = default;
};

}  // namespace podstudio
