// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE packs
#include "model/curation.hpp"
#include "model/packs.hpp"

#include "support/committed.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace podstudio;

namespace {

struct library {
  catalog_model model;

  library() {
    for (asset_id id = 1; id <= 5; ++id)
      model.apply(registered(id, "/lib/" + std::to_string(id) + ".png"));
  }
  /// Decides and applies; the events.
  template <class Change>
  std::vector<event> must(const Change& change) {
    auto events = decide(model, change);
    BOOST_TEST_REQUIRE(static_cast<bool>(events));
    for (const auto& each : *events)
      model.apply(each);
    return *events;
  }
  void refused(const pack_change& change, error_code code, const std::string& named) const {
    auto events = decide(model, change);
    BOOST_TEST_REQUIRE(!events);
    BOOST_TEST((events.failure().code == code), events.failure().message);
    BOOST_TEST(events.failure().message.find(named) != std::string::npos,
               events.failure().message << " does not name " << named);
  }
  pack_id new_pack(const std::string& name = "pack") {
    must(pack_change{pack_creation{{name, license_type::personal, {}, {}}, true}});
    return model.last_pack();
  }
};

pack_edit edit_of(pack_id pack) {
  pack_edit edit;
  edit.pack = pack;
  return edit;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(assets_come_after_those_that_are_in_a_pack_in_the_order_given, library) {
  auto pack = new_pack();
  auto events = must(pack_change{pack_addition{pack, {3, 1}}});
  BOOST_TEST(
      (events == std::vector<event>{pack_asset_added{pack, 3, 1}, pack_asset_added{pack, 1, 2}}));
  events = must(pack_change{pack_addition{pack, {1, 2, 2, 3}}});
  BOOST_TEST((events == std::vector<event>{pack_asset_added{pack, 2, 3}}));
  must(pack_change{pack_removal{pack, {1}}});
  events = must(pack_change{pack_addition{pack, {1}}});
  BOOST_TEST((events == std::vector<event>{pack_asset_added{pack, 1, 4}}));
}

BOOST_FIXTURE_TEST_CASE(what_already_is_as_asked_is_no_event, library) {
  auto pack = new_pack("name");
  must(pack_change{pack_addition{pack, {1}}});
  BOOST_TEST(must(pack_change{pack_addition{pack, {1, 1}}}).empty());
  BOOST_TEST(must(pack_change{pack_removal{pack, {2}}}).empty());
  auto edit = edit_of(pack);
  edit.name = "name";
  edit.theme = std::optional<std::string>{};
  BOOST_TEST(must(pack_change{edit}).empty());
}

BOOST_FIXTURE_TEST_CASE(an_edit_changes_what_is_set_and_keeps_the_rest, library) {
  must(pack_change{pack_creation{{"a", license_type::commercial, "forest", "two\nlines"}}});
  auto edit = edit_of(1);
  edit.license = license_type::attribution;
  edit.theme = std::optional<std::string>{};
  auto events = must(pack_change{edit});
  pack_facts before{"a", license_type::commercial, "forest", "two\nlines"};
  pack_facts after{"a", license_type::attribution, {}, "two\nlines"};
  BOOST_TEST((events == std::vector<event>{pack_edited{1, before, after}}));
}

BOOST_FIXTURE_TEST_CASE(a_pack_is_emptied_before_it_is_deleted_and_its_id_is_not_used_again,
                        library) {
  auto pack = new_pack();
  must(pack_change{pack_addition{pack, {2, 1}}});
  auto events = must(pack_change{pack_deletion{pack}});
  BOOST_TEST_REQUIRE(events.size() == 3u);
  BOOST_TEST((events[0] == event{pack_asset_removed{pack, 1, 2}}));
  BOOST_TEST((events[1] == event{pack_asset_removed{pack, 2, 1}}));
  BOOST_TEST(std::get<pack_deleted>(events[2]).facts.name == "pack");
  BOOST_TEST(new_pack() == pack + 1);
}

BOOST_FIXTURE_TEST_CASE(a_refusal_names_the_thing, library) {
  using code = error_code;
  auto pack = new_pack();
  for (pack_id bad : {pack_id{0}, pack_id{-1}, pack_id{2}, pack_id{1} << 40}) {
    auto named = "pack " + std::to_string(bad);
    refused(edit_of(bad), code::not_found, named);
    refused(pack_addition{bad, {1}}, code::not_found, named);
    refused(pack_removal{bad, {1}}, code::not_found, named);
    refused(pack_deletion{bad}, code::not_found, named);
  }
  refused(pack_addition{pack, {1, 99}}, code::not_found, "asset 99");
  refused(pack_removal{pack, {99}}, code::not_found, "asset 99");
  for (const auto& bad :
       {std::string(), std::string("a\nb"), std::string("\x1b[0m"), std::string("\xff"),
        std::string("a\0b", 3), std::string(max_label_bytes + 1, 'x')}) {
    refused(pack_creation{{bad, license_type::personal, {}, {}}}, code::invalid_argument, "name");
    auto edit = edit_of(pack);
    edit.theme = bad;
    refused(edit, code::invalid_argument, "theme");
  }
  auto edit = edit_of(pack);
  edit.description = std::string(max_description_bytes + 1, 'x');
  refused(edit, code::invalid_argument, std::to_string(max_description_bytes));
}

BOOST_FIXTURE_TEST_CASE(two_packs_have_one_name_only_where_that_is_wanted, library) {
  auto first = new_pack("castles");
  auto named = "pack " + std::to_string(first);
  refused(pack_creation{{"castles", license_type::personal, {}, {}}}, error_code::refused, named);
  auto second = new_pack("towers");
  auto edit = edit_of(second);
  edit.name = "castles";
  refused(edit, error_code::refused, named);
  edit.force = true;
  must(pack_change{edit});
  // One that has the name keeps it, whatever else is changed.
  edit.force = false;
  edit.license = license_type::commercial;
  must(pack_change{edit});
  BOOST_TEST(new_pack("castles") == second + 1);
}

BOOST_FIXTURE_TEST_CASE(packs_and_members_are_bounded, library) {
  auto pack = new_pack();
  std::vector<asset_id> assets;
  for (asset_id id = 1; id <= static_cast<asset_id>(max_pack_assets) + 1; ++id) {
    if (id > 5) model.apply(registered(id, "/lib/" + std::to_string(id) + ".png"));
    assets.push_back(id);
  }
  refused(pack_addition{pack, assets}, error_code::refused, std::to_string(max_pack_assets));
  assets.pop_back();
  BOOST_TEST(must(pack_change{pack_addition{pack, assets}}).size() == max_pack_assets);
  refused(pack_addition{pack, {static_cast<asset_id>(max_pack_assets) + 1}}, error_code::refused,
          "another pack");
  while (model.packs() < max_packs)
    new_pack();
  refused(pack_creation{{"one more", license_type::personal, {}, {}}}, error_code::refused,
          std::to_string(max_packs));
}

BOOST_FIXTURE_TEST_CASE(a_tag_is_added_once_and_taken_away_once, library) {
  label_change add;
  add.assets = {1, 2};
  add.tag = "castle";
  auto events = must(add);
  BOOST_TEST((events == std::vector<event>{asset_tagged{1, "castle"}, asset_tagged{2, "castle"}}));
  BOOST_TEST(must(add).empty());
  BOOST_TEST(model.tagged(1, "castle"));
  BOOST_TEST(!model.tagged(3, "castle"));
  label_change take;
  take.assets = {1, 3};
  take.untag = "castle";
  events = must(take);
  BOOST_TEST((events == std::vector<event>{asset_untagged{1, "castle"}}));
  BOOST_TEST(!model.tagged(1, "castle"));
  add.tag = "two\nlines";
  BOOST_TEST(!decide(model, add));
}

BOOST_FIXTURE_TEST_CASE(the_tags_of_an_asset_are_bounded, library) {
  label_change add;
  add.assets = {1};
  for (std::size_t i = 0; i < max_asset_tags; ++i) {
    add.tag = "tag" + std::to_string(i);
    must(add);
  }
  add.tag = "one more";
  auto refused = decide(model, add);
  BOOST_TEST_REQUIRE(!refused);
  BOOST_TEST(refused.failure().message.find("asset 1") != std::string::npos);
}

namespace {

/// The assets of a pack, in its order.
std::vector<asset_id> order_of(const catalog_model& model, pack_id pack) {
  std::vector<std::pair<std::int64_t, asset_id>> members;
  for (const auto& [asset, position] : model.pack(pack)->members)
    members.emplace_back(position, asset);
  std::sort(members.begin(), members.end());
  std::vector<asset_id> order;
  for (const auto& [position, asset] : members)
    order.push_back(asset);
  return order;
}

using ids = std::vector<asset_id>;

}  // namespace

BOOST_FIXTURE_TEST_CASE(an_asset_moves_to_a_place_or_before_another, library) {
  auto pack = new_pack();
  must(pack_change{pack_addition{pack, {1, 2, 3, 4, 5}}});
  auto moved = [&](asset_id asset, asset_id before, std::size_t place) {
    must(pack_change{pack_move{pack, asset, before, place}});
    return order_of(model, pack);
  };
  BOOST_TEST(moved(4, 0, 1) == (ids{4, 1, 2, 3, 5}), boost::test_tools::per_element());
  BOOST_TEST(moved(4, 0, 5) == (ids{1, 2, 3, 5, 4}), boost::test_tools::per_element());
  BOOST_TEST(moved(4, 0, 99) == (ids{1, 2, 3, 5, 4}), boost::test_tools::per_element());
  BOOST_TEST(moved(1, 0, 3) == (ids{2, 3, 1, 5, 4}), boost::test_tools::per_element());
  BOOST_TEST(moved(4, 3, 0) == (ids{2, 4, 3, 1, 5}), boost::test_tools::per_element());
  BOOST_TEST(moved(2, 2, 0) == (ids{2, 4, 3, 1, 5}), boost::test_tools::per_element());
  BOOST_TEST(moved(5, 2, 0) == (ids{5, 2, 4, 3, 1}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_move_changes_as_few_positions_as_it_can, library) {
  auto pack = new_pack();
  must(pack_change{pack_addition{pack, {1, 2, 3, 4, 5}}});
  BOOST_TEST(must(pack_change{pack_move{pack, 2, 0, 2}}).empty());
  // To an end, the others stay.
  BOOST_TEST((must(pack_change{pack_move{pack, 3, 0, 1}})
              == std::vector<event>{pack_asset_removed{pack, 3, 3}, pack_asset_added{pack, 3, 0}}));
  // Into a gap as well: 3@0 1@1 2@2 4@4 5@5.
  BOOST_TEST((must(pack_change{pack_move{pack, 5, 4, 0}})
              == std::vector<event>{pack_asset_removed{pack, 5, 5}, pack_asset_added{pack, 5, 3}}));
  // Where there is none, those in between change places.
  BOOST_TEST(must(pack_change{pack_move{pack, 1, 5, 0}}).size() == 4u);
  BOOST_TEST(order_of(model, pack) == (ids{3, 2, 1, 5, 4}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_move_copes_with_any_positions, library) {
  auto pack = new_pack();
  for (auto [asset, position] : {std::pair{asset_id{1}, INT64_MAX}, {2, INT64_MAX}, {3, INT64_MIN}})
    model.apply(pack_asset_added{pack, asset, position});
  must(pack_change{pack_move{pack, 2, 0, 1}});
  BOOST_TEST(order_of(model, pack) == (ids{2, 3, 1}), boost::test_tools::per_element());
  must(pack_change{pack_move{pack, 2, 0, 3}});
  BOOST_TEST(order_of(model, pack) == (ids{3, 1, 2}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(only_members_can_be_moved, library) {
  auto pack = new_pack();
  must(pack_change{pack_addition{pack, {1, 2}}});
  refused(pack_move{pack, 3, 0, 1}, error_code::not_found, "asset 3 is not in pack");
  refused(pack_move{pack, 1, 3, 0}, error_code::not_found, "asset 3 is not in pack");
  refused(pack_move{77, 1, 0, 1}, error_code::not_found, "pack 77");
}

BOOST_FIXTURE_TEST_CASE(a_copy_has_the_texts_and_assets_of_the_pack, library) {
  must(pack_change{pack_creation{{"a", license_type::commercial, "forest", "two\nlines"}, false}});
  must(pack_change{pack_addition{1, {3, 1}}});
  auto events = must(pack_change{pack_copy{1, "b"}});
  BOOST_TEST((events
              == std::vector<event>{
                  pack_created{2, {"b", license_type::commercial, "forest", "two\nlines"}},
                  pack_asset_added{2, 1, 2}, pack_asset_added{2, 3, 1}}));
  refused(pack_copy{1, "b"}, error_code::refused, "pack 2 is already named");
  BOOST_TEST(must(pack_change{pack_copy{1, "b", true}}).size() == 3u);
  refused(pack_copy{77, "c"}, error_code::not_found, "pack 77");
  refused(pack_copy{1, ""}, error_code::invalid_argument, "name");
}

BOOST_FIXTURE_TEST_CASE(a_seller_says_who_they_are, library) {
  seller_change said;
  said.author = "Ada";
  said.year = "2024-2026";
  const seller_facts ada{"Ada", "2024-2026", {}, {}};
  BOOST_TEST((must(pack_change{said}) == std::vector<event>{seller_described{{}, ada}}));
  BOOST_TEST(must(pack_change{said}).empty());
  seller_change other;
  other.year = std::optional<std::string>{};
  other.contact = "ada@example.org";
  BOOST_TEST((must(pack_change{other})
              == std::vector<event>{seller_described{ada, {"Ada", {}, {}, "ada@example.org"}}}));
  model.revert(seller_described{ada, {"Ada", {}, {}, "ada@example.org"}});
  BOOST_TEST((model.seller() == ada));
}

BOOST_FIXTURE_TEST_CASE(what_a_seller_says_is_checked, library) {
  auto refuse = [&](seller_change::text seller_change::*which, const std::string& text,
                    const std::string& named) {
    seller_change said;
    said.*which = text;
    refused(said, error_code::invalid_argument, named);
  };
  refuse(&seller_change::author, "", "the author");
  refuse(&seller_change::author, "  ", "nothing but spaces");
  refuse(&seller_change::author, "a\nb", "control character");
  refuse(&seller_change::author, "a\xc2\x9b", "does not show");
  refuse(&seller_change::shop, "a\xe2\x80\xae", "does not show");
  refuse(&seller_change::contact, "\xff", "UTF-8");
  refuse(&seller_change::contact, std::string(max_seller_text_bytes + 1, 'x'), "longer than");
  refuse(&seller_change::year, "MMXXVI", "not a year");
  refuse(&seller_change::year, "-", "not a year");
}
