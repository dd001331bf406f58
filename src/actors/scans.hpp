// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <memory>

namespace podstudio {

/// How many watchers are comparing all of their root with the tables. Work that can wait for them
/// does: on few cores it would make the comparison of a large library half as slow again.
using scan_count = std::shared_ptr<std::atomic<unsigned>>;

/// From so long after the start of the engine on, such work is done all the same.
inline constexpr std::chrono::seconds scans_wait_max{60};

/// Counts as one scan while it lives.
class counted_scan {
public:
  explicit counted_scan(scan_count count) : count_(std::move(count)) { ++*count_; }
  ~counted_scan() { --*count_; }
  counted_scan(const counted_scan&) = delete;
  counted_scan& operator=(const counted_scan&) = delete;

private:
  scan_count count_;
};

}  // namespace podstudio
