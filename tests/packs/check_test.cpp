// SPDX-License-Identifier: MIT
#include "packs/check.hpp"

#include "media/pdq.hpp"
#include "packs/some_pack.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <set>
#include <string>
#include <vector>

using namespace podstudio;
using namespace podstudio::packs;
using some_pack::ada;
using some_pack::foxes;

namespace {

using ids = std::vector<asset_id>;

profile profile_of(const char* id) {
  auto found = find_profile(id);
  BOOST_REQUIRE(found);
  return *found;
}

struct checked_pack {
  snapshot pack = foxes();
  seller by = ada();
  profile of;
  blocked_names blocked;

  std::vector<finding> findings() const { return check(pack, by, of, blocked); }
  /// The only findings, each as `rule severity`.
  void expect(const std::vector<std::string>& expected) const {
    std::vector<std::string> found;
    for (const auto& each : findings()) {
      found.push_back(std::string(each.rule) + " " + std::string(word(each.how)));
      BOOST_TEST(!each.message.empty());
      BOOST_TEST((std::ranges::find(check_rules, each.rule) != std::end(check_rules)), each.rule);
    }
    BOOST_TEST(found == expected, boost::test_tools::per_element());
  }
  /// What the only finding says of which assets.
  void expect_one(const std::string& rule, const ids& assets, const std::string& named) const {
    auto found = findings();
    BOOST_REQUIRE_EQUAL(found.size(), 1u);
    BOOST_TEST(found[0].rule == rule);
    BOOST_TEST(found[0].assets == assets, boost::test_tools::per_element());
    BOOST_TEST(found[0].message.find(named) != std::string::npos, found[0].message);
  }
};

/// A perceptual hash; of two, the bits that differ in the numbers differ.
std::string hash_of(std::uint64_t number) {
  media::pdq_hash hash;
  hash.words = {number, 0x0f0f0f0f0f0f0f0f, 0x00ff00ff00ff00ff, 0x123456789abcdef0};
  auto bytes = media::to_bytes(hash);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(checks, checked_pack)

BOOST_AUTO_TEST_CASE(a_good_pack_passes_in_each_marketplace) {
  for (const auto& each : known_profiles()->profiles) {
    of = each;
    BOOST_TEST_INFO_SCOPE(each.id);
    expect({});
  }
}

BOOST_AUTO_TEST_CASE(an_empty_pack_is_refused) {
  pack.members.clear();
  expect_one("empty", {}, "podstudio pack add 3 ASSET");
}

BOOST_AUTO_TEST_CASE(files_must_be_there_whole_and_read) {
  pack.members[1].missing = true;
  expect_one("missing", {2}, "1 file is missing; ");
  pack.members[0].missing = true;
  expect_one("missing", {1, 2}, "2 files are missing; ");
  pack = foxes();
  pack.members[1].problem = "the PNG ends\nwithin \x1b[31ma chunk";
  expect_one("broken", {2}, "'picture 2.png': the PNG ends within [31ma chunk");
  pack = foxes();
  pack.members[0].mime = {};
  expect_one("unread", {1}, "1 file has not been read");
  expect({"unread warning"});
}

BOOST_AUTO_TEST_CASE(what_is_not_approved_is_refused) {
  pack.members[0].approved = false;
  expect_one("unapproved", {1}, "podstudio asset approve");
  pack.members[0].rejected = true;
  expect_one("rejected", {1}, "1 asset is rejected; approve it");
  expect({"rejected error"});
}

BOOST_AUTO_TEST_CASE(pictures_must_be_large_enough_for_a_print) {
  of = profile_of("tshirt_print");
  auto size = [&](std::int64_t width, std::int64_t height) {
    pack.members[0].width = width;
    pack.members[0].height = height;
  };
  size(4'500, 100);  // as wide as the print
  expect({});
  size(4'499, 5'399);
  expect({"too_small warning"});
  expect_one("too_small", {1}, "'picture 1.png', has 4499 x 5399, which gives 299 DPI");
  size(2'250, 2'700);
  expect({"too_small warning"});
  size(2'249, 2'699);
  expect({"too_small error"});
  expect_one("too_small", {1}, "a print of 15 x 18 in needs at 150 DPI");
  of = profile_of("poster_24x36");
  size(10'800, 7'200);  // turned
  expect({});
  size(10'800, 7'199);
  expect({"too_small warning"});
  size(7'200, 10'799);
  expect({"too_small warning"});
  pack.members[0] = some_pack::sound(1);
  expect({});
}

BOOST_AUTO_TEST_CASE(a_cut_out_needs_transparency_that_is_used) {
  of = profile_of("tshirt_print");
  pack.members[0].alpha_used = false;
  expect_one("no_cut_out", {1}, "1 image has no transparent pixels");
  pack.members[0].alpha_present = false;
  expect({"no_cut_out warning"});
  pack.members[0].alpha_present = {};
  expect({});
  pack.members[0].alpha_present = false;
  of = profile_of("etsy");
  expect({});
}

BOOST_AUTO_TEST_CASE(formats_and_sizes_of_files_are_those_of_the_profile) {
  of = profile_of("tshirt_print");
  pack.members[0].mime = "image/jpeg";
  expect({"format error"});
  expect_one("format", {1}, "(image/png)");
  pack = foxes();
  of = profile_of("poster_24x36");
  pack.members[0].size_bytes = 200'000'000;
  expect({});
  ++pack.members[0].size_bytes;
  expect_one("asset_size", {1}, "200.0 MB");
}

BOOST_AUTO_TEST_CASE(copies_are_found_once) {
  pack.members.push_back(some_pack::picture(3));
  pack.members[2].sha256 = pack.members[0].sha256;
  for (auto& each : pack.members)
    each.pdq = hash_of(0);
  pack.members[1].pdq = hash_of(~std::uint64_t{0});  // 64 bits away
  expect_one("same_content", {1, 3}, "2 assets have identical content");
  pack.members[1].pdq = hash_of(0x7fff'ffff);  // 31 bits away
  expect({"same_content error", "near_duplicates warning"});
  BOOST_TEST(findings()[1].assets == (ids{1, 2}), boost::test_tools::per_element());
  pack.members[1].pdq = hash_of(0xffff'ffff);  // 32 bits away
  expect({"same_content error"});
  pack.members[1].pdq = "short";
  expect({"same_content error"});
}

BOOST_AUTO_TEST_CASE(many_groups_and_many_assets_are_bounded) {
  pack.members.clear();
  for (asset_id id = 1; id <= 240; ++id) {
    pack.members.push_back(some_pack::picture(id));
    pack.members.back().sha256 = std::to_string((id - 1) / 2);
    pack.members.back().missing = true;
  }
  auto found = findings();
  BOOST_TEST(found.size() == findings_of_a_rule_max + 2);
  BOOST_TEST(found[0].assets.size() == finding_assets_max);
  BOOST_TEST(found[0].message.starts_with("240 files are missing"));
  BOOST_TEST(found[1].assets == (ids{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(found.back().message.starts_with("70 more groups"));
}

BOOST_AUTO_TEST_CASE(names_of_artists_are_found_in_texts_and_prompts) {
  blocked = blocked_names::of({"Alphonse Mucha"});
  pack.name = "Foxes after ALPHONSE MUCHA";
  expect_one("blocked_name", {}, "the pack's name contains 'Alphonse Mucha'");
  expect({"blocked_name warning"});
  of = profile_of("adobe_stock");
  expect({"blocked_name error"});
  pack.name = "Foxes";
  pack.members[0].tags = {"alphonse", "mucha"};  // two tags
  expect({"blocked_name error"});
  pack.members[0].tags = {"alphonse-mucha"};
  pack.members[1].prompt = "a fox, alphonse mucha";
  expect({"blocked_name error", "blocked_name warning"});
  BOOST_TEST(findings()[0].assets == (ids{1}), boost::test_tools::per_element());
  BOOST_TEST(findings()[1].message.starts_with("the prompt of 1 asset contains 'Alphonse"),
             findings()[1].message);
}

BOOST_AUTO_TEST_CASE(other_shops_are_not_named) {
  of = profile_of("design_cuts");
  pack.description = "Also on etsy";
  expect_one("forbidden_word", {}, "'Etsy', which Design Cuts does not allow");
  expect({"forbidden_word error"});
}

BOOST_AUTO_TEST_CASE(gaps_in_texts_are_found) {
  for (const char* text : {"{{title}}", "by [your name]", "Lorem Ipsum dolor"}) {
    pack.description = text;
    expect({"placeholder error"});
  }
  for (const char* text : {"TODO", "price: TBD."}) {
    pack.description = text;
    expect({"placeholder warning"});
  }
  for (const char* text : {"todo el bosque", "TODOS", "[yours]", "{ x }"}) {
    pack.description = text;
    expect({});
  }
}

BOOST_AUTO_TEST_CASE(texts_must_not_be_too_long) {
  of = profile_of("etsy");
  pack.name.clear();
  for (int i = 0; i < 140; ++i)
    pack.name += "\xc3\xa4";
  expect({});
  pack.name += "b";
  expect_one("text_length", {}, "the pack's name has 141 characters; Etsy takes 140");
  pack = foxes();
  pack.members[0].tags = {"exactly 20 characters"};  // 21
  expect_one("text_length", {1}, "more than 20 characters");
  expect({"text_length warning"});
  of.long_text_max = 5;
  pack = foxes();
  pack.description = "six ch";
  expect({"text_length error"});
}

BOOST_AUTO_TEST_CASE(a_pack_that_is_too_large_can_be_split_or_not) {
  of = profile_of("etsy");
  for (asset_id id = 3; id <= 60; ++id)
    pack.members.push_back(some_pack::picture(id));
  // 60 files of 1.5 MB: 13 in 20 MB.
  expect_one("size", {}, "makes 5 parts");
  expect({"size warning"});
  for (asset_id id = 61; id <= 70; ++id)
    pack.members.push_back(some_pack::picture(id));
  expect_one("size", {}, "6 archives");
  expect({"size error"});
  pack = foxes();
  pack.members[1].size_bytes = 20'000'000;
  expect_one("size", {}, "'picture 2.png' alone");
  of = profile_of("creative_market");
  expect({});
  pack.members[1].size_bytes = 4'000'000'000;
  expect({"size error"});
}

BOOST_AUTO_TEST_CASE(a_licence_needs_an_author) {
  by.author = " ";
  expect_one("no_author", {}, "podstudio pack setup --author");
}

BOOST_AUTO_TEST_CASE(errors_come_before_warnings) {
  by.author.clear();
  pack.members[0].mime = {};
  expect({"no_author error", "unread warning"});
}

BOOST_AUTO_TEST_CASE(hostile_assets_are_checked_without_harm) {
  auto& first = pack.members[0];
  first.width = INT64_MAX;
  first.height = INT64_MIN;
  first.dpi_x = -1e300;
  first.prompt = std::string(1u << 20, '\xff');
  first.path = "\x1b[31m\xff";
  first.tags = {std::string(1'000, 'x')};
  first.duration_sec = -1e300;
  first.size_bytes = UINT64_MAX;
  blocked = blocked_names::of({"x"});
  for (const auto& each : known_profiles()->profiles) {
    of = each;
    for (const auto& found : findings())
      BOOST_TEST(found.message.find('\x1b') == std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()
