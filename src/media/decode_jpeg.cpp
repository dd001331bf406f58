// SPDX-License-Identifier: MIT
#include "media/decode.hpp"

#include <array>
#include <csetjmp>
#include <cstdio>
#include <memory>

#include <jpeglib.h>
// After jpeglib.h, which it needs.
#include <jerror.h>

namespace podstudio::media {

namespace {

/// All that the library's callbacks need, and what is changed after `setjmp`: that must not live in
/// the function's own variables.
struct jpeg_reader {
  std::vector<std::uint8_t> row;
  jpeg_decompress_struct library;
  jpeg_error_mgr errors;
  jpeg_source_mgr input;
  jpeg_progress_mgr progress;
  std::jmp_buf failure;
  std::array<char, JMSG_LENGTH_MAX> message;
  source* from;
  std::uint64_t at;
  std::array<std::uint8_t, 64 << 10> buffer;
  int scans_max;
  bool ended;    ///< the file did, before the picture
  bool damaged;  ///< the library said so, and went on
  bool stopped;
};

jpeg_reader* reader_of(j_common_ptr library) noexcept {
  return static_cast<jpeg_reader*>(library->client_data);
}

[[noreturn]] void on_error(j_common_ptr library) {
  auto* reader = reader_of(library);
  library->err->format_message(library, reader->message.data());
  std::longjmp(reader->failure, 1);
}

void on_message(j_common_ptr library, int level) {
  auto* reader = reader_of(library);
  if (level >= 0) return;
  auto code = library->err->msg_code;
  // Filling before a marker and unknown versions of headers harm nothing.
  if (code == JWRN_JPEG_EOF || code == JWRN_EXTRANEOUS_DATA || code == JWRN_JFIF_MAJOR
      || code == JWRN_ADOBE_XFORM || code == JWRN_BOGUS_PROGRESSION || code == JWRN_TOO_MUCH_DATA)
    return;
  if (!reader->damaged && !reader->ended)
    library->err->format_message(library, reader->message.data());
  reader->damaged = true;
}

void no_output(j_common_ptr) {}

void start_input(j_decompress_ptr) {}

boolean fill_input(j_decompress_ptr library) {
  auto* reader = reader_of(reinterpret_cast<j_common_ptr>(library));
  auto size = reader->from->read_at(reader->at, reader->buffer);
  if (size == 0) {
    if (reader->from->watch().stopped()) {
      reader->stopped = true;
      std::longjmp(reader->failure, 1);
    }
    // As if the end stood here: what has come is shown.
    reader->ended = true;
    reader->buffer[0] = 0xff;
    reader->buffer[1] = JPEG_EOI;
    size = 2;
  } else {
    reader->at += size;
  }
  reader->input.next_input_byte = reader->buffer.data();
  reader->input.bytes_in_buffer = size;
  return TRUE;
}

void skip_input(j_decompress_ptr library, long count) {
  auto* reader = reader_of(reinterpret_cast<j_common_ptr>(library));
  if (count <= 0) return;
  auto size = static_cast<std::size_t>(count);
  if (size <= reader->input.bytes_in_buffer) {
    reader->input.next_input_byte += size;
    reader->input.bytes_in_buffer -= size;
  } else {
    reader->at += size - reader->input.bytes_in_buffer;
    reader->input.bytes_in_buffer = 0;
  }
}

void end_input(j_decompress_ptr) {}

void on_progress(j_common_ptr library) {
  auto* reader = reader_of(library);
  if (reader->library.input_scan_number > reader->scans_max) {
    std::snprintf(reader->message.data(), reader->message.size(), "it has more than %d scans",
                  reader->scans_max);
    std::longjmp(reader->failure, 1);
  }
  if (reader->from->watch().stopped()) {
    reader->stopped = true;
    std::longjmp(reader->failure, 1);
  }
}

/// Memory for a picture of several scans, all of whose coefficients are held.
double coefficient_bytes_a_pixel(const jpeg_decompress_struct& library) noexcept {
  double bytes = 0;
  for (int i = 0; i < library.num_components; ++i) {
    const auto& each = library.comp_info[i];
    bytes += 2.0 * each.h_samp_factor * each.v_samp_factor
             / (library.max_h_samp_factor * library.max_v_samp_factor);
  }
  return bytes;
}

}  // namespace

decode_outcome decode_jpeg(source& from, const decode_request& request, picture_shrinker& to) {
  auto reader = std::make_unique<jpeg_reader>();
  auto& row = reader->row;
  auto& library = reader->library;
  library.err = jpeg_std_error(&reader->errors);
  reader->errors.error_exit = on_error;
  reader->errors.emit_message = on_message;
  reader->errors.output_message = no_output;
  library.client_data = reader.get();
  reader->from = &from;
  reader->scans_max = request.bounds.jpeg_scans_max;

  volatile bool created = false;
  if (setjmp(reader->failure) != 0) {
    if (created) jpeg_destroy_decompress(&library);
    if (reader->stopped) return {decoding::stopped, {}};
    auto how = to.started() && to.rows() > 0 ? decoding::damaged : decoding::failed;
    if (reader->ended) how = decoding::cut;
    return {how, reader->message.data()};
  }
  jpeg_create_decompress(&library);
  created = true;
  reader->input = {.next_input_byte = nullptr,
                   .bytes_in_buffer = 0,
                   .init_source = start_input,
                   .fill_input_buffer = fill_input,
                   .skip_input_data = skip_input,
                   .resync_to_restart = jpeg_resync_to_restart,
                   .term_source = end_input};
  library.src = &reader->input;
  reader->progress.progress_monitor = on_progress;
  library.progress = &reader->progress;
  library.mem->max_memory_to_use = static_cast<long>(request.bounds.decode_bytes_max);

  jpeg_read_header(&library, TRUE);
  bool several_scans = library.progressive_mode || library.comps_in_scan < library.num_components;
  if (!within(request.bounds, library.image_width, library.image_height,
              several_scans ? coefficient_bytes_a_pixel(library) : 0)) {
    jpeg_destroy_decompress(&library);
    return {decoding::too_large, {}};
  }
  bool cmyk = library.jpeg_color_space == JCS_CMYK || library.jpeg_color_space == JCS_YCCK;
  library.out_color_space = cmyk ? JCS_CMYK : JCS_EXT_RGBA;
  // Shrinking by 2, 4 or 8 while decoding skips most of the work.
  auto longer = std::max(library.image_width, library.image_height);
  library.scale_num = 1;
  library.scale_denom = 1;
  while (library.scale_denom < 8 && longer / (library.scale_denom * 2) >= to.edge_px_min())
    library.scale_denom *= 2;
  jpeg_start_decompress(&library);
  row.resize(std::size_t{library.output_width} * 4);
  to.start(library.output_width, library.output_height, cmyk ? pixel_kind::cmyk : pixel_kind::rgba,
           false, false);
  // Adobe's programs, and all that follow them, store ink inverted.
  bool inverted = cmyk;
  while (library.output_scanline < library.output_height) {
    if ((library.output_scanline & 15) == 0 && from.watch().stopped()) {
      jpeg_destroy_decompress(&library);
      return {decoding::stopped, {}};
    }
    JSAMPROW rows = row.data();
    jpeg_read_scanlines(&library, &rows, 1);
    if (inverted && library.saw_Adobe_marker)
      for (auto& byte : row)
        byte = static_cast<std::uint8_t>(255 - byte);
    to.add_row(row.data());
  }
  jpeg_finish_decompress(&library);
  jpeg_destroy_decompress(&library);
  if (reader->ended) return {decoding::cut, "the data ends early"};
  if (reader->damaged) return {decoding::damaged, reader->message.data()};
  return {decoding::done, {}};
}

}  // namespace podstudio::media
