// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string_view>

namespace podstudio {

/// The extension of a path, without the dot and as it is spelled; empty where there is none. A path
/// that was set aside (`<path>//<id>`, see `path_aside` in model/identity.hpp) keeps its extension.
inline std::string_view extension_of(std::string_view path) noexcept {
  path = path.substr(0, path.find("//"));
  auto name = path.substr(path.rfind('/') + 1);
  auto dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string_view() : name.substr(dot + 1);
}

/// Whether a file that is renamed gets another extension, in whatever letter case. What was read
/// from it may then no longer hold: whether its bytes are what its name says.
inline bool has_other_extension(std::string_view before, std::string_view after) noexcept {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return !std::ranges::equal(extension_of(before), extension_of(after), {}, lower, lower);
}

}  // namespace podstudio
