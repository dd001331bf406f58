// SPDX-License-Identifier: MIT
#include "media/decode.hpp"

#include <array>
#include <csetjmp>
#include <cstring>
#include <memory>

#include <png.h>

namespace podstudio::media {

namespace {

/// Also what is changed after `setjmp`, which must not live in the function's own variables.
struct png_reader {
  std::vector<std::uint8_t> pixels;
  png_structp library = nullptr;
  png_infop info = nullptr;
  source* from = nullptr;
  std::uint64_t at = 0;
  bool ended = false, stopped = false;
  std::array<char, 160> message{};

  png_reader() = default;
  png_reader(const png_reader&) = delete;
  png_reader& operator=(const png_reader&) = delete;
  ~png_reader() { png_destroy_read_struct(&library, &info, nullptr); }
};

[[noreturn]] void on_error(png_structp library, png_const_charp text) {
  auto* reader = static_cast<png_reader*>(png_get_error_ptr(library));
  std::strncpy(reader->message.data(), text, reader->message.size() - 1);
  png_longjmp(library, 1);
}
void on_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp library, png_bytep to, std::size_t size) {
  auto* reader = static_cast<png_reader*>(png_get_io_ptr(library));
  auto got = reader->from->read_at(reader->at, {to, size});
  reader->at += got;
  if (got == size) return;
  (reader->from->watch().stopped() ? reader->stopped : reader->ended) = true;
  png_error(library, "the data ends early");
}

decode_outcome failure(const png_reader& reader, const picture_shrinker& to) {
  if (reader.stopped) return {decoding::stopped, {}};
  if (reader.ended) return {decoding::cut, reader.message.data()};
  auto how = to.started() && to.rows() > 0 ? decoding::damaged : decoding::failed;
  return {how, reader.message.data()};
}

}  // namespace

decode_outcome decode_png(source& from, const decode_request& request, picture_shrinker& to) {
  auto reader = std::make_unique<png_reader>();
  auto& pixels = reader->pixels;
  reader->from = &from;
  reader->library =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, reader.get(), on_error, on_warning);
  if (reader->library == nullptr) return {decoding::failed, "no memory"};
  auto* library = reader->library;
  reader->info = png_create_info_struct(library);
  if (reader->info == nullptr) return {decoding::failed, "no memory"};
  auto* info = reader->info;
  if (setjmp(png_jmpbuf(library)) != 0) return failure(*reader, to);

  png_set_read_fn(library, reader.get(), read_bytes);
  png_set_user_limits(library, 0x7fffffff, 0x7fffffff);
  // What stands beside the pixels the walk has read already.
  png_set_keep_unknown_chunks(library, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_set_compression_buffer_size(library, 32 << 10);
  png_read_info(library, info);
  auto width = png_get_image_width(library, info), height = png_get_image_height(library, info);
  bool interlaced = png_get_interlace_type(library, info) != PNG_INTERLACE_NONE;
  if (!within(request.bounds, width, height, interlaced ? 4 : 0)) return {decoding::too_large, {}};
  bool alpha = (png_get_color_type(library, info) & PNG_COLOR_MASK_ALPHA) != 0
               || png_get_valid(library, info, PNG_INFO_tRNS) != 0;
  png_set_expand(library);
  png_set_scale_16(library);
  png_set_gray_to_rgb(library);
  png_set_add_alpha(library, 0xff, PNG_FILLER_AFTER);
  if (interlaced) png_set_interlace_handling(library);
  png_read_update_info(library, info);
  const auto row_bytes = std::size_t{width} * 4;
  if (png_get_rowbytes(library, info) != row_bytes)
    return {decoding::failed, "its rows have another size"};
  pixels.resize(interlaced ? row_bytes * height : row_bytes);
  to.start(width, height, pixel_kind::rgba, alpha, request.keep_bits);
  if (interlaced) {
    constexpr int passes = 7;
    for (int pass = 0; pass < passes; ++pass)
      for (std::uint32_t y = 0; y < height; ++y) {
        if ((y & 63) == 0 && from.watch().stopped()) return {decoding::stopped, {}};
        png_read_row(library, pixels.data() + y * row_bytes, nullptr);
      }
    for (std::uint32_t y = 0; y < height; ++y)
      to.add_row(pixels.data() + y * row_bytes);
  } else {
    for (std::uint32_t y = 0; y < height; ++y) {
      if ((y & 15) == 0 && from.watch().stopped()) return {decoding::stopped, {}};
      png_read_row(library, pixels.data(), nullptr);
      to.add_row(pixels.data());
    }
  }
  // The checksum of the last data is checked here.
  png_read_end(library, nullptr);
  return {decoding::done, {}};
}

}  // namespace podstudio::media
