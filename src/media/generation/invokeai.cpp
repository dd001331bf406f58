// SPDX-License-Identifier: MIT
#include "media/generation/families.hpp"

#include "media/text.hpp"

#include <charconv>

/// InvokeAI: `invokeai_metadata` (JSON, since 3), `sd-metadata` (JSON) and `Dream` (a command line)
/// of older versions.
namespace podstudio::media {

namespace {

/// Old prompts have what is not wanted in square brackets.
void take_bracketed(std::string_view prompt, generation_pass& pass) {
  std::string wanted, unwanted;
  int depth = 0;
  for (char c : prompt.substr(0, prompt_bytes_max)) {
    if (c == '[') {
      if (depth++ == 0 && !unwanted.empty()) unwanted += ", ";
    } else if (c == ']' && depth > 0) {
      --depth;
    } else {
      (depth > 0 ? unwanted : wanted) += c;
    }
  }
  auto text = trimmed(wanted);
  while (text.ends_with(','))
    text = trimmed(text.substr(0, text.size() - 1));
  add_prompt(pass.prompts, text);
  add_prompt(pass.negative_prompts, unwanted);
}

void take_model(const json& model, generation_pass& pass) {
  if (model.is_string()) {
    pass.model = text_value(model);
    return;
  }
  for (const auto* key : {"name", "model_name"})
    if (pass.model.empty()) pass.model = text_member(model, key);
  pass.model_hash = text_member(model, "hash");
}

bool take_metadata(const json& all, generation_facts& facts) {
  if (!all.is_object()) return false;
  generation_pass pass;
  take_model(member(all, "model"), pass);
  add_prompt(pass.prompts, text_member(all, "positive_prompt", prompt_bytes_max));
  add_prompt(pass.prompts, text_member(all, "positive_style_prompt", prompt_bytes_max));
  add_prompt(pass.negative_prompts, text_member(all, "negative_prompt", prompt_bytes_max));
  add_prompt(pass.negative_prompts, text_member(all, "negative_style_prompt", prompt_bytes_max));
  pass.seed = whole_value(member(all, "seed"));
  pass.steps = small_value(member(all, "steps"));
  pass.sampler = text_member(all, "scheduler");
  pass.cfg = number_value(member(all, "cfg_scale"));
  facts.width = small_value(member(all, "width"));
  facts.height = small_value(member(all, "height"));
  facts.tool_version = text_member(all, "app_version");
  const auto& loras = member(all, "loras");
  if (loras.is_array())
    for (const auto& each : loras) {
      const auto& model =
          member(each, "model").is_object() ? member(each, "model") : member(each, "lora");
      auto name = text_member(model, "name");
      add_lora(facts, name.empty() ? text_member(model, "model_name") : name,
               number_value(member(each, "weight")));
    }
  facts.passes.push_back(std::move(pass));
  return true;
}

bool take_sd_metadata(const json& all, generation_facts& facts) {
  const auto& image = member(all, "image");
  if (!image.is_object()) return false;
  generation_pass pass;
  pass.model = text_member(all, "model_weights");
  if (pass.model.empty()) pass.model = text_member(all, "model");
  pass.model_hash = text_member(all, "model_hash");
  const auto& prompt = member(image, "prompt");
  if (prompt.is_string()) take_bracketed(text_value(prompt, prompt_bytes_max), pass);
  if (prompt.is_array())
    for (const auto& each : prompt) {
      if (pass.prompts.size() >= prompts_max) break;
      take_bracketed(text_member(each, "prompt", prompt_bytes_max), pass);
    }
  pass.seed = whole_value(member(image, "seed"));
  pass.steps = small_value(member(image, "steps"));
  pass.sampler = text_member(image, "sampler");
  pass.cfg = number_value(member(image, "cfg_scale"));
  facts.width = small_value(member(image, "width"));
  facts.height = small_value(member(image, "height"));
  facts.tool_version = text_member(all, "app_version");
  facts.passes.push_back(std::move(pass));
  return true;
}

/// `"a prompt [not this]" -s 50 -S 12 -W 512 -H 768 -C 7.5 -A k_lms`.
bool take_dream(std::string_view text, generation_facts& facts) {
  auto first = text.find('"'), last = text.rfind('"');
  if (first == std::string_view::npos || last <= first) return false;
  generation_pass pass;
  take_bracketed(text.substr(first + 1, last - first - 1), pass);
  auto rest = text.substr(last + 1);
  std::uint64_t width = 0, height = 0;
  constexpr int options_max = 64;
  for (int i = 0; i < options_max; ++i) {
    rest = trimmed(rest);
    if (rest.size() < 2 || rest[0] != '-') break;
    char option = rest[1];
    rest = trimmed(rest.substr(2));
    auto end = std::min(rest.find(' '), rest.size());
    auto value = rest.substr(0, end);
    if (!value.starts_with('-') || option == 'C') rest.remove_prefix(end);
    std::uint64_t whole = 0;
    double number = 0;
    switch (option) {
    case 's':
      if (parse_number(value, whole) && whole <= 1'000'000)
        pass.steps = static_cast<std::uint32_t>(whole);
      break;
    case 'S':
      if (parse_number(value, whole)) pass.seed = whole;
      break;
    case 'W':
      parse_number(value, width);
      break;
    case 'H':
      parse_number(value, height);
      break;
    case 'C':
      if (parse_number(value, number)) pass.cfg = number;
      break;
    case 'A':
      pass.sampler = clean_name(value, generation_name_bytes_max);
      break;
    default:
      break;
    }
  }
  if (width > 0 && height > 0 && width <= 1'000'000 && height <= 1'000'000) {
    facts.width = static_cast<std::uint32_t>(width);
    facts.height = static_cast<std::uint32_t>(height);
  }
  facts.passes.push_back(std::move(pass));
  return true;
}

}  // namespace

bool read_invokeai(const carriers& found, generation_facts& facts) {
  bool any = false;
  for (const auto& each : found.texts) {
    if (each.where != carrier::png_text) continue;
    bool ours = each.key == "invokeai_metadata" || each.key == "invokeai_graph"
                || each.key == "invokeai_workflow" || each.key == "sd-metadata"
                || (each.key == "Dream" && each.text.find("-S") != std::string::npos);
    if (ours) {
      any = true;
      add_raw(facts, each);
    }
  }
  if (!any) return false;
  facts.tool = "invokeai";
  facts.ai_generated = true;
  if (const auto* text = found.find(carrier::png_text, "invokeai_metadata"))
    if (take_metadata(parse_json(text->text), facts)) return true;
  if (const auto* text = found.find(carrier::png_text, "sd-metadata"))
    if (take_sd_metadata(parse_json(text->text), facts)) return true;
  if (const auto* text = found.find(carrier::png_text, "Dream")) take_dream(text->text, facts);
  return true;
}

}  // namespace podstudio::media
