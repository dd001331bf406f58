// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE labels
#include "system/console.hpp"
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/trees.hpp"
#include "system/workspace.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <random>

using namespace system_test;
namespace fs = std::filesystem;

namespace {

/// Files of distinct content, each with its digest as its theme, and half of them approved. Some
/// have an unlabelled copy, in any folder of either root.
class labelled_library {
public:
  static constexpr int count = 1000, copies = 300;

  labelled_library() {
    for (int i = 0; i < count; ++i)
      make_file(roots[static_cast<std::size_t>(i) % roots.size()] + "/" + std::to_string(i % 7)
                    + "/" + std::to_string(i % 3) + "/" + std::to_string(i) + ".png",
                "the content of " + std::to_string(i));
    running = std::make_unique<service>(podstudio, roots);
    podstudio.must({"sync"});
    for (const auto& asset : query(podstudio.database(), "SELECT id, hash FROM asset"))
      ids_[asset[1]] = asset[0];
    BOOST_REQUIRE_EQUAL(ids_.size(), static_cast<std::size_t>(count));
    label();
    for (const auto& [path, digest] : walk_trees(roots).digests)
      files_.push_back(path);
    for (int i = 0; i < copies; ++i)
      make_file(any_folder() + "/copy " + std::to_string(i) + ".png",
                "the content of " + std::to_string(i));
  }

  /// Moves files and folders about, in such ways as people and programs do.
  void shuffle() {
    for (int i = 0; i < 150; ++i)
      rename(any_file(), any_folder() + "/renamed " + std::to_string(++named_) + ".png");
    for (int i = 0; i < 20; ++i)  // folders, also into another root
      rename_folder(any_folder(), any_folder() + "/folder " + std::to_string(++named_));
    for (int i = 0; i < 40; ++i) {  // swaps
      auto one = any_file(), other = any_file(), third = one + ".third.png";
      if (one == other) continue;
      BOOST_REQUIRE(std::rename(one.c_str(), third.c_str()) == 0);
      BOOST_REQUIRE(std::rename(other.c_str(), one.c_str()) == 0);
      BOOST_REQUIRE(std::rename(third.c_str(), other.c_str()) == 0);
    }
    for (int i = 0; i < 20; ++i) {  // chains: each takes the name of the one before
      auto to = any_folder() + "/end " + std::to_string(++named_) + ".png";
      for (int link = 0; link < 6; ++link) {
        auto at = below(files_.size());
        auto from = files_[at];
        BOOST_REQUIRE(std::rename(from.c_str(), to.c_str()) == 0);
        files_[at] = to;
        to = from;
      }
      // The last name is free. Sometimes another file, of a content nobody knows, takes it.
      if (i % 2 == 0) {
        write_file(to, "a stranger " + std::to_string(++strangers_));
        others_.push_back(to);
      }
    }
    for (const auto& path : std::exchange(others_, {}))
      if (fs::exists(path) && below(2) == 0) fs::remove(path);
  }

  void check(const std::string& when) {
    // Where most of a root has gone to the other one, its scan is held until it is seen there.
    BOOST_REQUIRE(eventually([&] { return podstudio({"sync"}).code == 0; }, 30s));
    std::size_t found = 0;
    int unlabelled = 0;
    auto tree = walk_trees(roots).digests;
    for (const auto& asset :
         query(podstudio.database(),
               "SELECT id, path, hash, theme, approved, missing_since FROM asset JOIN asset_file"
               " ON asset_id = id")) {
      auto id = ids_.find(asset[2]);
      if (id == ids_.end()) {
        BOOST_CHECK_MESSAGE(asset[3] == "NULL", when << ": a stranger has a label: " << asset[1]);
        continue;
      }
      if (asset[0] != id->second && asset[3] == "NULL" && asset[4] == "0") {
        if (asset[5] == "NULL" && tree[asset[1]] == asset[2]) ++unlabelled;
        continue;
      }
      ++found;
      BOOST_CHECK_MESSAGE(std::ranges::find(files_, asset[1]) != files_.end(),
                          when << ": the label of " << asset[2] << " is at a copy: " << asset[1]);
      BOOST_CHECK_MESSAGE(asset[3] == asset[2] && asset[0] == id->second
                              && asset[4] == (is_approved(asset[2]) ? "1" : "0")
                              && asset[5] == "NULL" && tree[asset[1]] == asset[2],
                          when << ": " << asset[1] << " has id " << asset[0] << ", not "
                               << id->second << "; content " << asset[2] << ", theme " << asset[3]
                               << ", approved " << asset[4] << ", missing since " << asset[5]);
    }
    BOOST_CHECK_MESSAGE(found == ids_.size(), when << ": " << found << " of " << ids_.size());
    BOOST_CHECK_MESSAGE(unlabelled == copies, when << ": " << unlabelled << " copies");
  }

  workspace space;
  words roots{space.root, space.path + "/root two"};
  library podstudio{space.data};
  std::unique_ptr<service> running;

private:
  static bool is_approved(const std::string& digest) { return digest[0] < '8'; }

  void label() {
    words approve{"asset", "approve"};
    for (const auto& [digest, id] : ids_)
      if (is_approved(digest)) approve.push_back(id);
    podstudio.must(approve);
    console to(podstudio);
    for (const auto& [digest, id] : ids_) {
      auto answer =
          to.give({new_command_id(), "asset.set", {{"ids", {std::stoll(id)}}, {"theme", digest}}});
      BOOST_REQUIRE(answer && answer->done);
    }
  }

  std::size_t below(std::size_t bound) { return random_() % bound; }
  std::string any_file() { return files_[below(files_.size())]; }
  std::string any_folder() {
    auto path = any_file();
    return path.substr(0, path.rfind('/'));
  }
  void rename(const std::string& from, const std::string& to) {
    if (std::rename(from.c_str(), to.c_str()) == 0) *std::ranges::find(files_, from) = to;
  }
  void rename_folder(const std::string& from, const std::string& to) {
    if (std::ranges::find(roots, from) != roots.end()) return;
    if (std::rename(from.c_str(), to.c_str()) != 0) return;  // into itself, say
    for (auto* all : {&files_, &others_})
      for (auto& path : *all)
        if (path.starts_with(from + "/")) path = to + path.substr(from.size());
  }

  std::mt19937_64 random_{[] {
    auto seed = number_from_env("PODSTUDIO_TEST_SEED", std::random_device{}());
    BOOST_TEST_MESSAGE("seed " << seed);
    return seed;
  }()};
  std::map<std::string, std::string> ids_;  ///< by digest
  words files_;                             ///< where the labelled ones are
  words others_;                            ///< strangers of this round
  int named_ = 0, strangers_ = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(labels_stay_with_their_content_however_files_are_moved, labelled_library) {
  check("labelled");
  for (int round = 0; round < 4; ++round) {
    bool live = round % 2 == 0;
    if (!live) running->stop();
    shuffle();
    if (!live) running = std::make_unique<service>(podstudio);
    check((live ? "live, round " : "down, round ") + std::to_string(round));
  }
}

BOOST_AUTO_TEST_CASE(a_file_renamed_between_scans_keeps_its_labels_despite_a_copy) {
  // Each pair is the copy's path and the file's new name: both at the top of a root, in one folder,
  // and in different folders. The new name is in the copy's root or in the other one.
  const std::pair<std::string, std::string> copies[] = {
      {"/a.png", "/b.png"}, {"/m/a.png", "/m/z.png"}, {"/a/x.png", "/z/x.png"}};
  for (bool watched : {true, false})
    for (const auto& [copy, renamed] : copies)
      for (bool in_other_root : {false, true}) {
        workspace space;
        library podstudio(space.data);
        auto other = space.path + "/other root";
        auto file = space.root + "/k/file.png";
        auto new_name = (in_other_root ? other : space.root) + renamed;
        make_file(other + "/another.png", "another");
        make_file(file, "the picture");
        make_file(space.root + copy, "the picture");
        podstudio.must({"import", space.root, other});
        auto id = value(podstudio.database(), "SELECT id FROM asset WHERE path = '" + file + "'");
        podstudio.must({"asset", "set", id, "--theme", "mine"});
        make_folder(fs::path(new_name).parent_path());
        BOOST_REQUIRE(std::rename(file.c_str(), new_name.c_str()) == 0);
        if (watched) {
          service running(podstudio, words{space.root, other});
          podstudio.must({"sync"});
        } else {
          podstudio.must({"import", space.root, other});
        }
        BOOST_TEST_CONTEXT((watched ? "watched: " : "imported: ") << copy << " " << new_name) {
          BOOST_TEST(value(podstudio.database(), "SELECT path FROM asset WHERE theme = 'mine'")
                     == new_name);
          BOOST_TEST(value(podstudio.database(), "SELECT count(*) FROM asset JOIN asset_file ON"
                                                 " asset_id = id WHERE missing_since IS NULL")
                     == "3");
        }
      }
}
