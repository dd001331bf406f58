// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <sys/types.h>

namespace system_test {

/// How many bytes a process has read by now. What it maps does not count: files below 256 KiB are
/// read.
inline std::uint64_t bytes_read(pid_t pid) {
  std::ifstream io("/proc/" + std::to_string(pid) + "/io");
  std::string key;
  std::uint64_t bytes = 0;
  io >> key >> bytes;
  return bytes;
}

}  // namespace system_test
