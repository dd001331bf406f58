// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE mount
#include "system/disks.hpp"
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/trees.hpp"
#include "system/workspace.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <fstream>
#include <set>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <thread>

using namespace system_test;
namespace fs = std::filesystem;

namespace {

/// A disk in memory that can be plugged in and pulled out, and keeps what it holds.
class small_disk {
public:
  explicit small_disk(const std::string& at) : at_(at), kept_(at + ".kept") {
    make_folder(at_);
    make_folder(kept_);
    made_ = ::mount("tmpfs", kept_.c_str(), "tmpfs", 0, "size=256m") == 0;
    if (made_) plug();
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  ~small_disk() {
    if (plugged_) pull(MNT_DETACH);
    if (made_) ::umount2(kept_.c_str(), MNT_DETACH);
  }

  bool is_made() const { return made_; }
  /// Where its files are, whether it is plugged in or not.
  const std::string& inside() const { return kept_; }
  void plug() {
    BOOST_REQUIRE(::mount(kept_.c_str(), at_.c_str(), nullptr, MS_BIND, nullptr) == 0);
    plugged_ = true;
  }
  /// Waits until nobody has a file open, unless it is done lazily.
  void pull(int flags = 0) {
    BOOST_REQUIRE(eventually([&] { return ::umount2(at_.c_str(), flags) == 0; }, 20s));
    plugged_ = false;
  }

private:
  std::string at_, kept_;
  bool made_ = false, plugged_ = false;
};

/// A library whose root is a disk.
struct mounted_library {
  static constexpr int count = 10'000;
  /// A root that is lost is tried again after 1, 2, 4 ... 30 s.
  static constexpr milliseconds back_in = 40s;

  workspace space;
  small_disk disk{space.root};
  library podstudio{space.data};
  std::unique_ptr<service> running;

  /// Whether there is a disk.
  bool begin(int files = count) {
    if (skip_unless(disk.is_made(), "mounting is not permitted here")) return false;
    for (int i = 0; i < files; ++i)
      make_file(file(i), std::to_string(i));
    start();
    podstudio.must({"sync"});
    BOOST_REQUIRE_EQUAL(present(podstudio.database()).size(), static_cast<std::size_t>(files));
    return true;
  }
  void start() { running = std::make_unique<service>(podstudio, words{space.root}); }
  std::string file(int i) const {
    return space.root + "/" + std::to_string(i % 30) + "/" + std::to_string(i) + ".png";
  }
  std::string state() const { return value(podstudio.database(), "SELECT state FROM watch_root"); }
  void await_state(const std::string& wanted) const {
    BOOST_REQUIRE_MESSAGE(eventually([&] { return state() == wanted; }, back_in),
                          "the root is " << state() << ", not " << wanted);
  }
  std::string missing() const {
    return value(podstudio.database(),
                 "SELECT count(*) FROM asset_file WHERE missing_since IS NOT NULL");
  }
  void check_in_step(const char* when) {
    podstudio.must({"sync"});
    auto apart = difference(walk_trees({space.root}).digests, present(podstudio.database()));
    BOOST_CHECK_MESSAGE(apart.empty(), when << ":" << apart);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(nothing_is_missing_while_a_disk_is_away_and_it_comes_back_by_itself,
                        mounted_library) {
  if (!begin()) return;
  disk.pull();
  await_state("lost");
  BOOST_CHECK_EQUAL(missing(), "0");
  write_file(disk.inside() + "/while it was away.png", "new");
  fs::remove(disk.inside() + "/1/1.png");
  disk.plug();
  await_state("active");
  check_in_step("plugged in again");
  BOOST_CHECK_EQUAL(missing(), "1");
}

BOOST_FIXTURE_TEST_CASE(nothing_is_missing_when_a_disk_is_pulled_out_under_load, mounted_library) {
  if (!begin()) return;
  std::atomic<bool> ends = false;
  // Files are renamed and written all the time, none is removed.
  std::thread load([&] {
    for (int i = 0; !ends; ++i) {
      auto at = disk.inside() + "/" + std::to_string(i % 30) + "/" + std::to_string(i % count);
      std::rename((at + ".png").c_str(), (at + ".wav").c_str());
      write_file(at + ".mp4", "written under load " + std::to_string(i));
      std::rename((at + ".wav").c_str(), (at + ".png").c_str());
    }
  });
  auto is_changing = [&] { return present(podstudio.database()).size() > count + 50u; };
  bool changing = eventually(is_changing, 20s);
  disk.pull(MNT_DETACH);
  bool lost = eventually([&] { return state() == "lost"; }, back_in);
  auto missing_then = missing();
  ends = true;
  load.join();
  BOOST_CHECK(changing);
  BOOST_CHECK_MESSAGE(lost, "the root is " << state());
  // One that is between its two names when somebody looks is missing until the next look; how many
  // are depends on how slow the machine is, but a disk that is believed to be empty is far more.
  BOOST_CHECK_LE(std::stoi(missing_then), count / 100);
  disk.plug();
  await_state("active");
  check_in_step("plugged in after the load");
  BOOST_CHECK_EQUAL(missing(), "0");
}

BOOST_FIXTURE_TEST_CASE(an_empty_folder_in_the_place_of_a_disk_is_not_believed, mounted_library) {
  if (!begin(500)) return;
  for (bool down : {false, true}) {
    if (down) running->stop();
    disk.pull();  // the folder below is empty, and another one
    if (down) start();
    await_state("lost");
    auto refused = podstudio({"sync"});
    BOOST_CHECK_EQUAL(refused.code, 1);
    BOOST_CHECK_MESSAGE(refused.err.find("'" + space.root + "' is not the folder that was added")
                            != std::string::npos,
                        refused);
    BOOST_CHECK_EQUAL(missing(), "0");
    disk.plug();
    check_in_step("plugged in, at once");
    await_state("active");
    BOOST_CHECK_EQUAL(missing(), "0");
  }
}

BOOST_FIXTURE_TEST_CASE(a_root_that_is_replaced_by_an_empty_folder_is_lost_until_it_is_back,
                        mounted_library) {
  auto root = space.path + "/plain";
  for (int i = 0; i < 200; ++i)
    make_file(root + "/" + std::to_string(i) + ".png", std::to_string(i));
  running = std::make_unique<service>(podstudio, words{root});
  podstudio.must({"sync"});
  fs::rename(root, space.path + "/elsewhere");
  make_folder(root);
  await_state("lost");
  BOOST_CHECK_EQUAL(missing(), "0");
  fs::remove(root);
  fs::rename(space.path + "/elsewhere", root);
  await_state("active");
  podstudio.must({"sync"});
  BOOST_CHECK_EQUAL(missing(), "0");
  BOOST_CHECK_EQUAL(present(podstudio.database()).size(), 200u);
}

BOOST_FIXTURE_TEST_CASE(a_root_that_became_a_link_is_removed_by_the_path_that_is_listed,
                        mounted_library) {
  auto root = space.path + "/plain", other = space.path + "/other disk";
  for (const auto& each : {root, other})
    make_file(each + "/1.png", each);
  running = std::make_unique<service>(podstudio, words{root, other});
  podstudio.must({"sync"});
  fs::rename(root, space.path + "/moved");
  fs::create_directory_symlink(space.path + "/moved", root);
  podstudio.must({"watch", "remove", root + "/."});
  auto listed = podstudio.json({"watch", "list"});
  BOOST_CHECK_MESSAGE(listed.size() == 1 && listed[0]["path"] == other, listed);
  // A link that never was a root still leads to the one it names.
  fs::create_directory_symlink(other, space.path + "/link");
  podstudio.must({"watch", "remove", space.path + "/link"});
  BOOST_CHECK(podstudio.json({"watch", "list"}).empty());
}

BOOST_FIXTURE_TEST_CASE(a_scan_that_finds_most_files_gone_is_held_back, mounted_library) {
  auto root = space.path + "/plain", away = space.path + "/away";
  auto is_held = [&] {
    bool refused = podstudio({"sync"}).code == 1;
    return refused && problems_of(podstudio.database(), "scan_held").contains(root);
  };
  for (int i = 0; i < 200; ++i)
    make_file(root + "/" + std::to_string(i) + ".png", std::to_string(i));
  running = std::make_unique<service>(podstudio, words{root});
  podstudio.must({"sync"});
  auto take_away = [&] {
    running->stop();
    make_folder(away);
    for (int i = 0; i < 120; ++i)
      fs::rename(root + "/" + std::to_string(i) + ".png", away + "/" + std::to_string(i) + ".png");
    running = std::make_unique<service>(podstudio);
    BOOST_REQUIRE(eventually(is_held, 20s));
    BOOST_CHECK_EQUAL(missing(), "0");
    auto listed = podstudio({"problem", "list"});
    BOOST_CHECK_MESSAGE(listed.code == 0 && listed.out.find(root) != std::string::npos, listed);
  };

  take_away();
  BOOST_TEST_MESSAGE("the files return");
  for (int i = 0; i < 120; ++i)
    fs::rename(away + "/" + std::to_string(i) + ".png", root + "/" + std::to_string(i) + ".png");
  running->stop();
  running = std::make_unique<service>(podstudio);
  BOOST_CHECK(eventually([&] { return !is_held(); }, 20s));
  BOOST_CHECK_EQUAL(missing(), "0");

  take_away();
  BOOST_TEST_MESSAGE("people say that it is right");
  podstudio.must({"watch", "confirm", root});
  podstudio.must({"sync"});
  BOOST_CHECK_EQUAL(missing(), "120");
  BOOST_CHECK(!is_held());
  for (int i = 0; i < 120; ++i)
    fs::rename(away + "/" + std::to_string(i) + ".png", root + "/" + std::to_string(i) + ".png");
  podstudio.must({"sync"});
  BOOST_CHECK_EQUAL(missing(), "0");
}

BOOST_AUTO_TEST_CASE(a_disk_that_is_exchanged_before_anybody_looks_is_noticed) {
  workspace space;
  disk_bay bay(space.root, "ext4");
  bool ready = bay.is_made() && bay.plug(disk_bay::disk::other, false);
  if (skip_unless(ready, "mounting a loop device is not permitted here")) return;
  // Both have the device number that is free, and the same inodes.
  auto fill = [&](const std::string& what) {
    for (int i = 0; i < 50; ++i)
      make_file(space.root + "/" + std::to_string(i) + ".png", what + std::to_string(i));
  };
  fill("other ");
  BOOST_REQUIRE(bay.pull() && bay.plug(disk_bay::disk::own, false));
  fill("own ");
  library podstudio(space.data);
  service running(podstudio, {space.root});
  podstudio.must({"sync"});
  auto exchange_for = [&](disk_bay::disk what) {
    running.running().signal(SIGSTOP);
    BOOST_REQUIRE(bay.pull() && bay.plug(what, false));
    write_file(space.root + "/0.png", "changed");
    running.running().signal(SIGCONT);
  };
  auto is_in_step = [&] {
    return difference(walk_trees({space.root}).digests, present(podstudio.database())).empty();
  };

  exchange_for(disk_bay::disk::own);
  BOOST_CHECK(eventually([&] { return podstudio({"sync"}).code == 0; }));
  BOOST_CHECK(is_in_step());
  write_file(space.root + "/1.png", "changed later");
  podstudio.must({"sync"});
  BOOST_CHECK(is_in_step());

  auto before = present(podstudio.database());
  exchange_for(disk_bay::disk::other);
  BOOST_CHECK_EQUAL(podstudio({"sync"}).code, 1);
  BOOST_CHECK_EQUAL(value(podstudio.database(), "SELECT state FROM watch_root"), "lost");
  BOOST_CHECK_EQUAL(difference(before, present(podstudio.database())), "");
  exchange_for(disk_bay::disk::own);
  BOOST_CHECK(eventually([&] { return podstudio({"sync"}).code == 0; }));
  BOOST_CHECK(is_in_step());
}

// --- a disk that does not answer ---

namespace {

/// Whether a thread of the process is in a system call that looks at a file.
bool looks_at_a_file(pid_t pid) {
  const std::set<long> calls{SYS_openat, SYS_openat2, SYS_statx, SYS_newfstatat, SYS_getdents64};
  for (const auto& thread : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream in(thread.path() / "syscall");
    if (long call = -1; in >> call && calls.contains(call)) return true;
  }
  return false;
}

/// A file system whose driver is a program that can be stopped.
struct stoppable_disk {
  workspace space;
  std::string hung = space.path + "/hung", well = space.path + "/well";
  disk_image image{space.path + "/image", "exfat"};
  std::optional<process> driver;

  stoppable_disk() {
    make_folder(hung);
    make_file(well + "/1.png", "1");
    if (!image.is_made() || !image.attach() || !fs::exists("/usr/sbin/mount.exfat-fuse")) return;
    driver.emplace(launch{.arguments = {"mount.exfat-fuse", "-d", image.device(), hung}});
    auto is_mounted = [&] { return fs::exists(hung) && fs::space(hung).capacity < 1u << 30; };
    if (eventually(is_mounted, 10s))
      make_file(hung + "/folder/2.png", "2");
    else
      driver.reset();
  }
  ~stoppable_disk() {
    if (driver) driver->signal(SIGCONT);
    if (driver) BOOST_TEST(eventually([&] { return ::umount2(hung.c_str(), 0) == 0; }, 20s));
  }
  bool is_mounted() const { return driver.has_value(); }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(an_import_from_a_disk_that_does_not_answer_is_named, stoppable_disk) {
  if (skip_unless(is_mounted(), "exFAT cannot be mounted here")) return;
  library podstudio(space.data);
  service running(podstudio, {well});
  podstudio.must({"sync"});
  auto imports = [&] { return podstudio.json({"status"}, 5s)["imports"]; };
  BOOST_TEST(imports().empty());
  driver->signal(SIGSTOP);
  process importing(podstudio.call({"import", hung}));
  auto since = std::chrono::steady_clock::now();
  BOOST_REQUIRE(eventually(
      [&] {
        if (!looks_at_a_file(running.pid())) since = std::chrono::steady_clock::now();
        return std::chrono::steady_clock::now() - since > 3s;
      },
      30s));
  // Told at once, though nobody has asked before.
  auto named = imports();
  BOOST_REQUIRE_EQUAL(named.size(), 1u);
  BOOST_TEST(named[0]["mode"] == "silent", named);
  BOOST_TEST(named[0]["paths"][0] == hung, named);
  BOOST_TEST(named[0]["paths_total"] == 1, named);
  BOOST_TEST(named[0]["scanned"] == 0, named);
  auto shown = podstudio({"status"}, 5s);
  BOOST_TEST(shown.out.find(hung + "  silent") != std::string::npos, shown);
  podstudio.must({"sync"}, 10s);  // it waits for watched folders only
  driver->signal(SIGCONT);
  auto ended = importing.finish(20s);
  BOOST_TEST(ended.code == 0, ended);
  BOOST_TEST(imports().empty());
  BOOST_TEST(running.stop().code == 0);
}

BOOST_FIXTURE_TEST_CASE(a_disk_that_does_not_answer_holds_up_nobody_and_is_named, stoppable_disk) {
  if (skip_unless(is_mounted(), "exFAT cannot be mounted here")) return;
  library podstudio(space.data);
  service running(podstudio, {hung, well});
  podstudio.must({"sync"});
  driver->signal(SIGSTOP);
  process importing(podstudio.call({"import", hung}));
  make_file(well + "/3.png", "3");
  podstudio.must({"import", well}, 10s);
  podstudio.must({"backup", space.path + "/copy"}, 10s);
  podstudio.must({"asset", "approve", "1"}, 10s);
  auto mode_of = [&](const std::string& path) {
    auto status = podstudio.json({"status"}, 5s);
    for (const auto& root : status["roots"])
      if (root["path"] == path) return root["mode"].get<std::string>();
    return std::string();
  };
  BOOST_TEST(eventually([&] { return mode_of(hung) == "silent"; }, 20s));
  BOOST_TEST(mode_of(well) == "live");
  BOOST_TEST(importing.runs());
  // It is cut off from what hangs, and says so.
  running.running().signal(SIGTERM);
  auto ended = running.running().finish(15s);
  BOOST_TEST(ended.code == 1, ended);
  BOOST_TEST(ended.err.find("did not") != std::string::npos, ended);
}

BOOST_AUTO_TEST_CASE(a_btrfs_that_is_mounted_again_while_a_folder_of_it_is_held_is_the_same_disk) {
  workspace space;
  disk_image image(space.path + "/image", "btrfs");
  auto held = space.path + "/held", file = space.root + "/folder/1.png";
  make_folder(space.root);
  make_folder(held);
  if (skip_unless(image.is_made() && image.attach() && image.mount(space.root),
                  "Btrfs cannot be mounted here"))
    return;
  make_file(file, "1");
  library podstudio(space.data);
  {
    service running(podstudio, {space.root});
    podstudio.must({"sync"});
    podstudio.must({"asset", "approve", "1"});
    running.stop();
  }
  BOOST_REQUIRE(::mount((space.root + "/folder").c_str(), held.c_str(), nullptr, MS_BIND, nullptr)
                == 0);
  BOOST_REQUIRE(::umount2(space.root.c_str(), 0) == 0);
  ::sync();        // as a copy of the disk would be made of it
  image.detach();  // when the folder is let go of
  // Linux 6.7 draws a new identifier for it then, earlier ones refuse to mount it.
  if (image.attach() && image.mount(space.root)) {
    write_file(file, "edited");
    service running(podstudio, {space.root});
    podstudio.must({"sync"});
    BOOST_TEST(value(podstudio.database(), "SELECT group_concat(id || ' ' || approved) FROM asset")
               == "1 1");
    running.stop();
    BOOST_TEST(::umount2(space.root.c_str(), 0) == 0);
  }
  BOOST_TEST(::umount2(held.c_str(), 0) == 0);
}
