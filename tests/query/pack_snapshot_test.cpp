// SPDX-License-Identifier: MIT
#include "query/pack_snapshot.hpp"

#include "support/extracted.hpp"
#include "support/outcome.hpp"
#include "support/tables.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace podstudio;

namespace {

media::extracted picture_of(std::uint32_t width, std::uint32_t height) {
  media::extracted read;
  read.facts.mime = "image/png";
  read.facts.width = width;
  read.facts.height = height;
  read.facts.decoded = true;
  return read;
}

/// Four assets, three of which are in pack 1: 3, 1, 2.
struct pack_fixture : tables_fixture {
  pack_fixture() {
    fold({registered(1, "/lib/1.png", 1), registered(2, "/lib/2.png", 2),
          registered(3, "/lib/3.wav", 3, asset_type::audio), registered(4, "/lib/4.png", 4),
          pack_created{1, {"Foxes", license_type::attribution, "forest", "Two\nlines"}},
          pack_created{2, {"Empty", license_type::personal, {}, {}}}, pack_asset_added{1, 1, 20},
          pack_asset_added{1, 3, 10}, pack_asset_added{1, 2, 20}});
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pack_snapshot, pack_fixture)

BOOST_AUTO_TEST_CASE(a_pack_is_read_with_its_assets_in_order) {
  fold({asset_tagged{1, "b"}, asset_tagged{1, "a"}, asset_tagged{1, "\xc3\xa4"},
        asset_tagged{4, "none"}, asset_approved{1}, asset_rejected{2}, asset_missing{3},
        asset_theme_set{1, {}, "night"}, asset_source_set{1, {}, "Studio"},
        asset_provenance_set{1, provenance::unknown, provenance::ai_generated}});
  auto pack = must(read_snapshot(db, 1));
  BOOST_TEST(pack.pack == 1);
  BOOST_TEST(pack.name == "Foxes");
  BOOST_TEST((pack.theme == "forest" && pack.description == "Two\nlines"));
  BOOST_TEST(pack.license == "attribution");
  BOOST_TEST(pack.created_at_us == command_maker::first_at_us);
  BOOST_REQUIRE(pack.members.size() == 3u);
  // Of equal positions the lower id is first.
  const auto &sound = pack.members[0], &first = pack.members[1], &second = pack.members[2];
  BOOST_TEST((sound.asset == 3 && first.asset == 1 && second.asset == 2));
  BOOST_TEST((sound.type == "audio" && sound.missing && !first.missing));
  BOOST_TEST((first.approved && !first.rejected && !second.approved && second.rejected));
  BOOST_TEST(first.tags == (std::vector<std::string>{"a", "b", "\xc3\xa4"}),
             boost::test_tools::per_element());
  BOOST_TEST(second.tags.empty());
  BOOST_TEST((first.theme == "night" && first.source == "Studio"));
  BOOST_TEST(first.provenance == "ai_generated");
  BOOST_TEST((first.path == "/lib/1.png" && first.size_bytes == 1'000u));
  BOOST_TEST(first.sha256 == to_hex(content_of(1).sha256));
  BOOST_TEST((!first.width && !first.mime && !first.pdq && !first.problem && !first.prompt));
}

BOOST_AUTO_TEST_CASE(what_files_say_is_read_too) {
  auto read = picture_of(4'500, 5'400);
  read.facts.alpha_present = true;
  read.facts.alpha_used = false;
  read.facts.dpi_x = 300;
  read.facts.dpi_y = 299.5;
  read.hash.emplace().words = {1, 2, 3, 4};
  read.hash_quality = 90;
  read.generation.tool = "comfyui";
  read.generation.passes.emplace_back().prompts = {"a fox"};
  read.generation.passes.back().model = "sdxl";
  media::add_problem(read.facts, media::problem_kind::cut, "ends in the middle");
  media::add_problem(read.facts, media::problem_kind::undecodable, "no picture");
  auto poor = picture_of(10, 20);
  poor.hash.emplace().words = {1, 2, 3, 4};
  poor.hash_quality = 49;
  fold({read_as(1, read), read_as(2, poor, 2)});
  auto pack = must(read_snapshot(db, 1));
  const auto& first = pack.members[1];
  BOOST_TEST((first.width == 4'500 && first.height == 5'400));
  BOOST_TEST((first.mime == "image/png" && first.alpha_present == true));
  BOOST_TEST((first.alpha_used == false && first.dpi_x == 300.0 && first.dpi_y == 299.5));
  auto hash = media::to_bytes(*read.hash);
  BOOST_TEST((first.pdq == std::string(hash.begin(), hash.end())));
  BOOST_TEST((first.tool == "comfyui" && first.model == "sdxl" && first.prompt == "a fox"));
  BOOST_TEST((first.problem == "ends in the middle"));
  BOOST_TEST((pack.members[2].width == 10 && !pack.members[2].pdq));
}

BOOST_AUTO_TEST_CASE(a_snapshot_says_what_the_tables_held) {
  auto before = must(read_snapshot(db, 2));
  BOOST_TEST(before.members.empty());
  BOOST_TEST(before.sequence == 9u);
  std::string first_hash;
  for (int i = 0; i < 32; ++i)
    first_hash += "01";
  BOOST_TEST(before.head_hash == first_hash);
  fold({asset_approved{4}});
  auto after = must(read_snapshot(db, 2));
  BOOST_TEST(after.sequence == 10u);
  BOOST_TEST(after.head_hash != before.head_hash);
}

BOOST_AUTO_TEST_CASE(a_seller_is_who_they_said) {
  auto said = must(read_seller(db));
  BOOST_TEST(
      (said.author.empty() && said.year.empty() && said.shop.empty() && said.contact.empty()));
  fold({seller_described{{}, {"Ada", "2026", {}, "ada@example.org"}}});
  said = must(read_seller(db));
  BOOST_TEST((said.author == "Ada" && said.year == "2026" && said.contact == "ada@example.org"));
  BOOST_TEST(said.shop.empty());
  fold({seller_described{{"Ada", "2026", {}, "ada@example.org"}, {}}});
  BOOST_TEST(must(read_seller(db)).author.empty());
}

BOOST_AUTO_TEST_CASE(a_pack_that_is_not_there_is_named) {
  auto none = read_snapshot(db, 77);
  REQUIRE_FAILS(none, error_code::not_found);
  BOOST_TEST(none.failure().message.find("pack 77") != std::string::npos);
  BOOST_TEST(none.failure().message.find("pack list") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(long_prompts_are_cut_between_characters) {
  auto read = picture_of(10, 10);
  std::string prompt(snapshot_prompt_bytes_max - 1, 'x');
  read.generation.passes.emplace_back().prompts = {prompt + "\xc3\xa4 and more"};
  fold({read_as(1, read)});
  BOOST_TEST(must(read_snapshot(db, 1)).members[1].prompt.value() == prompt);
}

BOOST_AUTO_TEST_CASE(more_assets_than_a_snapshot_holds_are_refused) {
  std::vector<event> events;
  auto last = static_cast<asset_id>(snapshot_members_max) + 10;
  for (asset_id id = 10; id < last; ++id) {
    events.emplace_back(registered(id, "/lib/" + std::to_string(id) + ".png", 7));
    events.emplace_back(pack_asset_added{2, id, id});
  }
  fold(std::move(events));
  BOOST_TEST(must(read_snapshot(db, 2)).members.size() == snapshot_members_max);
  fold({pack_asset_added{2, 4, last}});
  auto full = read_snapshot(db, 2);
  REQUIRE_FAILS(full, error_code::refused);
  BOOST_TEST(full.failure().message.find("pack 2") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
