// SPDX-License-Identifier: MIT
#include "media/generation/tools.hpp"

#include <algorithm>

namespace podstudio::media {

namespace {

struct known_tool {
  std::string_view word, name;
};
constexpr known_tool known_tools[] = {
    {"automatic1111", "AUTOMATIC1111"},
    {"comfyui", "ComfyUI"},
    {"drawthings", "Draw Things"},
    {"easydiffusion", "Easy Diffusion"},
    {"fooocus", "Fooocus"},
    {"forge", "Forge"},
    {"invokeai", "InvokeAI"},
    {"midjourney", "Midjourney"},
    {"novelai", "NovelAI"},
    {"sdnext", "SD.Next"},
    {"swarmui", "SwarmUI"},
};

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::string_view name_of_tool(std::string_view word) noexcept {
  for (const auto& tool : known_tools)
    if (tool.word == word) return tool.name;
  return {};
}

std::string_view tool_of_name(std::string_view name) noexcept {
  for (const auto& tool : known_tools)
    if (std::ranges::equal(tool.name, name, {}, lower, lower)) return tool.word;
  return {};
}

}  // namespace podstudio::media
