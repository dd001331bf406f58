// SPDX-License-Identifier: MIT
#include "media/generation/families.hpp"

/// SwarmUI: JSON with `sui_image_params` in PNG's `parameters` or EXIF's UserComment.
namespace podstudio::media {

namespace {

/// A list, or one text with commas.
std::vector<std::string> listed(const json& value) {
  std::vector<std::string> all;
  if (value.is_array()) {
    for (const auto& each : value)
      if (all.size() < loras_max) all.push_back(text_value(each));
  } else {
    auto text = text_value(value, prompt_bytes_max);
    for (std::size_t at = 0; at < text.size() && all.size() < loras_max;) {
      auto end = std::min(text.find(',', at), text.size());
      all.push_back(text.substr(at, end - at));
      at = end + 1;
    }
  }
  return all;
}

}  // namespace

bool read_swarmui(const carriers& found, generation_facts& facts) {
  for (const auto& each : found.texts) {
    bool place = (each.where == carrier::png_text && each.key == "parameters")
                 || (each.where == carrier::exif && each.key == "UserComment")
                 || each.where == carrier::container_tag || each.where == carrier::beside;
    if (!place || each.text.find("sui_image_params") == std::string::npos) continue;
    auto all = parse_json(each.text);
    const auto& parameters = member(all, "sui_image_params");
    if (!parameters.is_object()) continue;
    generation_pass pass;
    add_prompt(pass.prompts, text_member(parameters, "prompt", prompt_bytes_max));
    add_prompt(pass.negative_prompts, text_member(parameters, "negativeprompt", prompt_bytes_max));
    pass.model = text_member(parameters, "model");
    pass.seed = whole_value(member(parameters, "seed"));
    pass.steps = small_value(member(parameters, "steps"));
    pass.cfg = number_value(member(parameters, "cfgscale"));
    pass.sampler = text_member(parameters, "sampler");
    pass.scheduler = text_member(parameters, "scheduler");
    facts.width = small_value(member(parameters, "width"));
    facts.height = small_value(member(parameters, "height"));
    facts.tool_version = text_member(parameters, "swarm_version");
    auto names = listed(member(parameters, "loras")),
         weights = listed(member(parameters, "loraweights"));
    for (std::size_t i = 0; i < names.size(); ++i)
      add_lora(facts, names[i], i < weights.size() ? number_value(json(weights[i])) : std::nullopt);
    facts.tool = "swarmui";
    facts.ai_generated = true;
    facts.passes.push_back(std::move(pass));
    add_raw(facts, each);
    return true;
  }
  return false;
}

}  // namespace podstudio::media
