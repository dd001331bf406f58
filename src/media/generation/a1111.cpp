// SPDX-License-Identifier: MIT
#include "media/generation/families.hpp"

#include "media/text.hpp"

/// Automatic1111's web UI, and Forge, reForge and SD.Next, which write the same form: the prompt, a
/// line `Negative prompt: ...`, and a line of `Key: value` parted by commas that begins with
/// `Steps:` (modules/infotext_utils.py, create_infotext).
namespace podstudio::media {

namespace {

constexpr std::string_view negative_key = "Negative prompt:";
constexpr std::size_t settings_max = 256;

struct setting {
  std::string_view key, value;
};

/// `Key: value, Key: "quoted, value", Key: {"a": "b"}`.
std::vector<setting> settings_of(std::string_view line) {
  std::vector<setting> all;
  while (!line.empty() && all.size() < settings_max) {
    auto colon = line.find(':');
    if (colon == std::string_view::npos) break;
    auto key = trimmed(line.substr(0, colon));
    auto rest = line.substr(colon + 1);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    std::size_t end = 0;
    int depth = 0;
    bool quoted = false;
    for (; end < rest.size(); ++end) {
      char c = rest[end];
      if (quoted && c == '\\')
        ++end;
      else if (c == '"')
        quoted = !quoted;
      else if (!quoted && (c == '{' || c == '['))
        ++depth;
      else if (!quoted && (c == '}' || c == ']'))
        --depth;
      else if (!quoted && depth <= 0 && c == ',')
        break;
    }
    end = std::min(end, rest.size());
    auto value = trimmed(rest.substr(0, end));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    all.push_back({key, value});
    line = end < rest.size() ? rest.substr(end + 1) : std::string_view();
  }
  return all;
}

bool is_settings(std::string_view line) {
  line = trimmed(line);
  if (!line.starts_with("Steps: ")) return false;
  auto digit = line.substr(7, 1);
  return !digit.empty() && digit[0] >= '0' && digit[0] <= '9';
}

void take(const setting& each, generation_pass& pass, generation_facts& facts) {
  auto key = lower_case(each.key);
  std::uint64_t whole = 0;
  double number = 0;
  if (key == "steps") {
    if (parse_number(each.value, whole) && whole <= 1'000'000)
      pass.steps = static_cast<std::uint32_t>(whole);
  } else if (key == "sampler") {
    pass.sampler = clean_name(each.value, generation_name_bytes_max);
  } else if (key == "schedule type" || key == "scheduler") {
    pass.scheduler = clean_name(each.value, generation_name_bytes_max);
  } else if (key == "cfg scale" || key == "guidance scale") {
    if (parse_number(each.value, number)) pass.cfg = number;
  } else if (key == "seed") {
    if (parse_number(each.value, whole)) pass.seed = whole;
  } else if (key == "size") {
    set_size(facts, each.value);
  } else if (key == "model hash") {
    pass.model_hash = clean_name(each.value, generation_name_bytes_max);
  } else if (key == "model") {
    pass.model = clean_name(each.value, generation_name_bytes_max);
  } else if (key == "version") {
    facts.tool_version = clean_name(each.value, generation_name_bytes_max);
  } else if (key == "app") {
    facts.tool = clean_name(each.value, generation_name_bytes_max);
  } else if (key == "lora hashes") {
    // `name: hash, name: hash`.
    for (const auto& named : settings_of(each.value))
      add_lora(facts, named.key, std::nullopt);
  }
}

/// Whose form it is: they differ in how they name their version.
void name_tool(generation_facts& facts) {
  const auto& version = facts.tool_version;
  auto app = lower_case(facts.tool);
  if (app.starts_with("sd.next")) {
    facts.tool = "sdnext";
  } else if (version.starts_with("f") && version.size() > 1 && version[1] >= '0'
             && version[1] <= '9') {
    facts.tool = "forge";
  } else if (version.starts_with("Fooocus")) {
    facts.tool = "fooocus";
  } else if (version == "ComfyUI") {
    facts.tool = "comfyui";
  } else {
    bool own =
        version.starts_with("v1.") || version.starts_with("v0.") || version.starts_with("1.");
    facts.tool = "automatic1111";
    if (!own) add_guess(facts, "tool");
  }
}

}  // namespace

bool parse_a1111(std::string_view text, generation_facts& facts) {
  // The last line that begins as the settings do; a prompt may hold anything.
  std::size_t at = std::string_view::npos, end = text.size();
  while (end != std::string_view::npos) {
    auto begin = text.rfind('\n', end == 0 ? 0 : end - 1);
    auto from = begin == std::string_view::npos || end == 0 ? 0 : begin + 1;
    if (is_settings(text.substr(from, end - from))) {
      at = from;
      break;
    }
    if (from == 0) break;
    end = begin;
  }
  if (at == std::string_view::npos) return false;
  auto line = text.substr(at, text.find('\n', at) - at);
  auto before = text.substr(0, at);
  auto negative = before.rfind(std::string("\n") + std::string(negative_key));
  bool has_negative = negative != std::string_view::npos;
  if (has_negative) ++negative;
  if (!has_negative && before.starts_with(negative_key)) {
    has_negative = true;
    negative = 0;
  }
  generation_pass pass;
  add_prompt(pass.prompts, before.substr(0, has_negative ? negative : before.size()));
  if (has_negative)
    add_prompt(pass.negative_prompts, before.substr(negative + negative_key.size()));
  for (const auto& each : settings_of(line))
    take(each, pass, facts);
  if (!pass.prompts.empty()) add_prompt_loras(pass.prompts.front(), facts);
  name_tool(facts);
  facts.passes.push_back(std::move(pass));
  facts.ai_generated = true;
  return true;
}

bool read_a1111(const carriers& found, generation_facts& facts) {
  for (const auto& each : found.texts) {
    bool place = (each.where == carrier::png_text && each.key == "parameters")
                 || (each.where == carrier::exif
                     && (each.key == "UserComment" || each.key == "ImageDescription"))
                 || each.where == carrier::comment || each.where == carrier::beside
                 || each.where == carrier::stealth
                 || (each.where == carrier::container_tag
                     && (each.key == "parameters" || each.key == "comment"));
    if (!place || !parse_a1111(each.text, facts)) continue;
    add_raw(facts, each);
    return true;
  }
  return false;
}

}  // namespace podstudio::media
