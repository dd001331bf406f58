// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

namespace podstudio {

/// How many watchers are comparing all of their root with the tables. Work that can wait for them
/// does, as on few cores it would make the comparison of a large library half as slow again.
class scan_count {
public:
  /// From so long after the start of the engine on, such work is done all the same: a disk that
  /// hangs must not hold it back for ever.
  static constexpr std::chrono::seconds wait_max{60};

  /// Whether such work waits.
  bool comes_first() const noexcept { return under_way_ != 0 && clock::now() < wait_end_; }

private:
  friend class counted_scan;
  using clock = std::chrono::steady_clock;

  const clock::time_point wait_end_ = clock::now() + wait_max;
  std::atomic<unsigned> under_way_{0};
};
using scan_count_ptr = std::shared_ptr<scan_count>;

/// Counts as one scan while it lives.
class counted_scan {
public:
  explicit counted_scan(scan_count_ptr count) : count_(std::move(count)) { ++count_->under_way_; }
  ~counted_scan() { --count_->under_way_; }
  counted_scan(const counted_scan&) = delete;
  counted_scan& operator=(const counted_scan&) = delete;

private:
  scan_count_ptr count_;
};

}  // namespace podstudio
