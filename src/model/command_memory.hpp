// SPDX-License-Identifier: MIT
#pragma once

#include "events/command.hpp"
#include "platform/error.hpp"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace podstudio {

/// The outcome of a command.
struct command_outcome {
  std::uint64_t changed = 0;          ///< events
  sequence_number last_sequence = 0;  ///< of what the answer stands on
  std::int64_t subject = 0;           ///< the id of a thing that was made or removed
  bool repeated = false;  ///< the command was given before; nothing is to be done about it
};

/// What a repeated request is recognised by.
struct request_mark {
  std::uint64_t digest = 0;   ///< the first bytes of its digest; 0: it has none
  std::uint64_t summary = 0;  ///< a hash of the command's summary

  request_mark() = default;
  request_mark(const std::optional<podstudio::digest>& request, std::string_view summary_text);
  /// Whether both are of the same request.
  bool matches(const request_mark& other) const noexcept;
};

/// The answers to the last commands. A command that is sent again because its answer was lost has
/// no second effect and gets the first answer. At least the last `capacity` commands are
/// remembered; those that changed something also survive a restart, as the tables hold them.
/// Thread-safe.
///
/// An id that comes again with another request belongs to another command, which would be lost
/// silently if it got the first one's answer, so it is refused. Requests are told apart by their
/// digest, or by the command's summary where either has no digest, as in older logs. A summary
/// therefore says what was asked for, and nothing about the outcome.
class command_memory {
public:
  static constexpr std::size_t capacity = 100'000;

  /// Nothing where the command is new. Error: `refused` where the id is another command's.
  std::optional<result<command_outcome>> find(const uuid& id, const request_mark& asked) const;
  void remember(const uuid& id, const request_mark& asked, const command_outcome& outcome);

private:
  // Random bytes need no further mixing.
  struct id_hash {
    std::size_t operator()(const uuid& id) const noexcept;
  };
  struct remembered {
    command_outcome outcome;
    request_mark asked;
  };
  using outcomes = std::unordered_map<uuid, remembered, id_hash>;

  mutable std::mutex mutex_;
  // When the newer half is full it becomes the older one: nothing is ever searched for its age.
  outcomes newer_;
  outcomes older_;
};

/// A text for a summary. Of a long one a digest tells what is left out, as summaries tell commands
/// apart.
std::string in_summary(const std::string& text);

/// What to say of a command whose id was another command's.
error id_of_another(const uuid& id);

}  // namespace podstudio
