// SPDX-License-Identifier: MIT
#include "platform/unpublished_file.hpp"

#include "platform/text.hpp"
#include "platform/types.hpp"

#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace podstudio {

namespace {

constexpr std::string_view hidden_begin = ".podstudio-", hidden_end = ".partial";
constexpr mode_t usual_mode = 0666;  // the umask is the user's choice

struct close_folder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

std::string path_of(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

/// Removes the hidden files that nobody writes to any more: a writer holds a lock.
void remove_abandoned(int folder) {
  std::unique_ptr<DIR, close_folder> listing(
      ::fdopendir(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  if (!listing) return;
  while (const auto* entry = ::readdir(listing.get())) {
    std::string_view name = entry->d_name;
    if (!name.starts_with(hidden_begin) || !name.ends_with(hidden_end)) continue;
    unique_fd file(::openat(folder, entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat facts {};
    bool abandoned = file && ::fstat(file.get(), &facts) == 0 && S_ISREG(facts.st_mode)
                     && facts.st_uid == ::geteuid() && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
    if (abandoned) (void)::unlinkat(folder, entry->d_name, 0);
  }
}

/// Whether open(2) says that the file system has no files without a name.
bool has_no_unnamed_files(int error) noexcept {
  return error == EOPNOTSUPP || error == EISDIR || error == EINVAL;
}

/// A rename that replaces nothing; where there is none (NFS), a second name instead.
bool rename_to_free(int folder, const char* from, const char* to) noexcept {
  if (::renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  return ::linkat(folder, from, folder, to, 0) == 0 && ::unlinkat(folder, from, 0) == 0;
}

}  // namespace

result<unpublished_file> unpublished_file::make(const std::string& folder) {
  const auto what = "cannot write to the folder " + in_quotes(folder);
  unique_fd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened) return system_error()(what);
  unique_fd file(::openat(opened.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, usual_mode));
  if (file) return unpublished_file(folder, std::move(opened), std::move(file), {});
  if (!has_no_unnamed_files(errno)) return system_error()(what);
  remove_abandoned(opened.get());
  auto hidden = std::string(hidden_begin) + to_string(make_uuid()) + std::string(hidden_end);
  file = unique_fd(
      ::openat(opened.get(), hidden.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, usual_mode));
  if (!file) return system_error()(what);
  (void)::flock(file.get(), LOCK_EX | LOCK_NB);
  return unpublished_file(folder, std::move(opened), std::move(file), std::move(hidden));
}

unpublished_file::~unpublished_file() {
  if (!hidden_.empty() && folder_) (void)::unlinkat(folder_.get(), hidden_.c_str(), 0);
}

result<unique_fd> unpublished_file::open_to_read() const {
  unique_fd file(::open(path_of(file_.get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return system_error()("cannot read a new file in " + in_quotes(path_));
  return file;
}

result<void> unpublished_file::publish(const std::string& name) {
  bool named = hidden_.empty() ? ::linkat(AT_FDCWD, path_of(file_.get()).c_str(), folder_.get(),
                                          name.c_str(), AT_SYMLINK_FOLLOW)
                                     == 0
                               : rename_to_free(folder_.get(), hidden_.c_str(), name.c_str());
  const auto path = path_ + "/" + name;
  if (!named && errno == EEXIST)
    return error{error_code::refused,
                 in_quotes(path) + " exists already; choose another name, or move it away"};
  if (!named) return system_error()("cannot make " + in_quotes(path));
  hidden_.clear();
  if (::fsync(folder_.get()) != 0) return system_error()("cannot sync " + in_quotes(path_));
  return {};
}

}  // namespace podstudio
