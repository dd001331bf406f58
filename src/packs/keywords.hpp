// SPDX-License-Identifier: MIT
#pragma once

#include "packs/blocked_names.hpp"
#include "packs/profiles.hpp"
#include "packs/snapshot.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace podstudio::packs {

/// How many tags are made where a marketplace sets no bound.
inline constexpr std::size_t usual_tags_max = 20;

/// Tags for a listing: the pack's theme, then the assets' tags, their themes, and what several of
/// their prompts name, each the most frequent first. Without repetitions, blocked and forbidden
/// names, and what is longer than the marketplace takes.
std::vector<std::string> keywords_of(const snapshot& pack, const profile& of,
                                     const blocked_names& blocked);

}  // namespace podstudio::packs
