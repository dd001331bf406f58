// SPDX-License-Identifier: MIT
#include "media/generation/families.hpp"

#include "media/text.hpp"
#include "media/xmp.hpp"

#include <array>

/// Midjourney: a description with the prompt, its switches (`--v 6`, `--seed 12`) and `Job ID:
/// ...`.
namespace podstudio::media {

namespace {

bool take(std::string_view text, generation_facts& facts) {
  constexpr std::string_view job = "Job ID:";
  auto at = text.find(job);
  if (at == std::string_view::npos) return false;
  auto id = trimmed(text.substr(at + job.size())).substr(0, 36);
  if (id.size() < 36 || id[8] != '-'
      || id.find_first_not_of("0123456789abcdefABCDEF-") != std::string_view::npos)
    return false;
  generation_pass pass;
  auto prompt = text.substr(0, at);
  auto switches = prompt.find(" --");
  add_prompt(pass.prompts, prompt.substr(0, switches));
  auto value_of = [&](std::string_view name) -> std::string_view {
    auto begin = prompt.find(name);
    if (begin == std::string_view::npos) return {};
    auto rest = trimmed(prompt.substr(begin + name.size()));
    return rest.substr(0, rest.find(' '));
  };
  if (std::uint64_t seed = 0; parse_number(value_of(" --seed "), seed)) pass.seed = seed;
  auto version = value_of(" --v ");
  if (version.empty()) version = value_of(" --niji ");
  facts.tool_version = clean_name(version, 16);
  if (auto unwanted = prompt.find(" --no "); unwanted != std::string_view::npos) {
    auto rest = prompt.substr(unwanted + 6);
    add_prompt(pass.negative_prompts, rest.substr(0, rest.find(" --")));
  }
  facts.job_id = lower_case(id);
  facts.tool = "midjourney";
  facts.ai_generated = true;
  // The words are Midjourney's, but nothing in them names it.
  add_guess(facts, "tool");
  facts.passes.push_back(std::move(pass));
  return true;
}

}  // namespace

bool read_midjourney(const carriers& found, generation_facts& facts) {
  for (const auto& each : found.texts) {
    bool place = (each.where == carrier::png_text && each.key == "Description")
                 || (each.where == carrier::exif && each.key == "ImageDescription")
                 || (each.where == carrier::iptc && each.key == "Caption");
    if (!place || !take(each.text, facts)) continue;
    add_raw(facts, each);
    return true;
  }
  if (found.xmp.find("Job ID:") == std::string::npos) return false;
  auto text = xmp_value(found.xmp, "description", prompt_bytes_max);
  if (!take(text, facts)) return false;
  add_raw(facts, {carrier::xmp, "dc:description", text, false});
  return true;
}

}  // namespace podstudio::media
