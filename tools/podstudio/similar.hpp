// SPDX-License-Identifier: MIT
#pragma once

#include "command.hpp"

#include <cstdint>

namespace podstudio {

/// Prints the groups of pictures and clips that look alike.
result<void> print_similar_groups(const context& where, std::uint64_t distance, std::int64_t limit);

}  // namespace podstudio
