// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE arguments
#include "api/arguments.hpp"
#include "api/parts.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>

using namespace podstudio;
using namespace podstudio::api;

namespace {

bool is_refused(const auto& read) {
  return !read && read.failure().code == error_code::invalid_argument;
}

/// What was wrong; empty where nothing was.
std::string wrong_with(const auto& read) { return read ? std::string() : read.failure().message; }

struct everything {
  std::int64_t pack = 0;
  std::uint64_t limit = 100;
  std::optional<std::optional<std::string>> theme;
  std::optional<license_type> license;
  bool force = false;

  static void declare(auto& add) {
    add("pack", &everything::pack, row_id{});
    add.optional("limit", &everything::limit, whole_number{1, 1000});
    add.if_present("theme", &everything::theme, text_or_null{});
    add.if_present("license", &everything::license, word_of<license_type>{});
    add.if_present("force", &everything::force, flag{});
  }
};

struct one_of_two {
  std::optional<std::string> one, other;

  static void declare(auto& add) {
    add.if_present("one", &one_of_two::one, text{});
    add.if_present("other", &one_of_two::other, text{});
    add.one_of("one", "other");
  }
};

struct any_of_two {
  std::optional<std::string> one;
  std::optional<std::optional<std::string>> other;

  static void declare(auto& add) {
    add.if_present("one", &any_of_two::one, text{});
    add.if_present("other", &any_of_two::other, text_or_null{});
    add.any_of({"one", "other"});
  }
};

struct nothing {
  static void declare(auto&) {}
};

}  // namespace

BOOST_AUTO_TEST_CASE(an_id_is_above_zero_and_fits) {
  for (std::int64_t id : {std::int64_t{1}, INT64_MAX}) {
    BOOST_TEST(*row_id{}.read("pack", id) == id);
    BOOST_TEST((*asset_id_or_path{}.read("asset", id) == asset_key(id)));
    BOOST_TEST((*asset_id_list{}.read("ids", {id, 1}) == std::vector<asset_id>{id, 1}));
  }
  for (const char* text : {"0", "-1", "9223372036854775808", "18446744073709551615", "1e300",
                           "true", "[1]", "1.0", "null"}) {
    auto wrong = json::parse(text);
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST(is_refused(row_id{}.read("pack", wrong)));
      BOOST_TEST(is_refused(asset_id_or_path{}.read("asset", wrong)));
      BOOST_TEST(is_refused(asset_id_list{}.read("ids", json::array({1, wrong}))));
    }
  }
  BOOST_TEST(is_refused(row_id{}.read("pack", "1")));
  BOOST_TEST(is_refused(asset_id_list{}.read("ids", json::array())));
  BOOST_TEST((*asset_id_or_path{}.read("asset", "/a.png") == asset_key("/a.png")));
}

BOOST_AUTO_TEST_CASE(a_number_is_whole_and_within_its_bounds) {
  const whole_number rule{1, 1000};
  for (std::uint64_t good : {1u, 1000u})
    BOOST_TEST(*rule.read("limit", good) == good);
  for (const char* text : {"0", "1001", "-1", "1.0", "18446744073709551616", "\"1\"", "null"})
    BOOST_TEST(is_refused(rule.read("limit", json::parse(text))), text);
  BOOST_TEST(*(whole_number{0, UINT64_MAX}.read("after", UINT64_MAX)) == UINT64_MAX);
  const signed_number priority{-5, 5};
  BOOST_TEST(*priority.read("priority", -5) == -5);
  for (const char* text : {"-6", "6", "1.5", "1e300", "18446744073709551615", "null"})
    BOOST_TEST(is_refused(priority.read("priority", json::parse(text))), text);
}

BOOST_AUTO_TEST_CASE(a_text_is_not_empty_and_a_path_is_absolute) {
  BOOST_TEST(*text{}.read("tag", "a") == "a");
  BOOST_TEST(is_refused(text{}.read("tag", "")));
  BOOST_TEST(is_refused(text{}.read("tag", 1)));
  BOOST_TEST(*absolute_path{}.read("path", "/a") == "/a");
  BOOST_TEST(is_refused(absolute_path{}.read("path", "a")));
  BOOST_TEST(is_refused(absolute_paths{}.read("paths", json::array())));
  BOOST_TEST(wrong_with(absolute_paths{}.read("paths", {"/a", "b"}))
             == R"(the argument 'paths' holds '"b"', which is not an absolute path)");
}

BOOST_AUTO_TEST_CASE(a_word_is_one_of_those_that_there_are) {
  BOOST_TEST((*word_of<license_type>{}.read("license", "personal") == license_type::personal));
  auto wrong = word_of<license_type>{}.read("license", "free");
  BOOST_TEST(is_refused(wrong));
  BOOST_TEST(wrong.failure().message.find("royalty_free, attribution") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_argument_that_is_left_out_has_its_default) {
  auto least = read_arguments<everything>({{"pack", 1}});
  BOOST_REQUIRE(least);
  BOOST_TEST(least->limit == 100u);
  BOOST_TEST(!least->theme.has_value());
  BOOST_TEST(!least->force);
  BOOST_TEST(!least->license.has_value());
  auto null = read_arguments<everything>({{"pack", 1}, {"limit", nullptr}});
  BOOST_REQUIRE(null);
  BOOST_TEST(null->limit == 100u);
  // What changes something is not left out by a null.
  for (const char* key : {"pack", "license", "force"}) {
    json given{{"pack", 1}};
    given[key] = nullptr;
    BOOST_TEST(is_refused(read_arguments<everything>(given)), key);
  }
}

BOOST_AUTO_TEST_CASE(a_label_is_cleared_by_null) {
  auto cleared = read_arguments<everything>({{"pack", 1}, {"theme", nullptr}});
  BOOST_REQUIRE(cleared);
  BOOST_REQUIRE(cleared->theme.has_value());
  BOOST_TEST(!cleared->theme->has_value());
  auto set = read_arguments<everything>({{"pack", 1}, {"theme", "sea"}, {"license", "personal"}});
  BOOST_REQUIRE(set);
  BOOST_TEST((**set->theme == "sea"));
  BOOST_TEST((*set->license == license_type::personal));
}

BOOST_AUTO_TEST_CASE(unknown_arguments_are_refused_by_name) {
  BOOST_TEST(wrong_with(read_arguments<everything>({{"pack", 1}, {"limits", 5}}))
             == "the argument 'limits' is unknown; use: pack, limit, theme, license, force");
  BOOST_TEST(wrong_with(read_arguments<nothing>({{"a\nb", 1}}))
             == "the argument 'a\\x0ab' is unknown; this operation takes no arguments");
  BOOST_TEST(is_refused(read_arguments<everything>(json::object())));
  // However long it is, the message is short.
  auto longest = wrong_with(read_arguments<nothing>({{std::string(100'000, 'x'), 1}}));
  BOOST_TEST(longest.size() < 200u);
}

BOOST_AUTO_TEST_CASE(one_of_two_is_one_and_any_of_two_at_least_one) {
  BOOST_TEST(wrong_with(read_arguments<one_of_two>(json::object()))
             == "the argument 'one' or 'other' is needed, but not both");
  BOOST_TEST(is_refused(read_arguments<one_of_two>({{"one", "a"}, {"other", "b"}})));
  BOOST_TEST(is_refused(read_arguments<one_of_two>({{"one", "a"}, {"other", nullptr}})));
  BOOST_TEST(*read_arguments<one_of_two>({{"one", "a"}})->one == "a");
  BOOST_TEST(wrong_with(read_arguments<any_of_two>(json::object()))
             == "nothing to set; give one of one, other");
  BOOST_TEST(bool(read_arguments<any_of_two>({{"other", nullptr}})));
}

BOOST_AUTO_TEST_CASE(the_schema_says_what_the_reader_takes) {
  auto schema = describe_arguments<everything>();
  BOOST_TEST(schema["required"] == json::array({"pack"}));
  BOOST_TEST(schema["additionalProperties"] == false);
  BOOST_TEST(schema["properties"].size() == 5u);
  BOOST_TEST(schema["properties"]["limit"]
             == json::parse(R"({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 1000},
                                          {"type": "null"}], "default": 100})"));
  BOOST_TEST(schema["properties"]["force"]
             == json::parse(R"({"type": "boolean", "default": false})"));
  auto required = json::parse(R"([{"required": ["one"]}, {"required": ["other"]}])");
  BOOST_TEST(describe_arguments<one_of_two>()["oneOf"] == required);
  BOOST_TEST(describe_arguments<any_of_two>()["anyOf"] == required);
}

BOOST_AUTO_TEST_CASE(a_filter_of_all_that_match_has_no_pages) {
  BOOST_TEST(bool(whole_filter{}.read("filter", {{"type", "image"}})));
  BOOST_TEST(is_refused(whole_filter{}.read("filter", {{"limit", 1}})));
  BOOST_TEST(is_refused(whole_filter{}.read("filter", json::array())));
  auto schema = whole_filter{}.schema();
  BOOST_TEST(!schema["properties"].contains("limit"));
  BOOST_TEST(schema["properties"].contains("rating"));
}

BOOST_AUTO_TEST_CASE(what_is_meant_leaves_out_defaults) {
  auto meant = [](const json& given) {
    auto found = json::object();
    auto read = read_arguments<everything>(given, &found);
    BOOST_REQUIRE_MESSAGE(bool(read), given << ": " << wrong_with(read));
    return found;
  };
  BOOST_TEST(meant({{"pack", 1}, {"limit", 100u}, {"force", false}}) == json({{"pack", 1}}));
  BOOST_TEST(meant({{"pack", 1}, {"limit", nullptr}}) == json({{"pack", 1}}));
  const json all{
      {"pack", 1}, {"limit", 99u}, {"theme", nullptr}, {"license", "personal"}, {"force", true}};
  BOOST_TEST(meant(all) == all);
}

BOOST_AUTO_TEST_CASE(the_digest_of_a_request_is_as_the_log_has_it) {
  // As in `printf 'asset.tag\0{"ids":[1,2],"tag":"f\xc3\xbcchse \\"x\\""}' | sha256sum`.
  request asked{{}, "asset.tag", {{"tag", "f\303\274chse \"x\""}, {"ids", {1, 2}}}, {}};
  BOOST_TEST(to_hex(digest_of(asked))
             == "b3f9fe31c931a3497677150043624cdd7ca9e698b6a6edde363399849e9983ef");
}
