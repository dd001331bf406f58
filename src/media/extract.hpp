// SPDX-License-Identifier: MIT
#pragma once

#include "media/generation/facts.hpp"
#include "media/media_facts.hpp"
#include "media/pdq.hpp"
#include "media/picture.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// All that is read from a file, in one go and from one decode: facts, who made it, the perceptual
/// hash, previews. Meant for a worker process that can open nothing: it works on descriptors that
/// it is given. The service's side parses what the worker answers as hostile bytes.
namespace podstudio::media {

/// Raised when the same file would give different facts or previews, so that files are read again.
inline constexpr int extract_version = 2;

/// A preview to be made.
struct preview_order {
  std::uint32_t edge_px = 0;  ///< of the square that it fits into, at most `preview_edge_px_max`
  int fd = -1;  ///< open for writing; stays open, and is written to from its position on
};
inline constexpr std::size_t previews_max = 4;

struct extract_options {
  limits bounds;
  /// The extension of the file's name, without a dot.
  std::string extension;
  /// A text beside the picture (`.txt`, `.json`), open for reading; -1 where there is none. At most
  /// `beside_bytes_max` of it are read.
  int beside_fd = -1;
  std::vector<preview_order> previews;  ///< at most `previews_max`; the largest is made first
  bool skip_own_previews = false;       ///< make none for which `is_own_preview` holds
  bool want_hash = true;
  bool want_generation = true;
  /// Asked often; true ends the work with `stopping`. May be empty.
  std::function<bool()> cancelled;
};
inline constexpr std::uint64_t beside_bytes_max = 1 << 20;

struct made_preview {
  std::uint32_t edge_px = 0;  ///< as ordered
  std::uint32_t width = 0, height = 0;
  std::uint32_t size_bytes = 0;
  bool operator==(const made_preview&) const = default;
};

struct extracted {
  media_facts facts;
  generation_facts generation;
  std::optional<pdq_hash> hash;  ///< of pictures and clips that were decoded whole
  std::uint8_t hash_quality = 0;
  std::vector<made_preview> previews;  ///< those that could be made
};

/// Reads the file that is open as `fd`, `size_bytes` long. A broken file is no error: it has
/// problems. Errors: `stopping`, `timed_out` (after `limits::time_max`), `io_failed` (reading the
/// file or writing a preview failed), `invalid_argument`, `internal`.
result<extracted> extract(int fd, std::uint64_t size_bytes, const extract_options& options);

/// The picture of a file: upright, in sRGB, and within a square of `edge_px`, which is at most
/// `preview_edge_px_max`. Of a clip it is a frame, of a sound its waveform; empty where none can be
/// made. Of the options, those for previews, hash and texts do not count. Errors: as `extract`.
result<picture> read_picture(int fd, std::uint64_t size_bytes, std::uint32_t edge_px,
                             const extract_options& options);

/// As JSON, at most `extracted_json_bytes_max` long: fields as in the structs, what is empty left
/// out.
std::string to_json(const extracted& what);
inline constexpr std::size_t extracted_json_bytes_max = 8 << 20;

/// The reverse, of bytes that anybody may have sent: each field is checked for its type, its range
/// and its length, and texts for UTF-8 without NUL; what is unknown is refused. Error: `damaged`,
/// naming the field.
result<extracted> parse_extracted(std::string_view text);

}  // namespace podstudio::media
