// SPDX-License-Identifier: MIT
#pragma once

#include "media/walk.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// What the walks of several formats share.
namespace podstudio::media {

inline constexpr double inches_a_metre = 39.3700787;

/// `N bytes are missing at the end`, of a part that ends behind the file.
std::string bytes_missing(std::uint64_t end, std::uint64_t size);
/// Notes that the file, called `what`, ends before one of its parts does.
void add_cut(walked& to, std::string_view what, std::uint64_t end, std::uint64_t size);
/// Dots an inch out of a density in a file; nonsense is left out.
void set_dpi(media_facts& facts, double x, double y);
/// What an EXIF block says of the picture that it is in.
void take_exif(bytes_view block, walked& to);
/// Of several packets the first is kept.
void keep_xmp(std::string_view packet, walked& to);

}  // namespace podstudio::media
