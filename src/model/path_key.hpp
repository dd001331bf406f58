// SPDX-License-Identifier: MIT
#pragma once

#include "platform/sha256.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace podstudio {

/// The first 128 bits of a path's SHA-256: what the model holds instead of the path. Collisions
/// are infeasible to construct.
using path_key = std::array<std::uint64_t, 2>;

struct path_key_hash {
  std::size_t operator()(const path_key& key) const noexcept { return key[0]; }
};

/// Computes keys; holds a hash context, so one per thread.
class path_keyer {
public:
  path_key operator()(std::string_view path);

private:
  sha256 hash_;
};

}  // namespace podstudio
