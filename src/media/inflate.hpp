// SPDX-License-Identifier: MIT
#pragma once

#include "media/bytes.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace podstudio::media {

/// What a zlib (RFC 1950) or gzip (RFC 1952) stream expands to, told by its header. At most
/// `size_bytes_max` bytes: of one that gives more, or is cut or damaged, what came until then, with
/// `whole` false. Memory grows as bytes come, not with what a header claims.
struct inflated {
  std::string bytes;
  bool whole = false;
};
inflated inflate(bytes_view compressed, std::size_t size_bytes_max);

}  // namespace podstudio::media
