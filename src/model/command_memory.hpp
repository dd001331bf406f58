#pragma once

#include "events/command.hpp"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace podstudio {

/// What came of a command.
struct command_outcome {
  std::uint64_t changed = 0;          ///< events
  sequence_number last_sequence = 0;  ///< of what the answer stands on
  std::int64_t subject = 0;           ///< the id of a thing that was made or removed
};

/// The answers to the last commands, so that one that is sent again, because its answer was lost,
/// has no second effect and gets the first answer. It remembers at least the last `capacity`
/// commands; those that changed something also after a restart, as the tables hold them. Used by
/// all actors that decide, hence the lock.
class command_memory {
public:
  static constexpr std::size_t capacity = 100'000;

  std::optional<command_outcome> find(const uuid& id) const;
  void remember(const uuid& id, const command_outcome& outcome);

private:
  // Random bytes need no further mixing.
  struct id_hash {
    std::size_t operator()(const uuid& id) const noexcept;
  };
  using outcomes = std::unordered_map<uuid, command_outcome, id_hash>;

  mutable std::mutex mutex_;
  // When the newer half is full it becomes the older one: nothing is ever searched for its age.
  outcomes newer_;
  outcomes older_;
};

}  // namespace podstudio
