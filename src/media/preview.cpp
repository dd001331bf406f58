// SPDX-License-Identifier: MIT
#include "media/preview.hpp"

#include "platform/files.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include <webp/encode.h>

namespace podstudio::media {

namespace {

struct free_webp_picture {
  void operator()(WebPPicture* what) const noexcept {
    WebPPictureFree(what);
    delete what;
  }
};

struct free_writer {
  void operator()(WebPMemoryWriter* what) const noexcept {
    WebPMemoryWriterClear(what);
    delete what;
  }
};

}  // namespace

bool is_own_preview(const media_facts& facts, std::uint64_t size_bytes, std::uint32_t edge_px) {
  constexpr std::uint64_t bytes_a_pixel_of_the_edge = 256;
  constexpr std::array<std::string_view, 4> shown{"image/png", "image/jpeg", "image/gif",
                                                  "image/webp"};
  return facts.decoded && facts.problems.empty() && facts.frame_count.value_or(1) <= 1
         && std::ranges::find(shown, facts.mime) != shown.end() && facts.width && facts.height
         && std::max(*facts.width, *facts.height) <= edge_px
         && size_bytes <= edge_px * bytes_a_pixel_of_the_edge;
}

result<std::vector<std::uint8_t>> encode_webp(const picture& from) {
  constexpr float quality_first = 80, quality_last = 20, quality_step = 20;
  // From 0 to 6; 2 takes half the time of the default (4) for a tenth more bytes.
  constexpr int effort = 2;
  for (float quality = quality_first; quality >= quality_last; quality -= quality_step) {
    WebPConfig config;
    if (WebPConfigPreset(&config, WEBP_PRESET_PICTURE, quality) == 0)
      return error{error_code::internal,
                   "another version of libwebp than the one it was built with"};
    config.method = effort;
    config.thread_level = 0;
    config.alpha_quality = 90;
    std::unique_ptr<WebPPicture, free_webp_picture> input(new WebPPicture);
    std::unique_ptr<WebPMemoryWriter, free_writer> writer(new WebPMemoryWriter);
    WebPMemoryWriterInit(writer.get());
    if (WebPPictureInit(input.get()) == 0)
      return error{error_code::internal, "another version of libwebp"};
    input->width = static_cast<int>(from.width);
    input->height = static_cast<int>(from.height);
    input->writer = WebPMemoryWrite;
    input->custom_ptr = writer.get();
    auto stride = static_cast<int>(from.width * 4);
    auto imported = from.alpha ? WebPPictureImportRGBA(input.get(), from.pixels.data(), stride)
                               : WebPPictureImportRGBX(input.get(), from.pixels.data(), stride);
    if (imported == 0 || WebPEncode(&config, input.get()) == 0)
      return error{error_code::internal,
                   "a preview cannot be encoded: error " + std::to_string(input->error_code)};
    if (writer->size <= preview_bytes_max)
      return std::vector<std::uint8_t>(writer->mem, writer->mem + writer->size);
  }
  return error{error_code::refused, "a preview has more than a megabyte"};
}

result<void> write_all(int fd, const std::vector<std::uint8_t>& bytes) {
  if (podstudio::write_all(fd, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}))
    return {};
  return system_error()("cannot write a preview");
}

picture draw_waveform(const std::vector<float>& peaks, std::uint32_t edge_px) {
  constexpr std::uint8_t red = 0x5b, green = 0x7f, blue = 0xa6;  // readable on light and dark
  picture made{.width = edge_px,
               .height = std::max<std::uint32_t>(1, edge_px / 4),
               .kind = pixel_kind::rgba,
               .alpha = true,
               .pixels = {}};
  made.pixels.resize(std::size_t{made.width} * made.height * 4);
  auto middle = made.height / 2;
  for (std::uint32_t x = 0; x < made.width && !peaks.empty(); ++x) {
    auto first = std::size_t{x} * peaks.size() / made.width;
    auto last = std::max(first + 1, (std::size_t{x} + 1) * peaks.size() / made.width);
    float peak = 0;
    for (auto i = first; i < std::min(last, peaks.size()); ++i)
      peak = std::max(peak, peaks[i]);
    auto half = static_cast<std::uint32_t>(
        std::lround(std::clamp(peak, 0.0f, 1.0f) * static_cast<float>(middle)));
    for (auto y = middle - std::min(half, middle);
         y < std::min(made.height, middle + std::max(half, 1u)); ++y) {
      auto* pixel = made.row(y) + std::size_t{x} * 4;
      pixel[0] = red;
      pixel[1] = green;
      pixel[2] = blue;
      pixel[3] = 255;
    }
  }
  return made;
}

}  // namespace podstudio::media
