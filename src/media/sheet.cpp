// SPDX-License-Identifier: MIT
#include "media/sheet.hpp"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <jpeglib.h>

namespace podstudio::media {

namespace {

constexpr std::uint32_t sheet_margin_px = 12;

/// A picture's size in a cell, in which it is not enlarged.
picture_size size_in(const picture& from, std::uint32_t width, std::uint32_t height) {
  if (from.width <= width && from.height <= height) return {from.width, from.height};
  // Which edge is the tighter one, without fractions.
  bool by_width = std::uint64_t{from.width} * height >= std::uint64_t{from.height} * width;
  auto scaled = [](std::uint32_t edge, std::uint32_t to, std::uint32_t of) {
    return std::max<std::uint32_t>(1, static_cast<std::uint32_t>(std::uint64_t{edge} * to / of));
  };
  if (by_width) return {width, scaled(from.height, width, from.width)};
  return {scaled(from.width, height, from.height), height};
}

/// A colour on white.
std::uint8_t over_white(std::uint8_t colour, std::uint8_t opacity) {
  constexpr unsigned full = 255;
  return static_cast<std::uint8_t>((colour * opacity + full * (full - opacity) + full / 2) / full);
}

/// What the library's callbacks need, and what changes after `setjmp`.
struct jpeg_writer {
  jpeg_compress_struct library;
  jpeg_error_mgr errors;
  std::jmp_buf failure;
  std::array<char, JMSG_LENGTH_MAX> message;
  unsigned char* bytes;
  unsigned long size;
};

[[noreturn]] void on_error(j_common_ptr library) {
  auto* writer = static_cast<jpeg_writer*>(library->client_data);
  library->err->format_message(library, writer->message.data());
  std::longjmp(writer->failure, 1);
}
void no_output(j_common_ptr) {}

/// Whether the picture was written; else the message says why not.
bool write_jpeg(jpeg_writer& writer, const picture& from, int quality) {
  writer.library.err = jpeg_std_error(&writer.errors);
  writer.errors.error_exit = on_error;
  writer.errors.output_message = no_output;
  writer.library.client_data = &writer;
  if (setjmp(writer.failure) != 0) {
    jpeg_destroy_compress(&writer.library);
    return false;
  }
  jpeg_create_compress(&writer.library);
  jpeg_mem_dest(&writer.library, &writer.bytes, &writer.size);
  writer.library.image_width = from.width;
  writer.library.image_height = from.height;
  writer.library.input_components = 4;
  writer.library.in_color_space = JCS_EXT_RGBX;
  jpeg_set_defaults(&writer.library);
  jpeg_set_quality(&writer.library, quality, TRUE);
  writer.library.dct_method = JDCT_ISLOW;
  writer.library.optimize_coding = TRUE;
  jpeg_start_compress(&writer.library, TRUE);
  while (writer.library.next_scanline < from.height) {
    // The library does not change what it is given.
    auto* row = const_cast<JSAMPROW>(from.row(writer.library.next_scanline));
    jpeg_write_scanlines(&writer.library, &row, 1);
  }
  jpeg_finish_compress(&writer.library);
  jpeg_destroy_compress(&writer.library);
  return true;
}

}  // namespace

sheet_drawer::sheet_drawer(const sheet_layout& layout)
    : layout_(layout), margin_(layout.columns * layout.rows == 1 ? 0 : sheet_margin_px) {
  sheet_.width = layout.width;
  sheet_.height = layout.height;
  sheet_.pixels.assign(std::size_t{layout.width} * layout.height * 4, 0xff);
}

std::uint32_t sheet_drawer::cell_width() const noexcept {
  auto margins = margin_ * (layout_.columns + 1);
  return layout_.width > margins ? std::max(1u, (layout_.width - margins) / layout_.columns) : 1;
}
std::uint32_t sheet_drawer::cell_height() const noexcept {
  auto margins = margin_ * (layout_.rows + 1);
  return layout_.height > margins ? std::max(1u, (layout_.height - margins) / layout_.rows) : 1;
}

std::uint32_t sheet_drawer::edge_px() const noexcept {
  return std::max(cell_width(), cell_height());
}

void sheet_drawer::add(const picture& tile) {
  if (tile.empty() || drawn_ >= std::size_t{layout_.columns} * layout_.rows) return;
  auto column = static_cast<std::uint32_t>(drawn_ % layout_.columns);
  auto row = static_cast<std::uint32_t>(drawn_ / layout_.columns);
  ++drawn_;
  auto size = size_in(tile, cell_width(), cell_height());
  auto small = shrunk(tile, size.width, size.height);
  auto left = margin_ + column * (cell_width() + margin_) + (cell_width() - small.width) / 2;
  auto top = margin_ + row * (cell_height() + margin_) + (cell_height() - small.height) / 2;
  for (std::uint32_t y = 0; y < small.height && top + y < sheet_.height; ++y) {
    const auto* from = small.row(y);
    auto* to = sheet_.row(top + y) + std::size_t{left} * 4;
    for (std::uint32_t x = 0; x < small.width && left + x < sheet_.width; ++x, from += 4, to += 4)
      for (int colour = 0; colour < 3; ++colour)
        to[colour] = over_white(from[colour], from[3]);
  }
}

result<std::vector<std::uint8_t>> encode_jpeg(const picture& from) {
  constexpr int quality_first = 85, quality_last = 5, quality_step = 20;
  for (int quality = quality_first; quality >= quality_last; quality -= quality_step) {
    jpeg_writer writer{};
    bool written = write_jpeg(writer, from, quality);
    std::vector<std::uint8_t> bytes;
    if (written && writer.size <= sheet_bytes_max)
      bytes.assign(writer.bytes, writer.bytes + writer.size);
    std::free(writer.bytes);
    if (!written)
      return error{error_code::internal,
                   "a sheet cannot be encoded: " + std::string(writer.message.data())};
    if (!bytes.empty()) return bytes;
  }
  return error{error_code::refused, "a sheet takes more than 512 KiB"};
}

}  // namespace podstudio::media
