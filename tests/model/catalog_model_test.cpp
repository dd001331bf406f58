// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE catalog_model
#include "model/curation.hpp"
#include "model/identity.hpp"
#include "model/packs.hpp"
#include "model/roots.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace podstudio;

namespace {

path_keyer key_of;

file_content content(std::uint8_t seed) {
  file_content made;
  made.sha256.fill(seed);
  made.facts = {
      .size_bytes = seed, .mtime_ns = seed * 10, .ctime_ns = seed * 20, .inode = seed, .device = 1};
  return made;
}

digested_file file(const std::string& path, std::uint8_t seed) {
  return {path, key_of(path), asset_type::image, content(seed)};
}

void apply_all(catalog_model& model, const std::vector<event>& events) {
  for (const auto& e : events)
    model.apply(e);
}

catalog_model with_files(const std::vector<std::string>& paths) {
  catalog_model model;
  std::vector<digested_file> files;
  for (const auto& path : paths)
    files.push_back(file(path, 1));
  apply_all(model, decide(model, files, {}).events);
  return model;
}

label_change labels(std::vector<asset_id> ids) {
  label_change change;
  change.assets = std::move(ids);
  return change;
}

/// All that decisions can see of an asset, for comparing models.
std::string seen(const catalog_model& model, asset_id last) {
  std::string text;
  for (asset_id id = 1; id <= last; ++id) {
    const auto* a = model.asset(id);
    if (a == nullptr) continue;
    text += std::to_string(id) + " " + to_hex(a->sha256) + " " + std::to_string(a->facts.mtime_ns)
            + " " + model.texts().text(a->labels.theme).value_or("-") + " "
            + model.texts().text(a->labels.source).value_or("-") + " "
            + std::string(word(a->labels.provenance)) + (a->labels.approved ? " approved" : "")
            + (a->missing ? " missing" : "") + " " + std::to_string(model.asset_at(a->key));
    for (const auto* tag : {"t0", "t1", "t2"})
      if (model.tagged(id, tag)) text += std::string(" ") + tag;
    text += "\n";
  }
  for (pack_id id = 1; id <= model.last_pack(); ++id) {
    const auto* pack = model.pack(id);
    if (pack == nullptr) continue;
    text += "pack " + std::to_string(id) + pack->facts.name + pack->facts.theme.value_or("-");
    for (auto [asset, position] : pack->members)
      text += " " + std::to_string(asset) + "@" + std::to_string(position);
    text += "\n";
  }
  for (const auto& [id, root] : model.roots())
    text += "root " + std::to_string(id) + root.path + (root.lost ? " lost\n" : "\n");
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_new_file_is_registered_under_the_next_id) {
  catalog_model model;
  auto events = decide(model, {file("/a.png", 1), file("/b.png", 2)}, {}).events;
  BOOST_REQUIRE(events.size() == 2u);
  BOOST_TEST(std::get<asset_registered>(events[0]).asset == 1);
  BOOST_TEST(std::get<asset_registered>(events[1]).asset == 2);
  BOOST_TEST(std::get<asset_registered>(events[1]).path == "/b.png");
}

BOOST_AUTO_TEST_CASE(the_same_bytes_under_the_same_facts_give_no_event) {
  auto model = with_files({"/a.png"});
  BOOST_TEST(decide(model, {file("/a.png", 1)}, {}).events.empty());
  BOOST_TEST(model.unchanged(key_of("/a.png"), content(1).facts));
}

BOOST_AUTO_TEST_CASE(the_same_bytes_under_other_facts_are_touched_and_other_bytes_are_changed) {
  auto model = with_files({"/a.png"});
  auto touched = file("/a.png", 1);
  touched.content.facts.mtime_ns += 5;
  auto events = decide(model, {touched}, {}).events;
  BOOST_REQUIRE(events.size() == 1u);
  BOOST_TEST((std::get<asset_touched>(events[0]).after == touched.content.facts));
  apply_all(model, events);
  events = decide(model, {file("/a.png", 9)}, {}).events;
  BOOST_REQUIRE(events.size() == 1u);
  const auto& changed = std::get<asset_content_changed>(events[0]);
  BOOST_TEST(changed.asset == 1);
  BOOST_TEST((changed.before == file_content{content(1).sha256, touched.content.facts}));
  BOOST_TEST((changed.after == content(9)));
}

BOOST_AUTO_TEST_CASE(a_missing_asset_returns_with_its_labels) {
  auto model = with_files({"/a.png"});
  model.apply(asset_approved{1});
  model.apply(asset_missing{1});
  BOOST_TEST(!model.unchanged(key_of("/a.png"), content(1).facts));
  auto events = decide(model, {file("/a.png", 1)}, {}).events;
  BOOST_REQUIRE(events.size() == 1u);
  BOOST_TEST(std::get<asset_returned>(events[0]).asset == 1);
  apply_all(model, events);
  BOOST_TEST(model.asset(1)->labels.approved);
  BOOST_TEST(!model.asset(1)->missing);
}

BOOST_AUTO_TEST_CASE(labels_carry_the_value_before_and_after_and_only_changes_are_events) {
  auto model = with_files({"/a.png", "/b.png"});
  auto change = labels({1, 2, 1});
  change.set.theme = "nature";
  change.set.approved = true;
  auto events = decide(model, change);
  BOOST_REQUIRE(static_cast<bool>(events));
  BOOST_TEST(events->size() == 4u);
  apply_all(model, *events);
  BOOST_TEST(decide(model, change)->empty());
  change = labels({1});
  change.set.theme = std::optional<std::string>{};
  auto cleared = decide(model, change);
  BOOST_REQUIRE(cleared->size() == 1u);
  BOOST_TEST(
      (std::get<asset_theme_set>((*cleared)[0]) == asset_theme_set{1, "nature", std::nullopt}));
}

BOOST_AUTO_TEST_CASE(a_command_that_names_an_unknown_asset_changes_nothing_and_names_it) {
  auto model = with_files({"/a.png"});
  for (asset_id bad : {asset_id{0}, asset_id{-1}, asset_id{2}, asset_id{1} << 40}) {
    auto change = labels({1, bad});
    change.set.approved = true;
    auto decided = decide(model, change);
    BOOST_REQUIRE(!decided);
    BOOST_TEST((decided.failure().code == error_code::not_found));
    BOOST_TEST(decided.failure().message.find(std::to_string(bad)) != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(labels_that_are_no_single_line_of_bounded_utf8_are_refused) {
  auto model = with_files({"/a.png"});
  for (const auto& bad : {std::string(), std::string("a\nb"), std::string("\xff"),
                          std::string("a\0b", 3), std::string(max_label_bytes + 1, 'x')}) {
    auto change = labels({1});
    change.set.theme = bad;
    BOOST_TEST(!decide(model, change));
    change = labels({1});
    change.set.source = bad;
    BOOST_TEST(!decide(model, change));
  }
  auto change = labels({1});
  change.set.theme = std::string(max_label_bytes, 'x');
  BOOST_TEST(static_cast<bool>(decide(model, change)));
}

BOOST_AUTO_TEST_CASE(a_problem_is_told_once_and_resolved_when_the_file_is_taken) {
  catalog_model model;
  failed_file failure{"/a.png", problem_kind::unreadable, "denied"};
  auto events = decide(model, {}, {failure}).events;
  BOOST_REQUIRE(events.size() == 1u);
  apply_all(model, events);
  BOOST_TEST(decide(model, {}, {failure}).events.empty());
  failure.kind = problem_kind::io_failed;
  BOOST_TEST(decide(model, {}, {failure}).events.size() == 1u);
  events = decide(model, {file("/a.png", 1)}, {}).events;
  BOOST_REQUIRE(events.size() == 2u);
  BOOST_TEST(std::get<problem_resolved>(events[1]).path == "/a.png");
}

BOOST_AUTO_TEST_CASE(a_lost_root_is_a_problem_that_says_why_until_it_is_back) {
  catalog_model model;
  apply_all(model, *decide_root_added(model, "/media/art", 1, 2));
  auto lost = [&](const std::string& reason) { return decide_root_state(model, 1, true, reason); };
  auto told = [](const std::string& reason) {
    return std::vector<event>{watch_root_lost{1, reason},
                              problem_found{"/media/art", problem_kind::root_lost, reason}};
  };
  const std::vector<event> back{watch_root_returned{1}, problem_resolved{"/media/art"}};
  BOOST_CHECK(lost("unplugged") == told("unplugged"));
  apply_all(model, lost("unplugged"));
  BOOST_CHECK(lost("unplugged").empty());
  BOOST_CHECK(lost("denied") == told("denied"));
  apply_all(model, lost("denied"));
  BOOST_CHECK(decide_root_state(model, 1, false, {}) == back);
  auto removed = decide_root_removed(model, "/media/art");
  BOOST_CHECK(removed->back() == event(problem_resolved{"/media/art"}));
  apply_all(model, back);
  BOOST_CHECK(decide_root_state(model, 1, false, {}).empty());
  BOOST_CHECK_EQUAL(decide_root_removed(model, "/media/art")->size(), 1u);
}

BOOST_AUTO_TEST_CASE(overlapping_roots_are_refused_and_the_same_root_is_no_change) {
  catalog_model model;
  apply_all(model, *decide_root_added(model, "/media/art", 1, 2));
  BOOST_TEST(decide_root_added(model, "/media/art", 1, 2)->empty());
  for (const auto* bad : {"/media", "/", "/media/art/new"})
    BOOST_TEST(!decide_root_added(model, bad, 1, 3));
  for (const auto* good : {"/media/artist", "/media/ar", "/other"})
    BOOST_TEST(static_cast<bool>(decide_root_added(model, good, 1, 3)));
  BOOST_TEST(!decide_root_removed(model, "/media"));
  apply_all(model, *decide_root_removed(model, "/media/art"));
  BOOST_TEST(model.roots().empty());
  auto again = decide_root_added(model, "/media/art", 1, 2);
  BOOST_TEST(std::get<watch_root_added>((*again)[0]).root == 2);
}

BOOST_AUTO_TEST_CASE(
    the_table_finds_what_is_in_it_and_nothing_else_over_random_inserts_moves_and_removals) {
  auto seed = std::random_device{}();
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  catalog_model model;
  std::map<std::string, asset_id> truth;
  std::map<asset_id, std::string> paths;
  asset_id last = 0;
  for (int i = 0; i < 60'000; ++i) {
    auto path = "/p" + std::to_string(random() % 9'000);
    auto known = truth.find(path);
    if (known == truth.end() && (random() % 3 != 0 || paths.empty())) {
      model.apply(asset_registered{++last, path, asset_type::audio, content(3)});
      truth[path] = last;
      paths[last] = path;
    } else if (known == truth.end()) {
      auto moved =
          paths.lower_bound(static_cast<asset_id>(random() % static_cast<std::uint64_t>(last)));
      if (moved == paths.end()) continue;
      model.apply(
          asset_moved{moved->first, moved->second, path, content(3).facts, content(4).facts});
      truth.erase(moved->second);
      truth[path] = moved->first;
      moved->second = path;
    } else if (random() % 2 == 0) {
      asset_forgotten gone;
      gone.asset = known->second;
      gone.path = path;
      model.apply(gone);
      paths.erase(known->second);
      truth.erase(known);
    }
  }
  BOOST_TEST(model.assets() == truth.size());
  for (int i = 0; i < 9'000; ++i) {
    auto path = "/p" + std::to_string(i);
    auto known = truth.find(path);
    BOOST_REQUIRE(model.asset_at(key_of(path)) == (known == truth.end() ? 0 : known->second));
  }
}

BOOST_AUTO_TEST_CASE(reverting_the_last_commands_gives_the_model_before_them) {
  auto seed = std::random_device{}();
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  catalog_model model;
  for (int round = 0; round < 200; ++round) {
    auto before = seen(model, 500);
    auto was = model.former();
    std::vector<event> done;
    auto take = [&](const std::vector<event>& events) {
      for (const auto& e : events) {
        model.apply(e);
        done.push_back(e);
      }
    };
    for (int i = 0; i < 5; ++i) {
      auto id = static_cast<asset_id>(1 + random() % 40);
      auto change = labels({id});
      auto pack = 1 + static_cast<pack_id>(random() % 6);
      auto take_packed = [&](const pack_change& packed) {
        if (auto events = decide(model, packed)) take(*events);
      };
      switch (random() % 10) {
      case 5:
        (random() % 2 ? change.tag : change.untag) = "t" + std::to_string(random() % 3);
        if (auto events = decide(model, change)) take(*events);
        break;
      case 6:
        take_packed(pack_creation{{"p", license_type::personal, {}, {}}});
        break;
      case 7:
        if (random() % 3 == 0)
          take_packed(pack_deletion{pack});
        else
          take_packed(pack_removal{pack, {id}});
        break;
      case 8: {
        pack_edit edit;
        edit.pack = pack;
        edit.theme = "t" + std::to_string(random() % 5);
        take_packed(edit);
        break;
      }
      case 9:
        if (model.asset(id) != nullptr) take_packed(pack_addition{pack, {id}});
        break;
      case 0:
        take(decide(
                 model,
                 {file("/f" + std::to_string(random() % 40), static_cast<std::uint8_t>(random()))},
                 {})
                 .events);
        break;
      case 1:
        change.set.theme = random() % 2
                               ? std::optional<std::string>("t" + std::to_string(random() % 5))
                               : std::nullopt;
        change.set.approved = random() % 2 == 0;
        if (auto events = decide(model, change)) take(*events);
        break;
      case 2:
        change.set.source = "s" + std::to_string(random() % 5);
        change.set.provenance = static_cast<provenance>(random() % 4);
        if (auto events = decide(model, change)) take(*events);
        break;
      case 3:
        if (model.asset(id) != nullptr && !model.asset(id)->missing) take({asset_missing{id}});
        break;
      default:
        if (auto events = decide_root_added(model, "/r" + std::to_string(random() % 9), 1, 1))
          take(*events);
        break;
      }
    }
    if (random() % 2 == 0) {
      for (const auto& e : done)
        model.settle(e);
      continue;
    }
    for (auto e = done.rbegin(); e != done.rend(); ++e)
      model.revert(*e);
    BOOST_REQUIRE_EQUAL(seen(model, 500), before);
    BOOST_REQUIRE((model.former() == was));
  }
}

BOOST_AUTO_TEST_CASE(an_asset_takes_no_more_memory_than_the_design_allows) {
  BOOST_TEST(sizeof(asset_state) + sizeof(std::uint32_t) * 3 <= 150u);
}
