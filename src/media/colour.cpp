// SPDX-License-Identifier: MIT
#include "media/colour.hpp"

#include "media/media_facts.hpp"
#include "media/text.hpp"

#include <array>
#include <memory>

#include <lcms2.h>

namespace podstudio::media {

namespace {

struct close_profile {
  void operator()(void* profile) const noexcept { cmsCloseProfile(profile); }
};
using profile_ptr = std::unique_ptr<void, close_profile>;
struct delete_transform {
  void operator()(void* transform) const noexcept { cmsDeleteTransform(transform); }
};
using transform_ptr = std::unique_ptr<void, delete_transform>;

profile_ptr open_profile(bytes_view icc) {
  constexpr std::size_t header_bytes = 128;
  if (icc.size() < header_bytes || text_of(icc).substr(36, 4) != "acsp") return nullptr;
  return profile_ptr(cmsOpenProfileFromMem(icc.data(), static_cast<cmsUInt32Number>(icc.size())));
}

std::string name_of(cmsHPROFILE profile) {
  std::array<char, fact_name_bytes_max + 1> text{};
  cmsGetProfileInfoASCII(profile, cmsInfoDescription, "en", "US", text.data(), text.size());
  text.back() = '\0';
  return clean_name(text.data(), fact_name_bytes_max);
}

void by_arithmetic(picture& cmyk) {
  for (std::size_t i = 0; i + 3 < cmyk.pixels.size(); i += 4) {
    auto* pixel = cmyk.pixels.data() + i;
    unsigned light = 255u - pixel[3];
    for (int c = 0; c < 3; ++c)
      pixel[c] = static_cast<std::uint8_t>(((255u - pixel[c]) * light + 127) / 255);
    pixel[3] = 255;
  }
}

}  // namespace

std::string profile_name(bytes_view icc) {
  auto profile = open_profile(icc);
  return profile ? name_of(profile.get()) : std::string();
}

picture to_srgb(picture from, bytes_view icc) {
  bool cmyk = from.kind == pixel_kind::cmyk;
  from.kind = pixel_kind::rgba;
  auto profile = open_profile(icc);
  auto space = profile ? cmsGetColorSpace(profile.get()) : cmsColorSpaceSignature{};
  cmsUInt32Number input = 0;
  if (cmyk && space == cmsSigCmykData) input = TYPE_CMYK_8;
  if (!cmyk && space == cmsSigRgbData) input = TYPE_RGBA_8;
  // Grey pictures come as RGB with three equal parts: the first is taken.
  if (!cmyk && space == cmsSigGrayData)
    input = COLORSPACE_SH(PT_GRAY) | CHANNELS_SH(1) | EXTRA_SH(3) | BYTES_SH(1);
  bool is_srgb = space == cmsSigRgbData && name_of(profile.get()).find("sRGB") != std::string::npos;
  profile_ptr target(input != 0 && !is_srgb ? cmsCreate_sRGBProfile() : nullptr);
  transform_ptr transform;
  if (target)
    transform.reset(cmsCreateTransform(profile.get(), input, target.get(), TYPE_RGBA_8,
                                       INTENT_RELATIVE_COLORIMETRIC,
                                       cmsFLAGS_BLACKPOINTCOMPENSATION));
  if (!transform) {
    if (cmyk) by_arithmetic(from);
    return from;
  }
  std::vector<std::uint8_t> line(std::size_t{from.width} * 4);
  for (std::uint32_t y = 0; y < from.height; ++y) {
    auto* row = from.row(y);
    cmsDoTransform(transform.get(), row, line.data(), from.width);
    for (std::size_t x = 0; x < line.size(); x += 4) {
      row[x] = line[x];
      row[x + 1] = line[x + 1];
      row[x + 2] = line[x + 2];
      if (cmyk) row[x + 3] = 255;
    }
  }
  return from;
}

}  // namespace podstudio::media
