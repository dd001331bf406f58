// SPDX-License-Identifier: MIT
#include "media/generation/families.hpp"

#include "media/text.hpp"

/// Easy Diffusion: a PNG text for each setting, or the same as JSON, or lines of `Name: value` in a
/// file beside the picture.
namespace podstudio::media {

namespace {

/// The settings' names as they stand in PNG texts and JSON, and in text files.
constexpr std::pair<std::string_view, std::string_view> names[] = {
    {"prompt", "Prompt"},
    {"negative_prompt", "Negative Prompt"},
    {"seed", "Seed"},
    {"use_stable_diffusion_model", "Stable Diffusion model"},
    {"sampler_name", "Sampler"},
    {"num_inference_steps", "Steps"},
    {"guidance_scale", "Guidance Scale"},
    {"width", "Width"},
    {"height", "Height"},
    {"use_lora_model", "LoRA model"},
    {"lora_alpha", "LoRA Strength"},
};

bool take(const json& all, generation_facts& facts) {
  // These two no other tool writes together.
  if (!member(all, "prompt").is_string() || member(all, "negative_prompt").is_null()) return false;
  if (trimmed(text_member(all, "prompt", 1024)).starts_with('{')) return false;
  if (member(all, "num_inference_steps").is_null()
      && member(all, "use_stable_diffusion_model").is_null())
    return false;
  generation_pass pass;
  add_prompt(pass.prompts, text_member(all, "prompt", prompt_bytes_max));
  add_prompt(pass.negative_prompts, text_member(all, "negative_prompt", prompt_bytes_max));
  pass.seed = whole_value(member(all, "seed"));
  pass.model = text_member(all, "use_stable_diffusion_model");
  pass.sampler = text_member(all, "sampler_name");
  pass.steps = small_value(member(all, "num_inference_steps"));
  pass.cfg = number_value(member(all, "guidance_scale"));
  facts.width = small_value(member(all, "width"));
  facts.height = small_value(member(all, "height"));
  add_lora(facts, text_member(all, "use_lora_model"), number_value(member(all, "lora_alpha")));
  facts.tool = "easydiffusion";
  facts.ai_generated = true;
  facts.passes.push_back(std::move(pass));
  return true;
}

/// Lines of `Name: value`.
json lines_as_json(std::string_view text) {
  json all = json::object();
  constexpr int lines_max = 256;
  for (int i = 0; i < lines_max && !text.empty(); ++i) {
    auto end = std::min(text.find('\n'), text.size());
    auto line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    for (const auto& [key, name] : names)
      if (line.starts_with(name) && line.substr(name.size(), 1) == ":")
        all[std::string(key)] = std::string(trimmed(line.substr(name.size() + 1)));
  }
  return all;
}

}  // namespace

bool read_easydiffusion(const carriers& found, generation_facts& facts) {
  json all = json::object();
  for (const auto& [key, name] : names)
    if (const auto* text = found.find(carrier::png_text, key)) all[std::string(key)] = text->text;
  if (take(all, facts)) {
    for (const auto& [key, name] : names)
      if (const auto* text = found.find(carrier::png_text, key)) add_raw(facts, *text);
    return true;
  }
  for (const auto& each : found.texts) {
    bool place =
        each.where == carrier::beside || (each.where == carrier::exif && each.key == "UserComment");
    if (!place) continue;
    auto settings =
        trimmed(each.text).starts_with('{') ? parse_json(each.text) : lines_as_json(each.text);
    if (!take(settings, facts)) continue;
    add_raw(facts, each);
    return true;
  }
  return false;
}

}  // namespace podstudio::media
