// SPDX-License-Identifier: MIT
#pragma once

#include "media/generation/facts.hpp"

#include <nlohmann/json.hpp>

/// The families of tools, one file each. A reader looks for what its tool leaves; where it finds
/// it, it fills the facts and says true. `facts` is empty when it is called.
namespace podstudio::media {

using nlohmann::json;

bool read_a1111(const carriers& found, generation_facts& facts);
bool read_comfyui(const carriers& found, generation_facts& facts);
bool read_invokeai(const carriers& found, generation_facts& facts);
bool read_novelai(const carriers& found, generation_facts& facts);
bool read_fooocus(const carriers& found, generation_facts& facts);
bool read_swarmui(const carriers& found, generation_facts& facts);
bool read_drawthings(const carriers& found, generation_facts& facts);
bool read_easydiffusion(const carriers& found, generation_facts& facts);
bool read_midjourney(const carriers& found, generation_facts& facts);
/// These two add to what another one found.
void add_c2pa(const carriers& found, generation_facts& facts);
void add_source_type(const carriers& found, generation_facts& facts);

/// A text in the form of Automatic1111's, which others use too. False for any other text.
bool parse_a1111(std::string_view text, generation_facts& facts);
/// A graph in ComfyUI's API form. False where there is no sampler in it.
bool parse_comfyui_prompt(const json& prompt, generation_facts& facts);
/// What NovelAI's JSON says, whether it stands in a comment or in the pixels.
bool parse_novelai(const json& all, generation_facts& facts);
/// A manifest store (JUMBF, ISO/IEC 19566-5).
void parse_manifests(bytes_view jumbf, generation_facts& facts);

/// The text in the least bits, of opacity or of colour; empty where there is none. It is an
/// `stealth` carrier.
struct stealth_text {
  std::string text;
  bool cut = false;
};
stealth_text read_stealth(const least_bits& bits);

// What they share ------------------------------------------------------------------------------

/// Bounds of JSON out of files.
inline constexpr std::size_t json_bytes_max = carried_text_bytes_max;
inline constexpr std::size_t json_depth_max = 64;
inline constexpr std::size_t json_values_max = 200'000;

/// JSON, with NaN and Infinity, which Python writes, as null. Discarded (`is_discarded`) where it
/// is none or too large.
json parse_json(std::string_view text);
/// Concise Binary Object Representation (RFC 8949): byte strings become empty strings, tags are
/// left out. Discarded likewise.
json parse_cbor(bytes_view bytes);

/// A member of an object; null (a json) where there is none.
const json& member(const json& of, std::string_view name);
/// A text member, cleaned and bounded; a number as its digits; else empty.
std::string text_member(const json& of, std::string_view name,
                        std::size_t size_bytes_max = generation_name_bytes_max);
std::string text_value(const json& value, std::size_t size_bytes_max = generation_name_bytes_max);
std::optional<std::uint64_t> whole_value(const json& value);
std::optional<double> number_value(const json& value);
std::optional<std::uint32_t> small_value(const json& value);

void add_prompt(std::vector<std::string>& to, std::string_view text);
void add_lora(generation_facts& facts, std::string_view name, std::optional<double> weight);
/// LoRAs that prompts name: `<lora:name:weight>`.
void add_prompt_loras(std::string_view prompt, generation_facts& facts);
void add_raw(generation_facts& facts, const carried_text& from);
void add_guess(generation_facts& facts, std::string_view name);
/// `512x768`, `(768, 1280)`.
void set_size(generation_facts& facts, std::string_view text);

}  // namespace podstudio::media
