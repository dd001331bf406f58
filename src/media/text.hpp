// SPDX-License-Identifier: MIT
#pragma once

#include "media/bytes.hpp"
#include "platform/text.hpp"

#include <string>
#include <string_view>

/// Text out of files, made fit for a table: UTF-8 without NUL, bounded.
namespace podstudio::media {

/// Valid UTF-8 stays, of what is not each byte is read as Latin-1; NUL and what follows a cut in a
/// character goes. At most `size_bytes_max` bytes, cut between characters.
std::string clean_text(std::string_view bytes, std::size_t size_bytes_max);

/// Likewise, and on one line: control characters become spaces, spaces at the ends go.
std::string clean_name(std::string_view bytes, std::size_t size_bytes_max);

/// UTF-16 of either order to UTF-8; unpaired surrogates become U+FFFD. A byte order mark decides;
/// without one, where most of the text is in the ASCII range, where its zeros stand; else `likely`.
std::string from_utf16(bytes_view bytes, byte_order likely, std::size_t size_bytes_max);

/// Without white space at both ends.
std::string_view trimmed(std::string_view text) noexcept;

/// ASCII letters in lower case.
std::string lower_case(std::string_view text);

/// A text of decimal digits only that fits, else nothing; for numbers out of hostile texts.
bool parse_number(std::string_view text, std::uint64_t& number) noexcept;
/// A finite number, as JSON and people write it (a point, maybe an exponent), and all of the text.
bool parse_number(std::string_view text, double& number) noexcept;

}  // namespace podstudio::media
