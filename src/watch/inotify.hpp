// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"
#include "platform/unique_fd.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace podstudio {

/// A change that the kernel reported.
struct change {
  enum class kind : std::uint8_t {
    written,    ///< a file was closed after writing, or moved here: it is whole
    touched,    ///< a file was made or written to and may still be open
    folder,     ///< a folder was made, deleted or moved here or away
    gone,       ///< a file was deleted or moved away
    allowed,    ///< who may read a file or folder may have changed, or its times, its names
    self,       ///< a watched folder itself was moved or deleted
    unmounted,  ///< the file system of a watched folder, which is watched no more
    overflow,   ///< the kernel dropped changes: nothing but a scan tells which
  } what = kind::touched;
  std::string path;  ///< empty for `overflow`
};

/// The kernel's notifications about a tree: one watch on each of its folders (inotify(7)). Not
/// thread-safe.
class folder_watches {
public:
  static result<folder_watches> open();

  /// Readable when changes wait.
  int fd() const noexcept { return fd_.get(); }

  /// Watches the folder that is open as `descriptor`, whatever is at its path by now, or notes its
  /// new path when it is watched under another already. Error: `refused` when the system's limit of
  /// watches is reached; `not_found` and others when it cannot be watched.
  result<void> add(const std::string& folder, int descriptor);

  /// Appends the changes that wait, at most one buffer full; false when none waited.
  result<bool> read(std::vector<change>& into);

  std::size_t size() const noexcept { return folders_.size(); }

private:
  explicit folder_watches(unique_fd fd);
  unique_fd fd_;
  std::unique_ptr<char[]> buffer_;
  /// Stops watching a folder and all below it, which went elsewhere.
  void forget(const std::string& folder);

  std::unordered_map<int, std::string> folders_;  // by watch descriptor
  std::map<std::string, int> watches_;            // the same, by path
};

}  // namespace podstudio
