// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace podstudio {

/// UTF-8 text as a search compares it, so that a person finds what they can read: letters in lower
/// case (Unicode's full case folding; the Turkish dotless `ı` counts as `i`, as `I` does), without
/// the marks above and below them (accents, Hebrew and Arabic points; not what parts letters in
/// other scripts, as Japanese and Indic signs do), compatible forms as one (full and half width,
/// ligatures), composed (NFKC). Letters with a stroke (`ł`, `ø`) are letters of their own. Text
/// that is no UTF-8 stays as it is.
std::string fold_text(std::string_view text);

}  // namespace podstudio
