// SPDX-License-Identifier: MIT
#include "media/generation/families.hpp"

#include "media/text.hpp"

/// NovelAI: PNG texts Title, Description, Software, Source and Comment (JSON), or the same as one
/// JSON object in the least bits of the pixels.
namespace podstudio::media {

namespace {

/// `Stable Diffusion 1D44365E`: a name and a hash.
void take_source(std::string_view source, generation_pass& pass) {
  source = trimmed(source);
  auto space = source.rfind(' ');
  auto hash = space == std::string_view::npos ? std::string_view() : source.substr(space + 1);
  bool is_hash = hash.size() >= 8
                 && hash.find_first_not_of("0123456789ABCDEFabcdef") == std::string_view::npos;
  pass.model = clean_name(is_hash ? source.substr(0, space) : source, generation_name_bytes_max);
  if (is_hash) pass.model_hash = clean_name(hash, generation_name_bytes_max);
}

/// Characters of version 4 have prompts of their own.
void take_captions(const json& prompt, std::vector<std::string>& to) {
  const auto& caption = member(prompt, "caption");
  add_prompt(to, text_member(caption, "base_caption", prompt_bytes_max));
  const auto& characters = member(caption, "char_captions");
  if (characters.is_array())
    for (const auto& each : characters)
      add_prompt(to, text_member(each, "char_caption", prompt_bytes_max));
}

}  // namespace

bool parse_novelai(const json& all, generation_facts& facts) {
  if (!all.is_object()) return false;
  auto software = text_member(all, "Software");
  if (software != "NovelAI" && !text_member(all, "Comment", 1024).starts_with('{')) return false;
  generation_pass pass;
  auto comment = parse_json(text_member(all, "Comment", json_bytes_max));
  take_source(text_member(all, "Source"), pass);
  add_prompt(pass.prompts, text_member(all, "Description", prompt_bytes_max));
  if (comment.is_object()) {
    take_captions(member(comment, "v4_prompt"), pass.prompts);
    if (pass.prompts.empty())
      add_prompt(pass.prompts, text_member(comment, "prompt", prompt_bytes_max));
    add_prompt(pass.negative_prompts, text_member(comment, "uc", prompt_bytes_max));
    take_captions(member(comment, "v4_negative_prompt"), pass.negative_prompts);
    pass.seed = whole_value(member(comment, "seed"));
    pass.steps = small_value(member(comment, "steps"));
    pass.sampler = text_member(comment, "sampler");
    pass.scheduler = text_member(comment, "noise_schedule");
    pass.cfg = number_value(member(comment, "scale"));
    facts.width = small_value(member(comment, "width"));
    facts.height = small_value(member(comment, "height"));
  }
  facts.tool = "novelai";
  facts.ai_generated = true;
  facts.passes.push_back(std::move(pass));
  return true;
}

bool read_novelai(const carriers& found, generation_facts& facts) {
  for (const auto& each : found.texts)
    if (each.where == carrier::stealth) {
      auto all = parse_json(each.text);
      if (!parse_novelai(all, facts)) continue;
      add_raw(facts, each);
      return true;
    }
  const auto* software = found.find(carrier::png_text, "Software");
  const auto* comment = found.find(carrier::png_text, "Comment");
  if (software == nullptr || comment == nullptr || software->text != "NovelAI") return false;
  json all = json::object();
  for (std::string key : {"Software", "Source", "Description", "Comment"})
    if (const auto* text = found.find(carrier::png_text, key)) {
      all[key] = text->text;
      if (key != "Software") add_raw(facts, *text);
    }
  return parse_novelai(all, facts);
}

}  // namespace podstudio::media
