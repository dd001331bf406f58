// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <thread>

/// Longer than anything takes on a busy machine; a test that gets here has found a hang.
inline constexpr std::chrono::milliseconds long_enough = std::chrono::seconds(60);

/// Calls `holds` until it is true or the time is up; says which.
template <class Holds>
bool eventually(Holds holds, std::chrono::milliseconds limit = long_enough) {
  constexpr auto pause = std::chrono::milliseconds(2);
  for (auto end = std::chrono::steady_clock::now() + limit;
       std::chrono::steady_clock::now() < end;) {
    if (holds()) return true;
    std::this_thread::sleep_for(pause);
  }
  return holds();
}
