// SPDX-License-Identifier: MIT
#include "packs/keywords.hpp"

#include "packs/some_pack.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace podstudio;
using namespace podstudio::packs;

namespace {

using words = std::vector<std::string>;

words keywords(const snapshot& pack, const profile& of = {}, const std::string& blocked = {}) {
  return keywords_of(pack, of, blocked_names::of({blocked}));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(keywords_of_a_pack)

BOOST_AUTO_TEST_CASE(the_theme_comes_first_then_tags_themes_and_prompts) {
  auto pack = some_pack::foxes();
  BOOST_TEST(keywords(pack).empty());
  pack.theme = "Autumn";
  pack.members[0].tags = {"fox", "tree"};
  pack.members[1].tags = {"Tree", "autumn"};
  pack.members[0].theme = "forest";
  pack.members[0].prompt = "a red fox, (misty morning:1.2), masterpiece, by Mucha, 8k";
  pack.members[1].prompt = "Misty Morning, oak\nhighly detailed, style of Ada";
  BOOST_TEST(keywords(pack) == (words{"Autumn", "tree", "fox", "forest", "misty morning"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(keywords_are_what_a_marketplace_takes) {
  auto pack = some_pack::foxes();
  pack.members[0].tags = {
      "a very long tag of many words", "fox", "mucha poster", "etsy find", "one, two", "z"};
  profile of;
  of.tags_max = 3;
  of.tag_max = 12;
  of.forbidden_words = {"Etsy"};
  BOOST_TEST(keywords(pack, of, "Mucha") == (words{"fox", "one two", "z"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(hostile_tags_and_prompts_give_clean_keywords) {
  auto pack = some_pack::foxes();
  pack.members.resize(1);
  pack.members[0].tags = {"\x1b[31mred\x07", "a\xe2\x80\xaegpj", "\xff\xfe", " "};
  pack.members[0].prompt = std::string(1u << 20, '(') + "," + std::string(1u << 20, 'x') + ",fox";
  auto found = keywords(pack);
  BOOST_TEST(found == (words{"[31mred", "agpj", "fox"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
