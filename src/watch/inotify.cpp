// SPDX-License-Identifier: MIT
#include "watch/inotify.hpp"

#include "platform/text.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace podstudio {

namespace {

/// The kernel hands out whole events only; one has at most a header and a name of 255 bytes.
constexpr std::size_t buffer_size_bytes = 64 << 10;

constexpr std::uint32_t mask = IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM
                               | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR
                               | IN_EXCL_UNLINK;

std::optional<change::kind> meaning(std::uint32_t bits) {
  if ((bits & IN_UNMOUNT) != 0) return change::kind::unmounted;
  if ((bits & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0) return change::kind::self;
  if ((bits & IN_ATTRIB) != 0) return change::kind::allowed;
  if ((bits & IN_ISDIR) != 0)
    return (bits & (IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM)) != 0
               ? std::optional(change::kind::folder)
               : std::nullopt;
  if ((bits & (IN_DELETE | IN_MOVED_FROM)) != 0) return change::kind::gone;
  if ((bits & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0) return change::kind::written;
  if ((bits & (IN_CREATE | IN_MODIFY)) != 0) return change::kind::touched;
  return std::nullopt;
}

}  // namespace

folder_watches::folder_watches(unique_fd fd)
    : fd_(std::move(fd)), buffer_(new char[buffer_size_bytes]) {}

result<folder_watches> folder_watches::open() {
  unique_fd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd)
    return error{error_code::refused, "cannot watch folders: " + std::string(std::strerror(errno))
                                          + "; raise fs.inotify.max_user_instances"};
  return folder_watches(std::move(fd));
}

result<void> folder_watches::add(const std::string& folder, int descriptor) {
  // inotify takes paths only. This one leads to what is open, without a look at its names.
  auto opened = "/proc/self/fd/" + std::to_string(descriptor);
  int watch = ::inotify_add_watch(fd_.get(), opened.c_str(), mask);
  if (watch < 0 && (errno == ENOENT || errno == EACCES))  // no /proc here, or not for this process
    watch = ::inotify_add_watch(fd_.get(), folder.c_str(), mask | IN_DONT_FOLLOW);
  if (watch < 0 && errno == ENOSPC)
    return error{error_code::refused, "the system's limit on watched folders is reached at "
                                          + in_quotes(folder)
                                          + "; raise fs.inotify.max_user_watches"};
  if (watch < 0) return system_error()("cannot watch " + in_quotes(folder));
  auto& path = folders_[watch];
  auto before = watches_.find(path);
  if (before != watches_.end() && before->second == watch) watches_.erase(before);
  path = folder;
  watches_[folder] = watch;
  return {};
}

void folder_watches::forget(const std::string& folder) {
  for (auto at = watches_.lower_bound(folder); at != watches_.end();) {
    if (!at->first.starts_with(folder)) break;
    if (!lies_within(at->first, folder)) {
      ++at;
      continue;
    }
    ::inotify_rm_watch(fd_.get(), at->second);  // it may be gone already
    folders_.erase(at->second);
    at = watches_.erase(at);
  }
}

result<bool> folder_watches::read(std::vector<change>& into) {
  auto size = ::read(fd_.get(), buffer_.get(), buffer_size_bytes);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size <= 0)
    return system_error(size < 0 ? errno : EIO)("cannot read the kernel's notifications");
  for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
    inotify_event header;
    std::memcpy(&header, buffer_.get() + at, sizeof header);
    const char* name = buffer_.get() + at + sizeof header;
    at += sizeof header + header.len;
    if ((header.mask & IN_Q_OVERFLOW) != 0) {
      into.push_back({change::kind::overflow, {}});
      continue;
    }
    auto folder = folders_.find(header.wd);
    if (folder == folders_.end()) continue;
    if ((header.mask & IN_IGNORED) != 0) {
      auto watch = watches_.find(folder->second);
      if (watch != watches_.end() && watch->second == header.wd) watches_.erase(watch);
      folders_.erase(folder);
      continue;
    }
    auto what = meaning(header.mask);
    if (!what) continue;
    auto path = folder->second;
    if (*what == change::kind::allowed && header.len == 0) {
      // Of the watched folder itself: nobody watches the one above a root.
    } else if (*what != change::kind::self && *what != change::kind::unmounted) {
      if (header.len == 0) continue;
      if (path.back() != '/') path += '/';
      path += name;
    }
    if ((header.mask & IN_ISDIR) != 0 && (header.mask & IN_MOVED_FROM) != 0) forget(path);
    into.push_back({*what, std::move(path)});
  }
  return true;
}

}  // namespace podstudio
