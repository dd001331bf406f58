// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>

/// What every measurement needs.
namespace benchmark {

/// A measurement that cannot go on ends the program; its folder is the caller's to remove.
[[noreturn]] inline void fail(const std::string& why) {
  std::cerr << why << std::endl;
  std::_Exit(1);
}

/// A value, or the end.
template <class T>
T must(podstudio::result<T> outcome) {
  if (!outcome) fail(outcome.failure().message);
  return std::move(*outcome);
}
inline void must(const podstudio::result<void>& outcome) {
  if (!outcome) fail(outcome.failure().message);
}

}  // namespace benchmark
