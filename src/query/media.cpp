// SPDX-License-Identifier: MIT
#include "query/media.hpp"

#include "events/enums.hpp"
#include "media/generation/tools.hpp"
#include "query/rows.hpp"
#include "schema/sqlite.hpp"

#include <string>
#include <string_view>

namespace podstudio {

namespace {

using nlohmann::json;

/// What SQLite keeps as a number.
void to_flag(json& value) {
  if (!value.is_null()) value = value.get<int>() != 0;
}

/// A column that holds a list as JSON, or null where it is empty.
result<void> to_list(json& object, const char* column) {
  auto& value = object[column];
  auto list = value.is_null() ? json::array()
                              : json::parse(value.get_ref<const std::string&>(), nullptr, false);
  if (!list.is_array())
    return error{error_code::damaged, "the column '" + std::string(column)
                                          + "' of asset_generation holds no list; rebuild the "
                                            "tables with 'podstudio replay'"};
  value = std::move(list);
  return {};
}

}  // namespace

result<json> media_of(database& db, const json& listed) {
  auto media = select_one(
      db,
      "SELECT extractor, mime, container, video_codec, audio_codec,"
      " fps_numerator || '/' || fps_denominator AS fps, channels, bit_depth, pixel_format,"
      " alpha_present, alpha_used, orientation, colour_profile, dpi_x, dpi_y, frame_count, decoded,"
      " too_large, pdq, pdq_quality"
      " FROM (SELECT ?1 AS id) LEFT JOIN asset_media ON asset_id = id",
      listed["id"].get<asset_id>());
  if (!media) return media;
  for (const char* flag : {"alpha_present", "alpha_used", "decoded", "too_large"})
    to_flag((*media)[flag]);
  for (const char* fact : {"width", "height", "duration_sec", "samplerate_hz"})
    (*media)[fact] = listed[fact];
  return media;
}

result<json> problems_of(database& db, asset_id asset) {
  return select_all(
      db, "SELECT kind, reason FROM asset_problem WHERE asset_id = ?1 ORDER BY number", asset);
}

result<json> generation_of(database& db, asset_id asset) {
  auto generation = select_one(
      db,
      "SELECT tool, tool_version, model, model_hash, prompt, negative_prompt, seed, steps, sampler,"
      " scheduler, cfg, width, height, external_id, digital_source_type, ai_generated, guesses,"
      " loras, passes, raw FROM asset_generation WHERE asset_id = ?1",
      asset);
  if (!generation || generation->is_null()) return generation;
  to_flag((*generation)["ai_generated"]);
  for (const char* list : {"guesses", "loras", "passes", "raw"})
    if (auto made = to_list(*generation, list); !made) return made.failure();
  for (auto& pass : (*generation)["passes"])
    if (auto seed = pass.find("seed"); seed != pass.end()) *seed = seed->dump();
  return generation;
}

json suggested_by(const json& generation, const json& listed) {
  if (generation.is_null()) return nullptr;
  json suggested = {{"source", nullptr}, {"provenance", nullptr}};
  const auto& tool = generation["tool"];
  auto name =
      tool.is_null() ? std::string_view() : media::name_of_tool(tool.get_ref<const std::string&>());
  if (listed["source"].is_null() && !tool.is_null())
    suggested["source"] = name.empty() ? tool : json(name);
  if (listed["provenance"] == word(provenance::unknown)
      && (generation["ai_generated"] == true || !name.empty()))
    suggested["provenance"] = word(provenance::ai_generated);
  if (suggested["source"].is_null() && suggested["provenance"].is_null()) return nullptr;
  return suggested;
}

}  // namespace podstudio
