// SPDX-License-Identifier: MIT
#pragma once

#include "system/console.hpp"
#include "system/process.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace system_test {

/// One who curates assets of their own, one command after the other, and remembers what was
/// acknowledged. A command that was not is given again, under its id, before the next. Every
/// command changes something: a theme that was never there, or the other approval.
class curator {
public:
  /// What the log has of a command, and a console answers of it.
  struct effect {
    std::uint64_t last_sequence = 0, events = 0;
    bool operator==(const effect&) const = default;
  };
  struct given {
    console_command what;
    std::optional<effect> acknowledged;
    std::optional<effect> logged;  ///< as far as the log was read
  };
  enum class outcome : std::uint8_t { done, refused, gone };

  static constexpr int assets = 3;

  curator(int number, std::uint64_t seed) : number_(number), random_(seed) {}

  bool is_waiting() const { return !commands.empty() && !commands.back().acknowledged; }
  /// Gives what is not acknowledged, or else the next command.
  outcome step(console& to);
  /// Gives the last command, which was acknowledged, again; whether the answer is the first one, or
  /// the service is gone.
  bool answers_again(console& to);

  std::vector<given> commands;
  std::size_t acknowledged = 0, refused = 0;
  console_answer refusal;                      ///< the last
  std::map<std::int64_t, std::string> themes;  ///< of the assets, once all commands are done

private:
  console_command next_command();

  int number_;
  std::mt19937_64 random_;
  std::map<std::int64_t, bool> approved_;
};

/// A library with a log of many small segments, and its curators.
class curated_library {
public:
  static constexpr int curators = 3;

  /// The data folder is made where it is not there; the media are made in `media`.
  curated_library(library on, const std::string& media, std::mt19937_64& random);

  /// Everything that must hold while a service runs and nobody works, whatever happened before: the
  /// log is intact, and goes on from the head of the last check; it has of each curator exactly
  /// what was given, in order, each command once and with the effect that was acknowledged, and at
  /// least all that was; the tables are those that the log makes.
  void check();
  /// The same where nobody waits for an answer: all that was ever given is done.
  void check_complete();

  /// Whether the log holds more than the tables; asked of a copy, as a kill left the originals.
  bool tables_are_behind() const;
  std::size_t acknowledged() const;
  std::size_t found() const;
  std::size_t segments() const;

  library podstudio;
  std::vector<curator> people;

private:
  void read_new_commands();
  void match(const std::string& id, const curator::effect& what);

  std::uint64_t read_to_ = 0;
  std::array<std::size_t, curators> found_{};  ///< commands of each in the log
  std::string head_;                           ///< at the last check
};

}  // namespace system_test
