// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>

/// The bytes of a file with one kind of damage, chosen at random: flipped bits, a missing end, a
/// part repeated in a second place, or large numbers in the first 512 bytes. `bytes` must not be
/// empty.
inline std::string damaged(std::string bytes, std::mt19937_64& random) {
  switch (random() % 4) {
  case 0:
    for (int flips = 0; flips < 8; ++flips)
      bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
    return bytes;
  case 1:
    bytes.resize(random() % bytes.size());
    return bytes;
  case 2: {
    auto at = random() % bytes.size(), size = random() % std::min<std::size_t>(4096, bytes.size());
    auto part = bytes.substr(random() % bytes.size(), size);
    return bytes.insert(at, part);
  }
  default:
    for (int numbers = 0; numbers < 2; ++numbers) {
      auto at = random() % std::min<std::size_t>(bytes.size(), 512);
      for (std::size_t i = at; i < std::min(at + 4, bytes.size()); ++i)
        bytes[i] = static_cast<char>(random() % 2 == 0 ? 0xff : 0x7f);
    }
    return bytes;
  }
}
