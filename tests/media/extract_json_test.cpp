// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE extract_json
#include "media/extract.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <functional>

using namespace podstudio;
using namespace podstudio::media;
using nlohmann::json;

/// What a worker answers, as the service reads it.

namespace {

extracted full() {
  extracted made;
  auto& facts = made.facts;
  facts.mime = "image/png";
  facts.container = "png";
  facts.video_codec = "png";
  facts.audio_codec = "aac";
  facts.width = 4000;
  facts.height = 3000;
  facts.duration_sec = 1.5;
  facts.samplerate_hz = 48000;
  facts.fps = {30000, 1001};
  facts.channels = 2;
  facts.bit_depth = 8;
  facts.pixel_format = "rgba";
  facts.alpha_present = true;
  facts.alpha_used = false;
  facts.orientation = 6;
  facts.colour_profile = "sRGB";
  facts.dpi_x = 300;
  facts.dpi_y = 300;
  facts.frame_count = 12;
  facts.decoded = true;
  facts.too_large = true;
  facts.problems = {{problem_kind::cut, "the end is missing"}};
  auto& generation = made.generation;
  generation.tool = "comfyui";
  generation.tool_version = "1";
  generation.passes = {{"m", "h", {"a", "b"}, {"c"}, UINT64_MAX, 20u, "euler", "normal", 7.5}, {}};
  generation.loras = {{"l", 0.5}, {"k", std::nullopt}};
  generation.width = 512;
  generation.height = 768;
  generation.job_id = "j";
  generation.digital_source_type = "trainedAlgorithmicMedia";
  generation.ai_generated = true;
  generation.guesses = {"tool"};
  generation.raw = {{carrier::exif, "UserComment", "text", true}};
  made.hash = pdq_hash{{1, 2, 3, UINT64_MAX}};
  made.hash_quality = 99;
  made.previews = {{1024, 1024, 768, 30'000}, {256, 256, 192, 4'000}};
  return made;
}

bool same(const extracted& one, const extracted& other) {
  return to_json(one) == to_json(other) && one.generation == other.generation
         && one.hash == other.hash && one.previews == other.previews
         && one.facts.problems == other.facts.problems;
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_answer_is_read_as_it_was_written) {
  for (const auto& what : {full(), extracted()}) {
    auto again = parse_extracted(to_json(what));
    BOOST_REQUIRE_MESSAGE(bool(again), (again ? std::string() : again.failure().message));
    BOOST_TEST(same(*again, what));
  }
}

BOOST_AUTO_TEST_CASE(every_field_is_checked_for_its_type_and_range) {
  const auto good = json::parse(to_json(full()));
  std::size_t count = 0;
  auto refused = [&](json changed, const std::string& what) {
    ++count;
    auto read = parse_extracted(changed.dump());
    BOOST_TEST(!read, what << " is taken");
    if (!read) BOOST_TEST((read.failure().code == error_code::damaged));
  };
  // Each value of the whole form in turn is made something else.
  std::function<void(const json::json_pointer&)> visit = [&](const json::json_pointer& at) {
    const auto& value = good[at];
    auto replaced = [&](const json& by) {
      auto changed = good;
      changed[at] = by;
      return changed;
    };
    auto name = at.to_string();
    if (!at.empty()) {
      refused(replaced(nullptr), name + " null");
      if (!value.is_object()) refused(replaced(json::object()), name + " object");
      if (!value.is_array()) refused(replaced(json::array()), name + " list");
      if (!value.is_string()) refused(replaced("text"), name + " text");
      if (!value.is_boolean()) refused(replaced(true), name + " flag");
      if (value.is_number()) {
        refused(replaced(-1e300), name + " far below");
        refused(replaced(1e300), name + " far above");
      }
      if (value.is_number_integer()) refused(replaced(1.5), name + " fraction");
      if (value.is_string()) {
        refused(replaced(std::string(400'000, 'x')), name + " long");
        refused(replaced(std::string("a\0b", 3)), name + " NUL");
        refused(replaced(""), name + " empty");
      }
      if (value.is_array()) {
        auto many = value;
        for (int i = 0; i < 200; ++i)
          many.push_back(value[0]);
        refused(replaced(many), name + " many");
      }
    }
    if (value.is_object()) {
      auto more = good;
      more[at]["unknown"] = 1;
      refused(more, name + " unknown");
      for (const auto& [key, each] : value.items())
        visit(at / key);
    }
    if (value.is_array())
      for (std::size_t i = 0; i < value.size(); ++i)
        visit(at / i);
  };
  visit(json::json_pointer());
  BOOST_TEST(count > 300u);
}

BOOST_AUTO_TEST_CASE(what_is_no_answer_is_refused) {
  for (const std::string& text :
       {std::string(), std::string("null"), std::string("[]"), std::string("{}"),
        std::string("{\"facts\":"), std::string(100'000, '['),
        std::string(extracted_json_bytes_max + 1, ' '), std::string("{\"facts\":{}}"),
        "[" + std::string(200'000, ',') + "]"})
    BOOST_TEST(!parse_extracted(text), text.substr(0, 20));
}
