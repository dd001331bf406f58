// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"
#include "platform/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Small files that are read or written whole: settings, keys, addresses. The log has its own
/// layer.
namespace podstudio {

/// Writes all bytes to an open file, from its position on. False where that fails: errno says why.
bool write_all(int fd, std::string_view bytes) noexcept;

/// The same from an offset on, without moving the position.
bool write_all_at(int fd, std::string_view bytes, std::uint64_t offset) noexcept;

/// Reads `size` bytes from an offset on, without moving the position; fewer where the file ends.
/// Nothing where that fails: errno says why.
std::optional<std::size_t> read_at(int fd, char* into, std::size_t size,
                                   std::uint64_t offset) noexcept;

/// What to do if the last name of a path is a symbolic link.
enum class last_link : bool { follow, refuse };

/// All of a regular file of at most `size_bytes_max` bytes. Errors: as `system_error`;
/// `invalid_argument` for what is no regular file (a pipe would block), a link that is refused, or
/// is larger.
result<std::string> read_small_file(const std::string& path, std::size_t size_bytes_max,
                                    last_link links = last_link::follow);

/// The same of the file `name` in an open folder, for which messages say `path`. A link is refused.
result<std::string> read_small_file(int folder, const std::string& name, const std::string& path,
                                    std::size_t size_bytes_max);

/// Which file a path names.
struct named_file {
  std::uint64_t device = 0, inode = 0, links = 0, size_bytes = 0;
};

/// As fstatat(2), but for the times, of which nothing is asked: since Linux 6.13 a file whose times
/// were asked for records each later write exactly instead of with the kernel's tick, which makes a
/// sync that follows each write slower by a third. Nothing where there is no file; errno says why.
std::optional<named_file> find_named_file(int folder, const char* path, int flags) noexcept;

/// Opens a file of the engine's own to read and write, and makes it (0600) if need be. Errors:
/// `refused` for what the engine did not make: a link, a pipe, a file of another user's or one that
/// has a second name; as `system_error`.
result<unique_fd> open_own_file(const std::string& path);

/// Writes `contents` to a new file beside `path`, private to the owner (0600), syncs it and renames
/// it over `path`: a reader or a crash finds the old file or the new one, never a part.
result<void> write_file_atomically(const std::string& path, std::string_view contents);

/// Opens /dev/null on each of the descriptors 0, 1 and 2 that is closed, so that no file opened
/// later takes its number and is written to as a standard stream. Reading from such a stream finds
/// the end, writing to it fails, as on the closed one. To be called before anything is opened.
/// Errors: as `system_error`.
result<void> reserve_standard_streams();

/// The path of an executable in the folder of the program that runs from `own_path`, such as
/// /proc/self/exe. Errors: `not_found` if there is none; as `system_error`.
result<std::string> program_beside(const std::string& own_path, std::string_view name);

/// Converts a kernel time to nanoseconds since the Unix epoch. Clamps times before 1677 or after
/// 2262, which a file may have, to the limits of the type.
std::int64_t to_ns(std::int64_t seconds, std::int64_t nanoseconds) noexcept;

}  // namespace podstudio
