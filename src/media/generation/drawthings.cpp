// SPDX-License-Identifier: MIT
#include "media/generation/families.hpp"

#include "media/text.hpp"
#include "media/xmp.hpp"

/// Draw Things: JSON in exif:UserComment of the XMP packet.
namespace podstudio::media {

bool read_drawthings(const carriers& found, generation_facts& facts) {
  if (found.xmp.empty()) return false;
  auto text = xmp_value(found.xmp, "UserComment", json_bytes_max);
  if (!trimmed(text).starts_with('{')) return false;
  auto all = parse_json(text);
  if (!all.is_object() || !member(all, "c").is_string()) return false;
  generation_pass pass;
  add_prompt(pass.prompts, text_member(all, "c", prompt_bytes_max));
  add_prompt(pass.negative_prompts, text_member(all, "uc", prompt_bytes_max));
  pass.model = text_member(all, "model");
  pass.seed = whole_value(member(all, "seed"));
  pass.steps = small_value(member(all, "steps"));
  pass.cfg = number_value(member(all, "scale"));
  pass.sampler = text_member(all, "sampler");
  set_size(facts, text_member(all, "size"));
  const auto& loras = member(all, "lora");
  if (loras.is_array())
    for (const auto& each : loras)
      add_lora(facts, text_member(each, "model"), number_value(member(each, "weight")));
  facts.tool = "drawthings";
  // Only the form tells, where the packet does not name its maker.
  if (xmp_value(found.xmp, "CreatorTool", generation_name_bytes_max) != "Draw Things")
    add_guess(facts, "tool");
  facts.ai_generated = true;
  facts.passes.push_back(std::move(pass));
  add_raw(facts, {carrier::xmp, "exif:UserComment", text, false});
  return true;
}

}  // namespace podstudio::media
