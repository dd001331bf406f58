// SPDX-License-Identifier: MIT
#pragma once

#include "events/command.hpp"
#include "properties.hpp"
#include "support/memory_disk.hpp"

#include <cstdint>
#include <string>

namespace fuzz {

/// What a log says of itself, in so far as it is one.
struct made_log {
  podstudio::uuid id{};
  podstudio::log_head head;    ///< of its last frame
  std::uint64_t last_end = 0;  ///< where that ends in the last segment
};

/// Puts a log of one or two segments into a folder of the disk; the second one's name is what its
/// header says. The input: flags:u8 zeros:u8 first-size:u16, then the first segment (that many
/// bytes) and, if anything follows, the second. The flags say what is made right, so that the
/// fuzzer gets past checksums and hashes, and can still break each of them.
made_log make_log(podstudio::const_bytes input, memory_disk& disk, const std::string& folder);

}  // namespace fuzz
