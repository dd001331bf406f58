// SPDX-License-Identifier: MIT
#pragma once

#include "packs/snapshot.hpp"

#include <cstddef>
#include <string>
#include <vector>

/// What a pack holds, in words. Only what is known of every asset of a kind is said of the kind.
namespace podstudio::packs {

struct contents {
  /// `12 images (PNG), 4500 x 5400 pixels, 300 DPI, 3 with transparency`; a line a kind of media.
  std::vector<std::string> lines;
  std::string summary;  ///< `12 images and 3 sounds`
  /// Kinds of media with AI-made content: `graphics`, `sound`, `video`.
  std::vector<std::string> ai_kinds;
  std::string ai_disclosure;  ///< sentences for buyers; empty: no asset is AI-made or enhanced
};

contents contents_of(const snapshot& pack);

}  // namespace podstudio::packs
