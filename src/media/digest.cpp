// SPDX-License-Identifier: MIT
#include "media/digest.hpp"

#include "platform/files.hpp"
#include "platform/root_folder.hpp"
#include "platform/text.hpp"
#include "platform/unique_fd.hpp"
#include "platform/volume.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>

namespace podstudio {

namespace {

/// Small enough to stay in the second-level cache beside the hash's own work.
constexpr std::size_t buffer_size_bytes = 64 << 10;
/// From this size on a file is mapped: copying every byte out of the page cache first shows
/// beside the hashing of a processor with SHA instructions. Below it, mapping and unmapping cost
/// more than that.
constexpr std::uint64_t map_from_bytes = 256 << 10;
/// How much is mapped at a time.
constexpr std::uint64_t window_bytes = 4 << 20;

// A mapped file that another process truncates raises SIGBUS on access. The handler puts zeros
// where the file's pages were, so that the hash runs through, and notes that it did; the digest is
// rejected.
thread_local volatile std::sig_atomic_t mapping_failed = 0;
thread_local volatile std::uintptr_t window_begin = 0;
thread_local volatile std::uintptr_t window_end = 0;
struct sigaction previous_action;

void on_bus_error(int signal, siginfo_t* info, void* context) {
  auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  if (address >= window_begin && address < window_end) {
    constexpr std::uintptr_t page = 4096;
    auto start = address & ~(page - 1);
    // From the fault to the window's end: past the file's new end there is nothing left to read.
    if (mmap(reinterpret_cast<void*>(start), window_end - start, PROT_READ,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
        != MAP_FAILED) {
      mapping_failed = 1;
      return;
    }
  }
  // Not ours: hand it to whoever was there before, or die of it as usual.
  if ((previous_action.sa_flags & SA_SIGINFO) != 0 && previous_action.sa_sigaction != nullptr) {
    previous_action.sa_sigaction(signal, info, context);
    return;
  }
  sigaction(SIGBUS, &previous_action, nullptr);
}

void install_bus_guard() {
  static const bool installed = [] {
    struct sigaction action = {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGBUS, &action, &previous_action) == 0;
  }();
  (void)installed;
}

error changed(const std::string& path) {
  return {error_code::changed, "the file " + in_quotes(path) + " changed while it was being read"};
}

error stopped() { return {error_code::stopping, "the engine is stopping"}; }

error read_error(int errno_value, const std::string& path) {
  return system_error(errno_value)("cannot read " + in_quotes(path));
}

}  // namespace

file_facts facts_of(const struct stat& status, const volume& on) noexcept {
  return {.size_bytes = static_cast<std::uint64_t>(status.st_size),
          .mtime_ns = to_ns(status.st_mtim.tv_sec, status.st_mtim.tv_nsec),
          .ctime_ns = to_ns(status.st_ctim.tv_sec, status.st_ctim.tv_nsec),
          .inode = on.keeps_inodes ? status.st_ino : 0,
          .device = on.id};
}

file_digester::file_digester(const std::atomic<bool>* cancelled)
    : cancelled_(cancelled), buffer_(new char[buffer_size_bytes]) {
  install_bus_guard();
}

result<std::uint64_t> file_digester::read_through(int fd, const std::string& path,
                                                  std::uint64_t size_bytes) {
  std::uint64_t total = 0;
  // As many bytes as the facts said are enough: whether more were added shows in the facts
  // afterwards, so the read that would only say "end of file" is saved.
  while (total == 0 || total != size_bytes) {
    if (cancelled()) return stopped();
    auto size = ::read(fd, buffer_.get(), buffer_size_bytes);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return read_error(errno, path);
    if (size == 0) return total;
    hash_.update(buffer_.get(), static_cast<std::size_t>(size));
    total += static_cast<std::uint64_t>(size);
  }
  return total;
}

result<std::uint64_t> file_digester::map_through(int fd, const std::string& path,
                                                 std::uint64_t size) {
  for (std::uint64_t offset = 0; offset < size; offset += window_bytes) {
    if (cancelled()) return stopped();
    auto length = static_cast<std::size_t>(std::min(window_bytes, size - offset));
    void* window = mmap(nullptr, length, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd,
                        static_cast<off_t>(offset));
    if (window == MAP_FAILED) return read_error(errno, path);
    mapping_failed = 0;
    window_begin = reinterpret_cast<std::uintptr_t>(window);
    window_end = window_begin + length;
    hash_.update(window, length);
    window_begin = 0;
    window_end = 0;
    munmap(window, length);
    // A read error of the device raises the same signal as a truncation. Reading the place tells.
    if (mapping_failed != 0) {
      char byte;
      if (::pread(fd, &byte, 1, static_cast<off_t>(offset)) < 0) return read_error(errno, path);
      return changed(path);
    }
  }
  return size;
}

unique_fd open_quietly(const root_folder& root, const std::string& path) {
  constexpr int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
  auto file = root.open(path, flags | O_NOATIME);
  if (!file && errno == EPERM) file = root.open(path, flags);
  return file;
}

result<file_content> file_digester::digest(const root_folder& root, const std::string& path) {
  auto fd = open_quietly(root, path);
  if (!fd) return is_absence(errno) ? changed(path) : read_error(errno, path);
  struct stat before;
  if (fstat(fd.get(), &before) != 0) return read_error(errno, path);
  if (!S_ISREG(before.st_mode))
    return error{error_code::invalid_argument,
                 in_quotes(path) + " is not a regular file; it is left alone"};

  const auto on = volume_of(path, before.st_dev);
  auto facts = facts_of(before, on);
  auto total = facts.size_bytes >= map_from_bytes ? map_through(fd.get(), path, facts.size_bytes)
                                                  : read_through(fd.get(), path, facts.size_bytes);
  auto sha256 = hash_.finish();  // also after an error: the next file starts afresh
  if (!total) return total.failure();

  struct stat after;
  if (fstat(fd.get(), &after) != 0) return read_error(errno, path);
  if (*total != facts.size_bytes || facts_of(after, on) != facts) return changed(path);
  return file_content{.sha256 = sha256, .facts = facts};
}

}  // namespace podstudio
