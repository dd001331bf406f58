#pragma once

#include "platform/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

/// Small files that are read or written whole: settings, keys, addresses. The log has its own
/// layer.
namespace podstudio {

/// A file descriptor that closes itself.
class file_descriptor {
public:
  explicit file_descriptor(int fd = -1) noexcept : fd_(fd) {}
  file_descriptor(file_descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  file_descriptor& operator=(file_descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~file_descriptor();

  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }
  explicit operator bool() const noexcept { return fd_ >= 0; }

private:
  int fd_;
};

/// All of a regular file of at most `size_bytes_max` bytes. Errors: as `system_error`;
/// `invalid_argument` for what is no regular file (a pipe would block) or is larger.
result<std::string> read_small_file(const std::string& path, std::size_t size_bytes_max);

/// Writes `contents` to a new file beside `path`, private to the owner (0600), syncs it and renames
/// it over `path`: a reader or a crash finds the old file or the new one, never a part.
result<void> write_file_atomically(const std::string& path, std::string_view contents);

}  // namespace podstudio
