// SPDX-License-Identifier: MIT
#pragma once

#include "media/bytes.hpp"
#include "media/picture.hpp"

#include <string>

namespace podstudio::media {

/// The description of an ICC profile, at most `fact_name_bytes_max` bytes; empty where it is none.
std::string profile_name(bytes_view icc);

/// Turns a picture's colours into sRGB: by the profile where there is one that fits the picture's
/// kind of pixels, else as they are (RGB) or by simple arithmetic (CMYK). The result is RGBA.
picture to_srgb(picture from, bytes_view icc);

}  // namespace podstudio::media
