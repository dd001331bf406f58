// SPDX-License-Identifier: MIT
#pragma once

#include "platform/unique_fd.hpp"

#include <atomic>
#include <cstdint>
#include <sys/eventfd.h>

namespace podstudio {

/// Asks a job to end. One thread runs the job, any other may ask; asking wakes the one that runs
/// it.
class job_cancel {
public:
  job_cancel() : wakes_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void ask() noexcept {
    asked_ = true;
    std::uint64_t one = 1;
    if (wakes_) (void)!::write(wakes_.get(), &one, sizeof one);
  }
  bool asked() const noexcept { return asked_; }
  /// Readable once asked; -1 where no descriptor was to be had: look every now and then.
  int poll_descriptor() const noexcept { return wakes_.get(); }

private:
  std::atomic<bool> asked_{false};
  unique_fd wakes_;
};

}  // namespace podstudio
