#pragma once

#include "platform/error.hpp"
#include "platform/unique_fd.hpp"

#include <cstddef>
#include <string>
#include <string_view>

/// Small files that are read or written whole: settings, keys, addresses. The log has its own
/// layer.
namespace podstudio {

/// All of a regular file of at most `size_bytes_max` bytes. Errors: as `system_error`;
/// `invalid_argument` for what is no regular file (a pipe would block) or is larger.
result<std::string> read_small_file(const std::string& path, std::size_t size_bytes_max);

/// Writes `contents` to a new file beside `path`, private to the owner (0600), syncs it and renames
/// it over `path`: a reader or a crash finds the old file or the new one, never a part.
result<void> write_file_atomically(const std::string& path, std::string_view contents);

}  // namespace podstudio
