#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

/// A folder of its own for a test, removed with all that is in it.
struct temp_folder {
  std::string path;

  temp_folder() : path((std::filesystem::temp_directory_path() / "podstudio-XXXXXX").string()) {
    if (mkdtemp(path.data()) == nullptr)
      throw std::runtime_error("cannot make " + path);
  }
  ~temp_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  temp_folder(const temp_folder&) = delete;
  temp_folder& operator=(const temp_folder&) = delete;
};
