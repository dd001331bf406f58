// SPDX-License-Identifier: MIT
#pragma once

#include "events/log.hpp"
#include "events/log_walk.hpp"

#include <optional>
#include <string>

namespace podstudio {

/// Decodes frames into commands, in whichever direction they are read. After an error it returns
/// only that error.
class command_reader : public log_reader {
public:
  result<std::optional<committed_command>> next() final;
  const frame_location& location() const noexcept final { return location_; }

private:
  /// The next frame that is asked for, or nothing where there are no more.
  virtual result<maybe_frame> next_frame() = 0;
  /// Of the segment that the frame is in.
  virtual const std::string& path() const = 0;

  result<std::optional<committed_command>> read_next();

  frame_location location_;
  std::optional<error> failure_;
};

}  // namespace podstudio
