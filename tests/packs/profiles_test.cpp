// SPDX-License-Identifier: MIT
#include "packs/profiles.hpp"

#include "support/must.hpp"
#include "support/outcome.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace podstudio;
using namespace podstudio::packs;

BOOST_AUTO_TEST_SUITE(marketplaces)

BOOST_AUTO_TEST_CASE(the_profiles_of_the_program_are_good) {
  REQUIRE_OK(known_profiles());
  const auto& known = *known_profiles();
  BOOST_TEST(known.date.size() == 10u);
  std::vector<std::string> ids;
  for (const auto& each : known.profiles)
    ids.push_back(each.id);
  BOOST_TEST(ids
                 == (std::vector<std::string>{"generic", "etsy", "creative_market", "design_cuts",
                                              "picsfordesign", "gumroad", "itch_io", "adobe_stock",
                                              "tshirt_print", "poster_24x36"}),
             boost::test_tools::per_element());
  BOOST_TEST(to_json(known.profiles[0], "2026-01-02").dump()
             == R"({"date":"2026-01-02","id":"generic","name":"Any shop"})");
}

BOOST_AUTO_TEST_CASE(a_profile_is_found_by_its_id) {
  auto etsy = must(find_profile("etsy"));
  BOOST_TEST((etsy.max_file_bytes == 20'000'000u && etsy.max_files == 5u));
  BOOST_TEST((etsy.title_max == 140u && etsy.tags_max == 13u && etsy.tag_max == 20u));
  BOOST_TEST(!etsy.disclosure.empty());
  auto json = to_json(etsy, "2026-11-30");
  BOOST_TEST(json["max_files"] == 5);
  BOOST_TEST(!json.contains("names_refused"));
  auto none = find_profile("ebay");
  REQUIRE_FAILS(none, error_code::not_found);
  BOOST_TEST(none.failure().message.find("'ebay'; use generic, etsy") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_bad_file_of_profiles_is_told_of) {
  auto with = [](const std::string& figures) {
    return R"({"date":"2026-01-01","profiles":[{"id":"generic","name":"Any"},)"
           R"({"id":"x","name":"X")"
           + figures + "}]}";
  };
  REQUIRE_OK(parse_profiles(with("")));
  REQUIRE_OK(parse_profiles(with(R"(,"max_files":{"is":1,"found":"here"})")));
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "not a JSON object"},
      {"[]", "not a JSON object"},
      {R"({"profiles":[]})", "no date"},
      {R"({"date":"2026-01-01","profiles":[]})", "'generic'"},
      {R"({"date":"2026-01-01","profiles":[{"id":"x","name":"X"}]})", "'generic'"},
      {R"({"date":"2026-01-01","profiles":[{"id":"generic"}]})", "no name"},
      {R"({"date":"2026-01-01","profiles":[5]})", "no name"},
      {with(R"(},{"id":"x","name":"X")"), "'x' is there twice"},
      {with(R"(,"max_files":5)"), "'max_files'"},
      {with(R"(,"max_files":{"is":5})"), "'max_files'"},
      {with(R"(,"max_files":{"is":5,"found":""})"), "'max_files'"},
      {with(R"(,"max_files":{"is":0,"found":"here"})"), "'max_files'"},
      {with(R"(,"max_files":{"is":-5,"found":"here"})"), "'max_files'"},
      {with(R"(,"formats":{"is":["a",1],"found":"here"})"), "'formats'"},
      {with(R"(,"cut_out":{"is":"yes","found":"here"})"), "'cut_out'"},
      {with(R"(,"max_size":{"is":5,"found":"here"})"), "'max_size' is unknown"},
      {with(R"(,"dpi":{"is":300,"found":"here"})"), "print_width_in"},
      {with(R"(,"preview_width":{"is":300,"found":"here"})"), "preview_height"},
      {with(R"(,"dpi_min":{"is":300,"found":"here"})"), "dpi_min"},
  };
  for (const auto& [text, named] : cases) {
    auto read = parse_profiles(text);
    BOOST_TEST_INFO_SCOPE(text);
    REQUIRE_FAILS(read, error_code::invalid_argument);
    BOOST_TEST(read.failure().message.find(named) != std::string::npos, read.failure().message);
  }
}

BOOST_AUTO_TEST_SUITE_END()
