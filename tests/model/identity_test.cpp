// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE identity
#include "model/curation.hpp"
#include "model/identity.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace podstudio;

namespace {

path_key key_of(const std::string& path) {
  static path_keyer keyer;
  return keyer(path);
}

/// Of all files; above all device numbers.
constexpr std::uint64_t test_volume = std::uint64_t{1} << 40;

constexpr std::int64_t second_ns = 1'000'000'000, hour_ns = 3600 * second_ns;

/// A file as a disk has it.
struct disk_file {
  std::uint32_t content = 0;  ///< 0: empty
  std::uint64_t inode = 0;
  std::int64_t ctime_ns = 0;
  std::int64_t mtime_ns = -hour_ns;
};

file_content content_of(const disk_file& file) {
  file_content made;
  made.sha256.fill(7);
  for (std::size_t i = 0; i < 4; ++i)
    made.sha256[i] = static_cast<std::uint8_t>(file.content >> 8 * i);
  made.facts = {.size_bytes = file.content == 0 ? 0 : file.content + 100,
                .mtime_ns = file.mtime_ns,
                .ctime_ns = file.ctime_ns,
                .inode = file.inode,
                .device = test_volume};
  return made;
}

/// A library in small: the catalog's part of taking files, and the tables' part of knowing paths.
class small_library {
public:
  catalog_model model;

  /// Takes files that were read and paths that are gone, as one batch; the model asserts that no
  /// path is held twice.
  taken_files take(const std::map<std::string, disk_file>& files,
                   const std::vector<std::string>& gone = {}, std::uint64_t links = 1,
                   std::uint64_t volume = test_volume) {
    vanishing_assets vanishing;
    std::vector<gone_file> left;
    for (const auto& path : gone) {
      left.push_back({path, key_of(path), volume, false});
      auto id = model.asset_at(key_of(path));
      if (id != 0 && !model.asset(id)->missing) vanishing.add(id, model.asset(id)->sha256);
    }
    std::vector<digested_file> read;
    for (const auto& [path, file] : files)
      read.push_back({path, key_of(path), asset_type::image, content_of(file), links});
    asset_places known;
    known.probed_ns = now_ns;
    for (const auto& [path, born] : born_ns)
      known.born_ns.emplace(path, born);
    for (auto id : find_others(model, read, vanishing)) {
      known.paths.emplace(id, paths.at(id));
      // An inode with a single name, which one of the files has, has no other place.
      auto inode = model.asset(id)->facts.inode;
      bool is_here =
          links == 1 && inode != 0 && std::ranges::any_of(read, [&](const digested_file& file) {
            return file.content.facts.inode == inode && file.key != model.asset(id)->key;
          });
      if (is_here || gone_unseen.contains(paths.at(id))) known.left.insert(id);
      if (rewritten.contains(paths.at(id))) known.rewritten.insert(id);
    }
    for (const auto& path : stale)
      known.absent.insert(path);
    auto back = decide_put_back(model, read, known);
    apply(back.events);
    auto taken = decide(model, read, {}, vanishing, known, recent);
    apply(taken.events);
    taken.again.insert(taken.again.end(), back.again.begin(), back.again.end());
    asset_places successors;
    for (auto id : find_successors(model, left)) {
      successors.paths.emplace(id, paths.at(id));
      if (gone_unseen.contains(paths.at(id))) successors.left.insert(id);
      if (unseen.contains(paths.at(id))) successors.unseen.insert(id);
      if (rewritten.contains(paths.at(id))) successors.rewritten.insert(id);
    }
    for (auto id : successors.rewritten)
      taken.again.push_back(paths.at(id));
    apply(decide_gone(model, left, successors));
    return taken;
  }

  void apply(const std::vector<event>& events) {
    for (const auto& e : events) {
      if (const auto* made = std::get_if<asset_registered>(&e)) {
        set_path(made->asset, "", made->path);
        contents[made->asset].push_back(made->content.sha256);
      }
      if (const auto* changed = std::get_if<asset_content_changed>(&e))
        contents[changed->asset].push_back(changed->after.sha256);
      if (const auto* move = std::get_if<asset_moved>(&e))
        set_path(move->asset, move->path_before, move->path_after);
      if (const auto* back = std::get_if<asset_returned>(&e))
        set_path(back->asset, back->path_before, back->path_after);
      if (const auto* forgotten = std::get_if<asset_forgotten>(&e)) {
        BOOST_REQUIRE_EQUAL(paths.at(forgotten->asset), forgotten->path);
        paths.erase(forgotten->asset);
      }
      model.apply(e);
      applied.push_back(e);
      names.push_back(std::visit([](const auto& each) { return std::string(each.name); }, e));
    }
  }

  /// All that was applied is durable.
  void settle() {
    for (const auto& e : std::exchange(applied, {}))
      model.settle(e);
  }

  asset_id at(const std::string& path) const { return model.asset_at(key_of(path)); }
  bool is_missing(asset_id id) const { return model.asset(id)->missing; }
  /// The names of all events since the last call.
  std::vector<std::string> happened() { return std::exchange(names, {}); }

  std::set<std::string> gone_unseen;  ///< paths without a file, of which nobody has told
  std::set<std::string> unseen;       ///< paths of files on disks that are away
  std::set<std::string> rewritten;    ///< paths of files with another size or time
  std::set<std::string> stale;        ///< paths of files that were read and are gone since
  std::map<std::string, std::int64_t> born_ns;  ///< birth times, by path
  recent_losses recent;
  std::int64_t now_ns = 0;
  std::map<asset_id, std::string> paths;
  std::map<asset_id, std::vector<digest>> contents;  ///< of each asset, oldest first
  std::vector<std::string> names;
  std::vector<event> applied;

private:
  void set_path(asset_id id, const std::string& before, const std::string& after) {
    if (!before.empty()) BOOST_REQUIRE_EQUAL(paths.at(id), before);
    for (const auto& [other, path] : paths)
      if (other != id) BOOST_REQUIRE_NE(path, after);
    paths[id] = after;
  }
};

using names = std::vector<std::string>;
constexpr disk_file a{1, 11, 1}, b{2, 12, 1}, c{3, 13, 1};

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_that_is_said_to_have_moved_is_told_by_time_or_by_its_content) {
  small_library library;
  library.take({{"/old/a", {1, 1}}, {"/old/b", {2, 2}}, {"/old/blank", {0, 3}}});
  auto moved = [&](const std::string& name, const disk_file& file, asset_id here = 0) {
    return find_moved(library.model, key_of("/old/" + name), content_of(file).facts, here);
  };
  auto at = [&](const std::string& path) { return library.model.asset_at(key_of(path)); };
  BOOST_TEST(moved("a", {1, 9}) == at("/old/a"));
  BOOST_TEST(moved("a", {3, 9}) == 0);  // another size
  BOOST_TEST(moved("none", {1, 9}) == 0);
  // Scanned before: the content decides, and of two without decisions the first one stays.
  library.take({{"/new/a", {1, 4}}, {"/new/b", {3, 5}}, {"/new/blank", {0, 6}}});
  BOOST_TEST(moved("a", {1, 4}, at("/new/a")) == at("/old/a"));
  BOOST_TEST(moved("b", {3, 5}, at("/new/b")) == 0);
  BOOST_TEST(moved("blank", {0, 6}, at("/new/blank")) == at("/old/blank"));
  BOOST_TEST(moved("a", {1, 1}, at("/old/a")) == 0);  // it is there
  library.take({{"/old/later", {5, 7}}});
  library.take({{"/new/first", {5, 8}}});
  BOOST_TEST(
      find_moved(library.model, key_of("/new/first"), content_of({5, 7}).facts, at("/old/later"))
      == 0);
}

BOOST_AUTO_TEST_CASE(a_renamed_file_keeps_its_asset) {
  for (bool new_inode : {false, true}) {
    small_library library;
    library.take({{"/a.png", a}});
    library.happened();
    auto moved = a;
    moved.ctime_ns = 2;
    if (new_inode) moved.inode = 99;  // moved by copying and deleting
    library.take({{"/b.png", moved}}, {"/a.png"});
    BOOST_TEST(library.happened() == names{"asset.moved"}, boost::test_tools::per_element());
    BOOST_TEST(library.at("/b.png") == 1);
    BOOST_TEST(library.at("/a.png") == 0);
  }
}

BOOST_AUTO_TEST_CASE(
    a_renamed_file_keeps_its_asset_even_if_its_old_path_is_told_of_later_or_never) {
  small_library library;
  library.take({{"/a.png", a}});
  library.take({{"/b.png", a}});
  BOOST_TEST(library.at("/b.png") == 1);
  library.take({}, {"/a.png"});
  BOOST_TEST(!library.is_missing(1));
  BOOST_TEST(library.model.assets() == 1u);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_gone_first_returns_with_its_asset_anywhere) {
  for (bool new_inode : {false, true}) {
    small_library library;
    library.take({{"/a.png", a}});
    library.take({}, {"/a.png"});
    BOOST_TEST(library.is_missing(1));
    library.happened();
    library.take({{"/deep/b.png", {1, new_inode ? 99u : 11u, 5}}});
    BOOST_TEST(library.happened() == names{"asset.returned"}, boost::test_tools::per_element());
    BOOST_TEST(library.at("/deep/b.png") == 1);
    BOOST_TEST(!library.is_missing(1));
  }
}

BOOST_AUTO_TEST_CASE(a_chain_of_renames_moves_each_asset_in_any_split_into_batches) {
  // d <- c <- b <- a
  const std::map<std::string, disk_file> after{{"/b.png", a}, {"/c.png", b}, {"/d.png", c}};
  std::vector<std::string> order{"/a.png", "/b.png", "/c.png", "/d.png"};
  do {
    for (std::size_t first = 0; first <= order.size(); ++first) {
      small_library library;
      library.take({{"/a.png", a}, {"/b.png", b}, {"/c.png", c}});
      for (auto [begin, end] : {std::pair(std::size_t{0}, first), std::pair(first, order.size())}) {
        std::map<std::string, disk_file> files;
        std::vector<std::string> gone;
        for (auto i = begin; i < end; ++i)
          if (order[i] == "/a.png")
            gone.push_back(order[i]);
          else
            files[order[i]] = after.at(order[i]);
        library.take(files, gone);
      }
      BOOST_TEST(library.at("/b.png") == 1);
      BOOST_TEST(library.at("/c.png") == 2);
      BOOST_TEST(library.at("/d.png") == 3);
      for (asset_id id : {1, 2, 3})
        BOOST_TEST(!library.is_missing(id));
      BOOST_TEST(library.model.assets() == 3u);
    }
  } while (std::ranges::next_permutation(order).found);
}

BOOST_AUTO_TEST_CASE(a_swap_moves_both_assets_in_one_batch_and_in_two) {
  for (bool two : {false, true}) {
    for (bool new_inodes : {false, true}) {
      small_library library;
      library.take({{"/a.png", a}, {"/b.png", b}});
      auto to_a = b, to_b = a;
      if (new_inodes) to_a.inode = 98, to_b.inode = 99;
      if (new_inodes && two) continue;  // the first looks as if it was changed
      if (two) {
        library.take({{"/a.png", to_a}});
        BOOST_TEST(library.at("/a.png") == 2);
        BOOST_TEST(library.at(path_aside("/a.png", 1)) == 1);
        BOOST_TEST(library.is_missing(1));
        library.take({{"/b.png", to_b}});
      } else {
        library.take({{"/a.png", to_a}, {"/b.png", to_b}});
      }
      BOOST_TEST(library.at("/a.png") == 2);
      BOOST_TEST(library.at("/b.png") == 1);
      BOOST_TEST(!library.is_missing(1));
      BOOST_TEST(!library.is_missing(2));
      BOOST_TEST(library.model.assets() == 2u);
    }
  }
}

BOOST_AUTO_TEST_CASE(
    other_hard_links_are_looked_at_when_one_that_was_written_to_goes_or_is_replaced) {
  const disk_file a{1, 11, 1};
  for (bool is_written : {false, true})
    for (bool is_replaced : {false, true}) {
      small_library library;
      library.take({{"/a.png", a}}, {}, 2);
      library.take({{"/b.png", a}}, {}, 2);
      library.take({{"/c.png", a}}, {}, 3);
      if (is_written) library.rewritten = {"/a.png", "/b.png"};
      auto look = [&](const std::string& path, const disk_file& other) {
        auto again =
            is_replaced ? library.take({{path, other}}).again : library.take({}, {path}).again;
        return std::set<std::string>(again.begin(), again.end());
      };
      BOOST_TEST(look("/c.png", {2, 22, 2}) == library.rewritten, boost::test_tools::per_element());
      library.rewritten.erase("/b.png");
      BOOST_TEST(look("/b.png", {3, 33, 3}) == library.rewritten, boost::test_tools::per_element());
      BOOST_TEST(look("/a.png", {4, 44, 4}).empty());
    }
}

BOOST_AUTO_TEST_CASE(hard_links_that_go_together_have_no_other_to_look_at) {
  small_library library;
  const disk_file a{1, 11, 1};
  library.take({{"/a.png", a}}, {}, 2);
  library.take({{"/b.png", a}}, {}, 2);
  library.rewritten = {"/a.png", "/b.png"};
  BOOST_TEST(library.take({}, {"/a.png", "/b.png"}).again.empty());
}

BOOST_AUTO_TEST_CASE(a_hard_link_is_an_asset_of_its_own) {
  small_library library;
  library.take({{"/a.png", a}});
  auto linked = a;
  linked.ctime_ns = 2;
  auto taken = library.take({{"/b.png", linked}}, {}, 2);
  BOOST_TEST(library.at("/a.png") == 1);
  BOOST_TEST(library.at("/b.png") == 2);
  // The other name has other facts now, too, and nobody tells of it.
  BOOST_TEST(taken.again == names{"/a.png"}, boost::test_tools::per_element());
  BOOST_TEST(library.take({{"/a.png", linked}}, {}, 2).again.empty());
  // One of the names goes: the other stays what it is.
  library.take({{"/b.png", {1, 11, 3}}}, {"/a.png"});
  BOOST_TEST(library.at("/b.png") == 2);
  BOOST_TEST(library.is_missing(1));
}

BOOST_AUTO_TEST_CASE(empty_files_are_never_taken_for_one_another) {
  small_library library;
  library.take({{"/a.png", {0, 11, 1}}});
  library.model.apply(asset_approved{1});
  library.take({{"/b.png", {0, 12, 1}}}, {"/a.png"});
  BOOST_TEST(library.at("/b.png") == 2);
  BOOST_TEST(library.is_missing(1));
  library.take({{"/c.png", {0, 13, 1}}});
  BOOST_TEST(library.at("/c.png") == 3);
  BOOST_TEST(library.is_missing(1));
}

// The beginning of a copy is seen, and is moved on before the rest is written.
BOOST_AUTO_TEST_CASE(an_empty_file_that_nobody_said_anything_of_leaves_nothing_behind) {
  small_library library;
  library.take({{"/a.png", {0, 11, 1}}});
  library.take({}, {"/a.png"});
  BOOST_TEST(library.model.assets() == 0u);
  library.take({{"/b.png", {0, 12, 1}}, {"/c.png", c}});
  library.take({{"/b.png", c}}, {"/c.png"});
  BOOST_TEST(library.at("/b.png") == library.model.last_asset());
  BOOST_TEST(library.model.assets() == 1u);
}

BOOST_AUTO_TEST_CASE(an_asset_whose_name_another_asset_takes_is_missing_and_steps_aside) {
  small_library library;
  library.take({{"/a.png", a}, {"/b.png", b}});
  library.take({{"/a.png", b}}, {"/b.png"});  // b is renamed over a
  BOOST_TEST(library.at("/a.png") == 2);
  BOOST_TEST(library.paths[1] == "/a.png//1");
  BOOST_TEST(library.is_missing(1));
  library.take({{"/elsewhere.png", {1, 50, 9}}});
  BOOST_TEST(library.paths[1] == "/elsewhere.png");
  BOOST_TEST(!library.is_missing(1));
}

BOOST_AUTO_TEST_CASE(new_content_under_the_name_of_a_missing_asset_is_a_new_asset) {
  small_library library;
  library.take({{"/a.png", a}});
  library.take({}, {"/a.png"});
  library.take({{"/a.png", b}});
  BOOST_TEST(library.at("/a.png") == 2);
  BOOST_TEST(library.paths[1] == "/a.png//1");
  library.take({}, {"/a.png"});
  library.take({{"/a.png", a}});  // and the first one again
  BOOST_TEST(library.at("/a.png") == 1);
  BOOST_TEST(library.paths[2] == "/a.png//2");
}

BOOST_AUTO_TEST_CASE(new_content_under_the_name_of_a_file_that_is_there_changes_its_asset) {
  small_library library;
  library.take({{"/a.png", a}});
  library.happened();
  library.take({{"/a.png", {9, 99, 3}}});  // saved by renaming over it
  BOOST_TEST(library.happened() == names{"asset.content_changed"},
             boost::test_tools::per_element());
  BOOST_TEST(library.at("/a.png") == 1);
}

BOOST_AUTO_TEST_CASE(a_moved_file_whose_name_another_took_is_found_whichever_is_told_first) {
  const disk_file stranger{9, 99, 3};
  small_library library;
  library.take({{"/a.png", a}});
  library.model.apply(asset_approved{1});
  // Somebody moved it to another root and put a new one in its place; this is what is seen first.
  library.take({{"/a.png", stranger}});
  BOOST_TEST(library.at("/a.png") == 1);
  library.happened();
  library.take({{"/other/a.png", a}});
  BOOST_TEST(library.happened()
                 == (names{"asset.moved", "asset.missing", "asset.registered",
                           "asset.content_changed", "asset.returned"}),
             boost::test_tools::per_element());
  BOOST_TEST(library.at("/other/a.png") == 1);
  BOOST_TEST(library.model.asset(1)->labels.approved);
  BOOST_TEST((library.model.asset(1)->sha256 == content_of(a).sha256));
  BOOST_REQUIRE(library.at("/a.png") == 2);
  BOOST_TEST(!library.model.asset(2)->labels.approved);
  BOOST_TEST((library.model.asset(2)->sha256 == content_of(stranger).sha256));
}

BOOST_AUTO_TEST_CASE(a_look_that_is_older_than_the_move_it_missed_is_found_out) {
  small_library library;
  library.take({{"/a.png", a}});
  library.take({{"/b.png", a}});
  auto taken = library.take({{"/a.png", a}});  // looked at before the move, decided after it
  BOOST_TEST(library.at("/a.png") == 1);
  BOOST_REQUIRE(taken.again == names{"/b.png"});
  library.take({{"/b.png", a}});
  BOOST_TEST(library.at("/b.png") == 1);
  // Where the old path was seen to be gone there is no doubt.
  BOOST_TEST(library.take({{"/c.png", a}}, {"/b.png"}).again.empty());
}

BOOST_AUTO_TEST_CASE(what_the_journal_refuses_costs_no_memory_of_what_an_asset_was) {
  small_library library;
  library.take({{"/a.png", a}});
  library.take({{"/a.png", {9, 99, 3}}});
  library.settle();
  const std::vector<digested_file> turned_up{
      {"/b.png", key_of("/b.png"), asset_type::image, content_of(a), 1}};
  asset_places paths{{{1, "/a.png"}}, {}, {}};
  auto refused = decide_put_back(library.model, turned_up, paths).events;
  refused.emplace_back(asset_approved{1});
  BOOST_REQUIRE_EQUAL(refused.size(), 5u);
  for (const auto& e : refused)
    library.model.apply(e);
  for (auto e = refused.rbegin(); e != refused.rend(); ++e)
    library.model.revert(*e);
  paths = {{{1, "/a.png"}}, {}, {}};
  BOOST_TEST(decide_put_back(library.model, turned_up, paths).events.size() == 4u);
}

BOOST_AUTO_TEST_CASE(what_people_say_after_a_change_stays_with_the_changed_content) {
  small_library library;
  library.take({{"/a.png", a}});
  library.take({{"/a.png", {9, 99, 3}}});
  library.model.apply(asset_approved{1});
  library.take({{"/other/a.png", a}});
  BOOST_TEST(library.at("/a.png") == 1);
  BOOST_TEST(library.at("/other/a.png") == 2);
}

BOOST_AUTO_TEST_CASE(an_asset_that_changed_twice_goes_back_as_far_as_what_turns_up) {
  const disk_file second{8, 98, 3}, third{9, 99, 4};
  for (bool at_once : {false, true}) {
    small_library library;
    library.take({{"/a.png", a}});
    library.take({{"/a.png", second}});
    library.take({{"/a.png", third}});
    if (at_once) {
      library.take({{"/first.png", a}, {"/second.png", second}});
    } else {
      library.take({{"/second.png", second}});
      BOOST_TEST(library.at("/second.png") == 1);
      library.take({{"/first.png", a}});
    }
    BOOST_TEST(library.at("/first.png") == 1);
    BOOST_TEST(library.at("/a.png") != library.at("/second.png"));
    BOOST_TEST(library.model.assets() == 3u);
    for (asset_id id : {1, 2, 3})
      BOOST_TEST(!library.is_missing(id));
  }
}

BOOST_AUTO_TEST_CASE(a_copy_takes_no_asset_from_the_file_it_was_made_of) {
  small_library library;
  library.take({{"/a.png", a}});
  library.take({{"/b.png", {1, 44, 2}}});
  BOOST_TEST(library.at("/a.png") == 1);
  BOOST_TEST(library.at("/b.png") == 2);
  // Two copies of one that went: one of them is it.
  library.take({}, {"/a.png", "/b.png"});
  library.take({{"/x.png", {1, 45, 3}}, {"/y.png", {1, 46, 3}}, {"/z.png", {1, 47, 3}}});
  BOOST_TEST((std::set{library.at("/x.png"), library.at("/y.png"), library.at("/z.png")}
              == std::set<asset_id>{1, 2, 3}));
  BOOST_TEST(!library.is_missing(1));
  BOOST_TEST(!library.is_missing(2));
}

BOOST_AUTO_TEST_CASE(a_file_on_a_disk_that_is_not_there_is_not_missing) {
  small_library library;
  library.take({{"/a.png", a}});
  library.take({}, {"/a.png"}, 1, test_volume + 1);
  BOOST_TEST(!library.is_missing(1));
}

BOOST_AUTO_TEST_CASE(a_moved_asset_of_unknown_path_is_looked_at_again_without_an_event) {
  small_library library;
  library.take({{"/a.png", a}});
  for (const auto& known : {asset_paths{}, asset_paths{{1, "/not this.png"}}}) {
    auto taken =
        decide(library.model, {{"/b.png", key_of("/b.png"), asset_type::image, content_of(a), 1}},
               {}, {}, asset_places{known, {1}, {}});
    BOOST_TEST(taken.events.empty());
    BOOST_TEST(taken.again == names{"/b.png"}, boost::test_tools::per_element());
  }
}

namespace {

/// Files that are moved about at random while a library looks at them in random order.
class small_world {
public:
  explicit small_world(std::uint64_t seed) : random_(seed) {
    for (int i = 0; i < 8; ++i)
      create(any_path());
    observe_all();
    for (const auto& [path, file] : disk_)
      home_[file.content] = library_.at(path);
  }

  void shuffle(int moves) {
    std::set<std::string> changed;
    for (int i = 0; i < moves; ++i) {
      auto to = any_path();
      if (disk_.empty() || random_() % 8 == 0) {
        // As what is renamed over is gone for good, so is what is written over.
        if (create(to)) changed.insert(to);
        continue;
      }
      auto from = disk_.begin();
      std::advance(from, static_cast<std::ptrdiff_t>(random_() % disk_.size()));
      auto [path, file] = *from;
      if (to == path) continue;
      if (random_() % 10 == 0) {
        disk_.erase(path);  // it may come back; nobody can tell if its name is given away before
        home_.erase(file.content);
        away_.push_back(file);
      } else if (auto other = disk_.find(to); other != disk_.end() && random_() % 2 == 0) {
        std::swap(disk_[path], other->second);
        stamp(disk_[path]);
        stamp(disk_[to]);
        changed.insert(to);
      } else {
        disk_.erase(path);
        if (random_() % 2 == 0) stamp(file);  // else its folder was moved
        disk_[to] = file;
        changed.insert(to);
      }
      changed.insert(path);
      if (!away_.empty() && random_() % 4 == 0) {
        auto back = any_path();
        if (disk_.contains(back)) continue;
        stamp(away_.back());
        disk_[back] = away_.back();
        away_.pop_back();
        changed.insert(back);
      }
      // Some of what was noticed is looked at before more happens.
      if (random_() % 6 == 0) observe(changed, true);
    }
    for (int looks = 0; !changed.empty() || !late_.empty(); ++looks) {
      BOOST_REQUIRE_LT(looks, 100);
      while (!late_.empty())
        decide_about(0, changed);
      observe(changed, false);
    }
  }

  void check() {
    for (const auto& [path, file] : disk_) {
      auto id = library_.at(path);
      BOOST_REQUIRE_NE(id, 0);
      BOOST_REQUIRE(!library_.is_missing(id));
      BOOST_REQUIRE(library_.model.asset(id)->sha256 == content_of(file).sha256);
      auto [home, is_new] = home_.emplace(file.content, id);
      if (home->second != id && went_back(home->second, content_of(file).sha256)) home->second = id;
      BOOST_REQUIRE_MESSAGE(home->second == id, path << " holds content " << file.content
                                                     << ", which was asset " << home->second
                                                     << " and is " << id);
    }
    std::size_t present = 0;
    for (const auto& [id, path] : library_.paths)
      present += library_.is_missing(id) ? 0 : 1;
    BOOST_REQUIRE_EQUAL(present, disk_.size());
  }

private:
  /// Whether the asset went back from this content to what it was before, as that turned up after
  /// another file had its name.
  bool went_back(asset_id id, const digest& from) const {
    const auto& all = library_.contents.at(id);
    auto at = std::ranges::find(all, from);
    return std::any_of(at, all.end(), [&](const digest& later) {
      return std::find(all.begin(), at, later) != at;
    });
  }
  std::string any_path() { return "/" + std::to_string(random_() % 12) + ".png"; }
  void stamp(disk_file& file) { file.ctime_ns = ++now_; }
  bool create(const std::string& path) {
    if (disk_.contains(path)) return false;
    disk_[path] = {++last_content_, ++last_inode_, ++now_};
    return true;
  }
  void observe_all() {
    std::set<std::string> all;
    for (const auto& [path, file] : disk_)
      all.insert(path);
    observe(all, false);
  }
  /// A look at some paths, which may be decided about later than it was made.
  struct looked {
    std::map<std::string, disk_file> files;
    std::vector<std::string> gone;

    bool contains(const std::string& path) const {
      return files.contains(path) || std::ranges::find(gone, path) != gone.end();
    }
  };

  void observe(std::set<std::string>& changed, bool some) {
    std::vector<std::string> order(changed.begin(), changed.end());
    std::ranges::shuffle(order, random_);
    if (some) order.resize(random_() % (order.size() + 1));
    for (std::size_t begin = 0; begin < order.size();) {
      auto end = std::min(order.size(), begin + 1 + random_() % 4);
      looked batch;
      for (; begin < end; ++begin) {
        const auto& path = order[begin];
        // One look at a path at a time.
        if (std::ranges::any_of(late_, [&](const looked& each) { return each.contains(path); }))
          continue;
        auto at = disk_.find(path);
        if (at == disk_.end())
          batch.gone.push_back(path);
        else
          batch.files.insert(*at);
        changed.erase(path);
      }
      late_.push_back(std::move(batch));
      while (!late_.empty() && (!some || random_() % 3 != 0))
        decide_about(random_() % late_.size(), changed);
    }
  }

  void decide_about(std::size_t which, std::set<std::string>& changed) {
    auto batch = std::move(late_[which]);
    late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(which));
    for (const auto& path : library_.take(batch.files, batch.gone).again)
      if (disk_.contains(path)) changed.insert(path);
  }

  std::mt19937_64 random_;
  small_library library_;
  std::map<std::string, disk_file> disk_;
  std::vector<disk_file> away_;
  std::vector<looked> late_;  ///< not decided about yet
  std::map<std::uint32_t, asset_id> home_;
  std::uint32_t last_content_ = 0;
  std::uint64_t last_inode_ = 10;
  std::int64_t now_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_CASE(
    every_asset_ends_on_its_content_whatever_moves_and_in_whatever_order_it_is_seen) {
  auto seed = std::random_device{}();
  BOOST_TEST_MESSAGE("seed " << seed);
  for (std::uint64_t world = 0; world < 1500; ++world) {
    BOOST_TEST_CONTEXT("world " << seed + world) {
      small_world files(seed + world);
      for (int round = 0; round < 6; ++round) {
        files.shuffle(1 + static_cast<int>((seed + world) % 12));
        files.check();
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(an_asset_goes_on_where_its_bytes_are_in_whatever_order_that_is_told) {
  const disk_file copy{1, 77, 5};
  for (const auto* order : {"gone first", "found first", "found, and gone unseen"}) {
    BOOST_TEST_CONTEXT(order) {
      small_library library;
      library.take({{"/a.png", a}});
      library.model.apply(asset_approved{1});
      if (order == std::string("gone first")) {
        library.take({}, {"/a.png"});
        library.take({{"/other disk/a.png", copy}});
      } else if (order == std::string("found first")) {
        library.take({{"/other disk/a.png", copy}});
        BOOST_TEST(library.at("/other disk/a.png") == 2);
        library.take({}, {"/a.png"});
      } else {
        library.gone_unseen = {"/a.png"};
        library.take({{"/other disk/a.png", copy}});
      }
      BOOST_TEST(library.at("/other disk/a.png") == 1);
      BOOST_TEST(library.model.asset(1)->labels.approved);
      BOOST_TEST(!library.is_missing(1));
      BOOST_TEST(library.model.assets() == 1u);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_swap_by_copies_keeps_both_labels_in_whatever_order_it_is_seen) {
  auto seed = std::random_device{}();
  BOOST_TEST_MESSAGE("seed " << seed);
  for (std::uint64_t run = 0; run < 3000; ++run) {
    std::mt19937_64 random(seed + run);
    small_library library;
    std::map<std::string, disk_file> disk{{"/1/a.png", a}, {"/2/b.png", b}};
    std::set<std::string> changed;
    auto look = [&](const std::string& path) {
      library.gone_unseen.clear();
      for (const auto& [id, at] : library.paths)
        if (!disk.contains(at) || disk[at].inode != library.model.asset(id)->facts.inode)
          library.gone_unseen.insert(at);
      changed.erase(path);
      auto taken =
          disk.contains(path) ? library.take({{path, disk[path]}}) : library.take({}, {path});
      for (const auto& each : taken.again)
        if (disk.contains(each)) changed.insert(each);
    };
    look("/1/a.png");
    look("/2/b.png");
    for (asset_id id : {1, 2})
      library.model.apply(asset_approved{id});
    // a goes to the other disk, b takes its name, and perhaps its inode, and a takes b's.
    disk_file copy{1, 21, 2}, other{2, random() % 2 == 0 ? 31u : 11u, 3};
    const std::vector<std::pair<std::string, disk_file>> steps{
        {"/2/aside.png", copy}, {"/1/a.png", {}},     {"/1/a.png", other},
        {"/2/b.png", {}},       {"/2/aside.png", {}}, {"/2/b.png", copy}};
    for (const auto& [path, file] : steps) {
      if (file.inode == 0)
        disk.erase(path);
      else
        disk[path] = file;
      changed.insert(path);
      for (const auto& each : std::set(changed))
        if (path != "/2/aside.png" || file.inode != 0)  // else in the midst of a rename
          if (random() % 3 == 0) look(each);
    }
    for (int looks = 0; !changed.empty(); ++looks) {
      BOOST_REQUIRE_LT(looks, 100);
      auto next = changed.begin();
      std::advance(next, static_cast<std::ptrdiff_t>(random() % changed.size()));
      look(std::string(*next));
    }
    BOOST_TEST_CONTEXT("seed " << seed + run) {
      BOOST_TEST_REQUIRE(library.at("/2/b.png") == 1);
      BOOST_TEST_REQUIRE(library.at("/1/a.png") == 2);
      BOOST_TEST_REQUIRE((!library.is_missing(1) && !library.is_missing(2)));
      BOOST_TEST_REQUIRE(library.model.assets() == 2u);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_edit_stays_with_its_asset_when_what_it_was_is_restored_beside_it) {
  small_library library;
  library.take({{"/a.png", a}});
  library.model.apply(asset_approved{1});
  library.take({{"/a.png", {9, 11, 3}}});
  library.take({{"/copy of the edit.png", {9, 98, 4}}});
  library.take({{"/restored.png", {1, 99, 5}}});
  BOOST_TEST(library.at("/a.png") == 1);
  BOOST_TEST(!library.is_missing(1));
}

BOOST_AUTO_TEST_CASE(an_edit_stays_with_its_asset_though_the_edit_is_copied_over_a_known_file) {
  small_library library;
  library.take({{"/a.png", a}});
  library.take({{"/b.png", b}});
  library.model.apply(asset_approved{1});
  library.take({{"/a.png", {9, 11, 3}}});
  library.take({{"/b.png", {9, 12, 4}}});
  library.take({{"/restored.png", {1, 99, 5}}});
  BOOST_TEST(library.at("/a.png") == 1);
  BOOST_TEST(!library.is_missing(1));
}

BOOST_AUTO_TEST_CASE(a_copy_that_is_seen_again_makes_way_for_the_asset_that_was_decided_on) {
  const disk_file copy{1, 77, 5};
  small_library library;
  library.take({{"/a.png", a}});
  library.model.apply(asset_approved{1});
  library.take({{"/copy.png", copy}});
  BOOST_TEST(may_make_way(library.model, 2));
  BOOST_TEST(!may_make_way(library.model, 1));
  library.gone_unseen = {"/a.png"};
  library.take({{"/copy.png", copy}});
  BOOST_TEST(library.at("/copy.png") == 1);
  BOOST_TEST(library.model.assets() == 1u);
}

// A move to a volume that keeps no inodes, while the folder there is moved on.
BOOST_AUTO_TEST_CASE(a_copy_that_moves_on_as_its_original_goes_leaves_nothing_behind) {
  const disk_file copy{1, 77, 5}, moved_on{1, 88, 5};
  for (const auto* order : {"all at once", "gone unseen"}) {
    BOOST_TEST_CONTEXT(order) {
      small_library library;
      library.take({{"/a.png", a}});
      library.apply(*decide(library.model, label_change{.assets = {1}, .set = {.approved = true}}));
      library.take({{"/b/1/a.png", copy}});
      BOOST_TEST(library.at("/b/1/a.png") == 2);
      taken_files taken;
      if (order == std::string("all at once")) {
        taken = library.take({{"/b/0/a.png", moved_on}}, {"/a.png", "/b/1/a.png"});
      } else {
        library.gone_unseen = {"/a.png", "/b/1/a.png"};
        taken = library.take({{"/b/0/a.png", moved_on}});
      }
      BOOST_TEST(std::ranges::count(taken.again, "/b/0/a.png") == 1);
      library.take({{"/b/0/a.png", moved_on}});
      BOOST_TEST(library.at("/b/0/a.png") == 1);
      BOOST_TEST(!library.is_missing(1));
      BOOST_TEST(library.model.asset(1)->labels.approved);
      BOOST_TEST(library.model.assets() == 1u);
    }
  }
}

// What people said is about the content, and that is elsewhere now.
BOOST_AUTO_TEST_CASE(a_copy_that_moves_on_leaves_no_labels_with_what_replaced_its_original) {
  const disk_file copy{1, 77, 5}, moved_on{1, 88, 5};
  small_library library;
  library.take({{"/a.png", a}});
  library.model.apply(asset_approved{1});
  library.take({{"/b/1/a.png", copy}});
  library.take({{"/a.png", c}, {"/b/0/a.png", moved_on}}, {"/b/1/a.png"});
  BOOST_TEST(library.at("/b/0/a.png") == 1);
  BOOST_TEST(library.model.asset(1)->labels.approved);
  BOOST_TEST(library.at("/a.png") == library.model.last_asset());
}

BOOST_AUTO_TEST_CASE(a_copy_that_was_decided_on_makes_no_way) {
  const disk_file copy{1, 77, 5};
  small_library library;
  library.take({{"/a.png", a}, {"/copy.png", copy}});
  library.model.apply(asset_approved{1});
  library.model.apply(asset_tagged{2, "mine"});
  library.take({}, {"/a.png"});
  BOOST_TEST(library.at("/copy.png") == 2);
  BOOST_TEST(library.is_missing(1));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_still_where_it_was_has_not_moved) {
  small_library library;
  library.take({{"/a/1.png", a}});
  library.take({{"/bind/1.png", a}}, {}, 2);  // the same inode by another way
  BOOST_TEST(library.at("/a/1.png") == 1);
  BOOST_TEST(library.at("/bind/1.png") == 2);
}

BOOST_AUTO_TEST_CASE(a_look_at_a_file_that_is_gone_again_decides_nothing) {
  small_library library;
  library.take({{"/a.png", a}});
  library.happened();
  library.stale = {"/b.png"};
  library.take({{"/b.png", a}});
  BOOST_TEST(library.happened().empty());
  BOOST_TEST(library.take({{"/b.png", a}, {"/c.png", a}}).events.size() == 1u);
  BOOST_TEST(library.at("/c.png") == 1);
}

BOOST_AUTO_TEST_CASE(an_asset_stays_changed_if_its_old_file_is_gone_again_by_the_time_it_is_read) {
  small_library library;
  library.take({{"/a.png", a}});
  library.apply({asset_approved{1}});
  library.take({{"/a.png", {9, 99, 3}}});
  library.happened();
  library.stale = {"/old.png"};
  library.take({{"/old.png", a}});
  BOOST_TEST(library.happened().empty());
  library.stale.clear();
  library.take({{"/old.png", a}});
  BOOST_TEST(library.at("/old.png") == 1);
}

BOOST_AUTO_TEST_CASE(a_path_that_was_empty_for_a_moment_only_is_the_same_asset_changed) {
  using std::chrono::seconds;
  const disk_file saved{9, 99, 3};
  const recent_losses::time_point then{};
  for (auto gap : {seconds(1), recent_losses::time_max + seconds(1)}) {
    small_library library;
    library.take({{"/a.png", a}});
    library.take({}, {"/a.png"});
    library.recent.add(1, then);
    library.recent.forget_old(then + gap);
    library.happened();
    library.take({{"/a.png", saved}});
    bool is_same = gap <= recent_losses::time_max;
    BOOST_TEST(library.at("/a.png") == (is_same ? 1 : 2));
    BOOST_TEST(library.is_missing(1) == !is_same);
    if (is_same)
      BOOST_TEST(library.happened() == (names{"asset.content_changed", "asset.returned"}),
                 boost::test_tools::per_element());
  }
}

namespace {

/// A file that was written just now, and the same once it has been renamed.
constexpr disk_file saved{9, 99, 3, 2}, renamed{9, 99, 4, 2};

}  // namespace

BOOST_AUTO_TEST_CASE(an_asset_that_is_saved_by_a_file_with_a_name_of_its_own_stays_at_its_path) {
  for (bool has_inodes : {true, false})
    for (bool is_told_of_temporary : {true, false}) {
      auto on_disk = [&](disk_file file) {
        if (!has_inodes) file.inode = 0;
        return file;
      };
      small_library library;
      library.take({{"/a.png", on_disk(a)}});
      library.apply({asset_approved{1}});
      library.take({{"/temporary.png", on_disk(saved)}});
      library.happened();
      if (!is_told_of_temporary) library.gone_unseen = {"/temporary.png"};
      library.take({{"/a.png", on_disk(renamed)}},
                   is_told_of_temporary ? names{"/temporary.png"} : names{});
      BOOST_TEST(library.at("/a.png") == 1);
      BOOST_TEST(!library.is_missing(1));
      BOOST_TEST(library.model.assets() == 1u);
      // The old file was only renamed, and that is told late. It is known by its inode, or else
      // by its content.
      library.take({{"/kept.png", on_disk(a)}});
      BOOST_TEST(library.at("/kept.png") == 1);
      BOOST_TEST(library.at("/a.png") > 2);
    }
}

BOOST_AUTO_TEST_CASE(only_a_file_that_was_new_when_it_was_renamed_is_a_save) {
  constexpr std::int64_t time_max_ns = std::chrono::nanoseconds(save_time_max).count();
  constexpr std::int64_t now = 100 * hour_ns, early = now - time_max_ns, late = early + second_ns;
  constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min(),
                         highest = std::numeric_limits<std::int64_t>::max();
  struct {
    std::int64_t written, renamed, born;  ///< renamed == 0: the file system does not tell
    bool is_save;
  } constexpr cases[] = {
      {late, now, 0, true},        {early, now, 0, false},        {early, now, early, false},
      {early, now, late, true},    {late, now, early, true},      {late, 0, 0, true},
      {early, 0, 0, false},        {now + second_ns, 0, 0, true}, {now + hour_ns, 0, 0, false},
      {highest, lowest, 0, false}, {lowest, highest, 0, false},   {highest, now, 0, false},
      {highest, highest, 0, true}, {lowest, lowest + 1, 0, true},
  };
  for (const auto& each : cases) {
    small_library library;
    library.now_ns = now;
    library.take({{"/a.png", a}});
    library.apply({asset_approved{1}});
    disk_file temporary{9, 99, each.born == 0 ? 3 : each.born, each.written};
    library.take({{"/temporary.png", temporary}});
    if (each.renamed != 0) temporary.ctime_ns = each.renamed;
    if (each.born != 0) library.born_ns["/a.png"] = each.born;
    library.take({{"/a.png", temporary}}, {"/temporary.png"});
    auto shown = std::to_string(each.written) + " " + std::to_string(each.renamed);
    BOOST_TEST(library.at("/a.png") == (each.is_save ? 1 : 2), shown);
    BOOST_TEST(library.is_missing(1) != each.is_save, shown);
  }
}

BOOST_AUTO_TEST_CASE(an_asset_that_is_renamed_goes_on_there_whatever_takes_its_name) {
  small_library library;
  library.take({{"/a.png", a}});
  library.apply({asset_approved{1}});
  library.take({{"/temporary.png", saved}});
  library.take({{"/a.png", renamed}, {"/kept.png", a}}, {"/temporary.png"});
  BOOST_TEST(library.at("/kept.png") == 1);
  BOOST_TEST(library.at("/a.png") == 2);
  BOOST_TEST(!library.is_missing(2));
}

BOOST_AUTO_TEST_CASE(names_that_are_exchanged_by_copies_are_exchanged_however_late_one_is_read) {
  // Two files are restored under each other's names, and one is read long before the other.
  for (bool inodes_are_reused : {false, true})
    for (bool is_read_late : {false, true}) {
      small_library library;
      library.now_ns = is_read_late ? hour_ns : second_ns;
      library.take({{"/a.png", a}, {"/b.png", b}});
      library.apply({asset_approved{1}});
      library.born_ns = {{"/a.png", 4}, {"/b.png", 4}};
      library.gone_unseen = {"/b.png"};
      library.take({{"/a.png", {b.content, inodes_are_reused ? b.inode : 98, 4, b.mtime_ns}}});
      // Until the other one is read, this may have been a save.
      BOOST_TEST(library.at("/a.png") == (is_read_late ? 2 : 1));
      library.gone_unseen.clear();
      library.take({{"/b.png", {a.content, inodes_are_reused ? a.inode : 99, 4, a.mtime_ns}}});
      BOOST_TEST(library.at("/b.png") == 1);
      BOOST_TEST(library.at("/a.png") == (is_read_late ? 2 : 3));
      BOOST_TEST(!library.is_missing(1));
      BOOST_TEST(library.model.assets() == 2u);
    }
}

BOOST_AUTO_TEST_CASE(a_file_that_is_saved_with_the_bytes_of_one_that_is_gone_is_the_same_asset) {
  // A draft was deleted long ago, or it was the temporary file and is deleted now.
  for (bool is_in_place : {true, false})
    for (bool is_gone_long : {true, false}) {
      small_library library;
      library.now_ns = hour_ns;
      library.take({{"/a.png", a}, {"/draft.png", b}});
      library.apply({asset_approved{1}});
      if (is_gone_long) library.take({}, {"/draft.png"});
      if (!is_gone_long) library.gone_unseen = {"/draft.png"};
      library.happened();
      library.born_ns = {{"/a.png", is_in_place ? a.ctime_ns : hour_ns}};
      library.take({{"/a.png", {b.content, is_in_place ? a.inode : 98, hour_ns, hour_ns}}});
      BOOST_TEST(library.at("/a.png") == 1);
      BOOST_TEST(!library.is_missing(1));
      BOOST_TEST(library.model.assets() == 1u);
      // What has the old bytes by then may only be a copy, if the file was certainly saved.
      library.take({{"/copy.png", {a.content, 97, hour_ns, hour_ns}}});
      BOOST_TEST((library.at("/copy.png") == 1) == !is_in_place);
    }
}

BOOST_AUTO_TEST_CASE(bytes_that_people_decided_on_are_no_save) {
  // A copy of another asset is renamed over this one, and the original is deleted.
  for (bool are_told_together : {true, false}) {
    small_library library;
    library.take({{"/a.png", a}, {"/original.png", b}});
    library.apply({asset_approved{1}, asset_approved{2}});
    const disk_file copy{b.content, 77, 3, 2}, over{b.content, 77, 4, 2};
    library.take({{"/temporary.png", copy}});
    if (are_told_together) {
      library.take({{"/a.png", over}}, {"/temporary.png", "/original.png"});
    } else {
      library.take({{"/a.png", over}}, {"/temporary.png"});
      library.take({}, {"/original.png"});
    }
    library.gone_unseen = {"/original.png"};
    library.take({{"/a.png", over}});
    BOOST_TEST(library.at("/a.png") == 2);
    BOOST_TEST(library.is_missing(1));
    BOOST_TEST((library.model.asset(1)->sha256 == content_of(a).sha256));
  }
}

BOOST_AUTO_TEST_CASE(a_save_that_leaves_the_path_empty_for_a_moment_is_one_too) {
  for (bool was_lost_just_now : {true, false}) {
    small_library library;
    library.take({{"/a.png", a}});
    library.apply({asset_approved{1}});
    library.take({{"/temporary.png", saved}});
    library.take({}, {"/a.png"});
    if (was_lost_just_now) library.recent.add(1, {});
    library.take({{"/a.png", renamed}}, {"/temporary.png"});
    BOOST_TEST(library.at("/a.png") == (was_lost_just_now ? 1 : 2));
    BOOST_TEST(library.is_missing(1) != was_lost_just_now);
    if (was_lost_just_now) library.take({{"/a.png~.png", a}});
    BOOST_TEST(library.at("/a.png~.png") == (was_lost_just_now ? 1 : 0));
  }
}

BOOST_AUTO_TEST_CASE(a_temporary_name_may_be_used_again) {
  for (bool is_at_once : {true, false}) {
    small_library library;
    library.take({{"/a.png", a}, {"/b.png", b}});
    library.apply({asset_approved{1}, asset_approved{2}});
    const disk_file next{8, 88, 3, 2}, next_renamed{8, 88, 4, 2};
    library.take({{"/temporary.png", saved}});
    if (is_at_once) {
      library.take({{"/a.png", renamed}, {"/temporary.png", next}});
    } else {
      library.take({{"/a.png", renamed}}, {"/temporary.png"});
      library.take({{"/temporary.png", next}});
    }
    BOOST_TEST(library.at("/a.png") == 1);
    library.take({{"/b.png", next_renamed}}, {"/temporary.png"});
    BOOST_TEST(library.at("/b.png") == 2);
    BOOST_TEST(!library.is_missing(1));
    BOOST_TEST(!library.is_missing(2));
    BOOST_TEST(library.model.assets() == 2u);
  }
}

BOOST_AUTO_TEST_CASE(bytes_that_come_back_in_a_new_file_are_saved_through_it) {
  small_library library;
  library.take({{"/a.png", a}});
  library.apply({asset_approved{1}});
  library.take({{"/temporary.png", {9, 98, 1}}});
  library.take({}, {"/temporary.png"});
  library.take({{"/temporary.png", saved}});
  library.take({{"/a.png", renamed}}, {"/temporary.png"});
  BOOST_TEST(library.at("/a.png") == 1);
  BOOST_TEST(library.model.assets() == 1u);
}

BOOST_AUTO_TEST_CASE(a_hard_link_that_stays_is_no_temporary_file) {
  small_library library;
  library.take({{"/a.png", a}});
  library.apply({asset_approved{1}});
  library.take({{"/stays.png", saved}});
  library.take({{"/a.png", renamed}}, {}, 2);
  BOOST_TEST(library.at("/a.png") == 1);
  BOOST_TEST(library.at("/stays.png") == 2);
}

BOOST_AUTO_TEST_CASE(an_inode_that_is_used_again_is_not_the_file_that_was_saved_over) {
  for (bool is_born_later : {true, false}) {
    small_library library;
    library.take({{"/a.png", a}});
    library.apply({asset_approved{1}});
    library.take({{"/a.png", renamed}});
    library.born_ns["/backup.png"] = a.ctime_ns + (is_born_later ? 1 : 0);
    library.take({{"/backup.png", {a.content, a.inode, 5}}});
    BOOST_TEST(library.at("/backup.png") == (is_born_later ? 2 : 1));
    BOOST_TEST(library.at("/a.png") == (is_born_later ? 1 : 2));
  }
}

BOOST_AUTO_TEST_CASE(a_copy_that_was_rewritten_is_none_and_is_looked_at) {
  small_library library;
  library.take({{"/a.png", a}});
  library.apply(*decide(library.model, label_change{.assets = {1}, .set = {.approved = true}}));
  library.take({{"/b.png", {1, 21, 1}}});
  library.rewritten = {"/b.png"};
  BOOST_TEST(library.take({}, {"/a.png"}).again == names{"/b.png"},
             boost::test_tools::per_element());
  BOOST_TEST(library.is_missing(1));
  BOOST_TEST(library.at("/b.png") > 1);
}

BOOST_AUTO_TEST_CASE(a_copy_that_is_seen_goes_before_one_on_a_disk_that_is_away) {
  for (const char* away : {"/b.png", "/c.png"}) {
    small_library library;
    library.take({{"/a.png", a}});
    auto labelled = decide(library.model, label_change{.assets = {1}, .set = {.approved = true}});
    BOOST_REQUIRE(static_cast<bool>(labelled));
    library.apply(*labelled);
    library.take({{"/b.png", {1, 21, 1}}, {"/c.png", {1, 31, 1}}});
    library.unseen = {away};
    library.take({}, {"/a.png"});
    BOOST_TEST(library.at(away == std::string("/b.png") ? "/c.png" : "/b.png") == 1);
    BOOST_TEST(library.at(away) > 1);
  }
  // Where there is no other, its bytes are on that disk.
  small_library library;
  library.take({{"/a.png", a}});
  library.apply(*decide(library.model, label_change{.assets = {1}, .set = {.approved = true}}));
  library.take({{"/b.png", {1, 21, 1}}});
  library.unseen = {"/b.png"};
  library.take({}, {"/a.png"});
  BOOST_TEST(library.at("/b.png") == 1);
}

BOOST_AUTO_TEST_CASE(a_second_name_without_decisions_is_not_what_was_moved_away) {
  for (bool is_moved : {false, true}) {
    small_library library;
    library.take({{"/a.png", a}});
    library.apply(*decide(library.model, label_change{.assets = {1}, .set = {.approved = true}}));
    library.take({{"/b.png", a}}, {}, 2);
    library.take({{"/a.png", c}});
    BOOST_TEST(library.at("/a.png") == 1);
    if (is_moved)
      library.take({{"/b.png", b}, {"/moved.png", a}});
    else
      library.take({{"/third.png", a}}, {}, 3);
    // Saved over, with the old bytes kept under other names; or exchanged for another file.
    BOOST_TEST(library.at(is_moved ? "/moved.png" : "/a.png") == 1);
    BOOST_TEST(!library.is_missing(1));
  }
}

BOOST_AUTO_TEST_CASE(an_edit_that_another_name_of_the_file_told_first_stays_with_its_asset) {
  for (bool is_link : {true, false}) {
    small_library library;
    library.take({{"/a.png", a}});
    library.apply(*decide(library.model, label_change{.assets = {1}, .set = {.approved = true}}));
    // Another name of the file, as its folder is bound elsewhere; or a copy of it.
    library.take({{"/bound/a.png", is_link ? a : disk_file{1, 31, 1}}}, {}, 2);
    library.take({{"/bound/a.png", b}}, {}, 2);
    library.gone_unseen = {"/bound/a.png"};
    library.take({{"/a.png", b}}, {}, 2);
    // A copy that was saved over and then moved here is another picture.
    BOOST_TEST(library.at("/a.png") == (is_link ? 1 : 2));
    BOOST_TEST(library.is_missing(1) == !is_link);
    library.take({}, {"/bound/a.png"});
    BOOST_TEST(library.is_missing(1) == !is_link);
  }
}

BOOST_AUTO_TEST_CASE(labels_follow_a_file_that_left_both_of_its_paths) {
  small_library library;
  library.take({{"/root/a.png", a}});
  library.take({{"/bound/a.png", a}}, {}, 2);  // the same file by another path; labelled below
  library.apply(*decide(library.model, label_change{.assets = {2}, .set = {.approved = true}}));
  // The file moves, and another file takes its name. The places for the second look were requested
  // before the first look was decided.
  const std::vector<digested_file> second{
      {"/root/a.png", key_of("/root/a.png"), asset_type::image, content_of(b), 1},
      {"/root/b.png", key_of("/root/b.png"), asset_type::image, content_of(a), 1}};
  auto known = find_others(library.model, second, {});
  BOOST_TEST(known == std::vector<asset_id>({1, 2}), boost::test_tools::per_element());
  asset_places places{{{1, "/root/a.png"}}, {1}, {}};
  library.take({{"/bound/a.png", b}}, {}, 2);
  BOOST_TEST(library.at("/bound/a.png") == 2);
  library.apply(decide_put_back(library.model, second, places).events);
  auto taken = decide(library.model, second, {}, {}, places, {});
  library.apply(taken.events);
  BOOST_TEST(taken.again == names{"/root/b.png"}, boost::test_tools::per_element());
  // While its next place is only a guess, the asset is missing.
  BOOST_TEST(library.is_missing(1));
  library.take({{"/root/b.png", a}}, {}, 2);
  BOOST_TEST(library.at("/root/b.png") == 2);
  BOOST_TEST(!library.is_missing(2));
  BOOST_TEST(library.model.asset(2)->sha256 == content_of(a).sha256);
}

namespace {

/// Asset 1 is /a.png and approved, and asset 2 its copy, /copy.png.
struct copied_library : small_library {
  static constexpr disk_file original{1, 11, 5}, copy{1, 21, 6}, renamed{1, 11, 9};

  copied_library() {
    take({{"/a.png", original}});
    take({{"/copy.png", copy}});
    approve(1);
    born_ns = {{"/b.png", 4}, {"/copy.png", 6}};
  }
  void approve(asset_id id) {
    apply(*decide(model, label_change{.assets = {id}, .set = {.approved = true}}));
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_edited_in_place_keeps_its_asset_though_a_copy_of_it_is_new) {
  constexpr disk_file edited{7, 11, 9}, copy{1, 31, 9};
  for (std::int64_t born : {0, 5, 6}) {  // unknown; before, or after, the last known ctime
    copied_library library;
    library.take({}, {"/copy.png"});
    library.take({{"/b.png", b}});
    if (born != 0) library.born_ns = {{"/a.png", born}};
    library.take({{"/a.png", edited}, {"/new copy.png", copy}});
    bool in_place = born == 5;
    BOOST_TEST((library.at("/a.png") == 1) == in_place, born);
    BOOST_TEST((library.at("/new copy.png") == 1) == !in_place, born);
    // Bytes that another asset has are not an edit: the two changed places.
    copied_library swapped;
    swapped.take({}, {"/copy.png"});
    swapped.take({{"/b.png", b}});
    if (born != 0) swapped.born_ns = {{"/a.png", born}, {"/b.png", 1}};
    swapped.take({{"/a.png", {b.content, 11, 9}}, {"/b.png", {1, b.inode, 9}}});
    BOOST_TEST(swapped.at("/b.png") == 1);
    BOOST_TEST(swapped.at("/a.png") == 3);
  }
}

BOOST_AUTO_TEST_CASE(a_renamed_file_takes_its_asset_back_from_a_copy) {
  constexpr auto copy = copied_library::copy, renamed = copied_library::renamed;
  for (bool is_told_gone : {false, true})
    for (bool is_copy_seen_with_it : {false, true}) {
      copied_library library;
      // The file is renamed. Before its new name is read, it is reported gone, or the copy is read.
      library.gone_unseen = {"/a.png"};
      if (is_told_gone)
        library.take({}, {"/a.png"});
      else
        library.take({{"/copy.png", copy}});
      BOOST_TEST(library.at("/copy.png") == 1);
      library.gone_unseen.clear();
      std::map<std::string, disk_file> files{{"/b.png", renamed}};
      if (is_copy_seen_with_it) files.emplace("/copy.png", copy);
      auto taken = library.take(files);
      BOOST_TEST(library.at("/b.png") == 1);
      BOOST_TEST(!library.is_missing(1));
      BOOST_TEST(library.at("/copy.png") == 3);
      BOOST_TEST(taken.again == names{"/copy.png"}, boost::test_tools::per_element());
      // The copy is an asset of its own again, and stays a copy however often it is looked at.
      for (int looks = 0; looks < 2; ++looks) {
        library.take({{"/copy.png", copy}});
        BOOST_TEST(library.at("/b.png") == 1);
        BOOST_TEST(library.at("/copy.png") == 3);
      }
      // Once the file is deleted, the asset moves to the copy.
      library.take({}, {"/b.png"});
      BOOST_TEST(library.at("/copy.png") == 1);
    }
}

BOOST_AUTO_TEST_CASE(a_new_file_that_reuses_the_inode_is_another_asset) {
  constexpr disk_file later{1, 11, 9};
  for (auto born : {std::optional<std::int64_t>(9), std::optional<std::int64_t>()}) {
    copied_library library;
    library.take({}, {"/a.png"});
    BOOST_TEST(library.at("/copy.png") == 1);
    // Without a birth time it could be either file, so the labels stay with the copy.
    library.born_ns.clear();
    if (born) library.born_ns = {{"/new.png", *born}};
    library.take({{"/new.png", later}});
    BOOST_TEST(library.at("/copy.png") == 1);
    BOOST_TEST(library.at("/new.png") == 3);
  }
}

BOOST_AUTO_TEST_CASE(a_renamed_file_takes_precedence_over_new_copies_in_any_order) {
  for (const auto* copy : {"/a copy.png", "/z copy.png"}) {
    small_library library;
    library.take({{"/k.png", a}});
    library.apply(*decide(library.model, label_change{.assets = {1}, .set = {.approved = true}}));
    library.gone_unseen = {"/k.png"};
    library.take({{"/m.png", {1, 11, 9}}, {copy, {1, 31, 9}}});
    BOOST_TEST(library.at("/m.png") == 1);
    BOOST_TEST(library.at(copy) == 2);
  }
}

BOOST_AUTO_TEST_CASE(a_file_renamed_over_one_copy_keeps_its_asset_despite_another_copy) {
  for (bool at_once : {false, true}) {
    copied_library library;
    constexpr auto copy = copied_library::copy, renamed = copied_library::renamed;
    library.take({{"/second copy.png", {1, 22, 6}}});
    library.born_ns["/second copy.png"] = 4;
    library.gone_unseen = {"/a.png"};
    if (at_once) {
      library.take({{"/copy.png", copy}, {"/second copy.png", renamed}});
      BOOST_TEST(library.at("/copy.png") == 2);
    } else {
      library.take({{"/copy.png", copy}});
      BOOST_TEST(library.at("/copy.png") == 1);
      library.gone_unseen.clear();
      library.take({{"/second copy.png", renamed}});
    }
    BOOST_TEST(library.at("/second copy.png") == 1);
    BOOST_TEST(library.at("/copy.png") != 0);
  }
}

BOOST_AUTO_TEST_CASE(another_path_to_a_file_takes_precedence_over_a_copy_of_it) {
  small_library library;
  library.take({{"/a.png", a}});
  library.take({{"/name.png", a}}, {}, 2);
  library.take({{"/copy.png", {1, 31, 1}}});
  library.apply(*decide(library.model, label_change{.assets = {1}, .set = {.approved = true}}));
  library.take({}, {"/a.png"});
  BOOST_TEST(library.at("/name.png") == 1);
  BOOST_TEST(library.at("/copy.png") == 3);
}

BOOST_AUTO_TEST_CASE(an_asset_that_moved_from_copy_to_copy_returns_to_its_original_for_good) {
  for (bool first_comes_first : {false, true}) {
    copied_library library;
    library.take({}, {"/a.png"});
    library.take({{"/last.png", {1, 31, 7}}});
    library.take({}, {"/copy.png"});
    BOOST_TEST(library.at("/last.png") == 1);
    library.born_ns = {{"/b.png", 4}, {"/c.png", 6}};
    auto original = [&] { library.take({{"/b.png", copied_library::renamed}}); };
    auto copy = [&] { library.take({{"/c.png", {1, 21, 9}}}); };
    if (first_comes_first) original(), copy();
    if (!first_comes_first) copy(), original();
    BOOST_TEST(library.at("/b.png") == 1);
    BOOST_TEST(library.at("/c.png") > 1);
    BOOST_TEST(library.at("/last.png") > 1);
  }
}

BOOST_AUTO_TEST_CASE(an_asset_labelled_while_at_a_copy_stays_there) {
  copied_library library;
  library.take({}, {"/a.png"});
  library.apply(*decide(library.model, label_change{.assets = {1}, .set = {.theme = "mine"}}));
  library.take({{"/b.png", copied_library::renamed}});
  BOOST_TEST(library.at("/copy.png") == 1);
  BOOST_TEST(library.at("/b.png") == 3);
}

BOOST_AUTO_TEST_CASE(a_file_that_became_another_asset_takes_nothing_back) {
  copied_library library;
  library.born_ns.clear();  // no birth times
  library.take({}, {"/a.png"});
  library.take({{"/b.png", copied_library::renamed}});
  BOOST_TEST(library.at("/b.png") == 3);
  library.gone_unseen = {"/b.png"};
  library.born_ns = {{"/c.png", 4}};
  library.take({{"/c.png", {1, 11, 12}}});
  BOOST_TEST(library.at("/c.png") == 3);
  BOOST_TEST(library.at("/copy.png") == 1);
}

BOOST_AUTO_TEST_CASE(a_new_link_to_a_file_that_is_back_is_an_asset_of_its_own) {
  copied_library library;
  library.take({}, {"/a.png"});
  library.take({{"/copy.png", copied_library::renamed}});  // the original is renamed over its copy
  BOOST_TEST(library.at("/copy.png") == 1);
  library.born_ns = {{"/name.png", 4}};
  library.take({{"/name.png", copied_library::renamed}}, {}, 2);
  BOOST_TEST(library.at("/copy.png") == 1);
  BOOST_TEST(library.at("/name.png") == 3);
}

BOOST_AUTO_TEST_CASE(reverted_events_do_not_forget_the_file_an_asset_left) {
  copied_library library;
  library.take({}, {"/a.png"});
  library.settle();
  const std::vector<digested_file> read{
      {"/b.png", key_of("/b.png"), asset_type::image, content_of(copied_library::renamed), 1}};
  asset_places places{{{1, "/copy.png"}}, {}, {}, {}, {{"/b.png", 4}}};
  auto refused = decide(library.model, read, {}, {}, places, {}).events;
  BOOST_REQUIRE_EQUAL(refused.size(), 2u);
  for (const auto& e : refused)
    library.model.apply(e);
  BOOST_TEST(library.at("/b.png") == 1);
  for (auto e = refused.rbegin(); e != refused.rend(); ++e)
    library.model.revert(*e);
  BOOST_TEST(library.at("/copy.png") == 1);
  library.take({{"/b.png", copied_library::renamed}});
  BOOST_TEST(library.at("/b.png") == 1);
}

BOOST_AUTO_TEST_CASE(a_copy_keeps_the_asset_if_the_renamed_file_has_moved_on) {
  copied_library library;
  library.take({}, {"/a.png"});
  // /b.png has moved on since it was read, so nothing is decided about it.
  const std::vector<digested_file> read{
      {"/b.png", key_of("/b.png"), asset_type::image, content_of(copied_library::renamed), 1},
      {"/copy.png", key_of("/copy.png"), asset_type::image, content_of(copied_library::copy), 1}};
  asset_places places{{}, {}, {"/b.png"}, {}, {{"/b.png", 4}}};
  auto taken = decide(library.model, read, {}, {}, places, {});
  BOOST_TEST(taken.events.empty());
  BOOST_TEST(taken.unchanged == 1u);
  BOOST_TEST(taken.again == names{"/b.png"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_file_replaced_at_both_its_paths_returns_to_the_asset_with_decisions) {
  for (bool decided_changes_first : {false, true}) {
    small_library library;
    library.take({{"/a.png", a}});
    library.take({{"/bound/a.png", a}}, {}, 2);
    library.apply(*decide(library.model, label_change{.assets = {1}, .set = {.approved = true}}));
    library.take({{decided_changes_first ? "/a.png" : "/bound/a.png", b}}, {}, 2);
    library.take({{decided_changes_first ? "/bound/a.png" : "/a.png", b}}, {}, 2);
    library.take({{"/moved.png", a}}, {}, 2);
    BOOST_TEST(library.at("/moved.png") == 1);
  }
}

BOOST_AUTO_TEST_CASE(originals_left_behind_by_a_root_move_take_nothing_back) {
  copied_library library;
  digested_file moved{"/new/a.png", key_of("/new/a.png"), asset_type::image, content_of({1, 31, 9}),
                      1};
  moved.was = 1;
  asset_places places{{{1, "/a.png"}}, {}, {}};
  library.apply(decide(library.model, {moved}, {}, {}, places, {}).events);
  BOOST_TEST(library.at("/new/a.png") == 1);
  library.born_ns = {{"/a.png", 4}};
  library.take({{"/a.png", copied_library::original}});
  BOOST_TEST(library.at("/new/a.png") == 1);
  BOOST_TEST(library.at("/a.png") == 3);
}

BOOST_AUTO_TEST_CASE(the_original_takes_precedence_over_the_copy_that_stood_in_for_it) {
  for (const auto* original : {"/b.png", "/y.png"}) {
    copied_library library;
    library.take({}, {"/a.png"});
    BOOST_TEST(library.at("/copy.png") == 1);
    library.gone_unseen = {"/copy.png"};
    library.born_ns = {{original, 4}, {"/m.png", 6}};
    library.take({{"/m.png", {1, 21, 9}}, {original, copied_library::renamed}});
    BOOST_TEST(library.at(original) == 1);
    BOOST_TEST(library.at("/m.png") == 3);
  }
}

BOOST_AUTO_TEST_CASE(a_file_renamed_over_a_copy_takes_precedence_over_a_new_copy) {
  copied_library library;
  library.gone_unseen = {"/a.png"};
  library.take({{"/b new.png", {1, 31, 9}}, {"/copy.png", copied_library::renamed}});
  BOOST_TEST(library.at("/copy.png") == 1);
  BOOST_TEST(library.at("/b new.png") == 3);
}

BOOST_AUTO_TEST_CASE(a_backup_of_one_hard_link_does_not_restore_the_asset_of_another) {
  small_library library;
  library.take({{"/a.png", a}});
  library.take({{"/name.png", a}}, {}, 2);
  library.apply(*decide(library.model, label_change{.assets = {1}, .set = {.approved = true}}));
  library.take({{"/a.png", b}});
  library.take({{"/name.png", c}});
  library.take({{"/name.bak.png", a}});
  BOOST_TEST(library.at("/a.png") == 1);
  BOOST_TEST(library.at("/name.bak.png") == 2);
}

BOOST_AUTO_TEST_CASE(an_edit_first_reported_at_another_path_is_not_a_missing_asset_with_its_bytes) {
  small_library library;
  library.take({{"/export.png", {b.content, 51, 1}}});
  library.take({{"/a.png", a}});
  library.apply(*decide(library.model, label_change{.assets = {2}, .set = {.approved = true}}));
  library.take({{"/bound/a.png", a}}, {}, 2);
  library.take({{"/bound/a.png", b}}, {}, 2);
  BOOST_TEST(library.at("/bound/a.png") == 3);
  library.take({}, {"/export.png"});
  library.gone_unseen = {"/bound/a.png"};
  library.take({{"/a.png", b}}, {}, 2);
  BOOST_TEST(library.at("/a.png") == 2);
}

// --- endless moves ---

BOOST_AUTO_TEST_CASE(an_asset_that_moves_without_end_is_slowed_and_then_stopped_for_a_while) {
  using answer = recent_moves::answer;
  constexpr std::chrono::milliseconds moment{1};
  recent_moves moves;
  recent_moves::time_point now{};
  auto may = [&](answer expected, asset_id id = 1) {
    BOOST_TEST((moves.may_move(id, now) == expected));
  };
  for (unsigned i = 0; i < recent_moves::moves_free; ++i) {
    may(answer::yes);
    moves.add(1, now);
  }
  for (auto i = recent_moves::moves_free; i < recent_moves::moves_max; ++i) {
    now += recent_moves::pause;
    may(answer::later);
    may(answer::yes, 2);
    now += moment;
    may(answer::yes);
    moves.add(1, now);
  }
  may(answer::too_often);
  BOOST_TEST(moves.is_news(1));
  BOOST_TEST(!moves.is_news(1));
  now = recent_moves::time_point{} + recent_moves::time_max;
  may(answer::too_often);
  now += moment;
  may(answer::yes);
  // It begins again.
  for (unsigned i = 0; i < recent_moves::moves_free; ++i) {
    may(answer::yes);
    moves.add(1, now);
  }
  may(answer::later);
  BOOST_TEST(moves.is_news(1));
}

BOOST_AUTO_TEST_CASE(of_more_assets_than_are_remembered_old_moves_are_forgotten_or_else_all) {
  using answer = recent_moves::answer;
  recent_moves moves;
  recent_moves::time_point now{};
  auto storm = [&](asset_id id) {
    for (unsigned i = 0; i < recent_moves::moves_max; ++i)
      moves.add(id, now);
  };
  constexpr auto all = static_cast<asset_id>(recent_moves::size_max);
  for (asset_id id = 1; id < all; ++id)
    moves.add(id, now);
  now += recent_moves::time_max + recent_moves::pause;
  storm(all);
  BOOST_TEST((moves.may_move(all, now) == answer::too_often));
  for (asset_id id = 1; id < all; ++id)  // there is room for these again
    moves.add(id, now);
  BOOST_TEST((moves.may_move(all, now) == answer::too_often));
  moves.add(all + 1, now);
  BOOST_TEST((moves.may_move(all, now) == answer::yes));
}
