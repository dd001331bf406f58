// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE truth
#include "system/console.hpp"
#include "system/disks.hpp"
#include "system/driver.hpp"
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/trees.hpp"
#include "system/workspace.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <unistd.h>

using namespace system_test;
namespace {

/// The kernel's queue of notices made small for all who begin to watch while this lives.
class small_queue {
public:
  explicit small_queue(int events) : before_(read_number()) { write_number(events); }
  small_queue(const small_queue&) = delete;
  small_queue& operator=(const small_queue&) = delete;
  ~small_queue() { write_number(before_); }

  static bool is_permitted() { return ::access(path, W_OK) == 0; }

private:
  static constexpr const char* path = "/proc/sys/fs/inotify/max_queued_events";
  static int read_number() {
    int number = 0;
    std::ifstream(path) >> number;
    return number;
  }
  static void write_number(int number) { std::ofstream(path) << number; }

  int before_;
};

struct tally {
  std::uint64_t operations = 0, syncs = 0, kills = 0, overflows = 0, disks = 0, differences = 0;
  std::uint64_t lost = 0;  ///< labels
};

/// What people said of an asset.
struct label {
  std::string id, hash;
  std::string path;  ///< of an edited file; a kept one may be anywhere
  bool approved = false, tagged = false;
};

/// A library that follows roots to which a driver does something, one of them on a disk of its own
/// where that can be.
class followed {
public:
  followed(std::uint64_t seed, const std::string& disk_type)
      : seed_(seed), bay_(make_bay(space_.path + "/disk", disk_type)) {
    roots_ = {space_.root, space_.path + "/root three"};
    words outsides{space_.path + "/outside"};
    if (bay_ == nullptr) {
      roots_.push_back(space_.path + "/root two");
    } else if (seed % 2 == 0) {
      roots_.push_back(bay_->at());
    } else {
      roots_.push_back(bay_->at() + "/root two");
      outsides.push_back(bay_->at() + "/outside");
    }
    auto look = [this] {
      if (running_ && !paused_) podstudio_({"sync", "--timeout", "300"}, 310s);
    };
    driver_.emplace(driven{roots_, outsides, bay_.get(), look}, seed);
  }

  void start(bool with_a_small_queue) {
    std::optional<small_queue> queue;
    if (with_a_small_queue) queue.emplace(8);
    running_ = std::make_unique<service>(podstudio_, first_ ? roots_ : words{}, 300s);
    // A watcher has its queue once it answers, which a sync waits for.
    if (first_)
      podstudio_.must({"sync"});
    else if (queue)
      podstudio_({"sync"});
    if (std::exchange(first_, false)) give_labels();
  }
  void kill() {
    running_->kill();
    running_.reset();
    ++tally_.kills;
  }
  /// It gets no processor, as on a busy machine.
  void pause() {
    paused_ = true;
    running_->running().signal(SIGSTOP);
  }
  void go_on() {
    running_->running().signal(SIGCONT);
    paused_ = false;
  }
  driver& files() { return *driver_; }
  std::uint64_t kills() const { return tally_.kills; }

  /// After a sync the rows that are not missing are the files that are there, and each label is
  /// where it belongs.
  bool check() {
    auto apart = sync();
    ++tally_.syncs;
    auto roots = driver_->present_roots();
    auto truth = walk_trees(roots);
    auto found = present(podstudio_.database());
    std::erase_if(found, [&](const auto& each) {
      return std::ranges::none_of(roots,
                                  [&](auto& root) { return each.first.starts_with(root + "/"); });
    });
    auto problems = problems_of(podstudio_.database(), "bad_name");
    for (const auto& path : truth.bad_names)
      if (!problems.contains(path)) apart += "\n  no problem: " + path;
    apart += difference(truth.digests, found);
    auto lost = check_labels(truth.digests);
    if (!apart.empty()) ++tally_.differences;
    apart += lost;
    if (!apart.empty()) {
      keep_data();
      BOOST_ERROR("seed " << seed_ << ", after " << driver_->done() << " operations:" << apart
                          << driver_->trace_of(apart));
    }
    driver_->in_step();
    return apart.empty();
  }

  tally finish() {
    tally_.operations = driver_->done();
    tally_.disks = driver_->plugged();
    tally_.overflows = overflows();
    if (running_) {
      auto checked = podstudio_({"replay", "--check"});
      BOOST_CHECK_MESSAGE(checked.code == 0, "seed " << seed_ << ": " << checked);
    }
    return tally_;
  }

private:
  static std::unique_ptr<disk_bay> make_bay(const std::string& at, const std::string& type) {
    if (type.empty()) return nullptr;
    auto bay = std::make_unique<disk_bay>(at, type);
    BOOST_REQUIRE_MESSAGE(bay->is_made(), "no disk of type " << type << " could be made");
    return bay;
  }

  void keep_data() const {
    if (auto folder = std::getenv("PODSTUDIO_TRUTH_KEEP"); folder != nullptr)
      run({.arguments = {"cp", "-a", space_.data, folder + ("/data." + std::to_string(seed_))}});
  }

  /// What is wrong with it.
  std::string sync() {
    auto synced = podstudio_({"sync", "--timeout", "300"}, 310s);
    bool whole = driver_->is_whole();
    // One that finds that a root was away in between fails; the next one has it back.
    for (int tries = 0; whole && synced.code == 1 && tries < 2; ++tries)
      synced = podstudio_({"sync", "--timeout", "300"}, 310s);
    if (synced.code != (whole ? 0 : 1)) return "\n  sync: " + synced.text();
    auto lost =
        value(podstudio_.database(), "SELECT count(*) FROM watch_root WHERE state = 'lost'");
    if (whole) return {};
    return lost == "1" ? "" : "\n  " + lost + " roots are lost, and 1 is away";
  }

  void give_labels() {
    std::map<std::string, std::string> ids, hashes;
    for (const auto& asset : query(podstudio_.database(), "SELECT path, id, hash FROM asset")) {
      ids[asset[0]] = asset[1];
      hashes[asset[0]] = asset[2];
    }
    auto add = [&](const std::string& name, const std::string& path, bool is_edited) {
      auto number = labels_.size();
      labels_[name] = {ids.at(path), hashes.at(path), is_edited ? path : "", number % 2 == 0,
                       number % 3 == 0};
    };
    for (std::size_t i = 0; i < driver_->kept().size(); ++i)
      add("kept " + std::to_string(i), driver_->kept()[i], false);
    for (std::size_t i = 0; i < driver_->edited().size(); ++i)
      add("edited " + std::to_string(i), driver_->edited()[i], true);
    words approve{"asset", "approve"}, tag{"asset", "tag"};
    console to(podstudio_);
    for (const auto& [name, what] : labels_) {
      if (what.approved) approve.push_back(what.id);
      if (what.tagged) tag.push_back(what.id);
      auto answer = to.give(
          {new_command_id(), "asset.set", {{"ids", {std::stoll(what.id)}}, {"theme", name}}});
      BOOST_REQUIRE(answer && answer->done);
    }
    tag.push_back("tagged");
    podstudio_.must(approve);
    podstudio_.must(tag);
  }

  static bool contains(const words& all, const std::string& one) {
    return std::ranges::find(all, one) != all.end();
  }

  /// Where the tree at hand has a labelled content, its own asset is there; no other asset has any
  /// label. What is on a disk that is away can be anything but another content.
  std::string check_labels(const std::map<std::string, std::string>& truth) {
    std::map<std::string, words> places;
    for (const auto& [path, hash] : truth)
      places[hash].push_back(path);
    std::map<std::string, std::string> found;
    std::string text;
    auto bad = [&](const std::string& name, const row& asset, const std::string& why) {
      ++tally_.lost;
      text += "\n  label '" + name + "' at id " + asset[0] + (asset[5] == "1" ? "" : ", missing")
              + ", content " + asset[2].substr(0, 12) + ", " + why + ": " + asset[1] + ": ";
    };
    for (const auto& asset :
         query(podstudio_.database(),
               "SELECT id, path, hash, theme, approved, missing_since IS NULL,"
               " EXISTS (SELECT 1 FROM asset_tag WHERE asset_tag.asset_id = id)"
               " FROM asset JOIN asset_file ON asset_file.asset_id = id"
               " WHERE theme IS NOT NULL OR approved"
               " OR EXISTS (SELECT 1 FROM asset_tag WHERE asset_tag.asset_id = id)")) {
      const auto& name = asset[3];
      auto at = labels_.find(name);
      if (at == labels_.end()) {
        bad(name, asset, "which nobody gave");
        continue;
      }
      const auto& what = at->second;
      found[name] = asset[1];
      bool is_edited = !what.path.empty();
      auto paths = places.find(what.hash);
      bool is_there = driver_->is_whole() && (is_edited || paths != places.end());
      if (asset[0] != what.id || (asset[4] == "1") != what.approved
          || (asset[6] == "1") != what.tagged)
        bad(name, asset, "not as it was given");
      else if (is_edited && asset[1] != what.path)
        bad(name, asset, "not at its path");
      else if (!is_edited && asset[2] != what.hash)
        bad(name, asset, "not its content");
      else if (is_there && asset[5] != "1")
        bad(name, asset, "but its file is there");
      else if (is_there && !is_edited && !contains(paths->second, asset[1]))
        bad(name, asset, "but its content is elsewhere");
      else
        continue;
      if (is_edited) continue;
      for (const auto& path : paths != places.end() ? paths->second : words{})
        text += "\n    is: " + path + ": ";
      text += driver_->trail_of_kept(std::stoul(name.substr(name.find(' ') + 1)));
    }
    for (const auto& [name, what] : labels_)
      if (!found.contains(name)) {
        ++tally_.lost;
        text += "\n  label '" + name + "' is nowhere: " + what.path + ": ";
      }
    return text;
  }
  std::uint64_t overflows() const {
    return lines_with(read_file(space_.data + "/logs/podstudio.log"), "too many changes at once");
  }

  workspace space_;
  std::uint64_t seed_;
  std::unique_ptr<disk_bay> bay_;
  words roots_;
  library podstudio_{space_.data};
  std::unique_ptr<service> running_;
  bool first_ = true, paused_ = false;
  std::optional<driver> driver_;
  std::map<std::string, label> labels_;
  tally tally_;
};

enum class variant : std::uint8_t { live, killed, overflowing };

/// Empty where there can be no disk.
std::string disk_type_of(std::uint64_t seed) {
  static const words types = [] {
    workspace space;
    auto found = disk_types();
    if (found.empty() || !disk_bay(space.path + "/disk", found[0]).plug(disk_bay::disk::own, false))
      return words{};
    return found;
  }();
  if (types.empty()) return {};
  auto given = std::getenv("PODSTUDIO_TRUTH_DISK");
  return given != nullptr ? given : types[seed / 2 % types.size()];
}

tally follow(variant what, std::uint64_t seed, std::uint64_t operations) {
  followed library(seed, disk_type_of(seed));
  auto& files = library.files();
  bool small = what == variant::overflowing;
  library.start(small);
  if (!library.check()) return library.finish();
  while (files.done() < operations) {
    bool paused = small && (files.done() == 0 || files.once_in(4));
    if (paused) library.pause();
    for (auto count = 20 + files.below(400); count > 0 && files.done() < operations; --count)
      files.step();
    if (paused) library.go_on();
    if (what == variant::killed && (files.once_in(2) || library.kills() == 0)) {
      library.kill();
      for (auto count = files.below(200); count > 0; --count)
        files.step();
      library.start(small);
      for (auto count = files.once_in(2) ? files.below(100) : 0; count > 0; --count)
        files.step();
    }
    if (!library.check()) return library.finish();
  }
  files.restore();
  library.check();
  return library.finish();
}

void follow_all(variant what, std::uint64_t operations) {
  operations = number_from_env("PODSTUDIO_TRUTH_OPERATIONS", operations);
  auto runs = number_from_env("PODSTUDIO_TRUTH_SEEDS", 1);
  auto seed = number_from_env("PODSTUDIO_TEST_SEED", std::random_device{}());
  for (std::uint64_t run = 0; run < runs; ++run) {
    auto disk = disk_type_of(seed + run);
    if (run == 0) skip_unless(!disk.empty(), "no disk can be mounted here, so all is on one");
    std::cerr << "seed " << seed + run << " " << disk << std::flush;
    auto done = follow(what, seed + run, operations);
    std::cerr << ": " << done.operations << " operations, " << done.syncs << " syncs, "
              << done.kills << " kills, " << done.overflows << " overflows, " << done.disks
              << " changes of the disk, " << done.differences << " differences, " << done.lost
              << " labels lost" << std::endl;
    if (what == variant::killed && operations >= 1000) BOOST_CHECK_GT(done.kills, 0u);
    if (what == variant::overflowing && operations >= 1000) BOOST_CHECK_GT(done.overflows, 0u);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(tables_equal_the_tree_after_any_changes_while_the_service_runs) {
  follow_all(variant::live, 1000);
}

BOOST_AUTO_TEST_CASE(tables_equal_the_tree_after_any_changes_and_kills) {
  follow_all(variant::killed, 1000);
}

BOOST_AUTO_TEST_CASE(tables_equal_the_tree_after_any_changes_and_overflows_of_the_kernels_queue) {
  if (skip_unless(small_queue::is_permitted(), "the kernel's queue cannot be made small here"))
    return;
  follow_all(variant::overflowing, 1000);
}
