// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

/// While one lives, the largest single allocation of its thread is noted. Link
/// allocation_watch.cpp, which replaces the global operator new.
class allocation_watch {
public:
  allocation_watch();
  ~allocation_watch();
  allocation_watch(const allocation_watch&) = delete;
  allocation_watch& operator=(const allocation_watch&) = delete;

  std::size_t largest_bytes() const noexcept;
};
