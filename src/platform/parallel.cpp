// SPDX-License-Identifier: MIT
#include "platform/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <system_error>
#include <thread>
#include <vector>

namespace podstudio {

void for_each_index(std::size_t count, const std::function<bool(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  auto run = [&] {
    for (auto i = next++; i < count; i = next++) {
      try {
        if (!work(i)) next = count;
      } catch (...) {
        next = count;
        throw;
      }
    }
  };
  auto threads =
      std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1,
                              std::min(std::max<std::size_t>(count, 1), parallel_threads_max));
  std::vector<std::future<void>> others;
  try {
    while (others.size() + 1 < threads)
      others.push_back(std::async(std::launch::async, run));
  } catch (const std::system_error&) {
    // The system has no more threads to give.
  }
  run();
  for (auto& each : others)
    each.get();
}

}  // namespace podstudio
