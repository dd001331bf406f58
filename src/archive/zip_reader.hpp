// SPDX-License-Identifier: MIT
#pragma once

#include "archive/finding.hpp"
#include "archive/zip.hpp"

#include <optional>
#include <vector>

/// Reads the structure of an archive that anybody may have made. Only the canonical form is taken:
/// entries are read from the directory, all headers are made from them again as the writer makes
/// them, and each byte is compared. What is not compared is content.
namespace podstudio::archive {

/// The structure of an archive.
struct zip_listing {
  std::vector<zip_entry> entries;
  zip_layout layout;
  dos_time time;
  /// Why the archive is not in the canonical form; then nothing else here is to be used.
  std::optional<finding> flaw;
};

/// The structure of the archive in an open file. Reads by pread(2), each header once, and takes
/// memory for the entries' names. Error: as `system_error` where reading fails.
result<zip_listing> read_listing(int fd);

}  // namespace podstudio::archive
