// SPDX-License-Identifier: MIT
#pragma once

#include "events/frame.hpp"

#include <string>

namespace podstudio {

/// What a log that lacks a head noted earlier ends its message with.
inline constexpr std::string_view lacks_head_remedy =
    "its end was cut off, or it was rewritten, or the head belongs to another log";

/// Checks, while frames are read, that the log passes through a head that it must have had.
class head_check {
public:
  /// `what` names the head for a message, such as "what the tables were folded from"; `claim` and
  /// `remedy` are what the message begins and ends with.
  head_check(const log_head& wanted, std::string what,
             std::string_view claim = "the log is damaged", std::string_view remedy = damage_remedy)
      : wanted_(wanted), what_(std::move(what)), claim_(claim), remedy_(remedy) {}

  /// `head` was reached at `place`. Error: `damaged`.
  result<void> see(const log_head& head, const log_place& place);

  bool seen() const noexcept { return seen_; }

  /// The error for a log that does not have the head, of which `found` was found.
  error mismatch(const log_place& place, const std::string& found) const;

private:
  log_head wanted_;
  std::string what_;
  std::string_view claim_, remedy_;  ///< literals
  bool seen_ = false;
};

}  // namespace podstudio
