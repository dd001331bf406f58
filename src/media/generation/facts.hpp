// SPDX-License-Identifier: MIT
#pragma once

#include "media/carriers.hpp"
#include "media/picture.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Who made a file and with what, as the file itself says it. Nothing is verified: what stands in a
/// file anybody may have written there.
namespace podstudio::media {

inline constexpr std::size_t generation_name_bytes_max = 240;  ///< of a model, sampler, tool ...
inline constexpr std::size_t prompt_bytes_max = 32 << 10;      ///< of one prompt
inline constexpr std::size_t prompts_max = 16;                 ///< in one pass, of each sort
inline constexpr std::size_t passes_max = 16;
inline constexpr std::size_t loras_max = 64;
inline constexpr std::size_t raw_texts_max = 16;
inline constexpr std::size_t raw_text_bytes_max = 256 << 10;  ///< of one raw text
inline constexpr std::size_t raw_bytes_max = 1 << 20;         ///< of all

struct lora {
  std::string name;
  std::optional<double> weight;
  bool operator==(const lora&) const = default;
};

/// One run of a sampler. A picture may have gone through several.
struct generation_pass {
  std::string model;
  std::string model_hash;
  std::vector<std::string> prompts;
  std::vector<std::string> negative_prompts;
  std::optional<std::uint64_t> seed;
  std::optional<std::uint32_t> steps;
  std::string sampler;
  std::string scheduler;
  std::optional<double> cfg;
  bool operator==(const generation_pass&) const = default;
};

/// A text that facts were read from, as it stands in the file.
struct raw_text {
  carrier where = carrier::png_text;
  std::string key;
  std::string text;
  bool cut = false;
  bool operator==(const raw_text&) const = default;
};

struct generation_facts {
  /// `automatic1111`, `forge`, `sdnext`, `comfyui`, `invokeai`, `novelai`, `fooocus`, `swarmui`,
  /// `drawthings`, `easydiffusion`, `midjourney`; of a C2PA manifest, the name it states. Empty
  /// where none is known.
  std::string tool;
  std::string tool_version;
  /// The pass that made the file last comes first.
  std::vector<generation_pass> passes;
  std::vector<lora> loras;
  std::optional<std::uint32_t> width, height;  ///< as asked of the tool
  std::string job_id;
  /// The last part of the IPTC NewsCodes URI: `trainedAlgorithmicMedia` ...
  std::string digital_source_type;
  /// The file says that a model made it, or most of it.
  bool ai_generated = false;
  /// Names of those of the above (`tool`, `prompts`, `ai_generated` ...) that the file does not
  /// state, but that its form suggests.
  std::vector<std::string> guesses;
  std::vector<raw_text> raw;

  /// Whether there is anything in it.
  bool empty() const noexcept {
    return tool.empty() && passes.empty() && digital_source_type.empty() && raw.empty();
  }
  bool operator==(const generation_facts&) const = default;
};

/// Reads what any of the tools left in the file's texts. `bits` are the least bits of its pixels,
/// where a text may hide. The time it takes is bounded by the carriers' bounds.
generation_facts read_generation(carriers& found, const least_bits& bits);

}  // namespace podstudio::media
