// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace podstudio {

/// True when `bytes` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates) without NUL.
bool is_utf8(std::string_view bytes) noexcept;

/// The beginning of valid UTF-8, of at most `bytes_max` bytes, cut between characters.
std::string_view cut_text(std::string_view text, std::size_t bytes_max) noexcept;

/// Joins the texts with `between`. Empty texts at the beginning are skipped.
template <class Texts>
std::string joined(const Texts& texts, std::string_view between) {
  std::string all;
  for (const auto& each : texts) {
    if (!all.empty()) all += between;
    all += each;
  }
  return all;
}

/// A form of any byte string that is valid UTF-8 and safe on a terminal: bytes that are no UTF-8
/// and control characters (C0, C1, DEL) become `\xNN`, a backslash becomes `\\`.
std::string printable(std::string_view bytes);

/// A line for people or for a log of lines: what acts on a terminal, ends the line, or hides or
/// turns what stands beside it becomes visible. Control characters and bytes that are no UTF-8
/// become
/// `\xNN`; bidirectional controls and characters without width become `\u{NNNN}`, but for the
/// joiners within a word or an emoji. All else stays, so that a text can go through it twice.
std::string for_terminal(std::string_view text);

/// A text of anybody's as one line for other people: what acts on a terminal and bytes that are no
/// UTF-8 count as a space, what hides or turns its neighbours (see `for_terminal`) is left out, and
/// spaces are single and within the line only.
std::string clean_line(std::string_view text);

/// Likewise, line by line: with single empty lines between paragraphs, and none at the ends.
std::string clean_lines(std::string_view text);

/// How many code points valid UTF-8 has.
std::size_t count_characters(std::string_view text) noexcept;

/// The beginning of valid UTF-8, of at most that many code points, and if possible of whole words.
std::string_view cut_characters(std::string_view text, std::size_t characters_max) noexcept;

/// `1.5 GB`, in powers of 1000.
std::string human_size(std::uint64_t bytes);

/// An absolute path without '.', '..', double slashes and one at its end; links are left alone.
std::string lexical_path(const std::string& path);

/// Whether the path `inner` is `outer` or lies below it; both absolute, neither ending in a slash.
bool lies_within(std::string_view inner, std::string_view outer) noexcept;

/// The first of the folders that the path is or lies in; null where there is none.
const std::string* find_enclosing(std::string_view path,
                                  const std::vector<std::string>& folders) noexcept;

/// The path of the folder that the absolute path lies in; "/" of itself.
std::string folder_of(std::string_view path);

/// `printable`, in single quotes: how a message names a file.
std::string in_quotes(std::string_view bytes);

/// The times that have a timestamp: from the year 1 to the end of 9999.
inline constexpr std::int64_t timestamp_us_min = -62'135'596'800'000'000,
                              timestamp_us_max = 253'402'300'799'999'999;

/// UTC as `YYYY-MM-DD HH:MM:SS.ffffff`, from microseconds since the Unix epoch.
std::string to_timestamp(std::int64_t at_us);

/// The reverse, more tolerant: microseconds since the Unix epoch of
/// `YYYY-MM-DD[ HH:MM[:SS[.ffffff]]]`, UTC; a T may part date and time, a Z may follow.
std::optional<std::int64_t> parse_timestamp(std::string text);

/// Microseconds since the Unix epoch from the system's clock.
std::int64_t now_us() noexcept;

}  // namespace podstudio
