// SPDX-License-Identifier: MIT
#pragma once

#include "support/temp_folder.hpp"

#include <filesystem>
#include <string>

namespace system_test {

/// A folder of a test's own with a data folder and a watch root in it, neither of them made.
struct workspace {
  temp_folder folder;
  std::string path = std::filesystem::canonical(folder.path);  ///< as the engine shows it
  std::string data = path + "/data";
  std::string root = path + "/root";
};

}  // namespace system_test
