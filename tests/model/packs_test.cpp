// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE packs
#include "model/curation.hpp"
#include "model/packs.hpp"

#include "support/committed.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
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
