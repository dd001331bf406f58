// SPDX-License-Identifier: MIT
#pragma once

#include "events/enums.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace podstudio {

/// The asset type that a file name's ending says, in any letter case; nothing for names that the
/// library does not hold. A name that is all ending (".png") has none.
std::optional<asset_type> type_of(std::string_view file_name) noexcept;

/// The endings of images, sounds and clips that the library does not take, in alphabetical order.
/// Those that mostly mean something else (.ts, .raw) are not among them.
inline constexpr auto not_taken_endings = std::to_array<std::string_view>({
    "3gp",  "afdesign", "afphoto", "ai",  "aif",  "aifc", "aiff", "amr",  "ape",       "arw",
    "asf",  "avif",     "blend",   "caf", "clip", "cr2",  "cr3",  "dng",  "eps",       "exr",
    "hdr",  "heic",     "heif",    "ico", "jp2",  "jxl",  "kra",  "m2ts", "mid",       "midi",
    "mpeg", "mpg",      "mts",     "mxf", "nef",  "ogv",  "orf",  "pef",  "procreate", "psb",
    "psd",  "raf",      "rw2",     "svg", "svgz", "tga",  "vob",  "wma",  "wmv",       "xcf",
});
static_assert(not_taken_endings.size() <= 64);

/// The place in `not_taken_endings` of a file name's ending, in any letter case.
std::optional<std::size_t> not_taken_place(std::string_view file_name) noexcept;

/// How many files have each of `not_taken_endings`.
using not_taken_counts = std::array<std::uint64_t, not_taken_endings.size()>;

inline void add(const not_taken_counts& more, not_taken_counts& to) noexcept {
  for (std::size_t i = 0; i < more.size(); ++i)
    to[i] += more[i];
}

}  // namespace podstudio
