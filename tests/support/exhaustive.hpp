// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

/// Whether tests go through all of what they otherwise go through a part of, and print what came
/// out: PODSTUDIO_EXHAUSTIVE=1.
inline bool exhaustive() {
  auto* given = std::getenv("PODSTUDIO_EXHAUSTIVE");
  return given != nullptr && std::string(given) == "1";
}

/// The seeds a test runs: those from PODSTUDIO_SEED on, or from a random one on. Alone, that
/// variable asks for the one run.
struct seed_range {
  std::uint64_t first = 0;
  std::uint64_t count = 0;

  seed_range(std::uint64_t usual_count, std::uint64_t exhaustive_count) {
    auto* given = std::getenv("PODSTUDIO_SEED");
    first = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    count = exhaustive() ? exhaustive_count : given != nullptr ? 1 : usual_count;
  }
};
