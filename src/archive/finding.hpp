// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace podstudio::archive {

/// Something that is wrong with an archive.
struct finding {
  std::string entry;    ///< its name; empty: the archive as a whole
  std::string problem;  ///< what is wrong with it and what to do, as a sentence without its subject
  bool operator==(const finding&) const = default;
};

}  // namespace podstudio::archive
