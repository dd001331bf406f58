// SPDX-License-Identifier: MIT
#include "media/decode.hpp"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <memory>

#include <tiffio.h>

namespace podstudio::media {

namespace {

struct tiff_input {
  source* from = nullptr;
  std::uint64_t at = 0;
  std::array<char, 160> message{};
};

tmsize_t read_bytes(thandle_t handle, void* to, tmsize_t size) {
  auto* input = static_cast<tiff_input*>(handle);
  auto got = input->from->read_at(input->at,
                                  {static_cast<std::uint8_t*>(to), static_cast<std::size_t>(size)});
  input->at += got;
  return static_cast<tmsize_t>(got);
}
tmsize_t write_bytes(thandle_t, void*, tmsize_t) { return 0; }
toff_t seek(thandle_t handle, toff_t offset, int whence) {
  auto* input = static_cast<tiff_input*>(handle);
  if (whence == SEEK_SET) input->at = offset;
  if (whence == SEEK_CUR) input->at += offset;
  if (whence == SEEK_END) input->at = input->from->size() + offset;
  return input->at;
}
int close_input(thandle_t) { return 0; }
toff_t size_of(thandle_t handle) { return static_cast<tiff_input*>(handle)->from->size(); }

int on_error(TIFF*, void* data, const char*, const char* format, va_list values) {
  auto* input = static_cast<tiff_input*>(data);
  if (input->message[0] == '\0')
    std::vsnprintf(input->message.data(), input->message.size(), format, values);
  return 1;
}
int on_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

/// What libtiff said first. It prefixes some messages with the file's name, which is empty here.
std::string message_of(const tiff_input& input) {
  std::string_view message = input.message.data();
  if (message.starts_with(": ")) message.remove_prefix(2);
  return std::string(message);
}

/// The library gives colours with opacity multiplied in.
void divide_by_opacity(std::uint8_t* pixels, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i, pixels += 4) {
    unsigned opacity = pixels[3];
    if (opacity == 255 || opacity == 0) continue;
    for (int c = 0; c < 3; ++c)
      pixels[c] =
          static_cast<std::uint8_t>(std::min(255u, (pixels[c] * 255u + opacity / 2) / opacity));
  }
}

class tiff_decoder {
public:
  tiff_decoder(TIFF* library, const tiff_input& input, const decode_request& request,
               picture_shrinker& to)
      : library_(library), input_(input), request_(request), to_(to) {}

  decode_outcome run() {
    std::array<char, 1024> why{};
    // The library would turn the picture, but not as all of the tag's values say: rows are taken as
    // they are stored, and the caller turns what is made of them.
    TIFFSetField(library_, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
    if (TIFFRGBAImageOK(library_, why.data()) == 0) return {decoding::failed, why.data()};
    TIFFGetField(library_, TIFFTAG_IMAGEWIDTH, &width_);
    TIFFGetField(library_, TIFFTAG_IMAGELENGTH, &height_);
    std::uint16_t count = 0;
    std::uint16_t* extra = nullptr;
    TIFFGetFieldDefaulted(library_, TIFFTAG_EXTRASAMPLES, &count, &extra);
    for (std::uint16_t i = 0; i < count; ++i)
      alpha_ = alpha_ || extra[i] == EXTRASAMPLE_ASSOCALPHA || extra[i] == EXTRASAMPLE_UNASSALPHA;
    return TIFFIsTiled(library_) != 0 ? tiles() : strips();
  }

private:
  decode_outcome strips() {
    std::uint32_t strip_rows = 0;
    TIFFGetFieldDefaulted(library_, TIFFTAG_ROWSPERSTRIP, &strip_rows);
    strip_rows = std::clamp<std::uint32_t>(strip_rows, 1, std::max(height_, 1u));
    auto held = 4.0 * strip_rows / std::max(height_, 1u);
    if (!within(request_.bounds, width_, height_, 2 * held)) return {decoding::too_large, {}};
    std::vector<std::uint32_t> raster(std::size_t{width_} * strip_rows);
    to_.start(width_, height_, pixel_kind::rgba, alpha_, request_.keep_bits);
    for (std::uint32_t y = 0; y < height_; y += strip_rows) {
      if (input_.from->watch().stopped()) return {decoding::stopped, {}};
      if (TIFFReadRGBAStripExt(library_, y, raster.data(), 1) == 0) return failure();
      auto rows = std::min(strip_rows, height_ - y);
      // From the bottom of the strip up.
      for (std::uint32_t i = 0; i < rows; ++i)
        add_row(
            reinterpret_cast<std::uint8_t*>(raster.data() + std::size_t{rows - 1 - i} * width_));
    }
    return {decoding::done, {}};
  }

  decode_outcome tiles() {
    std::uint32_t tile_width = 0, tile_height = 0;
    TIFFGetField(library_, TIFFTAG_TILEWIDTH, &tile_width);
    TIFFGetField(library_, TIFFTAG_TILELENGTH, &tile_height);
    if (tile_width == 0 || tile_height == 0) return {decoding::failed, "its tiles have no size"};
    auto tile_bytes = std::uint64_t{tile_width} * tile_height * 4;
    auto band_bytes = std::uint64_t{width_} * tile_height * 4;
    if (!within(request_.bounds, width_, height_, 0, tile_bytes + band_bytes))
      return {decoding::too_large, {}};
    std::vector<std::uint32_t> tile(tile_bytes / 4), band(band_bytes / 4);
    to_.start(width_, height_, pixel_kind::rgba, alpha_, request_.keep_bits);
    for (std::uint32_t y = 0; y < height_; y += tile_height) {
      for (std::uint32_t x = 0; x < width_; x += tile_width) {
        if (input_.from->watch().stopped()) return {decoding::stopped, {}};
        if (TIFFReadRGBATileExt(library_, x, y, tile.data(), 1) == 0) return failure();
        auto columns = std::min(tile_width, width_ - x);
        for (std::uint32_t i = 0; i < tile_height; ++i)
          std::copy_n(tile.data() + std::size_t{tile_height - 1 - i} * tile_width, columns,
                      band.data() + std::size_t{i} * width_ + x);
      }
      for (std::uint32_t i = 0; i < std::min(tile_height, height_ - y); ++i)
        add_row(reinterpret_cast<std::uint8_t*>(band.data() + std::size_t{i} * width_));
    }
    return {decoding::done, {}};
  }

  void add_row(std::uint8_t* pixels) {
    if (alpha_) divide_by_opacity(pixels, width_);
    to_.add_row(pixels);
  }

  decode_outcome failure() const {
    return {to_.rows() > 0 ? decoding::damaged : decoding::failed, message_of(input_)};
  }

  TIFF* library_;
  const tiff_input& input_;
  const decode_request& request_;
  picture_shrinker& to_;
  std::uint32_t width_ = 0, height_ = 0;
  bool alpha_ = false;
};

}  // namespace

decode_outcome decode_tiff(source& from, const decode_request& request, picture_shrinker& to) {
  tiff_input input{&from, 0, {}};
  std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                       TIFFOpenOptionsFree);
  if (!options) return {decoding::failed, "no memory"};
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(),
                                      static_cast<tmsize_t>(request.bounds.decode_bytes_max));
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, &input);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, &input);
  // Without mapping the file ("m"), and strips are not read by parts ("O" would load all of them).
  std::unique_ptr<TIFF, void (*)(TIFF*)> library(
      TIFFClientOpenExt("", "rm", &input, read_bytes, write_bytes, seek, close_input, size_of,
                        nullptr, nullptr, options.get()),
      TIFFClose);
  if (!library) return {decoding::failed, message_of(input)};
  auto outcome = tiff_decoder(library.get(), input, request, to).run();
  if (from.watch().stopped()) return {decoding::stopped, {}};
  return outcome;
}

}  // namespace podstudio::media
