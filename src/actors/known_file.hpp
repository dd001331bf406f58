// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"
#include "platform/root_folder.hpp"
#include "platform/unique_fd.hpp"
#include "query/files.hpp"

/// Opens the files that jobs read.
namespace podstudio {

/// Whether an open file is the one that the catalog knows, unchanged.
bool is_known(const present_file& file, int fd);

/// Opens the file to read it, if it is that one; nothing in the result otherwise. No link is
/// followed below its watch root. `folder` keeps the root open for the next call. Error: as
/// `system_error`, where there are not enough descriptors.
result<unique_fd> open_known(const present_file& file, last_root_folder& folder);

}  // namespace podstudio
