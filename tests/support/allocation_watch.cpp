// SPDX-License-Identifier: MIT
#include "support/allocation_watch.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {

thread_local bool watching = false;
thread_local std::size_t largest = 0;

void* try_allocate(std::size_t size) noexcept {
  if (watching) largest = std::max(largest, size);
  return std::malloc(std::max<std::size_t>(size, 1));
}

void* allocate(std::size_t size) {
  if (auto* memory = try_allocate(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return try_allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return try_allocate(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

allocation_watch::allocation_watch() {
  watching = true;
  largest = 0;
}
allocation_watch::~allocation_watch() { watching = false; }
std::size_t allocation_watch::largest_bytes() const noexcept { return largest; }
