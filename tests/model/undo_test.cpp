// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE undo
#include "model/undo.hpp"

#include "../events/sample_events.hpp"
#include "events/codec.hpp"
#include "model/curation.hpp"
#include "model/packs.hpp"
#include "support/committed.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace podstudio;

namespace {

using kind = field::kind;

struct library {
  catalog_model model;

  library() {
    for (asset_id id = 1; id <= 5; ++id)
      model.apply(registered(id, path_of(id)));
  }
  static std::string path_of(asset_id id) { return "/lib/" + std::to_string(id) + ".png"; }
  void apply(const std::vector<event>& events) {
    for (const auto& each : events)
      model.apply(each);
  }
  template <class Change>
  std::vector<event> must(const Change& change) {
    auto events = decide(model, change);
    BOOST_TEST_REQUIRE(static_cast<bool>(events));
    apply(*events);
    return *events;
  }
  std::vector<event> set_theme(std::vector<asset_id> assets, std::optional<std::string> theme) {
    label_change change;
    change.assets = std::move(assets);
    change.set.theme = std::move(theme);
    return must(change);
  }
  /// Takes them back; nothing may stand in the way.
  std::vector<event> undo(const std::vector<event>& events, const asset_paths& paths = {}) {
    auto decided = decide_undo(model, events, paths);
    BOOST_TEST(decided.complete());
    apply(decided.events);
    return decided.events;
  }
  static std::vector<std::string> described(const std::vector<field>& fields) {
    std::vector<std::string> names;
    for (const auto& each : fields)
      names.push_back(describe(each));
    return names;
  }
  std::vector<std::string> conflicts(const std::vector<event>& events,
                                     const asset_paths& paths = {}) {
    return described(decide_undo(model, events, paths).conflicts);
  }
  std::vector<std::string> no_room(const std::vector<event>& events) {
    return described(decide_undo(model, events, {}).no_room);
  }
};

using names = std::vector<std::string>;

}  // namespace

BOOST_FIXTURE_TEST_CASE(an_undo_never_makes_an_asset_both_approved_and_rejected, library) {
  auto set = [&](std::optional<bool> approved, std::optional<bool> rejected) {
    label_change change;
    change.assets = {1};
    change.set.approved = approved;
    change.set.rejected = rejected;
    return must(change);
  };
  set({}, true);
  auto unrejected = set({}, false);
  auto approved = set(true, {});
  BOOST_TEST(conflicts(unrejected) == names{"rejection of asset 1"},
             boost::test_tools::per_element());
  auto rejected = set({}, true);  // takes the approval back
  BOOST_TEST(rejected.size() == 2u);
  BOOST_TEST(conflicts(approved) == names{"approval of asset 1"}, boost::test_tools::per_element());
  undo(rejected);
  BOOST_TEST(model.asset(1)->labels.approved);
  BOOST_TEST(!model.asset(1)->labels.rejected);
  label_change both;
  both.assets = {1};
  both.set.approved = both.set.rejected = true;
  BOOST_TEST(!decide(model, both));
}

BOOST_FIXTURE_TEST_CASE(labels_have_their_values_of_before_again_and_lose_them_by_another_undo,
                        library) {
  set_theme({1}, "old");
  label_change change;
  change.assets = {1, 2};
  change.set.theme = "nature";
  change.set.source = "Midjourney";
  change.set.approved = true;
  change.set.provenance = provenance::enhanced;
  change.tag = "castle";
  auto done = must(change);
  auto undone = undo(done);
  BOOST_TEST(undone.size() == done.size());
  BOOST_TEST(model.texts().text(model.asset(1)->labels.theme).value_or("") == "old");
  BOOST_TEST(model.asset(2)->labels.theme == 0u);
  for (asset_id id : {1, 2}) {
    BOOST_TEST(model.asset(id)->labels.source == 0u);
    BOOST_TEST(!model.asset(id)->labels.approved);
    BOOST_TEST((model.asset(id)->labels.provenance == provenance::unknown));
    BOOST_TEST(model.tags(id).empty());
  }
  undo(undone);
  BOOST_TEST(model.texts().text(model.asset(1)->labels.theme).value_or("") == "nature");
  BOOST_TEST(model.asset(2)->labels.approved);
  BOOST_TEST(model.tagged(2, "castle"));
}

BOOST_FIXTURE_TEST_CASE(a_field_that_was_changed_since_is_a_conflict_and_the_rest_is_not, library) {
  auto done = set_theme({1, 2, 3}, "nature");
  set_theme({2}, "forest");
  BOOST_TEST((conflicts(done) == names{"theme of asset 2"}));
  auto decided = decide_undo(model, done, {});
  BOOST_TEST(
      (decided.events
       == std::vector<event>{asset_theme_set{1, "nature", {}}, asset_theme_set{3, "nature", {}}}));
  set_theme({2}, "nature");  // as the command left it, whoever did that
  BOOST_TEST(conflicts(done).empty());
}

BOOST_FIXTURE_TEST_CASE(what_is_undone_is_not_undone_again, library) {
  auto done = set_theme({1}, "nature");
  undo(done);
  BOOST_TEST((conflicts(done) == names{"theme of asset 1"}));
}

BOOST_FIXTURE_TEST_CASE(what_a_bad_scan_marked_missing_is_there_again_where_it_was, library) {
  std::vector<event> scan{asset_missing{1}, asset_missing{2}};
  apply(scan);
  BOOST_TEST((conflicts(scan, {{1, path_of(1)}}) == names{"file of asset 2"}));
  BOOST_TEST((conflicts(scan, {{1, path_of(1)}, {2, path_of(3)}}) == names{"file of asset 2"}));
  auto undone = undo(scan, {{1, path_of(1)}, {2, path_of(2)}});
  BOOST_TEST(!model.asset(1)->missing);
  const auto& facts = model.asset(1)->facts;
  BOOST_TEST((undone[0] == event{asset_returned{1, path_of(1), path_of(1), facts, facts}}));
  undo(undone);
  BOOST_TEST(model.asset(2)->missing);
}

BOOST_FIXTURE_TEST_CASE(problems_that_a_scan_found_or_resolved_do_not_stand_in_its_way, library) {
  std::vector<event> scan{asset_missing{1}, problem_resolved{"/lib"},
                          problem_found{"/lib/x", problem_kind::unreadable, "permission denied"}};
  apply(scan);
  undo(scan, {{1, path_of(1)}});
  BOOST_TEST(!model.asset(1)->missing);
}

BOOST_FIXTURE_TEST_CASE(a_missing_asset_whose_name_another_file_has_stays_missing, library) {
  std::vector<event> scan{asset_missing{1}};
  apply(scan);
  auto aside = path_aside(path_of(1), 1);
  const auto facts = model.asset(1)->facts;
  apply({asset_moved{1, path_of(1), aside, facts, facts}});
  BOOST_TEST((conflicts(scan, {{1, aside}}) == names{"file of asset 1"}));
}

BOOST_AUTO_TEST_CASE(every_event_is_taken_back_or_named_as_one_that_cannot_be) {
  counting_source numbers;
  catalog_model nothing;
  for_each_event_type(numbers, [&](const event& sample) {
    auto name = std::string(event_name(sample));
    auto decided = decide_undo(nothing, {sample}, {});
    bool is_fact = decided.facts.contains(name);
    BOOST_TEST(is_fact != (!decided.conflicts.empty() || !decided.events.empty()), name);
    bool by_people =
        !changes_of(sample).empty() && name != "asset.returned" && name != "pack.exported";
    BOOST_TEST(is_fact != by_people, name);
  });
}

BOOST_FIXTURE_TEST_CASE(a_pack_that_was_made_is_deleted_if_it_is_as_it_was_made, library) {
  auto made = must(pack_change{pack_creation{{"a", license_type::personal, "forest", {}}}});
  auto filled = must(pack_change{pack_addition{1, {2, 1}}});
  BOOST_TEST((conflicts(made) == names{"asset 1 in pack 1", "asset 2 in pack 1"}));
  undo(filled);
  pack_edit edit;
  edit.pack = 1;
  edit.theme = std::optional<std::string>{};
  auto edited = must(pack_change{edit});
  BOOST_TEST((conflicts(made) == names{"theme of pack 1"}));
  BOOST_TEST(decide_undo(model, made, {}).events.empty());
  undo(edited);
  undo(made);
  BOOST_TEST(model.pack(1) == nullptr);
  BOOST_TEST((conflicts(made) == names{"pack 1"}));
  BOOST_TEST((conflicts(filled) == names{"pack 1"}));
  BOOST_TEST((conflicts(edited) == names{"pack 1"}));
}

BOOST_FIXTURE_TEST_CASE(a_deleted_pack_is_back_under_its_id_with_all_it_was, library) {
  must(pack_change{pack_creation{{"a", license_type::personal, {}, "text"}}});
  must(pack_change{pack_addition{1, {5, 3, 4}}});
  must(pack_change{pack_removal{1, {3}}});
  apply({pack_exported{1, {}, {}, "/packs/a.zip", 17}});
  auto before = *model.pack(1);
  auto deleted = must(pack_change{pack_deletion{1}});
  auto undone = undo(deleted);
  const auto* after = model.pack(1);
  BOOST_TEST_REQUIRE(after != nullptr);
  BOOST_TEST((after->facts == before.facts));
  BOOST_TEST((after->members == before.members));
  BOOST_TEST((after->export_path == before.export_path));
  BOOST_TEST((after->exported_at_us == before.exported_at_us));
  BOOST_TEST((conflicts(deleted) == names{"pack 1"}));
  undo(undone);
  BOOST_TEST(model.pack(1) == nullptr);
}

BOOST_FIXTURE_TEST_CASE(edits_of_different_fields_of_a_pack_do_not_stand_in_each_others_way,
                        library) {
  must(pack_change{pack_creation{{"a", license_type::personal, {}, {}}}});
  pack_edit edit;
  edit.pack = 1;
  edit.name = "b";
  auto renamed = must(pack_change{edit});
  pack_edit another;
  another.pack = 1;
  another.license = license_type::commercial;
  must(pack_change{another});
  undo(renamed);
  BOOST_TEST(model.pack(1)->facts.name == "a");
  BOOST_TEST((model.pack(1)->facts.license == license_type::commercial));
}

BOOST_FIXTURE_TEST_CASE(a_pack_does_not_grow_beyond_its_bound_by_an_undo, library) {
  std::vector<asset_id> assets;
  for (asset_id id = 6; id <= static_cast<asset_id>(max_pack_assets) + 2; ++id)
    model.apply(registered(id, path_of(id)));
  for (asset_id id = 1; id <= static_cast<asset_id>(max_pack_assets); ++id)
    assets.push_back(id);
  must(pack_change{pack_creation{{"a", license_type::personal, {}, {}}}});
  must(pack_change{pack_addition{1, assets}});
  auto removed = must(pack_change{pack_removal{1, {1, 2, 3}}});
  must(pack_change{pack_addition{
      1,
      {static_cast<asset_id>(max_pack_assets) + 1, static_cast<asset_id>(max_pack_assets) + 2}}});
  BOOST_TEST((no_room(removed) == names{"asset 2 in pack 1", "asset 3 in pack 1"}));
  auto decided = decide_undo(model, removed, {});
  BOOST_TEST(!decided.complete());
  BOOST_TEST(decided.conflicts.empty());
  apply(decided.events);  // by force
  BOOST_TEST(model.pack(1)->members.size() == max_pack_assets);
  BOOST_TEST(model.pack(1)->members.contains(1));

  auto deleted = must(pack_change{pack_deletion{1}});
  undo(deleted);  // a full pack fits where it was
  BOOST_TEST(model.pack(1)->members.size() == max_pack_assets);
}

BOOST_FIXTURE_TEST_CASE(a_pack_is_not_made_again_where_there_are_as_many_as_may_be, library) {
  auto create = pack_change{pack_creation{{"a", license_type::personal, {}, {}}, true}};
  must(create);
  must(pack_change{pack_addition{1, {1, 2}}});
  apply({pack_exported{1, {}, {}, "/out.zip", 5}});
  auto deleted = must(pack_change{pack_deletion{1}});
  while (model.packs() < max_packs)
    must(create);
  BOOST_TEST((no_room(deleted) == names{"pack 1"}));
  BOOST_TEST(decide_undo(model, deleted, {}).events.empty());  // nothing of a pack without it
  must(pack_change{pack_deletion{2}});
  undo(deleted);
  BOOST_TEST(model.packs() == max_packs);
}

BOOST_FIXTURE_TEST_CASE(a_move_is_undone_as_a_whole, library) {
  must(pack_change{pack_creation{{"a", license_type::personal, {}, {}}, true}});
  must(pack_change{pack_addition{1, {1, 2, 3, 4}}});
  auto before = model.pack(1)->members;
  auto moved = must(pack_change{pack_move{1, 1, 0, 3}});
  BOOST_TEST(moved.size() > 2u);  // there was no gap
  BOOST_TEST((model.pack(1)->members != before));
  auto undone = undo(moved);
  BOOST_TEST((model.pack(1)->members == before));
  undo(undone);
  BOOST_TEST((model.pack(1)->members != before));
  must(pack_change{pack_removal{1, {2}}});
  BOOST_TEST((conflicts(moved) == names{"asset 2 in pack 1"}));
}

BOOST_FIXTURE_TEST_CASE(a_copy_of_a_pack_is_undone, library) {
  must(pack_change{pack_creation{{"a", license_type::personal, {}, {}}, true}});
  must(pack_change{pack_addition{1, {1, 2}}});
  auto copied = must(pack_change{pack_copy{1, "b"}});
  undo(copied);
  BOOST_TEST(model.packs() == 1u);
  BOOST_TEST(model.pack(1)->members.size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(what_a_seller_said_is_undone_field_by_field, library) {
  seller_change said;
  said.author = "Ada";
  said.year = "2025";
  auto first = must(pack_change{said});
  seller_change later;
  later.year = "2026";
  auto second = must(pack_change{later});
  BOOST_TEST((conflicts(first) == names{"the seller's year"}));
  apply(decide_undo(model, first, {}).events);
  BOOST_TEST((model.seller() == seller_facts{{}, "2026", {}, {}}));
  undo(second);
  BOOST_TEST((model.seller() == seller_facts{{}, "2025", {}, {}}));
}

BOOST_FIXTURE_TEST_CASE(an_asset_gets_no_more_tags_than_it_may_have_by_an_undo, library) {
  label_change change;
  change.assets = {1, 2};
  change.tag = "z";
  must(change);
  change.tag.reset();
  change.untag = "z";
  auto untagged = must(change);
  change.untag.reset();
  change.assets = {1};
  for (std::size_t i = 0; i < max_asset_tags; ++i) {
    change.tag = "tag" + std::to_string(i);
    must(change);
  }
  BOOST_TEST((no_room(untagged) == names{"tag 'z' of asset 1"}));
  apply(decide_undo(model, untagged, {}).events);
  BOOST_TEST(model.tags(1).size() == max_asset_tags);
  BOOST_TEST(model.tagged(2, "z"));

  // What the same undo takes away makes room, whichever comes first.
  for (const char* gone : {"a", "zz"}) {
    std::vector<event> swapped{asset_untagged{1, "tag0"}, asset_tagged{1, gone}};
    apply(swapped);
    undo(swapped);
    BOOST_TEST(model.tags(1).size() == max_asset_tags);
  }
}

BOOST_AUTO_TEST_CASE(a_summary_names_what_is_undone_and_stays_short) {
  uuid id{};
  id[0] = 0xab;
  BOOST_TEST(undo_summary(id, "approve on asset 1", false)
             == "undo of approve on asset 1 (ab000000)");
  BOOST_TEST(undo_summary(id, "x", true) != undo_summary(id, "x", false));
  std::string summary = "x";
  for (int i = 0; i < 100; ++i)
    summary = undo_summary(id, summary, false);
  BOOST_TEST(summary.size() < 250u);
  std::string letters;
  while (letters.size() < 400)
    letters += "\xc3\xa4";
  event check = watch_root_lost{1, undo_summary(id, "a" + letters, false)};
  BOOST_TEST(static_cast<bool>(check_event(check)));
}
