// SPDX-License-Identifier: MIT
#include "platform/root_folder.hpp"

#include "platform/files.hpp"
#include "platform/text.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

namespace podstudio {

namespace {

int openat2_without_links(int folder, const char* path, int flags) {
  open_how how{};
  how.flags = static_cast<decltype(how.flags)>(flags);
  how.resolve = RESOLVE_NO_SYMLINKS;
  return static_cast<int>(::syscall(SYS_openat2, folder, path, &how, sizeof how));
}

/// A sandbox may answer with any error, so one that could mean something else is not asked for.
bool has_openat2() {
  static const bool has = [] {
    return static_cast<bool>(
        unique_fd(openat2_without_links(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC)));
  }();
  return has;
}

}  // namespace

unique_fd open_below(int folder, const char* path, int flags) {
  flags |= O_NOFOLLOW | O_CLOEXEC;
  if (*path == '\0') return unique_fd(::openat(folder, ".", flags));
  if (!has_openat2()) return open_below_by_names(folder, path, flags);
  return unique_fd(openat2_without_links(folder, path, flags));
}

unique_fd open_below_by_names(int folder, std::string_view path, int flags) {
  unique_fd above;
  for (;;) {
    auto name = std::string(path.substr(0, path.find('/')));
    bool last = name.size() == path.size();
    unique_fd next(::openat(above ? above.get() : folder, name.empty() ? "." : name.c_str(),
                            (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC));
    if (last || !next) return next;
    above = std::move(next);
    path.remove_prefix(name.size() + 1);
  }
}

bool is_absence(int errno_value) noexcept {
  return errno_value == ENOENT || errno_value == ENOTDIR || errno_value == ELOOP;
}

root_folder::root_folder(std::string path, last_link itself)
    : path_(std::move(path)),
      fd_(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC
                                    | (itself == last_link::refuse ? O_NOFOLLOW : 0))),
      error_(fd_ ? 0 : errno) {}

unique_fd root_folder::open(const std::string& inner, int flags) const {
  assert(lies_within(inner, path_));
  if (!fd_) {
    errno = error_;
    return {};
  }
  auto above = path_ == "/" ? 0 : path_.size();
  return open_below(fd_.get(), inner.c_str() + above + (inner.size() > above ? 1 : 0), flags);
}

bool root_folder::status_of(const std::string& inner, struct stat& status,
                            std::int64_t* born_ns) const {
  unique_fd found;
  if (inner.size() <= path_.size()) {
    found = open(inner, O_PATH);
  } else {
    const int folder = folder_of_entry(inner);
    const char* name = inner.c_str() + inner.rfind('/') + 1;
    if (folder < 0) return false;
    if (born_ns == nullptr) return ::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    // One descriptor, as the two calls must not tell of two files.
    found = unique_fd(::openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  }
  if (!found || ::fstat(found.get(), &status) != 0) return false;
  if (born_ns == nullptr) return true;
  struct statx more;
  bool told = ::statx(found.get(), "", AT_EMPTY_PATH, STATX_BTIME, &more) == 0
              && (more.stx_mask & STATX_BTIME) != 0;
  *born_ns = told ? to_ns(more.stx_btime.tv_sec, more.stx_btime.tv_nsec) : 0;
  return true;
}

bool root_folder::status_of_folder_of(const std::string& inner, struct stat& status) const {
  const int folder = folder_of_entry(inner);
  return folder >= 0 && ::fstat(folder, &status) == 0;
}

int root_folder::folder_of_entry(const std::string& inner) const {
  assert(inner.size() > path_.size());
  const auto end = std::max(inner.rfind('/'), path_.size());
  const auto folder = std::string_view(inner).substr(0, end);
  if (!entered_fd_ || entered_ != folder) {
    entered_ = folder;
    entered_fd_ = open(entered_, O_PATH | O_DIRECTORY);
  }
  return entered_fd_ ? entered_fd_.get() : -1;
}

}  // namespace podstudio
