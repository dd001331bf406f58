// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE places
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/trees.hpp"
#include "system/workspace.hpp"

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <iomanip>
#include <random>
#include <sstream>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>

using namespace system_test;
namespace fs = std::filesystem;

/// Where a library goes when it leaves its disk, and what must stay with it.

namespace {

outcome shell(const std::string& script, const std::map<std::string, std::string>& env) {
  return run({.arguments = {"bash", "-euc", script}, .env = env});
}

/// Where a library may be.
struct place {
  const char* name;
  const char* make;        ///< puts a file system of its own in the folder $AT
  const char* again = "";  ///< takes it away and puts it there once more
};

const std::vector<place> places{
    {"the disk", "true"},
    {"xfs", "truncate -s 320M $AT.image; mkfs.xfs -q $AT.image; mount -o loop $AT.image $AT"},
    {"btrfs", "truncate -s 128M $AT.image; mkfs.btrfs -q $AT.image; mount -o loop $AT.image $AT"},
    {"tmpfs", "mount -t tmpfs -o size=64m tmpfs $AT"},
    {"overlay", "mkdir $AT.lower $AT.upper $AT.work; mount -t overlay"
                " -o lowerdir=$AT.lower,upperdir=$AT.upper,workdir=$AT.work overlay $AT"},
    {"exFAT over FUSE", "truncate -s 64M $AT.image; mkfs.exfat $AT.image;"
                        " device=$(losetup -f --show $AT.image); trap 'losetup -d $device' EXIT;"
                        " mount.exfat-fuse $device $AT"},
    {"a bind mount", "mkdir $AT.bound; mount --bind $AT.bound $AT"},
    // The device that had its number until then is still in use.
    {"a loop device under changing numbers",
     "truncate -s 32M $AT.image; mkfs.ext4 -q -F $AT.image; mount -o loop $AT.image $AT",
     "device=$(losetup -f --show $AT.image); trap 'losetup -d $device' EXIT;"
     " for try in {1..100}; do umount $AT && break; sleep 0.05; done; mount $device $AT"},
};
const auto& the_disk = places[0];
const auto& in_memory = places[3];

/// A place in a folder, until the end of the scope. Loop devices go with what is mounted.
class made_place {
public:
  made_place(const place& what, const std::string& at) : what_(what), at_(at) {
    make_folder(at);
    auto made = shell(what.make, {{"AT", at}});
    is_made_ = made.code == 0;
    why_not_ = std::string(what.name) + " cannot be made here: " + made.err;
  }
  made_place(const made_place&) = delete;
  made_place& operator=(const made_place&) = delete;
  ~made_place() { ::umount2(at_.c_str(), MNT_DETACH); }

  bool is_made() const { return is_made_; }
  const std::string& why_not() const { return why_not_; }
  bool changes_number() const { return *what_.again != '\0'; }
  void make_again() const {
    auto number = [this] {
      struct stat status {};
      BOOST_REQUIRE(::stat(at_.c_str(), &status) == 0);
      return status.st_dev;
    };
    auto before = number();
    auto made = shell(what_.again, {{"AT", at_}});
    BOOST_REQUIRE_MESSAGE(made.code == 0, made);
    BOOST_REQUIRE_NE(number(), before);
  }

private:
  const place& what_;
  std::string at_, why_not_;
  bool is_made_ = false;
};

/// Two folders, each in its place, and files labelled in the first.
struct two_places {
  static constexpr int count = 20, groups = 4;

  workspace space;
  std::string a = space.path + "/1/a", b = space.path + "/2/b";
  std::string unwatched = space.path + "/unwatched";
  made_place from, to;
  library podstudio{space.data};

  explicit two_places(const place& source = the_disk, const place& target = in_memory)
      : from(source, space.path + "/1"), to(target, space.path + "/2") {
    for (const auto& each : {a, b, unwatched})
      make_folder(each);
    // FUSE hides a deleted file while a job has it open, so its folder cannot be removed.
    run_no_jobs(podstudio);
  }

  /// The same names in each group, and sizes of their own: where times are told to two seconds
  /// only, and no inodes, nothing else shows that one file took the place of another.
  void fill() const {
    for (int i = 0; i < count; ++i)
      make_file(a + "/" + std::to_string(i % groups) + "/" + std::to_string(i / groups) + ".png",
                "group " + std::to_string(i % groups)
                    + std::string(static_cast<std::size_t>(i), '.'));
  }
  /// What a file of this content was labelled with.
  static std::string theme_of(const std::string& content) { return content.substr(0, 7); }
  void label() const {
    podstudio.must({"asset", "approve", "--all-matching"});
    for (int i = 0; i < groups; ++i)
      podstudio.must({"asset", "set", "--all-matching", "--search", "/a/" + std::to_string(i) + "/",
                      "--theme", "group " + std::to_string(i)});
  }
  int head() const { return podstudio.json({"status"})["log"]["head_sequence"].get<int>(); }
  words folders() const { return fs::exists(a) ? words{a, b} : words{b}; }
  /// Whether the first has no files, and so nothing that a lost root could be recognised by.
  bool is_emptied() const { return !fs::exists(a) || walk_trees({a}).digests.empty(); }
  /// Brings them in step; says whether they are, but for the first where it is emptied.
  bool sync() const {
    auto ended = podstudio({"sync"});
    return ended.code == 0 || (is_emptied() && ended.err.find(b) == std::string::npos);
  }
  void import() const {
    words arguments{"import"};
    std::ranges::copy(folders(), std::back_inserter(arguments));
    podstudio.must(arguments);
  }
  /// Whether a root was temporarily lost. Files that disappeared from it meanwhile were not
  /// reported as gone, so no copy made way for their assets.
  bool was_lost() const {
    auto lost = podstudio({"log", "show", "--type", "watch.root_lost", "--limit", "1"});
    BOOST_REQUIRE_MESSAGE(lost.code == 0, lost);
    return !lost.out.empty();
  }
  /// Every file that is there is one asset, labelled as its content was, and there is no other
  /// asset, except, after a root was lost, missing unlabelled copies that did not make way.
  bool check(const std::string& way) const {
    auto files = walk_trees(folders()).digests;
    auto rows = query(podstudio.database(),
                      "SELECT path, hash, theme, approved, missing_since IS NULL FROM asset"
                      " JOIN asset_file ON asset_id = id");
    if (was_lost())
      std::erase_if(rows, [&](const row& each) {
        bool is_elsewhere =
            std::ranges::any_of(files, [&](const auto& file) { return file.second == each[1]; });
        return is_elsewhere && !files.contains(each[0]) && each[2] == "NULL" && each[3] == "0"
               && each[4] == "0";
      });
    std::string wrong;
    for (const auto& row : rows)
      if (!files.contains(row[0]) || files[row[0]] != row[1]
          || row[2] != theme_of(read_file(row[0])) || row[3] != "1" || row[4] != "1")
        wrong +=
            "\n  " + row[0] + " theme " + row[2] + " approved " + row[3] + " present " + row[4];
    bool holds = files.size() == count && rows.size() == count && wrong.empty();
    BOOST_CHECK_MESSAGE(holds, way << ": " << files.size() << " files, " << rows.size()
                                   << " assets, of which wrong:" << wrong);
    podstudio.must({"replay", "--check"});
    return holds;
  }
};

/// What people do; `$look` has the engine look in between, as careful people give it the time to,
/// and so does `$seen`, where nothing could be promised otherwise.
const std::vector<std::pair<const char*, const char*>> ways{
    {"mv of the folders", "mv $A/* $B/"},
    {"mv of the folders under other names", "for d in $A/*; do mv $d $B/new-${d##*/}; done"},
    {"mv of one file after the other",
     "cd $A; for f in */*; do mkdir -p $B/${f%/*}; mv $f $B/$f; done"},
    {"cp -a, rm", "cp -a $A/. $B/; rm -r $A/*"},
    {"cp -a, look, rm", "cp -a $A/. $B/; eval $look; rm -r $A/*"},
    {"cp without times, rm", "cp -r $A/. $B/; rm -r $A/*"},
    {"cp without times, look, rm", "cp -r $A/. $B/; eval $look; rm -r $A/*"},
    {"cp and rm of one file after the other",
     "cd $A; for f in */*; do mkdir -p $B/${f%/*}; cp $f $B/$f; rm $f; done"},
    {"tar, look, rm one by one",
     "tar -C $A -c . | tar -C $B -x; eval $look; find $A -name '*.png' -delete"},
    {"rsync --remove-source-files", "rsync -a --remove-source-files $A/ $B/"},
    {"rsync, begun twice", "rsync -a $A/1 $B/; eval $look; rsync -a --remove-source-files $A/ $B/"},
    {"copied under other names, look, rm",
     "cd $A; for f in */*; do cp $f $B/new-${f%/*}-${f#*/}; done; eval $look; rm -r $A/*"},
    {"there and back", "mv $A/* $B/; eval $look; mv $B/* $A/"},
    {"copied there and back", "cp -a $A/. $B/; eval $look; rm -r $A/*; eval $look; "
                              "cp -a $B/. $A/; eval $look; rm -r $B/*"},
    {"half of it", "mv $A/1 $A/2 $B/"},
    {"into a folder beside it, copied", "mkdir $A/out; cp -a $A/1 $A/out/; eval $look; rm -r $A/1"},
    {"as an archive's part files",
     "cd $A; for f in */*; do t=$B/${f%/*}-${f#*/}; cp $f $t.part; mv $t.part $t; rm $f; done"},
    {"gone, look, then from where nobody looks",
     "cp -a $A/. $UNWATCHED/; rm -r $A/*; eval $look; cp -a $UNWATCHED/. $B/"},
    {"restored from a backup, as its root is no more",
     "cp -a $A/. $UNWATCHED/; rm -r $A; cp -r $UNWATCHED/. $B/"},
    {"two folders with the same names change places",
     "mv $A/0 $B/; eval $look; mv $A/1 $B/aside; mv $B/0 $A/1; mv $B/aside $B/0"},
    {"into another folder at once", "mv $A/* $B/; mv $B/1 $B/0/; mv $B/2 $B/new"},
    {"touched in its new place", "mv $A/* $B/; eval $look; touch $B/*/*"},
    {"saved there by renaming the old file away",
     "mv $A/* $B/; eval $seen; for f in $B/1/*.png; do mv $f $f~; sleep 0.05; "
     "{ cat $f~; echo edited; } >$f; rm $f~; done"},
    {"saved there by renaming the new file to it",
     "mv $A/* $B/; eval $seen; for f in $B/1/*.png; do { cat $f; echo edited; } >$f.tmp; "
     "mv $f.tmp $f; done"},
    {"saved there by renaming the new file to it, which is ingested",
     "mv $A/* $B/; eval $seen; for f in $B/1/*.png; do { cat $f; echo edited; } >$f.new.png; "
     "eval $seen; mv $f.new.png $f; done"},
    {"saved there by renaming the old file away and the new one to it, which is ingested",
     "mv $A/* $B/; eval $seen; for f in $B/1/*.png; do { cat $f; echo edited; } >$f.new.png; "
     "eval $seen; mv $f $f~; eval $seen; mv $f.new.png $f; rm $f~; done"},
};

/// What the service does meanwhile.
enum class meanwhile : std::uint8_t { live, down, killed, import_only };
constexpr std::array names_of_meanwhile{"live", "down", "killed", "import only"};

/// What the log may grow by.
constexpr double events_per_file_max = 8;

struct move_result {
  bool kept = false;   ///< all labels
  double events = 0;   ///< for each file
  bool early = false;  ///< the service was killed before it was done
  bool lost = false;   ///< the first root was, until people said so
};

move_result move(const two_places& between, const std::string& name, const char* script,
                 meanwhile how, std::uint64_t seed) {
  const auto& podstudio = between.podstudio;
  auto program = podstudio_program() + " --data " + between.space.data;
  auto import = program + " import $A $B >/dev/null", sync = program + " sync >/dev/null";
  auto sync_when_up = "for try in {1..50}; do " + sync + " 2>&1 && break; sleep 0.02; done";
  std::map<std::string, std::string> env{
      {"A", between.a}, {"B", between.b}, {"UNWATCHED", between.unwatched}};
  env["seen"] = how == meanwhile::live ? sync : how == meanwhile::killed ? sync_when_up : import;
  env["look"] = how == meanwhile::down ? "true" : env["seen"];

  between.fill();
  std::unique_ptr<service> running;
  if (how == meanwhile::import_only) {
    between.import();
  } else {
    running = std::make_unique<service>(podstudio, words{between.a, between.b});
    BOOST_REQUIRE(between.sync());
  }
  between.label();
  auto before = between.head();
  if (how == meanwhile::down) running->stop();

  move_result result;
  process moving({.arguments = {"bash", "-euc", script}, .env = env});
  if (how == meanwhile::killed) {
    std::mt19937_64 random(seed);
    std::this_thread::sleep_for(milliseconds(random() % (1 << random() % 9)));
    running->kill();
    result.early = moving.runs();
    running = std::make_unique<service>(podstudio);
  }
  auto moved = moving.finish();
  BOOST_REQUIRE_MESSAGE(moved.code == 0, name << ": " << moved);
  for (const auto* each : {&between.from, &between.to})
    if (each->changes_number()) each->make_again();
  if (how == meanwhile::down) running = std::make_unique<service>(podstudio);
  if (running)  // a root that was away is taken up again by the second sync at the latest
    BOOST_CHECK_MESSAGE(eventually([&] { return between.sync() && between.sync(); }, 10s),
                        name << ": not in step");
  // What is recognised by its files only, and was emptied while nobody looked, is lost.
  result.lost =
      running && fs::exists(between.a) && between.is_emptied() && podstudio({"sync"}).code != 0;
  if (result.lost) podstudio.must({"watch", "remove", between.a});
  if (result.lost || !running) between.import();
  result.kept = between.check(name);
  result.events = static_cast<double>(between.head() - before) / two_places::count;
  BOOST_CHECK_MESSAGE(result.events <= events_per_file_max,
                      name << ": " << result.events << " events for each file");
  return result;
}

/// What came of many moves, by way and by place.
class move_results {
public:
  void add(const std::string& way, const std::string& where, std::size_t how,
           const move_result& result) {
    early_ += result.early ? 1 : 0;
    lost_ += result.lost ? 1 : 0;
    for (const auto& name : {way, where}) {
      auto& sum = totals_[name][how];
      ++sum.moves;
      sum.lossy += result.kept ? 0 : 1;
      sum.events = std::max(sum.events, result.events);
    }
  }
  std::string text() const {
    std::ostringstream text;
    text << std::fixed << std::setprecision(1)
         << "moves, of which with labels lost or twins, and the most events for each file:";
    for (const auto& [name, by_how] : totals_) {
      text << '\n' << std::setw(50) << std::left << name << std::right;
      for (std::size_t how = 0; how < by_how.size(); ++how)
        text << "  " << names_of_meanwhile[how] << std::setw(4) << by_how[how].moves << std::setw(3)
             << by_how[how].lossy << std::setw(5) << by_how[how].events;
    }
    text << '\n'
         << early_ << " kills before the move was done, " << lost_
         << " roots lost as they were emptied";
    return text.str();
  }

private:
  struct total {
    std::size_t moves = 0, lossy = 0;
    double events = 0;
  };
  std::map<std::string, std::array<total, names_of_meanwhile.size()>> totals_;
  std::size_t early_ = 0, lost_ = 0;
};

/// The places that can be made on this machine; says of the others why not.
std::vector<const place*> places_here() {
  std::vector<const place*> here;
  for (const auto& each : places) {
    workspace space;
    made_place made(each, space.path + "/tried");
    if (!skip_unless(made.is_made(), made.why_not())) here.push_back(&each);
  }
  return here;
}

}  // namespace

BOOST_AUTO_TEST_CASE(labels_follow_a_library_from_place_to_place) {
  const auto here = places_here();
  const auto seed = number_from_env("PODSTUDIO_TEST_SEED", std::random_device{}());
  const auto* asked = std::getenv("PODSTUDIO_MOVES");
  BOOST_TEST_MESSAGE("seed " << seed);
  move_results results;
  std::uint64_t number = 0;
  for (std::size_t at = 0; at < here.size(); ++at)
    for (std::size_t how = 0; how < names_of_meanwhile.size(); ++how)
      for (std::size_t way = 0; way < ways.size(); ++way)
        for (bool back : {false, true}) {
          ++number;
          const auto& [what, script] = ways[way];
          auto where = std::string(back ? "from " : "to ") + here[at]->name;
          auto name = std::string(names_of_meanwhile[how]) + ", " + what + ", " + where;
          // Each way in four places, and each place with all that the service does.
          bool chosen = asked == nullptr
                            ? at == (way + 3 * how) % here.size()
                                  && back == ((way / here.size() + how) % 2 != 0)
                            : std::string(asked) == "all" || name.find(asked) != std::string::npos;
          if (!chosen) continue;
          two_places between(back ? *here[at] : the_disk, back ? the_disk : *here[at]);
          auto result = move(between, name, script, static_cast<meanwhile>(how), seed + number);
          results.add(what, where, how, result);
        }
  BOOST_TEST_MESSAGE(results.text());
}

BOOST_AUTO_TEST_CASE(a_backup_goes_on_for_a_dead_disk_that_is_watched_no_more) {
  two_places between(in_memory, the_disk);
  if (skip_unless(between.from.is_made(), between.from.why_not())) return;
  const auto& podstudio = between.podstudio;
  between.fill();
  service running(podstudio, words{between.a, between.b});
  BOOST_REQUIRE(between.sync());
  between.label();
  auto restored = shell("cp -a $A/. $UNWATCHED/; umount -l $DISK; cp -a $UNWATCHED/. $B/",
                        {{"A", between.a},
                         {"B", between.b},
                         {"UNWATCHED", between.unwatched},
                         {"DISK", between.space.path + "/1"}});
  BOOST_REQUIRE_MESSAGE(restored.code == 0, restored);
  BOOST_CHECK(between.sync());
  // The disk may be back.
  BOOST_CHECK_EQUAL(value(podstudio.database(), "SELECT count(*) FROM asset"), "40");
  podstudio.must({"watch", "remove", between.a});
  between.import();
  between.check("dead");
}

BOOST_FIXTURE_TEST_CASE(a_copy_with_decisions_of_its_own_keeps_them, two_places) {
  if (skip_unless(to.is_made(), to.why_not())) return;
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
  BOOST_CHECK_EQUAL(value(podstudio.database(),
                          "SELECT count(*) FROM asset JOIN asset_file ON asset_id = id"
                          " WHERE theme LIKE 'group _' AND approved AND missing_since IS NOT NULL"),
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
  BOOST_CHECK_EQUAL(
      value(podstudio.database(),
            "SELECT count(*) FROM asset WHERE theme LIKE 'group _' AND path LIKE '" + a + "/%'"),
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

BOOST_FIXTURE_TEST_CASE(a_save_may_begin_before_a_kill_and_end_after_it, two_places) {
  fill();
  auto running = std::make_unique<service>(podstudio, words{a});
  podstudio.must({"sync"});
  label();
  BOOST_REQUIRE(shell("for f in $A/1/*.png; do mv $f $f~; done", {{"A", a}}).code == 0);
  podstudio.must({"sync"});
  running->kill();
  running = std::make_unique<service>(podstudio);
  auto done =
      shell("for f in $A/1/*.png~; do { cat $f; echo edited; } > ${f%?}; rm $f; done", {{"A", a}});
  BOOST_REQUIRE_MESSAGE(done.code == 0, done);
  podstudio.must({"sync"});
  check("killed");
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
  BOOST_CHECK_EQUAL(
      value(podstudio.database(), "SELECT theme FROM asset WHERE path LIKE '%/c.png'"), "second");
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
    podstudio.must({"asset", "set", "--all-matching", "--theme", "nature"});
  }
  ::umount2(at.c_str(), 0);
  disk.detach();
  BOOST_REQUIRE(other.attach() && disk.attach());  // the number it had is taken
  BOOST_REQUIRE(disk.mount(at));
  fs::remove(root + "/7.png");
  write_file(root + "/new.png", "new");
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
    podstudio.must({"asset", "approve", "--all-matching"});
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
    BOOST_CHECK(eventually(
        [&] { return value(podstudio.database(), "SELECT state FROM watch_root") == "lost"; }));
    BOOST_CHECK_EQUAL(approved_here(), 0);
  }
  // Imported, its pictures are new ones.
  podstudio.must({"import", at});
  BOOST_CHECK_EQUAL(approved_here(), 0);
  BOOST_CHECK_EQUAL(value(podstudio.database(), "SELECT count(*) FROM asset WHERE approved"),
                    "120");
  ::umount2(at.c_str(), 0);
  two.detach();
  BOOST_REQUIRE(one.attach() && one.mount(at));
  podstudio.must({"import", at});
  BOOST_CHECK_EQUAL(approved_here(), 120);
  ::umount2(at.c_str(), MNT_DETACH);
}
