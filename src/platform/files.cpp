// SPDX-License-Identifier: MIT
#include "platform/files.hpp"

#include "platform/text.hpp"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <limits>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace podstudio {

bool write_all(int fd, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool write_all_at(int fd, std::string_view bytes, std::uint64_t offset) noexcept {
  while (!bytes.empty()) {
    auto written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return true;
}

std::optional<std::size_t> read_at(int fd, char* into, std::size_t size,
                                   std::uint64_t offset) noexcept {
  std::size_t filled = 0;
  while (filled < size) {
    auto count = ::pread(fd, into + filled, size - filled, static_cast<off_t>(offset + filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::nullopt;
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

namespace {

/// How a small file is opened. O_NONBLOCK: opening a pipe that nobody writes to must not hang.
constexpr int small_file_flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

/// Reads a file whole that was to be opened by the last system call.
result<std::string> read_whole(unique_fd file, const std::string& path, std::size_t size_bytes_max,
                               last_link links) {
  if (!file && links == last_link::refuse && errno == ELOOP)
    return error{error_code::invalid_argument,
                 in_quotes(path) + " is a link; put a regular file in its place"};
  if (!file) return system_error()("cannot open " + in_quotes(path));
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return system_error()("cannot read " + in_quotes(path));
  if (!S_ISREG(facts.st_mode))
    return error{error_code::invalid_argument,
                 in_quotes(path) + " is not a regular file; check the path"};
  std::string contents(size_bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < contents.size()) {
    auto count = ::read(file.get(), contents.data() + size, contents.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error()("cannot read " + in_quotes(path));
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  if (size > size_bytes_max)
    return error{error_code::invalid_argument, in_quotes(path) + " is larger than "
                                                   + std::to_string(size_bytes_max)
                                                   + " bytes; check that it is the right file"};
  contents.resize(size);
  return contents;
}

}  // namespace

result<std::string> read_small_file(const std::string& path, std::size_t size_bytes_max,
                                    last_link links) {
  auto refused = links == last_link::refuse ? O_NOFOLLOW : 0;
  unique_fd file(::open(path.c_str(), small_file_flags | refused));
  return read_whole(std::move(file), path, size_bytes_max, links);
}

result<std::string> read_small_file(int folder, const std::string& name, const std::string& path,
                                    std::size_t size_bytes_max) {
  unique_fd file(::openat(folder, name.c_str(), small_file_flags | O_NOFOLLOW));
  return read_whole(std::move(file), path, size_bytes_max, last_link::refuse);
}

std::optional<named_file> find_named_file(int folder, const char* path, int flags) noexcept {
  struct statx found {};
  if (::statx(folder, path, flags, STATX_NLINK | STATX_INO | STATX_SIZE, &found) != 0)
    return std::nullopt;
  return named_file{gnu_dev_makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino,
                    found.stx_nlink, found.stx_size};
}

result<unique_fd> open_own_file(const std::string& path) {
  auto refuse = [&](const std::string& what) {
    return error{error_code::refused,
                 in_quotes(path) + " " + what + ", which PODStudio did not make; move it away"};
  };
  constexpr int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  unique_fd file{::open(path.c_str(), flags, 0600)};
  if (!file && errno == ELOOP) return refuse("is a link");
  if (!file) return system_error()("cannot open " + in_quotes(path));
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return system_error()("cannot open " + in_quotes(path));
  if (!S_ISREG(facts.st_mode)) return refuse("is not a regular file");
  if (facts.st_uid != ::geteuid()) return refuse("is another user's file");
  if (facts.st_nlink != 1) return refuse("has a second hard link");
  return file;
}

result<void> write_file_atomically(const std::string& path, std::string_view contents) {
  auto temporary = path + ".XXXXXX";
  unique_fd file{::mkostemp(temporary.data(), O_CLOEXEC)};  // created with mode 0600
  if (!file) return system_error()("cannot write " + in_quotes(path));
  if (!write_all(file.get(), contents) || ::fsync(file.get()) != 0
      || ::rename(temporary.c_str(), path.c_str()) != 0) {
    auto cause = errno;
    ::unlink(temporary.c_str());
    return system_error(cause)("cannot write " + in_quotes(path));
  }
  return {};
}

result<void> reserve_standard_streams() {
  // Each open takes the lowest number that is free.
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) < 0 && ::open("/dev/null", O_RDONLY) != stream)
      return system_error()("cannot open '/dev/null'");
  return {};
}

result<std::string> program_beside(const std::string& own_path, std::string_view name) {
  std::string own(PATH_MAX, '\0');
  auto size = ::readlink(own_path.c_str(), own.data(), own.size());
  if (size < 0) return system_error()("cannot tell where this program is, " + in_quotes(own_path));
  own.resize(static_cast<std::size_t>(size));
  // The folder is the same where this program was replaced, and the kernel says "(deleted)" after
  // its name.
  auto path = own.substr(0, own.rfind('/') + 1) + std::string(name);
  struct stat facts {};
  if (::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode)
      && ::access(path.c_str(), X_OK) == 0)
    return path;
  return error{error_code::not_found,
               "there is no program " + in_quotes(path) + "; install it beside "
                   + in_quotes(own.substr(own.rfind('/') + 1)) + " as the build does"};
}

std::int64_t to_ns(std::int64_t seconds, std::int64_t nanoseconds) noexcept {
  std::int64_t total = 0;
  if (__builtin_mul_overflow(seconds, 1'000'000'000, &total)
      || __builtin_add_overflow(total, nanoseconds, &total))
    return seconds < 0 ? std::numeric_limits<std::int64_t>::min()
                       : std::numeric_limits<std::int64_t>::max();
  return total;
}

}  // namespace podstudio
