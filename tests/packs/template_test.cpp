// SPDX-License-Identifier: MIT
#include "packs/template.hpp"

#include "support/must.hpp"
#include "support/outcome.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace podstudio;
using namespace podstudio::packs;

namespace {

const template_values values{{"name", "Ada"},
                             {"nothing", ""},
                             {"yes", true},
                             {"no", false},
                             {"files", item_list{{"path", "size"}, {{"a", "1"}, {"b", ""}}}},
                             {"none", item_list{{"other"}, {}}}};

std::string filled(const std::string& text) { return must(fill_template(text, "T", values)); }

std::string refusal(const std::string& text, error_code code = error_code::invalid_argument) {
  auto made = fill_template(text, "README.md", values);
  REQUIRE_FAILS(made, code);
  return made.failure().message;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(templates)

BOOST_AUTO_TEST_CASE(names_sections_and_lists_are_filled) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"no tag, { or }}", "no tag, { or }}"},
      {"a {{name}} b {{ name }}{{nothing}}.", "a Ada b Ada."},
      {"{{#name}}yes{{/name}}{{#nothing}}no{{/nothing}}", "yes"},
      {"{{^name}}no{{/name}}{{^nothing}}yes{{/nothing}}", "yes"},
      {"{{#yes}}a{{#no}}b{{/no}}{{^no}}c{{/no}}{{/yes}}", "ac"},
      {"{{#files}}{{path}}{{#size}}={{size}}{{/size}} of {{name}};{{/files}}",
       "a=1 of Ada;b of Ada;"},
      {"{{^files}}x{{/files}}{{^none}}y{{/none}}{{#none}}{{other}}{{/none}}", "y"},
      {"a{{! {{ not a name }}b", "ab"},
  };
  for (const auto& [text, expected] : cases)
    BOOST_TEST(filled(text) == expected, text);
}

BOOST_AUTO_TEST_CASE(a_line_of_a_section_s_tag_alone_is_left_out) {
  BOOST_TEST(filled("a\n{{#yes}}\nb\n{{/yes}}\nc\n") == "a\nb\nc\n");
  BOOST_TEST(filled("a\n  {{#no}}  \nb\n\t{{/no}}\nc") == "a\nc");
  BOOST_TEST(filled("{{! at the beginning }}\na") == "a");
  BOOST_TEST(filled("{{! over\nlines }}\r\na") == "a");
  BOOST_TEST(filled("{{#files}}\n- {{path}}\n{{/files}}\n") == "- a\n- b\n");
  BOOST_TEST(filled("a {{#yes}}\nb{{/yes}}\n") == "a \nb\n");
  BOOST_TEST(filled("{{#yes}}{{/yes}}\na") == "\na");
  BOOST_TEST(filled("a\n{{#yes}}\n{{/yes}}") == "a\n");
  // A variable never takes its line with it.
  BOOST_TEST(filled("a\n{{nothing}}\nb") == "a\n\nb");
}

BOOST_AUTO_TEST_CASE(what_is_put_in_is_not_looked_at_again) {
  template_values of{{"name", "{{name}} {{#x}}"}};
  BOOST_TEST(must(fill_template("<{{name}}>", "T", of)) == "<{{name}} {{#x}}>");
}

BOOST_AUTO_TEST_CASE(an_unknown_name_is_told_with_its_line_and_those_that_are_known) {
  for (const char* text : {"a\nb {{caption}}", "\n{{#caption}}{{/caption}}",
                           "\n{{#no}}{{caption}}{{/no}}", "\n{{#none}}{{caption}}{{/none}}"}) {
    auto message = refusal(text);
    BOOST_TEST(message.starts_with("README.md, line 2: there is no variable 'caption'"), message);
    BOOST_TEST(message.find("name, no, none, nothing") != std::string::npos, message);
  }
  // Those of a list are known within it only.
  BOOST_TEST(refusal("{{#files}}{{x}}{{/files}}").find("path, size") != std::string::npos);
  BOOST_TEST(refusal("{{path}}").find("'path'") != std::string::npos);
  BOOST_TEST(refusal("{{#none}}{{path}}{{/none}}").find("'path'") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(bad_syntax_is_told_with_its_line) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"a\n{{name", "line 2: a tag is not closed"},
      {"{{#yes}}\n", "line 1: the section 'yes' is not closed; add {{/yes}}"},
      {"\n{{/yes}}", "line 2: {{/yes}} closes no section"},
      {"{{#yes}}{{#no}}{{/yes}}{{/no}}",
       "{{/yes}} closes no section; the one that is open is 'no'"},
      {"{{}}", "is not a tag"},
      {"{{> LICENSE}}", "is not a tag"},
      {"{{{name}}}", "is not a tag"},
      {"{{a.b}}", "is not a tag"},
      {"{{\x1b[31m}}", "is not a tag"},
      {"{{files}}", "'files' is not a text"},
      {"{{yes}}", "'yes' is not a text"},
      {"\xff", "not valid UTF-8"},
  };
  for (const auto& [text, named] : cases) {
    auto message = refusal(text);
    BOOST_TEST(message.find(named) != std::string::npos, message);
    BOOST_TEST(message.find('\x1b') == std::string::npos);
  }
  std::string deep;
  for (std::size_t i = 0; i <= template_depth_max; ++i)
    deep += "{{#yes}}";
  BOOST_TEST(refusal(deep).find("nested") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(templates_and_texts_are_bounded) {
  refusal(std::string(template_bytes_max + 1, 'x'), error_code::refused);
  BOOST_TEST(filled(std::string(template_bytes_max, 'x')).size() == template_bytes_max);
  template_values of{{"long", std::string(text_bytes_max / 2, 'x')}};
  BOOST_TEST(must(fill_template("{{long}}{{long}}", "T", of)).size() == text_bytes_max);
  REQUIRE_FAILS(fill_template("{{long}}{{long}}.", "T", of), error_code::refused);
  // Lists within lists that put nothing out.
  template_values many{{"l", item_list{{"x"}, std::vector(200, std::vector<std::string>{""})}}};
  std::string nested;
  for (int i = 0; i < 10; ++i)
    nested = "{{#l}}" + nested + "{{/l}}";
  auto endless = fill_template(nested, "T", many);
  REQUIRE_FAILS(endless, error_code::invalid_argument);
  BOOST_TEST(endless.failure().message.find("repeats too much") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
