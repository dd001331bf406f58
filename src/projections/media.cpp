// SPDX-License-Identifier: MIT
#include "media/extract.hpp"
#include "platform/text.hpp"
#include "projections/folds.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace podstudio {

namespace {

std::optional<std::string_view> text_or_null(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
}

/// A member of the report as it stands there; null where there is none.
std::optional<std::string> part_of(const nlohmann::json& generation, const char* name) {
  auto at = generation.find(name);
  return at == generation.end() ? std::nullopt : std::optional(at->dump());
}

result<void> add_facts(fold_context& context, const asset_metadata_extracted& what,
                       const media::extracted& read) {
  const auto& facts = read.facts;
  std::optional<std::array<std::uint8_t, media::pdq_bytes>> pdq;
  if (read.hash) pdq = to_bytes(*read.hash);
  std::optional<std::int64_t> quality, fps, fps_of;
  if (read.hash) quality = read.hash_quality;
  if (facts.fps.numerator != 0) {
    fps = facts.fps.numerator;
    fps_of = facts.fps.denominator;
  }
  // Texts are bound, not copied.
  auto set = context.media.set.run(
      what.asset, what.extractor, text_or_null(facts.mime), text_or_null(facts.container),
      text_or_null(facts.video_codec), text_or_null(facts.audio_codec), fps, fps_of, facts.channels,
      facts.bit_depth, text_or_null(facts.pixel_format), facts.alpha_present, facts.alpha_used,
      static_cast<std::int64_t>(facts.orientation), text_or_null(facts.colour_profile), facts.dpi_x,
      facts.dpi_y, facts.frame_count, facts.decoded, facts.too_large, pdq, quality);
  std::int64_t number = 0;
  for (const auto& problem : facts.problems)
    if (set)
      set = context.media.add_problem.run(what.asset, ++number, to_string(problem.kind),
                                          problem.reason);
  return set;
}

result<void> add_generation(fold_context& context, asset_id asset,
                            const media::generation_facts& made, const nlohmann::json& as_json) {
  static const media::generation_pass none;
  const auto& last = made.passes.empty() ? none : made.passes.front();
  auto prompt = joined(last.prompts, "\n"), negative = joined(last.negative_prompts, "\n");
  std::optional<std::string> seed, passes;
  if (last.seed) seed = std::to_string(*last.seed);
  if (made.passes.size() > 1) passes = part_of(as_json, "passes");
  auto guesses = part_of(as_json, "guesses"), loras = part_of(as_json, "loras"),
       raw = part_of(as_json, "raw");
  auto set = context.media.set_generation.run(
      asset, text_or_null(made.tool), text_or_null(made.tool_version), text_or_null(last.model),
      text_or_null(last.model_hash), text_or_null(prompt), text_or_null(negative), seed, last.steps,
      text_or_null(last.sampler), text_or_null(last.scheduler), last.cfg, made.width, made.height,
      text_or_null(made.job_id), text_or_null(made.digital_source_type), made.ai_generated, guesses,
      loras, passes, raw);
  if (!set || prompt.empty()) return set;
  return context.media.add_prompt.run(asset, prompt);
}

}  // namespace

result<void> forget_media(fold_context& context, asset_id asset) {
  auto done = context.media.remove.run(asset);
  bool was_read = done && context.media.remove.changed_rows() != 0;
  // A log of an earlier version may have given the columns only.
  if (done) done = context.media.clear_columns.run(asset);
  if (!done || !was_read) return done;
  done = context.media.remove_problems.run(asset);
  if (done) done = context.media.remove_generation.run(asset);
  return done;
}

result<void> fold(fold_context& context, const asset_metadata_extracted& what) {
  const auto& after = what.after;
  auto done = forget_media(context, what.asset);
  if (done)
    done = change_one(context.assets.set_media, what.asset, after.width, after.height,
                      after.duration_sec, after.samplerate_hz, context.at);
  if (!done || what.report.empty()) return done;
  auto read = media::parse_extracted(what.report);
  // It was read before it was logged, so that the log is at fault, and no table.
  if (!read) return error{error_code::internal, "its report: " + read.failure().message};
  done = add_facts(context, what, *read);
  if (!done || read->generation.empty()) return done;
  auto report = nlohmann::json::parse(what.report, nullptr, false);
  return add_generation(context, what.asset, read->generation, report["generation"]);
}

}  // namespace podstudio
