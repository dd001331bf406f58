// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

#include "media/limits.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the bytes of an image, a sound or a clip say about it.
namespace podstudio::media {

/// A fraction in lowest terms, as a rate; 0/1 is none.
struct rational {
  std::int32_t numerator = 0;
  std::int32_t denominator = 1;
  bool operator==(const rational&) const = default;
};

/// Why a file is not what a buyer would expect. Append only: the words stand in tables.
enum class problem_kind : std::uint8_t {
  other_content,  ///< the bytes are of another format than the file's extension says
  not_media,      ///< the bytes are of no format that the library holds
  cut,            ///< the file ends before its content does
  no_index,       ///< a clip without what a player finds its frames by
  undecodable,    ///< the first picture, or the first sound, cannot be decoded
  damaged,        ///< bytes within fail the format's own checks, or contradict each other
};
inline constexpr std::size_t problem_kind_count = 6;
/// `other_content`, and so on.
std::string_view to_string(problem_kind kind) noexcept;
std::optional<problem_kind> problem_kind_of(std::string_view word) noexcept;

struct problem {
  problem_kind kind = problem_kind::damaged;
  std::string reason;  ///< one line for a person, at most `problem_reason_bytes_max`
  bool operator==(const problem&) const = default;
};
inline constexpr std::size_t problems_max = 8;
inline constexpr std::size_t problem_reason_bytes_max = 300;

/// Names as they stand in a file or a library's list: bounded, UTF-8, without control characters.
inline constexpr std::size_t fact_name_bytes_max = 120;

/// What is not there or cannot be told is empty. Pixels are those of the file, before `orientation`
/// turns them.
struct media_facts {
  std::string mime;         ///< by content alone; empty for no known format
  std::string container;    ///< `png`, `matroska` ...
  std::string video_codec;  ///< of images too: `png`, `mjpeg`, `h264` ... as libavcodec names them
  std::string audio_codec;

  std::optional<std::uint32_t> width;   ///< of an image or the main video stream
  std::optional<std::uint32_t> height;  ///< likewise
  /// Of a sound, a clip or an animation of more than one frame, in seconds.
  std::optional<double> duration_sec;
  std::optional<std::uint32_t> samplerate_hz;  ///< of the main audio stream

  rational fps;                              ///< frames a second, on average; 0/1 unknown
  std::optional<std::uint32_t> channels;     ///< of sound
  std::optional<std::uint32_t> bit_depth;    ///< of a picture's component, or of a sample of sound
  std::string pixel_format;                  ///< as libavutil names it, of what is stored
  std::optional<bool> alpha_present;         ///< the pixels have transparency
  std::optional<bool> alpha_used;            ///< at least one is not opaque
  std::uint8_t orientation = 1;              ///< 1 to 8, as EXIF defines it (TIFF 6.0, tag 274)
  std::string colour_profile;                ///< an ICC profile's description, or `sRGB` and so on
  std::optional<double> dpi_x, dpi_y;        ///< dots an inch, where the file states a unit
  std::optional<std::uint64_t> frame_count;  ///< of an animation or a clip, where it is known
  bool decoded = false;                      ///< the first picture or sound was decoded
  /// Larger than the limits allow to decode: no problem of the file, but nothing is known of its
  /// pixels.
  bool too_large = false;

  std::vector<problem> problems;  ///< at most `problems_max`
};

/// Adds a problem unless there are enough or it is there already; the reason is cut and cleaned.
void add_problem(media_facts& facts, problem_kind kind, std::string reason);

struct facts_options {
  limits bounds;
  /// Asked often; true ends the work with `stopping`. May be empty.
  std::function<bool()> cancelled;
};

/// The facts of the file that is open for reading as `fd` (a descriptor that can seek; it stays
/// open and at its position), `size_bytes` long. `extension` is that of its name, without a dot, in
/// any letter case; it is only compared with the content. Decodes the first picture, or the
/// beginning of the sound. A file that is broken has facts with problems and is no error. Errors:
/// `stopping`, `timed_out`, `io_failed` (a read failed), `invalid_argument` (bad descriptor).
result<media_facts> read_facts(int fd, std::uint64_t size_bytes, std::string_view extension,
                               const facts_options& options = {});

}  // namespace podstudio::media
