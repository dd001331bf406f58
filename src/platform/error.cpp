// SPDX-License-Identifier: MIT
#include "platform/error.hpp"

#include <array>
#include <cerrno>
#include <cstring>

namespace podstudio {

namespace {

constexpr std::array<std::string_view, error_code_count> descriptions = {
    "invalid argument", "not found",       "refused",   "no service", "in use",
    "damaged",          "newer version",   "disk full", "I/O failed", "not permitted",
    "changed",          "outcome unknown", "busy",      "timed out",  "stopping",
    "internal",
};
static_assert(static_cast<std::size_t>(error_code::internal) == error_code_count);

}  // namespace

std::string_view to_string(error_code code) noexcept {
  auto index = static_cast<std::size_t>(code) - 1;
  return index < descriptions.size() ? descriptions[index] : "unknown error";
}

int exit_code(error_code code) noexcept {
  switch (code) {
  case error_code::invalid_argument:
    return 2;
  case error_code::no_service:
  case error_code::in_use:
    return 3;
  case error_code::damaged:
  case error_code::newer_version:
    return 4;
  default:
    return 1;
  }
}

error system_error::operator()(std::string_view what) const {
  auto message = std::string(what) + ": " + std::strerror(code_);
  switch (code_) {
  case ENOSPC:
  case EDQUOT:
    return {error_code::disk_full, message + "; free some space and try again"};
  case EFBIG:
    return {error_code::disk_full,
            message + "; raise the limit on file size (ulimit -f) and try again"};
  case EACCES:
  case EPERM:
    return {error_code::not_permitted, message + "; check the permissions"};
  case ENOENT:
    return {error_code::not_found, message + "; check the path"};
  case ENOTDIR:
    return {error_code::not_found,
            std::string(what) + ": a part of the path is a file, not a folder; check the path"};
  case ELOOP:
    return {error_code::io_failed,
            std::string(what)
                + ": the path contains a symbolic link that is not followed or that leads back to "
                  "itself; put the file or folder itself in its place"};
  case EISDIR:
    return {error_code::io_failed, std::string(what) + ": it is a folder; move it away"};
  case EMFILE:
  case ENFILE:
    return {error_code::io_failed, message + "; raise the limit on open files (ulimit -n)"};
  default:
    return {error_code::io_failed, message};
  }
}

}  // namespace podstudio
