// SPDX-License-Identifier: MIT
#include "media/similar.hpp"
#include "query/assets.hpp"
#include "query/similar.hpp"

#include "support/dump.hpp"
#include "support/extracted.hpp"
#include "support/random_library.hpp"
#include "support/tables.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace podstudio;
using nlohmann::json;

namespace {

using ids = std::vector<asset_id>;

media::extracted picture_of(std::uint32_t width, std::uint32_t height) {
  media::extracted read;
  read.facts.mime = "image/png";
  read.facts.width = width;
  read.facts.height = height;
  read.facts.decoded = true;
  return read;
}

media::extracted made_by(const std::string& tool, const std::string& model,
                         const std::string& prompt, std::optional<std::uint64_t> seed) {
  auto read = picture_of(512, 512);
  read.generation.tool = tool;
  auto& pass = read.generation.passes.emplace_back();
  pass.model = model;
  if (!prompt.empty()) pass.prompts = {prompt};
  pass.seed = seed;
  return read;
}

/// The ids that a filter finds, in all ways of asking.
ids found_in(database& db, const json& given) {
  auto filter = must(parse_filter(given));
  ids all;
  for (filter.limit = 2;;) {
    auto page = must(list_assets(db, filter));
    for (const auto& asset : page)
      all.push_back(asset["id"]);
    if (page.size() < 2) break;
    filter.after = all.back();
  }
  BOOST_TEST(must(matching_assets(db, filter)) == all, boost::test_tools::per_element());
  return all;
}

/// Nine assets; of the last nothing was read.
struct read_fixture : tables_fixture {
  read_fixture() {
    std::vector<event> events;
    for (asset_id id = 1; id <= 9; ++id)
      events.push_back(
          registered(id, "/lib/" + std::to_string(id) + ".png", static_cast<std::uint64_t>(id)));
    fold(std::move(events));
    auto wide = picture_of(8'000, 600);
    wide.facts.alpha_present = true;
    auto small = picture_of(64, 800);
    small.facts.alpha_present = false;
    auto clip = picture_of(1'920, 1'080);
    clip.facts.duration_sec = 12.5;
    clip.facts.fps = {30'000, 1'001};
    auto film = clip;
    film.facts.duration_sec = 0.25;
    film.facts.fps = {24, 1};
    media::extracted broken;
    media::add_problem(broken.facts, media::problem_kind::cut, "ends in the middle");
    media::add_problem(broken.facts, media::problem_kind::undecodable, "no picture");
    fold({read_as(1, wide), read_as(2, small), read_as(3, clip), read_as(4, film),
          read_as(5, broken),
          read_as(6, made_by("comfyui", "SDXL \"Base\" 1.0", "A castle\nby night", 7)),
          read_as(7, made_by("ComfyUI", "flux-dev", "Ein Schlo\u00df bei Nacht",
                             18'446'744'073'709'551'615u)),
          read_as(8, made_by("Some Studio", "sdxl turbo", "", {}))});
  }
};

media::pdq_hash hash_with(std::uint64_t first) {
  media::pdq_hash hash;
  hash.words = {first, 0x0f0f0f0f0f0f0f0f, 0x00ff00ff00ff00ff, 0x123456789abcdef0};
  return hash;
}

media::extracted looking_like(std::uint64_t first, std::uint8_t quality = 90,
                              std::uint32_t edge = 100) {
  auto read = picture_of(edge, edge);
  read.hash = hash_with(first);
  read.hash_quality = quality;
  return read;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(read_media, read_fixture)

BOOST_AUTO_TEST_CASE(filters_choose_by_what_files_say) {
  struct chosen {
    json filter;
    ids expected;
  };
  const std::vector<chosen> cases = {
      {{{"width", "4000.."}}, {1}},
      {{{"width", "..800"}}, {2, 6, 7, 8}},
      {{{"width", 512}}, {6, 7, 8}},
      {{{"width", "0.."}}, {1, 2, 3, 4, 6, 7, 8}},
      {{{"width", "500..2000"}, {"height", "1000.."}}, {3, 4}},
      {{{"duration", "10.."}}, {3}},
      {{{"duration", "..0.25"}}, {4}},
      {{{"duration", "0.25"}}, {4}},
      {{{"duration", "12"}}, {}},
      {{{"fps", "29.97"}}, {3}},
      {{{"fps", "29.97.."}}, {3}},
      {{{"fps", 24}}, {4}},
      {{{"fps", "..30"}}, {3, 4}},
      {{{"fps", "30"}}, {}},
      {{{"alpha", true}}, {1}},
      {{{"no_alpha", true}}, {2}},
      {{{"broken", true}}, {5}},
      {{{"unread", true}}, {9}},
      {{{"tool", "comfyui"}}, {6, 7}},
      {{{"tool", "COMFYUI"}}, {6, 7}},
      {{{"tool", "comfy"}}, {}},
      {{{"tool", "some studio"}}, {8}},
      {{{"model", "sdxl"}}, {6, 8}},
      {{{"model", "\"base\""}}, {6}},
      {{{"model", "SDXL t"}}, {8}},
      {{{"model", "none such"}}, {}},
      {{{"model", "%"}}, {}},
      {{{"prompt", "castle"}}, {6}},
      {{{"prompt", "NIGHT castle"}}, {6}},
      {{{"prompt", "schloss"}}, {7}},
      {{{"prompt", "by"}}, {6}},
      {{{"prompt", "a"}}, {6, 7}},
      {{{"prompt", "castle schloss"}}, {}},
      {{{"prompt", "\" OR castle"}}, {}},
      {{{"seed", 7}}, {6}},
      {{{"seed", "18446744073709551615"}}, {7}},
      {{{"seed", 0}}, {}},
      {{{"tool", "comfyui"}, {"model", "flux"}}, {7}},
      {{{"type", "image"}, {"tool", "comfyui"}, {"prompt", "nacht"}, {"width", "..512"}}, {7}},
      {{{"search", "lib"}, {"model", "sdxl"}}, {6, 8}},
      {{{"broken", true}, {"tool", "comfyui"}}, {}},
  };
  for (const auto& one : cases)
    BOOST_TEST_CONTEXT(one.filter) {
      BOOST_TEST(found_in(db, one.filter) == one.expected, boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(a_file_with_other_bytes_is_found_by_nothing_that_the_old_ones_said) {
  fold({asset_content_changed{6, content_of(6), content_of(60)}});
  for (const json& filter : {json{{"prompt", "castle"}}, json{{"seed", 7}}, json{{"width", 512}},
                             json{{"tool", "comfyui"}}, json{{"model", "base"}}})
    BOOST_TEST_CONTEXT(filter) {
      auto found = found_in(db, filter);
      BOOST_TEST((std::ranges::find(found, 6) == found.end()));
    }
  BOOST_TEST(found_in(db, {{"unread", true}}) == (ids{6, 9}), boost::test_tools::per_element());
  fold({read_as(6, made_by("comfyui", "flux", "a bridge", 7), 60)});
  BOOST_TEST(found_in(db, {{"prompt", "castle"}}).empty());
  BOOST_TEST(found_in(db, {{"prompt", "bridge"}}) == (ids{6}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(any_number_of_models_may_have_a_word_in_their_names) {
  std::vector<event> events;
  ids expected;
  for (asset_id id = 10; id < 110; ++id) {
    events.push_back(registered(id, "/lib/" + std::to_string(id) + ".png", 500));
    events.push_back(read_as(id, made_by("", "many " + std::to_string(id), "", {}), 500));
    expected.push_back(id);
  }
  fold(std::move(events));
  BOOST_TEST(found_in(db, {{"model", "MANY"}}) == expected, boost::test_tools::per_element());
  BOOST_TEST(found_in(db, {{"model", "many 5"}}) == (ids{50, 51, 52, 53, 54, 55, 56, 57, 58, 59}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(no_text_is_a_syntax_error_of_a_prompt) {
  const std::vector<std::string> hostile = {
      "castle AND",   "\"castle", "text:castle", "castle*",      "(castle",
      "NEAR(a b, 2)", "^castle",  "-castle",     "\x01\x1f\x02", "'; DROP TABLE asset"};
  for (const auto& text : hostile)
    BOOST_TEST(found_in(db, {{"prompt", text}}).size() <= 8u, text);
}

BOOST_AUTO_TEST_CASE(an_asset_is_shown_with_what_was_read) {
  auto read = picture_of(640, 480);
  auto& facts = read.facts;
  facts.container = "png";
  facts.video_codec = "png";
  facts.fps = {30'000, 1'001};
  facts.bit_depth = 8;
  facts.pixel_format = "rgba";
  facts.alpha_present = true;
  facts.alpha_used = false;
  facts.orientation = 6;
  facts.colour_profile = "sRGB";
  facts.dpi_x = facts.dpi_y = 300;
  facts.frame_count = 12;
  read.hash = hash_with(0xfedcba9876543210);
  read.hash_quality = 77;
  media::add_problem(facts, media::problem_kind::other_content, "a PNG named .jpg");
  auto& made = read.generation;
  made.tool = "comfyui";
  made.tool_version = "1.2";
  made.job_id = "job-7";
  made.ai_generated = true;
  made.digital_source_type = "trainedAlgorithmicMedia";
  made.width = 1'024;
  made.guesses = {"tool"};
  made.loras = {{"detail", 0.5}};
  auto& last = made.passes.emplace_back();
  last.model = "sdxl";
  last.prompts = {"a castle", "by night"};
  last.negative_prompts = {"blurry"};
  last.seed = 18'446'744'073'709'551'615u;
  last.steps = 20;
  last.cfg = 7.5;
  made.passes.emplace_back().seed = 3;
  made.raw = {{media::carrier::png_text, "parameters", "a castle\nSteps: 20", true}};
  fold({read_as(9, read, 9)});
  auto shown = must(show_asset(db, asset_id{9}));
  BOOST_TEST(shown["media"]
             == json({{"width", 640},
                      {"height", 480},
                      {"duration_sec", nullptr},
                      {"samplerate_hz", nullptr},
                      {"extractor", 1},
                      {"mime", "image/png"},
                      {"container", "png"},
                      {"video_codec", "png"},
                      {"audio_codec", nullptr},
                      {"fps", "30000/1001"},
                      {"channels", nullptr},
                      {"bit_depth", 8},
                      {"pixel_format", "rgba"},
                      {"alpha_present", true},
                      {"alpha_used", false},
                      {"orientation", 6},
                      {"colour_profile", "sRGB"},
                      {"dpi_x", 300.0},
                      {"dpi_y", 300.0},
                      {"frame_count", 12},
                      {"decoded", true},
                      {"too_large", false},
                      {"pdq", media::to_hex(*read.hash)},
                      {"pdq_quality", 77}}));
  BOOST_TEST(shown["problems"]
             == json::array({{{"kind", "other_content"}, {"reason", "a PNG named .jpg"}}}));
  BOOST_TEST(shown["generation"]
             == json({{"tool", "comfyui"},
                      {"tool_version", "1.2"},
                      {"model", "sdxl"},
                      {"model_hash", nullptr},
                      {"prompt", "a castle\nby night"},
                      {"negative_prompt", "blurry"},
                      {"seed", "18446744073709551615"},
                      {"steps", 20},
                      {"sampler", nullptr},
                      {"scheduler", nullptr},
                      {"cfg", 7.5},
                      {"width", 1'024},
                      {"height", nullptr},
                      {"external_id", "job-7"},
                      {"digital_source_type", "trainedAlgorithmicMedia"},
                      {"ai_generated", true},
                      {"guesses", {"tool"}},
                      {"loras", json::array({{{"name", "detail"}, {"weight", 0.5}}})},
                      {"passes", json::array({{{"model", "sdxl"},
                                               {"prompts", {"a castle", "by night"}},
                                               {"negative_prompts", {"blurry"}},
                                               {"seed", "18446744073709551615"},
                                               {"steps", 20},
                                               {"cfg", 7.5}},
                                              {{"seed", "3"}}})},
                      {"raw", json::array({{{"where", to_string(media::carrier::png_text)},
                                            {"key", "parameters"},
                                            {"text", "a castle\nSteps: 20"},
                                            {"cut", true}}})}}));
}

BOOST_AUTO_TEST_CASE(what_a_file_says_of_itself_is_suggested_where_a_person_has_said_nothing) {
  auto suggested = [&](asset_id id) { return must(show_asset(db, id))["suggested"]; };
  BOOST_TEST(suggested(1) == nullptr);  // says nothing
  BOOST_TEST(suggested(9) == nullptr);  // was not read
  BOOST_TEST(suggested(6) == json({{"source", "ComfyUI"}, {"provenance", "ai_generated"}}));
  // A tool that need not make anything with a model.
  BOOST_TEST(suggested(8) == json({{"source", "Some Studio"}, {"provenance", nullptr}}));
  fold({asset_source_set{6, {}, "mine"}});
  BOOST_TEST(suggested(6) == json({{"source", nullptr}, {"provenance", "ai_generated"}}));
  fold({asset_provenance_set{6, provenance::unknown, provenance::enhanced}});
  BOOST_TEST(suggested(6) == nullptr);
  auto shown = must(show_asset(db, asset_id{7}));
  BOOST_TEST(shown["source"] == nullptr);
  BOOST_TEST(shown["provenance"] == "unknown");
}

BOOST_AUTO_TEST_CASE(broken_asset_has_a_line_for_each_problem_of_what_is_there) {
  const std::string broken =
      "SELECT id, number, kind, reason FROM broken_asset ORDER BY id, number";
  BOOST_TEST(rows_of(db, broken) == "5|1|cut|ends in the middle\n5|2|undecodable|no picture");
  BOOST_TEST(must(list_assets(db, must(parse_filter({{"broken", true}}))))[0]["problem"]
             == "ends in the middle");
  fold({asset_missing{5}});
  BOOST_TEST(rows_of(db, broken) == "");
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

struct similar_fixture : tables_fixture {
  similar_index index;

  /// An asset of its own content that looks like others with nearly the same bits.
  void add(asset_id id, const media::extracted& read, std::uint64_t content = 0,
           std::uint64_t size_bytes = 1'000) {
    if (content == 0) content = static_cast<std::uint64_t>(id);
    auto made = registered(id, "/lib/" + std::to_string(id) + ".png", content);
    made.content.facts.size_bytes = size_bytes;
    fold({made, read_as(id, read, content)});
  }
  json near(asset_id id, int distance = media::pdq_distance_max, std::int64_t limit = 100) {
    return must(list_similar(db, index, id, distance, limit));
  }
  json groups(std::int64_t limit = 100) {
    return must(list_similar_groups(db, index, media::pdq_distance_max, limit, {}));
  }
  error refusal(asset_id id) {
    auto found = list_similar(db, index, id, 31, 100);
    BOOST_REQUIRE(!found);
    return found.failure();
  }
  static ids of(const json& list) {
    ids found;
    for (const auto& each : list)
      found.push_back(each["id"]);
    return found;
  }
};

}  // namespace

/// What filters find in a library in which files are read, changed and forgotten is what a look at
/// all rows finds.
BOOST_FIXTURE_TEST_CASE(filters_find_what_is_in_the_rows, tables_fixture) {
  const std::vector<std::pair<json, std::string>> cases = {
      {{{"prompt", "castle NUMBER"}},
       "SELECT asset_id FROM asset_generation WHERE finds(prompt, 'castle')"
       " AND finds(prompt, 'number')"},
      {{{"prompt", "schloss 2"}},
       "SELECT asset_id FROM asset_generation WHERE finds(prompt, 'schloss')"
       " AND finds(prompt, '2')"},
      {{{"prompt", "by"}}, "SELECT asset_id FROM asset_generation WHERE finds(prompt, 'by')"},
      {{{"model", "Dreamer_1"}}, "SELECT asset_id FROM asset_generation WHERE model = 'dreamer_1'"},
      {{{"tool", "ComfyUI"}}, "SELECT asset_id FROM asset_generation WHERE tool = 'comfyui'"},
      {{{"seed", 1}}, "SELECT asset_id FROM asset_generation WHERE seed = '1'"},
      {{{"broken", true}}, "SELECT DISTINCT asset_id FROM asset_problem"},
      {{{"unread", true}}, "SELECT id FROM asset EXCEPT SELECT asset_id FROM asset_media"},
      {{{"alpha", true}}, "SELECT asset_id FROM asset_media WHERE alpha_present"},
      {{{"no_alpha", true}}, "SELECT asset_id FROM asset_media WHERE NOT alpha_present"},
      {{{"fps", "..30"}}, "SELECT asset_id FROM asset_media WHERE fps_numerator <= 30 * 1001"},
      {{{"width", "1000..2000"}}, "SELECT id FROM asset WHERE width BETWEEN 1000 AND 2000"},
      {{{"duration", "50.."}}, "SELECT id FROM asset WHERE duration_sec >= 50 - 0.005"},
      {{{"type", "video"}, {"broken", true}, {"model", "dreamer"}},
       "SELECT DISTINCT id FROM asset JOIN asset_problem ON asset_problem.asset_id = id"
       " JOIN asset_generation USING (asset_id)"
       " WHERE type = 'video' AND finds(model, 'dreamer')"},
  };
  random_library random(3);
  std::vector<bool> ever(cases.size());
  for (int round = 0; round < 30; ++round) {
    for (int i = 0; i < 100; ++i)
      must(tables->fold(std::vector{random.next()}));
    for (std::size_t i = 0; i < cases.size(); ++i) {
      std::string found;
      for (auto id : found_in(db, cases[i].first))
        found += (found.empty() ? "" : "\n") + std::to_string(id);
      BOOST_TEST_CONTEXT(cases[i].first) {
        BOOST_TEST(found == rows_of(db, cases[i].second + " ORDER BY 1"));
      }
      ever[i] = ever[i] || !found.empty();
    }
  }
  for (std::size_t i = 0; i < cases.size(); ++i)
    BOOST_TEST(ever[i], cases[i].first << " found nothing, which tells nothing");
}

BOOST_FIXTURE_TEST_SUITE(similar, similar_fixture)

BOOST_AUTO_TEST_CASE(the_nearest_come_first_without_the_asset_itself) {
  add(1, looking_like(0xffffffff));
  add(2, looking_like(0xffffffff00000000));  // all of 64 bits off
  add(3, looking_like(0xfffffff0));
  add(4, looking_like(0xffffffff), 1);  // the same bytes
  add(5, looking_like(0xffffffff, media::pdq_quality_min - 1));
  add(6, looking_like(0xfffffffe));
  BOOST_TEST(near(1)
             == json::array(
                 {{{"id", 4}, {"path", "/lib/4.png"}, {"distance", 0}, {"same_content", true}},
                  {{"id", 6}, {"path", "/lib/6.png"}, {"distance", 1}, {"same_content", false}},
                  {{"id", 3}, {"path", "/lib/3.png"}, {"distance", 4}, {"same_content", false}}}));
  BOOST_TEST(of(near(1, 64)) == (ids{4, 6, 3, 2}), boost::test_tools::per_element());
  BOOST_TEST(of(near(1, 0)) == (ids{4}), boost::test_tools::per_element());
  BOOST_TEST(of(near(1, 31, 1)) == (ids{4}), boost::test_tools::per_element());
  BOOST_TEST(of(near(4, 31, 2)) == (ids{1, 6}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(answers_follow_the_tables) {
  add(1, looking_like(0));
  BOOST_TEST(near(1).empty());
  add(2, looking_like(1));
  BOOST_TEST(of(near(1)) == (ids{2}), boost::test_tools::per_element());
  fold({asset_missing{2}});
  BOOST_TEST(near(1).empty());
  BOOST_TEST(of(near(2)) == (ids{1}), boost::test_tools::per_element());  // its hash is known still
  auto facts = content_of(2).facts;
  fold({asset_returned{2, "/lib/2.png", "/lib/back.png", facts, facts}});
  BOOST_TEST(near(1)[0]["path"] == "/lib/back.png");
  fold({asset_content_changed{2, content_of(2), content_of(7)}});
  BOOST_TEST(near(1).empty());
  fold({read_as(2, looking_like(~std::uint64_t{0}), 7)});
  BOOST_TEST(near(1).empty());
  fold({read_as(2, looking_like(3), 7)});
  BOOST_TEST(near(1)[0]["distance"] == 2);
  asset_forgotten gone;
  gone.asset = 2;
  fold({gone});
  BOOST_TEST(near(1).empty());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_compared_is_refused_with_the_reason) {
  auto too_large = picture_of(100'000, 100'000);
  too_large.facts.decoded = false;
  too_large.facts.too_large = true;
  auto sound = media::extracted();
  sound.facts.decoded = true;
  fold({registered(1, "/lib/unread.png")});
  add(2, looking_like(0, 49));
  add(3, too_large);
  fold({registered(4, "/lib/4.wav", 4, asset_type::audio), read_as(4, sound, 4)});
  add(5, {});
  const std::vector<std::pair<asset_id, std::string>> cases = {{1, "not been read yet"},
                                                               {2, "49 of 100"},
                                                               {3, "too large"},
                                                               {4, "is an audio file"},
                                                               {5, "decoded whole"}};
  for (const auto& [id, why] : cases) {
    auto failure = refusal(id);
    BOOST_TEST(int(failure.code) == int(error_code::refused));
    BOOST_TEST((failure.message.find("asset " + std::to_string(id)) != std::string::npos));
    BOOST_TEST((failure.message.find(why) != std::string::npos), failure.message);
  }
  BOOST_TEST(int(refusal(6).code) == int(error_code::not_found));
  BOOST_TEST(groups().empty());
}

BOOST_AUTO_TEST_CASE(groups_begin_with_what_is_best_kept) {
  add(1, looking_like(0xff00, 90, 100));
  add(2, looking_like(0xff01, 90, 200), 2, 5'000);
  add(3, looking_like(0xff03, 90, 200), 3, 9'000);
  auto broken = looking_like(0xff07, 90, 200);
  media::add_problem(broken.facts, media::problem_kind::damaged, "a check sum");
  add(4, broken, 4, 99'000);
  add(5, looking_like(0xff03, 90, 200), 3, 9'000);
  add(6, looking_like(0xffffffffffff0000));
  add(7, looking_like(0xffffffffffff0001));
  auto other = looking_like(0xff00);
  other.hash->words[2] = ~other.hash->words[2];
  add(8, other);
  auto found = groups();
  BOOST_REQUIRE(found.size() == 2u);
  BOOST_TEST(found[0]["count"] == 5);
  const auto& assets = found[0]["assets"];
  BOOST_TEST(of(assets) == (ids{3, 5, 2, 4, 1}), boost::test_tools::per_element());
  BOOST_TEST(assets[0]
             == json({{"id", 3},
                      {"path", "/lib/3.png"},
                      {"distance", 0},
                      {"width", 200},
                      {"height", 200},
                      {"size_bytes", 9'000},
                      {"suggested", true},
                      {"same_content", false}}));
  BOOST_TEST(assets[1]["same_content"] == true);
  BOOST_TEST(assets[1]["suggested"] == false);
  BOOST_TEST(assets[4]["distance"] == 2);
  BOOST_TEST(of(found[1]["assets"]) == (ids{6, 7}), boost::test_tools::per_element());
  BOOST_TEST(groups(1).size() == 1u);
  fold({asset_missing{7}});
  BOOST_TEST(groups().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_large_group_is_cut_and_an_unwanted_question_ends) {
  std::vector<event> events;
  for (asset_id id = 1; id <= 300; ++id) {
    auto number = static_cast<std::uint64_t>(id);
    events.push_back(registered(id, "/lib/" + std::to_string(id), number));
    events.push_back(read_as(id, looking_like(number, 90, 100 + (id == 250 ? 1u : 0u)), number));
  }
  fold(std::move(events));
  auto found = groups();
  BOOST_REQUIRE(found.size() == 1u);
  BOOST_TEST(found[0]["count"] == 300);
  BOOST_TEST(found[0]["assets"].size() == similar_group_shown_max);
  BOOST_TEST(found[0]["assets"][0]["id"] == 250);
  auto ended = list_similar_groups(db, index, 31, 100, [] { return true; });
  BOOST_REQUIRE(!ended);
  BOOST_TEST(int(ended.failure().code) == int(error_code::timed_out));
}

BOOST_AUTO_TEST_CASE(the_hashes_are_read_from_their_index_alone) {
  auto query = must(db.prepare("EXPLAIN QUERY PLAN SELECT asset_id, pdq FROM asset_media"
                               " INDEXED BY ix_asset_media_pdq WHERE pdq_quality >= 50"
                               " ORDER BY asset_id"));
  std::string steps;
  must(query.for_each_row([&](const statement& row) { steps += row.get<std::string>(3) + "\n"; }));
  BOOST_TEST(steps == "SCAN asset_media USING INDEX ix_asset_media_pdq\n");
}

/// Every asset finds those that a look at all rows finds.
BOOST_AUTO_TEST_CASE(a_random_library_is_compared_as_its_rows_say) {
  random_library random(5);
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 100; ++i)
      must(tables->fold(std::vector{random.next()}));
    struct row {
      asset_id id;
      media::pdq_hash hash;
    };
    std::vector<row> present;
    auto query = must(db.prepare("SELECT asset_id, pdq FROM asset_media JOIN asset_file"
                                 " USING (asset_id) WHERE pdq_quality >= 50"
                                 " AND missing_since IS NULL ORDER BY asset_id"));
    must(query.for_each_row([&](const statement& each) {
      present.push_back({each.get<asset_id>(0), *media::pdq_from_bytes(each.blob(1))});
    }));
    for (const auto& one : present) {
      std::vector<std::pair<int, asset_id>> expected;
      for (const auto& other : present)
        if (auto distance = media::hamming_distance(one.hash, other.hash);
            distance <= 64 && other.id != one.id)
          expected.emplace_back(distance, other.id);
      std::ranges::sort(expected);
      std::vector<std::pair<int, asset_id>> found;
      for (const auto& each : near(one.id, 64, 10'000))
        found.emplace_back(each["distance"].get<int>(), each["id"].get<asset_id>());
      BOOST_TEST((found == expected));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
