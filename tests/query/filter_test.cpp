// SPDX-License-Identifier: MIT
#include "query/filter.hpp"

#include "support/must.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace podstudio;
using nlohmann::json;

BOOST_AUTO_TEST_SUITE(filters)

BOOST_AUTO_TEST_CASE(an_empty_object_lets_everything_through) {
  BOOST_TEST((must(parse_filter(json::object())) == asset_filter{}));
}

BOOST_AUTO_TEST_CASE(every_key_is_read) {
  auto filter = must(parse_filter({{"type", "audio"},
                                   {"theme", "nature"},
                                   {"provenance", "ai_generated"},
                                   {"approved", true},
                                   {"unapproved", false},
                                   {"unrejected", true},
                                   {"rating", "3.."},
                                   {"missing", true},
                                   {"duplicates", true},
                                   {"tag", "t"},
                                   {"folder", "/lib//new/"},
                                   {"search", "%_'"},
                                   {"after", 7},
                                   {"limit", 10'000}}));
  asset_filter expected;
  expected.type = asset_type::audio;
  expected.labels.theme = "nature";
  expected.labels.provenance = provenance::ai_generated;
  expected.labels.approved = true;
  expected.labels.rejected = false;
  expected.labels.rating = number_range{3, 5};
  expected.missing = true;
  expected.duplicates = true;
  expected.tag = "t";
  expected.folder = "/lib/new";
  expected.search = "%_'";
  expected.after = 7;
  expected.limit = 10'000;
  BOOST_TEST((filter == expected));
  BOOST_TEST((must(parse_filter({{"unapproved", true}})).labels.approved == false));
  auto undecided = must(parse_filter({{"undecided", true}, {"unapproved", true}})).labels;
  BOOST_TEST((undecided.approved == false && undecided.rejected == false));
}

BOOST_AUTO_TEST_CASE(ranges_are_a_number_or_two_ends_of_which_one_may_be_left_out) {
  const std::vector<std::pair<json, number_range>> cases = {{4, {4, 4}},      {"4", {4, 4}},
                                                            {"3..5", {3, 5}}, {"3..", {3, 5}},
                                                            {"..2", {0, 2}},  {"0..0", {0, 0}}};
  for (const auto& [given, expected] : cases)
    BOOST_TEST((must(parse_filter({{"rating", given}})).labels.rating == expected), given.dump());
  for (const json& wrong :
       {json(6), json(-1), json(1.5), json(""), json(".."), json("5..3"), json("3..6"), json("3-5"),
        json(" 3"), json("99999999999999999999"), json(true)})
    BOOST_TEST(!parse_filter({{"rating", wrong}}), wrong.dump());
}

BOOST_AUTO_TEST_CASE(what_was_read_of_files_can_be_asked_for) {
  auto filter = must(parse_filter({{"width", "4000.."},
                                   {"height", 512},
                                   {"duration", "2.5..10"},
                                   {"fps", "29.97"},
                                   {"tool", "Draw things"},
                                   {"model", "sdxl"},
                                   {"prompt", "a castle"},
                                   {"seed", "18446744073709551615"},
                                   {"no_alpha", true},
                                   {"alpha", false},
                                   {"broken", true},
                                   {"unread", true}}));
  asset_filter expected;
  expected.width = number_range{4'000, filter_pixels_max};
  expected.height = number_range{512, 512};
  expected.duration_sec = decimal_range{2.5, 10};
  expected.fps = decimal_range{29.97, 29.97};
  expected.tool = "drawthings";
  expected.model = "sdxl";
  expected.prompt = "a castle";
  expected.seed = 18'446'744'073'709'551'615u;
  expected.alpha = false;
  expected.broken = true;
  expected.unread = true;
  BOOST_TEST((filter == expected));
  BOOST_TEST((must(parse_filter({{"tool", "C2PA maker"}})).tool == "C2PA maker"));
  BOOST_TEST((must(parse_filter({{"seed", 7}})).seed == 7u));
  BOOST_TEST((must(parse_filter({{"alpha", true}})).alpha == true));
}

BOOST_AUTO_TEST_CASE(ranges_of_decimals_take_digits_and_one_point) {
  const std::vector<std::pair<json, decimal_range>> cases = {
      {10, {10, 10}},   {1.5, {1.5, 1.5}},          {"0.25..", {0.25, 1e9}}, {"..8", {0, 8}},
      {"2..2", {2, 2}}, {"1000000000", {1e9, 1e9}}, {"0007.50", {7.5, 7.5}}};
  for (const auto& [given, range] : cases)
    BOOST_TEST((must(parse_filter({{"duration", given}})).duration_sec == range), given.dump());
  for (const json& wrong : {json(""),           json(".."),         json("..."),
                            json("5..3"),       json("1e3"),        json("inf"),
                            json("nan"),        json("-1"),         json("1."),
                            json(".5"),         json("1...5"),      json("1,5"),
                            json(" 1"),         json("0x10"),       json("1.5.2"),
                            json("10..20..30"), json("1000000001"), json(std::string(400, '9')),
                            json(1e-7),         json(-3),           json(true),
                            json::array()})
    BOOST_TEST(!parse_filter({{"duration", wrong}}), wrong.dump());
}

BOOST_AUTO_TEST_CASE(null_counts_as_not_given) {
  json nulls;
  for (const char* key : {"type", "theme", "provenance", "approved", "unapproved", "missing",
                          "duplicates", "tag", "folder", "search", "after", "limit"})
    nulls[key] = nullptr;
  BOOST_TEST((must(parse_filter(nulls)) == asset_filter{}));
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_is_refused_with_the_key_and_the_remedy) {
  struct refused {
    json given;
    std::vector<std::string> named;
  };
  const std::vector<refused> cases = {
      {json::array(), {"JSON object"}},
      {{{"colour", "red"}}, {"colour", "type", "limit"}},
      {{{"type", "picture"}}, {"type", "picture", "image, audio, video"}},
      {{{"type", 1}}, {"type", "text"}},
      {{{"provenance", "Unknown"}}, {"unknown, ai_generated, user_provided, enhanced"}},
      {{{"theme", json::array()}}, {"theme", "text"}},
      {{{"tag", "\xff"}}, {"tag", "UTF-8"}},
      {{{"theme", std::string("a\0b", 3)}}, {"theme", "NUL"}},
      {{{"approved", "yes"}}, {"approved", "true or false"}},
      {{{"missing", 1}}, {"missing", "true or false"}},
      {{{"approved", true}, {"unapproved", true}}, {"approved", "contradicts"}},
      {{{"undecided", true}, {"approved", true}}, {"contradicts"}},
      {{{"rejected", true}, {"undecided", true}}, {"contradicts"}},
      {{{"rating", "x"}}, {"rating", "'x'", "3..5", "0 to 5"}},
      {{{"width", "wide"}}, {"width", "'wide'", "4000..", "0 to 4294967295"}},
      {{{"width", 1.5}}, {"width", "1.5", "512..1024"}},
      {{{"height", "4294967296"}}, {"height", "0 to 4294967295"}},
      {{{"height", "\xff\x1b[2J"}}, {"height", "\\xff\\x1b[2J"}},
      {{{"duration", "long"}}, {"duration", "'long'", "2.5..10"}},
      {{{"fps", std::string(100'000, '7')}}, {"fps", "23.976..30"}},
      {{{"tool", ""}}, {"tool", "1 to 1000"}},
      {{{"model", std::string(1'001, 'x')}}, {"model", "1 to 1000"}},
      {{{"prompt", 7}}, {"prompt", "text"}},
      {{{"seed", "18446744073709551616"}}, {"seed", "0 to 18446744073709551615"}},
      {{{"seed", -1}}, {"seed"}},
      {{{"seed", ""}}, {"seed"}},
      {{{"alpha", true}, {"no_alpha", true}}, {"alpha", "contradicts"}},
      {{{"broken", 1}}, {"broken", "true or false"}},
      {{{"folder", "lib"}}, {"folder", "absolute"}},
      {{{"search", ""}}, {"search", "1 to 1000"}},
      {{{"search", std::string(1'001, 'x')}}, {"search", "1 to 1000"}},
      {{{"limit", 0}}, {"limit", "1 to 10000"}},
      {{{"limit", 10'001}}, {"limit", "1 to 10000"}},
      {{{"limit", -1}}, {"limit"}},
      {{{"limit", 1.5}}, {"limit", "whole number"}},
      {{{"limit", "10"}}, {"limit", "whole number"}},
      {{{"after", -1}}, {"after"}},
      {{{"after", std::uint64_t{1} << 63}}, {"after"}},
  };
  for (const auto& one : cases) {
    BOOST_TEST_CONTEXT(one.given.dump(-1, ' ', true, json::error_handler_t::replace)) {
      auto filter = parse_filter(one.given);
      BOOST_REQUIRE(!filter);
      BOOST_TEST(int(filter.failure().code) == int(error_code::invalid_argument));
      for (const auto& part : one.named)
        BOOST_TEST(filter.failure().message.find(part) != std::string::npos,
                   filter.failure().message << " names " << part);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(a_page_is_quick_where_an_index_finds_its_rows) {
  for (const json& quick :
       {json::object(), json{{"type", "image"}, {"unapproved", true}},
        json{{"theme", "sea"}, {"limit", 1000}}, json{{"tag", "fox"}}, json{{"tool", "ComfyUI"}},
        json{{"seed", 7}}, json{{"missing", true}}, json{{"broken", true}}})
    BOOST_TEST(is_quick(must(parse_filter(quick))), quick);
  for (const json& slow :
       {json{{"limit", 1001}}, json{{"search", "fox"}}, json{{"duplicates", true}},
        json{{"rating", "3.."}}, json{{"rejected", true}}, json{{"width", 1}}, json{{"height", 1}},
        json{{"duration", 1}}, json{{"fps", 25}}, json{{"model", "sdxl"}}, json{{"prompt", "fox"}},
        json{{"alpha", true}}, json{{"unread", true}}, json{{"folder", "/lib"}}})
    BOOST_TEST(!is_quick(must(parse_filter(slow))), slow);
}
