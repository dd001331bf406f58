// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

#include <stdexcept>
#include <utility>

/// The value of a result; a failure ends the test case with its message.
template <class T>
T must(podstudio::result<T> given) {
  if (!given) throw std::runtime_error(given.failure().message);
  if constexpr (!std::is_void_v<T>) return *std::move(given);
}
