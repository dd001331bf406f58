// SPDX-License-Identifier: MIT
#include "events/file_system.hpp"

#include "platform/files.hpp"
#include "platform/unique_fd.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace podstudio {

namespace {

/// An errno error about a path: "cannot read '/a/b': ...".
error failed(const char* doing, const std::string& path) {
  return system_error()(std::string("cannot ") + doing + " '" + path + "'");
}

template <class Call>
auto retry_interrupted(Call call) {
  auto outcome = call();
  while (outcome < 0 && errno == EINTR)
    outcome = call();
  return outcome;
}

class posix_file final : public file {
public:
  posix_file(int descriptor, std::string path, open_mode mode)
      : descriptor_(descriptor), path_(std::move(path)), mode_(mode) {}
  ~posix_file() override { ::close(descriptor_); }  // what had to be durable was synced
  posix_file(const posix_file&) = delete;
  posix_file& operator=(const posix_file&) = delete;

  result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    std::size_t done = 0;
    while (done < into.size()) {
      auto count = retry_interrupted([&] {
        return ::pread(descriptor_, into.data() + done, into.size() - done,
                       static_cast<off_t>(offset + done));
      });
      if (count < 0) return failed("read", path_);
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return done;
  }

  result<void> write_at(std::uint64_t offset, std::span<const std::uint8_t> bytes) override {
    while (!bytes.empty()) {
      auto count = retry_interrupted([&] {
        return ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      });
      if (count < 0) return failed("write", path_);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
    return {};
  }

  // A sync is not tried again after EINTR: whether the first try dropped a page is unknown.
  result<void> sync_data() override {
    if (::fdatasync(descriptor_) == 0) return {};
    // A file system that is only ever read (that of a CD, say) knows no sync and needs none.
    bool nothing_to_sync = mode_ == open_mode::read && (errno == EINVAL || errno == EROFS);
    return nothing_to_sync ? result<void>() : failed("sync", path_);
  }

  result<void> sync_all() override {
    if (::fsync(descriptor_) != 0) return failed("sync", path_);
    return {};
  }

  result<void> allocate(std::uint64_t offset, std::uint64_t size_bytes) override {
    auto outcome = retry_interrupted([&] {
      return ::fallocate(descriptor_, 0, static_cast<off_t>(offset),
                         static_cast<off_t>(size_bytes));
    });
    // A file system without it allocates when the caller fills the space with zeros.
    if (outcome != 0 && errno != EOPNOTSUPP) return failed("allocate space in", path_);
    return {};
  }

  result<void> truncate(std::uint64_t size_bytes) override {
    auto outcome =
        retry_interrupted([&] { return ::ftruncate(descriptor_, static_cast<off_t>(size_bytes)); });
    if (outcome != 0) return failed("truncate", path_);
    return {};
  }

  result<void> check_regular() const {
    struct stat facts {};
    if (::fstat(descriptor_, &facts) != 0) return failed("stat", path_);
    if (S_ISREG(facts.st_mode)) return {};
    return error{error_code::refused, "'" + path_ + "' is not a regular file; move it away"};
  }

  result<void> check_undisturbed(const std::string& path, std::uint64_t size_bytes_min,
                                 std::uint64_t offset,
                                 std::span<const std::uint8_t> expected) override {
    auto own = find_named_file(descriptor_, "", AT_EMPTY_PATH);
    if (!own) return failed("stat", path_);
    auto lost = [&](const char* how) {
      return error{error_code::io_failed, "'" + path + "' was " + how + " while it was in use"};
    };
    auto there = find_named_file(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW);
    if (own->links == 0 || !there) return lost("removed");
    if (own->device != there->device || own->inode != there->inode) return lost("replaced");
    if (own->size_bytes < size_bytes_min) return lost("cut");
    std::vector<std::uint8_t> found(expected.size());
    if (auto read = read_at(offset, found); !read) return read.failure();
    return std::ranges::equal(found, expected) ? result<void>() : lost("overwritten");
  }

  result<std::uint64_t> size() override {
    struct stat facts {};
    if (::fstat(descriptor_, &facts) != 0) return failed("stat", path_);
    return static_cast<std::uint64_t>(facts.st_size);
  }

private:
  int descriptor_;
  std::string path_;
  open_mode mode_;
};

/// Locks an open file or folder until it is closed; false if somebody else holds the lock. Where
/// locks are not supported it goes on without: no second machine would heed them either.
bool try_lock(int descriptor) {
  return ::flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

class posix_claim final : public folder_claim {
public:
  explicit posix_claim(unique_fd descriptor) : descriptor_(std::move(descriptor)) {}

private:
  unique_fd descriptor_;
};

class posix_files final : public file_system {
public:
  result<std::unique_ptr<file>> open(const std::string& path, open_mode mode) override {
    // O_NONBLOCK: opening a pipe that stands in a file's place must not hang.
    int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (mode == open_mode::read ? O_RDONLY : O_RDWR);
    if (mode == open_mode::create) flags |= O_CREAT | O_EXCL;
    int descriptor = retry_interrupted([&] { return ::open(path.c_str(), flags, 0600); });
    if (descriptor < 0) return failed(mode == open_mode::create ? "create" : "open", path);
    auto opened = std::make_unique<posix_file>(descriptor, path, mode);
    if (auto regular = opened->check_regular(); !regular) return regular.failure();
    // A writer reads what it wrote, and each read after a write would change the inode. Only the
    // owner of a file may ask for this; others go on without.
    (void)::fcntl(descriptor, F_SETFL, flags | O_NOATIME);
    if (mode != open_mode::read && !try_lock(descriptor))
      return error{error_code::in_use,
                   "another process is writing to '" + path + "'; stop that process first"};
    return std::unique_ptr<file>(std::move(opened));
  }

  result<std::vector<std::string>> list(const std::string& folder) override {
    DIR* entries = ::opendir(folder.c_str());
    if (entries == nullptr) return failed("list", folder);
    std::vector<std::string> names;
    errno = 0;
    while (auto* entry = ::readdir(entries)) {
      std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(std::move(name));
      errno = 0;
    }
    int failure = errno;
    ::closedir(entries);
    errno = failure;
    if (failure != 0) return failed("list", folder);
    return names;
  }

  result<bool> make_folder(const std::string& path) override {
    if (::mkdir(path.c_str(), 0700) == 0) return true;
    struct stat facts {};
    int failure = errno;
    if (failure == EEXIST && ::lstat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode))
      return false;
    errno = failure;
    return failed("make the folder", path);
  }

  result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return failed("rename", from);
    return {};
  }

  result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return failed("remove", path);
    return {};
  }

  result<std::unique_ptr<folder_claim>> claim(const std::string& folder) override {
    unique_fd descriptor{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!descriptor) return failed("open", folder);
    if (!try_lock(descriptor.get()))
      return error{error_code::in_use,
                   "another process is writing to '" + folder
                       + "', although its lock file is gone; stop that process first"};
    return std::unique_ptr<folder_claim>(std::make_unique<posix_claim>(std::move(descriptor)));
  }

  result<void> sync_folder(const std::string& path) override {
    int descriptor =
        retry_interrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (descriptor < 0) return failed("open", path);
    int outcome = ::fsync(descriptor);
    int failure = errno;
    ::close(descriptor);
    errno = failure;
    if (outcome != 0) return failed("sync", path);
    return {};
  }
};

}  // namespace

result<void> remove_if_there(file_system& files, const std::string& path) {
  auto removed = files.remove(path);
  if (!removed && removed.failure().code == error_code::not_found) return {};
  return removed;
}

file_system& posix_file_system() {
  static posix_files files;
  return files;
}

}  // namespace podstudio
