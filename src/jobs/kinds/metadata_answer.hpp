// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/kinds/metadata_order.hpp"
#include "media/extract.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a job of the kind `metadata_extract` answers: in output 0 a line of JSON for each file, in
/// output 1 the previews, one behind the other.
///
/// A line is what `media::to_json` gives, with two more members where there is something to say:
/// `preview_offsets`, where each of its previews begins in output 1, in their order; and
/// `left_out`, which sorts of texts were shortened or left out for the line to fit. Of a file that
/// could not be read it is `{"failure":{"code":"io_failed","text":"..."}}`.
namespace podstudio {

/// The longest line with the byte that ends it. What metadata_files_max files say, 12 MiB at most,
/// is then to fit one frame of the log, which holds 16 MiB.
inline constexpr std::size_t metadata_line_bytes_max = std::size_t{48} << 10;
static_assert(metadata_line_bytes_max * metadata_files_max <= std::size_t{12} << 20);
/// Why a file could not be read: bytes of the text.
inline constexpr std::size_t metadata_failure_bytes_max = 300;

/// Which sorts of a file's texts were shortened or left out.
struct left_out_texts {
  bool raw = false;      ///< texts as they stand in the file; each that is shorter says so itself
  bool passes = false;   ///< the earlier runs of a sampler: those last in the list
  bool prompts = false;  ///< of the passes that are there
  bool loras = false;    ///< those last in the list
  bool operator==(const left_out_texts&) const = default;
};

struct file_answer {
  /// Why the file could not be read: `io_failed`, `not_permitted`, `not_found`, `timed_out`,
  /// `internal` or `invalid_argument`, with a line that is safe on a terminal. Nothing else is
  /// known of it then.
  std::optional<error> failure{};
  media::extracted found{};
  /// Where in output 1 each of `found.previews` begins.
  std::vector<std::uint64_t> preview_offsets{};
  left_out_texts left_out{};
};

/// The line of a file, with its end, at most metadata_line_bytes_max long. What is too much goes
/// first where it is worth least: raw texts are shortened, the longest most; then passes are left
/// out from the last of the list on, but for the first; then prompts are shortened like raw texts;
/// then loras are left out from the last on. With these gone, the bounds of what is left keep it
/// within the line.
std::string to_metadata_line(file_answer answer);

/// What a worker answered for so many files, given output 0 and how long output 1 is. Anybody may
/// have sent it: each line's length and their number are checked, each field as `parse_extracted`
/// does, and that the previews lie within output 1, apart from each other, within the square of
/// their edge, and one for an edge. The bytes of the previews are not looked at. Error: `damaged`,
/// naming the line and the field; `invalid_argument` for more files than a job may have.
result<std::vector<file_answer>> parse_metadata_answer(std::string_view lines, std::size_t files,
                                                       std::uint64_t preview_bytes);

}  // namespace podstudio
