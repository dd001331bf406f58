// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

/// The tools that `generation_facts::tool` knows by a word of its own, all of which make media with
/// models, and what they are called.
namespace podstudio::media {

/// `ComfyUI` for `comfyui`; empty for a word that is none of them.
std::string_view name_of_tool(std::string_view word) noexcept;

/// The reverse, ignoring the case of ASCII letters.
std::string_view tool_of_name(std::string_view name) noexcept;

}  // namespace podstudio::media
