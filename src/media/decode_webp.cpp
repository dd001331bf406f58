// SPDX-License-Identifier: MIT
#include "media/decode.hpp"

#include <memory>

#include <webp/decode.h>
#include <webp/demux.h>

namespace podstudio::media {

namespace {

decode_outcome outcome_of(VP8StatusCode status) {
  switch (status) {
  case VP8_STATUS_OK:
    return {decoding::done, {}};
  case VP8_STATUS_NOT_ENOUGH_DATA:
  case VP8_STATUS_SUSPENDED:
    return {decoding::cut, "the data ends early"};
  case VP8_STATUS_OUT_OF_MEMORY:
    return {decoding::too_large, {}};
  case VP8_STATUS_UNSUPPORTED_FEATURE:
    return {decoding::failed, "an unknown kind of WebP"};
  default:
    return {decoding::failed, "its data is damaged"};
  }
}

decode_outcome decode_animation(bytes_view bytes, const WebPBitstreamFeatures& features,
                                picture_shrinker& to) {
  WebPAnimDecoderOptions options;
  if (WebPAnimDecoderOptionsInit(&options) == 0)
    return {decoding::failed, "another version of libwebp"};
  options.color_mode = MODE_RGBA;
  options.use_threads = 0;
  WebPData data{bytes.data(), bytes.size()};
  std::unique_ptr<WebPAnimDecoder, void (*)(WebPAnimDecoder*)> decoder(
      WebPAnimDecoderNew(&data, &options), WebPAnimDecoderDelete);
  if (!decoder) return {decoding::failed, "its frames cannot be found"};
  std::uint8_t* pixels = nullptr;
  int timestamp_ms = 0;
  if (WebPAnimDecoderGetNext(decoder.get(), &pixels, &timestamp_ms) == 0)
    return {decoding::failed, "its first frame is damaged"};
  auto width = static_cast<std::uint32_t>(features.width),
       height = static_cast<std::uint32_t>(features.height);
  to.start(width, height, pixel_kind::rgba, true, false);
  for (std::uint32_t y = 0; y < height; ++y)
    to.add_row(pixels + std::size_t{y} * width * 4);
  return {decoding::done, {}};
}

}  // namespace

decode_outcome decode_webp(source& from, const decode_request& request, picture_shrinker& to) {
  auto head = from.read(0, 64 << 10);
  WebPBitstreamFeatures features;
  auto status = WebPGetFeatures(head.data(), head.size(), &features);
  if (status != VP8_STATUS_OK) return outcome_of(status);
  auto width = static_cast<std::uint32_t>(features.width),
       height = static_cast<std::uint32_t>(features.height);
  bool animation = features.has_animation != 0;
  // The library holds all pixels of a lossless picture, and two canvases of an animation.
  double held = animation ? 16 : request.lossless || features.format != 1 ? 8 : 4;
  if (!within(request.bounds, width, height, held, from.size())) return {decoding::too_large, {}};
  auto bytes = from.read(0, from.size());
  if (from.watch().stopped()) return {decoding::stopped, {}};
  if (animation) return decode_animation(bytes, features, to);
  std::vector<std::uint8_t> pixels(std::size_t{width} * height * 4);
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) return {decoding::failed, "another version of libwebp"};
  config.output.colorspace = MODE_RGBA;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = pixels.data();
  config.output.u.RGBA.stride = static_cast<int>(width * 4);
  config.output.u.RGBA.size = pixels.size();
  // By parts, so that a stop is noticed between them.
  std::unique_ptr<WebPIDecoder, void (*)(WebPIDecoder*)> decoder(WebPIDecode(nullptr, 0, &config),
                                                                 WebPIDelete);
  if (!decoder) return {decoding::too_large, {}};
  constexpr std::size_t step_bytes = 64 << 10;
  status = VP8_STATUS_SUSPENDED;
  for (std::size_t given = 0; given < bytes.size() && status == VP8_STATUS_SUSPENDED;) {
    if (from.watch().stopped()) return {decoding::stopped, {}};
    given = std::min(bytes.size(), given + step_bytes);
    status = WebPIUpdate(decoder.get(), bytes.data(), given);
  }
  int last_row = 0;
  WebPIDecGetRGB(decoder.get(), &last_row, nullptr, nullptr, nullptr);
  auto rows = status == VP8_STATUS_OK ? height : static_cast<std::uint32_t>(std::max(last_row, 0));
  if (rows > 0) {
    to.start(width, height, pixel_kind::rgba, features.has_alpha != 0,
             request.keep_bits && request.lossless);
    for (std::uint32_t y = 0; y < std::min(rows, height); ++y)
      to.add_row(pixels.data() + std::size_t{y} * width * 4);
  }
  auto outcome = outcome_of(status);
  if (outcome.how == decoding::failed && rows > 0) outcome.how = decoding::damaged;
  return outcome;
}

}  // namespace podstudio::media
