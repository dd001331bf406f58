// SPDX-License-Identifier: MIT
#pragma once

#include "platform/files.hpp"
#include "platform/unique_fd.hpp"

#include <optional>
#include <string>
#include <string_view>

struct stat;

/// Opens what lies below a folder. A path is resolved anew at each use, and anybody who may write
/// to a folder on it can replace it by a link to anywhere at any moment. What is opened here is
/// below the folder, or is not opened at all.
namespace podstudio {

/// Opens `path`, which is relative to the open folder and has no `.`, `..` and doubled slashes;
/// empty: the folder itself. No symbolic link in it is followed, its last name included. `flags`
/// are those of open(2); O_CLOEXEC is added. Nothing where it cannot be opened: then errno is as of
/// open(2), and ELOOP or ENOTDIR where a link is in the way.
unique_fd open_below(int folder, const char* path, int flags);

/// The same one name at a time, for where the system has no openat2(2): before Linux 5.6, or in a
/// sandbox that does not know it.
unique_fd open_below_by_names(int folder, std::string_view path, int flags);

/// Whether an errno value of the above means that nothing is there. What a link leads to lies
/// elsewhere.
bool is_absence(int errno_value) noexcept;

/// A folder that somebody named; the path to it may contain links. The folder is kept open, and so
/// its file system mounted: an object therefore lives only as long as one probe, not as long as the
/// folder is known. So is the folder whose entries were asked about last, as most paths that are
/// probed one after the other lie in one: what is told of them is told of that folder, wherever it
/// was moved since. Not thread-safe.
class root_folder {
public:
  /// `path` is absolute, without `.`, `..` and doubled slashes. Where it cannot be opened, nothing
  /// in it can.
  explicit root_folder(std::string path, last_link itself = last_link::refuse);

  const std::string& path() const noexcept { return path_; }

  /// As `open_below`. `inner` is the folder's path or one below it.
  unique_fd open(const std::string& inner, int flags) const;

  /// What lstat(2) would tell of `inner`; false where it tells nothing, and errno why. `born_ns`,
  /// if given, receives the birth time in ns since the Unix epoch; 0 if the file system reports
  /// none.
  bool status_of(const std::string& inner, struct stat& status,
                 std::int64_t* born_ns = nullptr) const;

  /// What `status_of` would tell of the folder that `inner`, which is below the root's path, is
  /// in. Costs less where an entry of that folder was asked about before.
  bool status_of_folder_of(const std::string& inner, struct stat& status) const;

private:
  /// The open folder that `inner` is in; -1 where it cannot be opened, and errno why.
  int folder_of_entry(const std::string& inner) const;

  std::string path_;
  unique_fd fd_;
  int error_ = 0;                ///< errno value of opening it
  mutable std::string entered_;  ///< path of the folder whose entries were asked about last
  mutable unique_fd entered_fd_;
};

/// The folder that was asked for last, kept open, because most paths that are probed one after the
/// other lie in one. It lives as long as that takes.
class last_root_folder {
public:
  const root_folder& at(std::string_view path, last_link itself = last_link::refuse) {
    if (!folder_ || folder_->path() != path) folder_.emplace(std::string(path), itself);
    return *folder_;
  }

private:
  std::optional<root_folder> folder_;
};

}  // namespace podstudio
