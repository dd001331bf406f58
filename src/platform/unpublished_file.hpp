// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"
#include "platform/unique_fd.hpp"

#include <string>

namespace podstudio {

/// A new file that stands under no name until it is whole: whatever interrupts its writer, nobody
/// takes a part of it for the file. Where the file system has files without a name (O_TMPFILE), a
/// crash leaves nothing; elsewhere (FAT, NFS) the file has a hidden name meanwhile, and one that a
/// crash leaves is removed by the next `make` in that folder.
class unpublished_file {
public:
  /// In a folder that is there; the path to it may contain links. Errors: as `system_error`.
  static result<unpublished_file> make(const std::string& folder);

  unpublished_file(unpublished_file&&) noexcept = default;
  unpublished_file& operator=(unpublished_file&&) = delete;
  ~unpublished_file();

  /// To read and write it.
  int fd() const noexcept { return file_.get(); }
  /// Another descriptor, to read it only. Errors: as `system_error`.
  result<unique_fd> open_to_read() const;

  /// Gives it its name in the folder, which must be free, and syncs the folder; the file has been
  /// synced before. Errors: `refused` if the name is taken; as `system_error`.
  result<void> publish(const std::string& name);

private:
  unpublished_file(std::string path, unique_fd folder, unique_fd file, std::string hidden)
      : path_(std::move(path)), folder_(std::move(folder)), file_(std::move(file)),
        hidden_(std::move(hidden)) {}

  std::string path_;  ///< of the folder
  unique_fd folder_, file_;
  std::string hidden_;  ///< its name meanwhile; empty where it needs none
};

}  // namespace podstudio
