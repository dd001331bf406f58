// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

/// A folder of its own for a test, gone with everything in it at the end of the scope.
struct temp_folder {
  temp_folder() : path((std::filesystem::temp_directory_path() / "podstudio-XXXXXX").string()) {
    if (!mkdtemp(path.data())) throw std::runtime_error("cannot make a folder at " + path);
  }
  temp_folder(const temp_folder&) = delete;
  temp_folder& operator=(const temp_folder&) = delete;
  ~temp_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }

  std::string path;
};
