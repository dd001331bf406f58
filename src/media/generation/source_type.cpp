// SPDX-License-Identifier: MIT
#include "media/generation/families.hpp"

#include "media/text.hpp"
#include "media/xmp.hpp"

/// IPTC's digital source type (cv.iptc.org/newscodes/digitalsourcetype), from XMP.
namespace podstudio::media {

void add_source_type(const carriers& found, generation_facts& facts) {
  if (found.xmp.empty()) return;
  auto value = xmp_value(found.xmp, "DigitalSourceType", generation_name_bytes_max);
  if (value.empty()) return;
  auto word = std::string_view(value).substr(value.find_last_of('/') + 1);
  if (facts.digital_source_type.empty())
    facts.digital_source_type = clean_name(word, generation_name_bytes_max);
  if (word == "trainedAlgorithmicMedia" || word == "compositeWithTrainedAlgorithmicMedia")
    facts.ai_generated = true;
  add_raw(facts, {carrier::xmp, "Iptc4xmpExt:DigitalSourceType", value, false});
  if (facts.tool.empty()) {
    auto tool = xmp_value(found.xmp, "CreatorTool", generation_name_bytes_max);
    if (facts.ai_generated && !tool.empty()) {
      facts.tool = tool;
      add_guess(facts, "tool");
    }
  }
}

}  // namespace podstudio::media
