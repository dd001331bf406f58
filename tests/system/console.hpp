// SPDX-License-Identifier: MIT
#pragma once

#include "system/process.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace podstudio {
class console_client;
}

namespace system_test {

/// A command as a console client gives it: under an id that can be given again.
struct console_command {
  std::string id;
  std::string name;
  nlohmann::json arguments;
};

/// What a service answered.
struct console_answer {
  bool done = false;
  nlohmann::json result;       ///< where it is done
  std::string code, message;   ///< where it is not
  std::uint64_t sequence = 0;  ///< of the last event that came of it
  bool operator==(const console_answer&) const = default;
};
std::ostream& operator<<(std::ostream& to, const console_answer& what);

/// A connection to the console of a running service, by the engine's own client. Threads may
/// share it.
class console {
public:
  /// Throws where nobody answers.
  explicit console(const library& of);
  console(const console&) = delete;
  console& operator=(const console&) = delete;
  ~console();

  /// Nothing where the service went away before it answered.
  std::optional<console_answer> give(const console_command& command);

private:
  std::unique_ptr<podstudio::console_client> client_;
};

/// A new id of a command.
std::string new_command_id();

}  // namespace system_test
