// SPDX-License-Identifier: MIT
#include "jobs/kinds/metadata_answer.hpp"
#include "media/preview.hpp"
#include "support/must.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <functional>

using namespace podstudio;
using namespace podstudio::media;
using nlohmann::json;

namespace {

file_answer small() {
  file_answer made;
  made.found.facts.mime = "image/png";
  made.found.facts.width = 4;
  made.found.previews = {{1024, 1024, 768, 300}, {256, 256, 192, 100}};
  made.preview_offsets = {0, 300};
  return made;
}

file_answer read_line(const std::string& line, std::uint64_t preview_bytes = UINT64_MAX) {
  return must(parse_metadata_answer(line, 1, preview_bytes)).at(0);
}

/// A file that states as much as there may be of everything, of bytes that take twice their room.
file_answer largest() {
  auto text = [](std::size_t size) { return std::string(size, '"'); };
  file_answer made = small();
  auto& facts = made.found.facts;
  for (auto* each : {&facts.mime, &facts.container, &facts.video_codec, &facts.audio_codec,
                     &facts.pixel_format, &facts.colour_profile})
    *each = text(fact_name_bytes_max);
  facts.height = UINT32_MAX;
  facts.duration_sec = 1e9 / 3;
  facts.problems.assign(problems_max,
                        {problem_kind::other_content, text(problem_reason_bytes_max)});
  auto& generation = made.found.generation;
  for (auto* each : {&generation.tool, &generation.tool_version, &generation.job_id,
                     &generation.digital_source_type})
    *each = text(generation_name_bytes_max);
  generation_pass pass;
  for (auto* each : {&pass.model, &pass.model_hash, &pass.sampler, &pass.scheduler})
    *each = text(generation_name_bytes_max);
  pass.prompts.assign(prompts_max, text(prompt_bytes_max));
  pass.negative_prompts = pass.prompts;
  pass.seed = UINT64_MAX;
  pass.cfg = 1e9 / 3;
  generation.passes.assign(passes_max, pass);
  generation.loras.assign(loras_max, {text(generation_name_bytes_max), 1e9 / 3});
  generation.guesses.assign(16, text(fact_name_bytes_max));
  generation.raw.assign(raw_texts_max,
                        {carrier::container_tag, text(carried_key_bytes_max), text(60'000), false});
  made.found.hash = pdq_hash{};
  return made;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(metadata_answer)

BOOST_AUTO_TEST_CASE(a_line_is_read_as_it_is_written) {
  auto answer = small();
  auto line = to_metadata_line(answer);
  BOOST_TEST(line.find("\"left_out\"") == std::string::npos);
  auto again = read_line(line, 400);
  BOOST_TEST(!again.failure);
  BOOST_TEST(to_json(again.found) == to_json(answer.found));
  BOOST_TEST(again.preview_offsets == answer.preview_offsets, boost::test_tools::per_element());
  BOOST_TEST((again.left_out == left_out_texts{}));
  file_answer failed;
  failed.failure = error{error_code::timed_out, "too slow"};
  again = read_line(to_metadata_line(failed));
  BOOST_TEST((again.failure == failed.failure));
  // Words that only we know, and no end of a text, become what the service takes.
  failed.failure = error{error_code::busy, "\n\xff" + std::string(5000, '"') + "é"};
  again = read_line(to_metadata_line(failed));
  BOOST_TEST((again.failure->code == error_code::internal));
  BOOST_TEST(again.failure->message.size() <= metadata_failure_bytes_max);
  failed.failure = error{error_code::io_failed, ""};
  BOOST_TEST(!read_line(to_metadata_line(failed)).failure->message.empty());
}

BOOST_AUTO_TEST_CASE(raw_texts_go_first_the_longest_most) {
  auto answer = small();
  auto& generation = answer.found.generation;
  generation.passes = {{.prompts = {std::string(10'000, 'p')}}, {.prompts = {"earlier"}}};
  generation.raw = {{carrier::exif, "a", std::string(100'000, 'a'), false},
                    {carrier::exif, "b", "short", false},
                    {carrier::exif, "c", std::string(30'000, '\n') + "é", false}};
  auto line = to_metadata_line(answer);
  BOOST_TEST(line.size() <= metadata_line_bytes_max);
  BOOST_TEST(line.size() > metadata_line_bytes_max - 64);
  auto again = read_line(line);
  BOOST_TEST((again.left_out == left_out_texts{.raw = true}));
  const auto& raw = again.found.generation.raw;
  BOOST_TEST((again.found.generation.passes == generation.passes));
  BOOST_TEST(raw[1].text == "short");
  BOOST_TEST(!raw[1].cut);
  BOOST_TEST(raw[0].cut);
  BOOST_TEST(raw[2].cut);
  // A line break takes twice the room of a letter.
  BOOST_TEST(raw[0].text.size() >= 2 * raw[2].text.size());
  BOOST_TEST(raw[0].text.size() <= 2 * raw[2].text.size() + 2);
}

BOOST_AUTO_TEST_CASE(passes_go_next_and_then_prompts) {
  auto answer = small();
  auto& generation = answer.found.generation;
  generation.raw = {{carrier::exif, "a", "text", false}};
  generation.passes.assign(8, {.model = "m", .prompts = {std::string(10'000, 'p')}});
  auto again = read_line(to_metadata_line(answer));
  BOOST_TEST((again.left_out == left_out_texts{.raw = true, .passes = true}));
  BOOST_TEST(again.found.generation.passes.size() == 4u);
  BOOST_TEST(again.found.generation.raw[0].cut);

  generation.raw.clear();
  generation.passes = {{.prompts = {std::string(30'000, 'p'), "short"},
                        .negative_prompts = {std::string(32'000, 'n')},
                        .seed = 5}};
  generation.loras = {{"l", 1.0}};
  auto line = to_metadata_line(answer);
  BOOST_TEST(line.size() > metadata_line_bytes_max - 64);
  again = read_line(line);
  BOOST_TEST((again.left_out == left_out_texts{.prompts = true}));
  const auto& pass = again.found.generation.passes.at(0);
  BOOST_TEST(pass.prompts.at(1) == "short");
  BOOST_TEST(pass.prompts[0].size() <= pass.negative_prompts.at(0).size() + 1);
  BOOST_TEST((pass.seed == 5u));
  BOOST_TEST(again.found.generation.loras.size() == 1u);
}

BOOST_AUTO_TEST_CASE(the_largest_of_everything_fits_a_line) {
  auto answer = largest();
  auto line = to_metadata_line(answer);
  BOOST_TEST(line.size() <= metadata_line_bytes_max);
  auto again = read_line(line);
  BOOST_REQUIRE(!again.failure);
  BOOST_TEST(again.left_out.raw);
  BOOST_TEST(again.left_out.passes);
  BOOST_TEST(again.left_out.prompts);
  BOOST_TEST(again.found.generation.raw.size() == raw_texts_max);
  BOOST_TEST(again.found.generation.passes.size() == 1u);
  BOOST_TEST(again.found.facts.problems.size() == problems_max);
  BOOST_TEST_MESSAGE("of the largest file " << line.size() << " bytes are left, with "
                                            << again.found.generation.loras.size() << " loras");
}

BOOST_AUTO_TEST_CASE(what_no_worker_of_ours_says_is_refused_with_line_and_field) {
  const auto good = json::parse(to_metadata_line(small()));
  const json failure{{"failure", {{"code", "io_failed"}, {"text", "x"}}}};
  struct hostile {
    json line;
    const char* named;
  };
  auto with = [&](const char* path, const json& value) {
    auto changed = good;
    changed[json::json_pointer(path)] = value;
    return changed;
  };
  auto failing = [&](const char* path, const json& value) {
    auto changed = failure;
    changed[json::json_pointer(path)] = value;
    return changed;
  };
  auto without = [&](const char* name) {
    auto changed = good;
    changed.erase(name);
    return changed;
  };
  const hostile refused[] = {{json::array(), "not a JSON object"},
                             {with("/facts/width", -1), "'facts.width'"},
                             {with("/more", 1), "'(unknown)'"},
                             {without("facts"), "'facts'"},
                             {without("previews"), "'preview_offsets'"},
                             {without("preview_offsets"), "'preview_offsets'"},
                             {with("/preview_offsets", 1), "'preview_offsets'"},
                             {with("/preview_offsets", json::array()), "'preview_offsets'"},
                             {with("/preview_offsets", {0, 1.5}), "'preview_offsets'"},
                             {with("/preview_offsets", {0, -1}), "'preview_offsets'"},
                             {with("/preview_offsets", {0}), "'preview_offsets'"},
                             {with("/preview_offsets", {0, 300, 600}), "'preview_offsets'"},
                             {with("/preview_offsets", {0, 299}), "a preview within another"},
                             {with("/preview_offsets", {0, 901}), "'preview_offsets'"},
                             {with("/preview_offsets", {0, UINT64_MAX}), "'preview_offsets'"},
                             {with("/previews/0/size_bytes", 1001), "'previews.size_bytes'"},
                             {with("/previews/0/edge_px", 256), "'previews."},
                             {with("/previews/1/width", 257), "'previews.width'"},
                             {with("/previews/1/height", 257), "'previews.height'"},
                             {with("/previews/1", good["previews"][0]), "'previews.edge_px'"},
                             {with("/left_out", "raw"), "'left_out'"},
                             {with("/left_out", json::array()), "'left_out'"},
                             {with("/left_out", {"all"}), "'left_out'"},
                             {with("/left_out", {"raw", "raw"}), "'left_out'"},
                             {with("/left_out", {1}), "'left_out'"},
                             {with("/failure", failure["failure"]), "'failure'"},
                             {failing("/failure", "io_failed"), "'failure'"},
                             {failing("/failure/more", 1), "'failure'"},
                             {failing("/failure/code", "stopping"), "'failure.code'"},
                             {failing("/failure/code", 1), "'failure.code'"},
                             {failing("/failure/text", ""), "'failure.text'"},
                             {failing("/failure/text", 1), "'failure.text'"},
                             {failing("/failure/text", std::string(301, 'x')), "'failure.text'"}};
  BOOST_TEST(bool(parse_metadata_answer(good.dump() + "\n", 1, 1000)));
  BOOST_TEST(bool(parse_metadata_answer(failure.dump() + "\n", 1, 0)));
  for (const auto& [line, named] : refused) {
    auto lines = failure.dump() + "\n" + line.dump() + "\n";
    auto parsed = parse_metadata_answer(lines, 2, 1000);
    BOOST_REQUIRE_MESSAGE(!parsed, line.dump());
    BOOST_TEST((parsed.failure().code == error_code::damaged));
    BOOST_TEST(parsed.failure().message.starts_with("line 2 of a worker's answer"),
               parsed.failure().message);
    BOOST_TEST(parsed.failure().message.find(named) != std::string::npos,
               parsed.failure().message << " instead of " << named);
  }
}

BOOST_AUTO_TEST_CASE(lines_and_their_number_are_bounded) {
  const std::string line = "{\"failure\":{\"code\":\"internal\",\"text\":\"x\"}}\n";
  auto message = [](const std::string& lines, std::size_t files) {
    auto parsed = parse_metadata_answer(lines, files, 0);
    return parsed ? std::string("taken") : parsed.failure().message;
  };
  BOOST_TEST(message(line + line, 2) == "taken");
  BOOST_TEST(message("", 0) == "taken");
  BOOST_TEST(message(line, 2).find("line 2") == 0u);
  BOOST_TEST(message(line + line, 1).find("line 2") == 0u);
  BOOST_TEST(message(line + line.substr(0, line.size() - 1), 2).find("it has no end")
             != std::string::npos);
  BOOST_TEST(message("\n", 1).find("line 1") == 0u);
  BOOST_TEST(message(std::string(metadata_line_bytes_max - line.size(), ' ') + line, 1) == "taken");
  BOOST_TEST(message(std::string(metadata_line_bytes_max - line.size() + 1, ' ') + line, 1)
                 .find("more than 49152 bytes")
             != std::string::npos);
  BOOST_TEST(message("{\"facts\":\"\xff\"}\n", 1).find("not JSON") != std::string::npos);
  BOOST_TEST(message("{\"facts\":\"\\u0000\"}\n", 1).find("NUL") != std::string::npos);
  BOOST_TEST(message(std::string(1000, '[') + "\n", 1).find("deeper") != std::string::npos);
  auto many = parse_metadata_answer(line, metadata_files_max + 1, 0);
  BOOST_TEST((many.failure().code == error_code::invalid_argument));
}

BOOST_AUTO_TEST_CASE(previews_of_different_files_lie_apart) {
  auto first = small(), second = small();
  second.preview_offsets = {1000, 400};
  auto parsed = parse_metadata_answer(to_metadata_line(first) + to_metadata_line(second), 2, 1300);
  BOOST_TEST(bool(parsed));
  second.preview_offsets = {1000, 399};
  parsed = parse_metadata_answer(to_metadata_line(first) + to_metadata_line(second), 2, 1300);
  BOOST_REQUIRE(!parsed);
  BOOST_TEST(parsed.failure().message.starts_with("line 2 "), parsed.failure().message);
}

BOOST_AUTO_TEST_SUITE_END()
