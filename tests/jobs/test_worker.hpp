// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/worker_process.hpp"
#include "support/temp_folder.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <string_view>

/// This test program is its own worker: started with one of these words, `main` runs jobs of the
/// kinds in test_worker.cpp instead of tests.
namespace test_worker {

inline constexpr const char *walled = "worker", *no_landlock = "worker-without-landlock",
                            *no_filter = "worker-without-filter", *dies = "worker-that-dies",
                            *babbles = "worker-that-babbles",
                            *is_late = "worker-of-another-version",
                            /// Runs a job that never ends in a pool, and prints its worker's id.
                                *parent = "parent-of-a-worker";

/// Runs what `word` says; nothing where it is none of the above.
std::optional<int> run(std::string_view word);

inline podstudio::worker_options options(const char* word = walled) {
  podstudio::worker_options options;
  options.program = {"/proc/self/exe", {"jobs_test", word}};
  options.memory_bytes = std::uint64_t{1} << 30;
  return options;
}

}  // namespace test_worker
