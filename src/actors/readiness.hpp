// SPDX-License-Identifier: MIT
#pragma once

#include "platform/unique_fd.hpp"

#include <functional>
#include <thread>

namespace podstudio {

/// Waits in a thread of its own until a descriptor is readable, notifies once, and polls again only
/// after the next `arm`, so at most one notification is in flight. The thread itself reads nothing.
class readiness {
public:
  /// Armed from the start. `notify` is called on the thread. Throws std::system_error when the
  /// system has no thread or descriptor left.
  readiness(int fd, std::function<void()> notify);
  ~readiness();

  void arm();

private:
  void run();

  int fd_;
  std::function<void()> notify_;
  unique_fd wake_;  // eventfd: 1 to arm, stop_count to end
  std::thread thread_;
};

}  // namespace podstudio
