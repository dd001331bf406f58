// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"
#include "platform/types.hpp"

#include <cstdint>
#include <functional>
#include <string_view>

/// The contents of entries: copied into an archive, or read out of one, with their checksums. It
/// takes a buffer of fixed size and the calls that a worker's sandbox allows: pread, pwrite.
namespace podstudio::archive {

/// Told after each piece how many bytes are done; returns whether to go on. May be empty.
using content_watch = std::function<bool(std::uint64_t bytes_done)>;

struct content_sums {
  digest sha256{};
  std::uint32_t crc32 = 0;
};

/// The checksums of a part of an open file. Errors: `changed` if it ends within that part,
/// `stopping` if the watch says so, as `system_error`.
result<content_sums> sum_content(int fd, std::uint64_t offset, std::uint64_t size_bytes,
                                 const content_watch& watch = {});

/// Those of a text in memory.
content_sums sum_text(std::string_view text);

/// Copies an open file of `size_bytes` bytes to `to_offset` in another, and gives the checksums of
/// what was copied. Neither file's position moves. Errors: `changed` if the file is shorter or
/// longer than that (what was copied until then stays), `stopping` if the watch says so, as
/// `system_error`.
result<content_sums> copy_content(int from, std::uint64_t size_bytes, int to,
                                  std::uint64_t to_offset, const content_watch& watch = {});

}  // namespace podstudio::archive
