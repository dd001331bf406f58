// SPDX-License-Identifier: MIT
#include "media/generation/families.hpp"

#include "media/text.hpp"

/// Fooocus (modules/meta_parser.py): `parameters` with `fooocus_scheme` beside it in PNG,
/// UserComment with the scheme as MakerNote in JPEG and WebP; JSON for the scheme `fooocus`,
/// Automatic1111's form for `a1111`.
namespace podstudio::media {

namespace {

bool take_json(const json& all, generation_facts& facts) {
  if (!all.is_object()) return false;
  generation_pass pass;
  add_prompt(pass.prompts, text_member(all, "prompt", prompt_bytes_max));
  add_prompt(pass.negative_prompts, text_member(all, "negative_prompt", prompt_bytes_max));
  pass.model = text_member(all, "base_model");
  pass.model_hash = text_member(all, "base_model_hash");
  pass.seed = whole_value(member(all, "seed"));
  pass.steps = small_value(member(all, "steps"));
  pass.sampler = text_member(all, "sampler");
  pass.scheduler = text_member(all, "scheduler");
  pass.cfg = number_value(member(all, "guidance_scale"));
  set_size(facts, text_member(all, "resolution"));
  facts.tool_version = text_member(all, "version");
  const auto& loras = member(all, "loras");
  if (loras.is_array())
    for (const auto& each : loras)
      if (each.is_array() && each.size() >= 2)
        add_lora(facts, text_value(each[0]), number_value(each[1]));
  facts.passes.push_back(std::move(pass));
  return true;
}

}  // namespace

bool read_fooocus(const carriers& found, generation_facts& facts) {
  const auto* text = found.find(carrier::png_text, "parameters");
  const auto* scheme = found.find(carrier::png_text, "fooocus_scheme");
  bool stated = scheme != nullptr;
  if (text == nullptr) {
    text = found.find(carrier::exif, "UserComment");
    scheme = found.find(carrier::exif, "MakerNote");
    stated = scheme != nullptr && (scheme->text == "fooocus" || scheme->text == "a1111");
  }
  if (text == nullptr) return false;
  bool done = false;
  if (trimmed(text->text).starts_with('{')) {
    auto all = parse_json(text->text);
    bool ours = stated || text_member(all, "metadata_scheme") == "fooocus"
                || text_member(all, "version").starts_with("Fooocus");
    done = ours && take_json(all, facts);
  } else if (stated) {
    done = parse_a1111(text->text, facts);
  }
  if (!done) {
    facts = {};
    return false;
  }
  facts.tool = "fooocus";
  facts.ai_generated = true;
  std::erase(facts.guesses, "tool");
  add_raw(facts, *text);
  return true;
}

}  // namespace podstudio::media
