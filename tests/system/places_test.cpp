#define BOOST_TEST_MODULE places
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/trees.hpp"
#include "system/workspace.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <sys/mount.h>

using namespace system_test;
namespace fs = std::filesystem;

/// Where a library goes when it leaves its disk, and what must stay with it.

namespace {

outcome shell(const std::string& script, const std::map<std::string, std::string>& env) {
  return run({.arguments = {"bash", "-euc", script}, .env = env});
}

/// A folder on the disk and one on another file system (in memory), and files labelled in the first.
struct two_places {
  static constexpr int count = 20;

  workspace space;
  std::string memory = space.path + "/memory";
  std::string a = space.path + "/a", b = memory + "/b";
  library podstudio{space.data};
  bool made = false;

  two_places() {
    make_folder(memory);
    made = ::mount("tmpfs", memory.c_str(), "tmpfs", 0, "size=64m") == 0;
    make_folder(a);
    make_folder(b);
  }
  ~two_places() {
    if (made) ::umount2(memory.c_str(), MNT_DETACH);
  }

  void fill() const {
    for (int i = 0; i < count; ++i)
      make_file(a + "/" + std::to_string(i % 3) + "/" + std::to_string(i) + ".png",
                "the picture " + std::to_string(i));
  }
  void label() const {
    podstudio.must({"asset", "approve", "--all-matching"});
    podstudio.must({"asset", "set", "--all-matching", "--theme", "nature"});
  }
  /// Every file that is there is one asset, labelled, and there is no other asset.
  void check(const std::string& way) const {
    auto files = walk_trees({a, b}).digests;
    BOOST_CHECK_MESSAGE(files.size() == count, way << ": " << files.size() << " files");
    auto rows = query(podstudio.database(),
                      "SELECT path, hash, theme, approved, missing_since IS NULL FROM asset"
                      " JOIN asset_file ON asset_id = id");
    BOOST_CHECK_MESSAGE(rows.size() == count, way << ": " << rows.size() << " assets");
    for (const auto& row : rows)
      BOOST_CHECK_MESSAGE(files[row[0]] == row[1] && row[2] == "nature" && row[3] == "1"
                              && row[4] == "1",
                          way << ": " << row[0] << " theme " << row[2] << " approved " << row[3]
                              << " present " << row[4]);
    podstudio.must({"replay", "--check"});
  }
};

/// What people do; `$look` has the engine look in between, as careful people give it the time to.
const std::vector<std::pair<const char*, const char*>> ways{
    {"mv of the folders", "mv $A/* $B/"},
    {"mv of one file after the other",
     "mkdir -p $B/1; for f in $(find $A -name '*.png'); do mv $f $B/1/; done"},
    {"cp -a, rm", "cp -a $A/. $B/; rm -r $A/*"},
    {"cp -a, look, rm", "cp -a $A/. $B/; eval $look; rm -r $A/*"},
    {"cp without times, look, rm", "cp -r $A/. $B/; eval $look; rm -r $A/*"},
    {"tar, look, rm one by one",
     "tar -C $A -c . | tar -C $B -x; eval $look; find $A -name '*.png' -delete"},
    {"copied under other names, look, rm",
     "for f in $(find $A -name '*.png'); do cp $f $B/new-$(basename $f); done; eval $look; rm -r $A/*"},
    {"there and back", "mv $A/* $B/; eval $look; mv $B/* $A/"},
    {"copied there and back", "cp -a $A/. $B/; eval $look; rm -r $A/*; eval $look; "
                              "cp -a $B/. $A/; eval $look; rm -r $B/*"},
    {"half of it", "mv $A/1 $B/"},
    {"into a folder beside it, copied", "mkdir $A/out; cp -a $A/1 $A/out/; eval $look; rm -r $A/1"},
    {"as an archive's part files",
     "for f in $(find $A -name '*.png'); do t=$B/$(basename $f); cp $f $t.part; mv $t.part $t; rm $f; done"},
};

}  // namespace

BOOST_AUTO_TEST_CASE(labels_follow_a_library_to_another_disk) {
  for (const auto* mode : {"live", "down", "import"})
    for (const auto& [way, script] : ways) {
      two_places places;
      if (skip_unless(places.made, "mounting is not permitted here")) return;
      const auto& podstudio = places.podstudio;
      auto step = std::string(mode) + ", " + way;
      places.fill();
      auto program = podstudio_program() + " --data " + places.space.data;
      std::map<std::string, std::string> env{{"A", places.a}, {"B", places.b}};
      std::unique_ptr<service> running;
      bool imports = std::string(mode) == "import";
      if (imports) {
        podstudio.must({"import", places.a});
        places.label();
        env["look"] = program + " import $A $B >/dev/null";
      } else {
        running = std::make_unique<service>(podstudio, words{places.a, places.b});
        podstudio.must({"sync"});
        places.label();
        env["look"] = std::string(mode) == "live" ? program + " sync >/dev/null" : "true";
        if (std::string(mode) == "down") running->stop();
      }
      auto done = shell(script, env);
      BOOST_REQUIRE_MESSAGE(done.code == 0, step << ": " << done);
      if (imports) {
        podstudio.must({"import", places.a, places.b});
      } else {
        if (std::string(mode) == "down") running = std::make_unique<service>(podstudio);
        podstudio.must({"sync"});
        podstudio.must({"sync"});
      }
      places.check(step);
    }
}

BOOST_FIXTURE_TEST_CASE(a_copy_with_decisions_of_its_own_keeps_them, two_places) {
  if (skip_unless(made, "mounting is not permitted here")) return;
  fill();
  service running(podstudio, words{a, b});
  podstudio.must({"sync"});
  label();
  BOOST_REQUIRE(shell("cp -a $A/. $B/", {{"A", a}, {"B", b}}).code == 0);
  podstudio.must({"sync"});
  for (const auto& row :
       query(podstudio.database(), "SELECT id FROM asset WHERE path > '" + b + "/'"))
    podstudio.must({"asset", "set", row[0], "--theme", "copy"});
  BOOST_REQUIRE(shell("rm -r $A/*", {{"A", a}}).code == 0);
  podstudio.must({"sync"});
  BOOST_CHECK_EQUAL(value(podstudio.database(), "SELECT count(*) FROM asset WHERE theme = 'copy'"),
                    "20");
  BOOST_CHECK_EQUAL(
      value(podstudio.database(),
            "SELECT count(*) FROM asset JOIN asset_file ON asset_id = id"
            " WHERE theme = 'nature' AND approved AND missing_since IS NOT NULL"),
      "20");
}

BOOST_FIXTURE_TEST_CASE(a_folder_under_two_paths_moves_nothing, two_places) {
  fill();
  if (skip_unless(::mount(a.c_str(), b.c_str(), nullptr, MS_BIND, nullptr) == 0,
                  "mounting is not permitted here"))
    return;
  podstudio.must({"import", a});
  label();
  for (int round = 0; round < 3; ++round)
    podstudio.must({"import", a, b});
  auto moves = [&] {
    auto found = podstudio({"log", "show", "--type", "asset.moved"});
    return std::ranges::count(found.out, '\n');
  };
  BOOST_CHECK_EQUAL(moves(), 0);
  {
    service running(podstudio, words{a, b});
    podstudio.must({"sync"});
    write_file(a + "/0/0.png", "edited");
    podstudio.must({"sync"});
    podstudio.must({"sync"});
  }
  BOOST_CHECK_EQUAL(moves(), 0);
  BOOST_CHECK_EQUAL(value(podstudio.database(),
                          "SELECT count(*) FROM asset WHERE theme = 'nature' AND path LIKE '" + a
                              + "/%'"),
                    "20");
  ::umount2(b.c_str(), MNT_DETACH);
}

BOOST_FIXTURE_TEST_CASE(a_save_that_renames_the_old_file_away_changes_its_asset, two_places) {
  fill();
  service running(podstudio, words{a});
  podstudio.must({"sync"});
  label();
  // As Emacs and exiftool do, slow and fast.
  for (const auto* gap : {"0", "0.02", "0.3"}) {
    auto done = shell("for f in $(find $A -name '1*.png'); do mv $f $f~; sleep $GAP; "
                      "{ cat $f~; echo edited; } > $f; rm $f~; done",
                      {{"A", a}, {"GAP", gap}});
    BOOST_REQUIRE_MESSAGE(done.code == 0, done);
    podstudio.must({"sync"});
    check(gap);
  }
}

BOOST_FIXTURE_TEST_CASE(of_two_names_of_one_file_each_keeps_its_label, two_places) {
  make_file(a + "/a.png", "picture");
  fs::create_hard_link(a + "/a.png", a + "/b.png");
  service running(podstudio, words{a});
  podstudio.must({"sync"});
  podstudio.must({"asset", "set", "1", "--theme", "first"});
  podstudio.must({"asset", "set", "2", "--theme", "second"});
  fs::remove(a + "/a.png");
  podstudio.must({"sync"});
  fs::rename(a + "/b.png", a + "/c.png");
  podstudio.must({"sync"});
  BOOST_CHECK_EQUAL(value(podstudio.database(),
                          "SELECT theme FROM asset WHERE path LIKE '%/c.png'"),
                    "second");
}

namespace {

/// An ext4 disk in a file, attached as a loop device.
struct loop_disk {
  std::string image, device;
  explicit loop_disk(const std::string& at) : image(at) {
    auto made = shell("truncate -s 32M $I; mkfs.ext4 -q -F $I", {{"I", image}});
    if (made.code != 0) image.clear();
  }
  ~loop_disk() { detach(); }
  bool attach() {
    auto found = run({.arguments = {"losetup", "-f", "--show", image}});
    device = found.out.substr(0, found.out.find('\n'));
    return !image.empty() && found.code == 0;
  }
  bool mount(const std::string& at) const {
    return ::mount(device.c_str(), at.c_str(), "ext4", 0, nullptr) == 0;
  }
  void detach() {
    if (!device.empty()) run({.arguments = {"losetup", "-d", device}});
    device.clear();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_disk_is_known_under_another_device_number, two_places) {
  loop_disk disk(space.path + "/image"), other(space.path + "/other");
  auto at = space.path + "/disk", root = at + "/pictures";
  make_folder(at);
  if (skip_unless(disk.attach() && disk.mount(at), "mounting a loop device is not permitted here"))
    return;
  for (int i = 0; i < 50; ++i)
    make_file(root + "/" + std::to_string(i) + ".png", "picture " + std::to_string(i));
  {
    service running(podstudio, words{root});
    podstudio.must({"sync"});
    label();
  }
  ::umount2(at.c_str(), 0);
  disk.detach();
  BOOST_REQUIRE(other.attach() && disk.attach());  // the number it had is taken
  BOOST_REQUIRE(disk.mount(at));
  fs::remove(root + "/7.png");
  write_file(root + "/new.png", "new");
  auto head = [&] { return podstudio.json({"status"})["log"]["head_sequence"].get<int>(); };
  auto before = head();
  {
    service running(podstudio);
    podstudio.must({"sync"});
    BOOST_CHECK_EQUAL(value(podstudio.database(), "SELECT state FROM watch_root"), "active");
    auto rows = present(podstudio.database());
    BOOST_CHECK_EQUAL(rows.size(), 50u);
    BOOST_CHECK(rows.contains(root + "/new.png") && !rows.contains(root + "/7.png"));
    BOOST_CHECK_EQUAL(value(podstudio.database(), "SELECT count(*) FROM asset WHERE theme IS NULL"),
                      "1");
  }
  // The start, the missing one, the new one and the stop; nothing was read again.
  BOOST_CHECK_LE(head() - before, 4);
  ::umount2(at.c_str(), MNT_DETACH);
}

BOOST_FIXTURE_TEST_CASE(another_disk_in_the_same_place_is_not_the_library, two_places) {
  auto at = space.path + "/disk";
  make_folder(at);
  loop_disk one(space.path + "/one"), two(space.path + "/two");
  if (skip_unless(one.attach() && one.mount(at), "mounting a loop device is not permitted here"))
    return;
  auto shoot = [&](const char* card) {
    for (int i = 0; i < 120; ++i)
      make_file(at + "/DCIM/IMG_" + std::to_string(i) + ".png",
                "picture " + std::to_string(i) + " of card " + card);
  };
  shoot("A");
  {
    service running(podstudio, words{at});
    podstudio.must({"sync"});
    label();
  }
  ::umount2(at.c_str(), 0);
  one.detach();
  BOOST_REQUIRE(two.attach() && two.mount(at));  // the same number and the same inodes
  shoot("B");
  auto approved_here = [&] {
    int found = 0;
    auto files = walk_trees({at}).digests;
    for (const auto& row :
         query(podstudio.database(), "SELECT path, hash FROM asset WHERE approved"))
      found += files.contains(row[0]) && files[row[0]] == row[1] ? 1 : 0;
    return found;
  };
  {
    service running(podstudio);
    BOOST_CHECK(eventually([&] {
      return value(podstudio.database(), "SELECT state FROM watch_root") == "lost";
    }));
    BOOST_CHECK_EQUAL(approved_here(), 0);
  }
  // Imported, its pictures are new ones.
  podstudio.must({"import", at});
  BOOST_CHECK_EQUAL(approved_here(), 0);
  BOOST_CHECK_EQUAL(value(podstudio.database(), "SELECT count(*) FROM asset WHERE approved"), "120");
  ::umount2(at.c_str(), 0);
  two.detach();
  BOOST_REQUIRE(one.attach() && one.mount(at));
  podstudio.must({"import", at});
  BOOST_CHECK_EQUAL(approved_here(), 120);
  ::umount2(at.c_str(), MNT_DETACH);
}
