// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE upgrade
#include "events/backup.hpp"
#include "events/backup_manifest.hpp"
#include "events/codec.hpp"
#include "events/file_system.hpp"
#include "events/frame.hpp"
#include "events/log.hpp"
#include "system/bytes_read.hpp"
#include "system/log_bytes.hpp"
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/trees.hpp"
#include "system/workspace.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>
#include <sys/stat.h>

using namespace system_test;
namespace fs = std::filesystem;

/// Data folders of earlier versions, which knew a volume by its device number.

namespace {

podstudio::file_facts facts_with_device_number(const std::string& path) {
  struct stat status;
  BOOST_REQUIRE(::lstat(path.c_str(), &status) == 0);
  auto ns = [](const timespec& at) { return at.tv_sec * 1'000'000'000 + at.tv_nsec; };
  return {.size_bytes = static_cast<std::uint64_t>(status.st_size),
          .mtime_ns = ns(status.st_mtim),
          .ctime_ns = ns(status.st_ctim),
          .inode = status.st_ino,
          .device = status.st_dev};
}

/// Writes the log that an earlier version would have written of a watched folder.
void write_log(const std::string& folder, const std::string& root) {
  using namespace podstudio;
  auto facts = facts_with_device_number(root);
  std::vector<event> events{watch_root_added{1, root, facts.device, facts.inode}};
  asset_id id = 0;
  for (const auto& [path, hex] : walk_trees({root}).digests) {
    file_content content{{}, facts_with_device_number(path)};
    BOOST_REQUIRE(from_hex(hex, content.sha256.data(), content.sha256.size()));
    events.push_back(asset_registered{++id, path, asset_type::image, content});
    events.push_back(asset_approved{id});
    events.push_back(asset_theme_set{id, {}, "nature"});
  }
  make_folder(folder);
  recovery_report report;
  auto writer = log_writer::open(posix_file_system(), folder, {}, {}, report);
  if (!writer) BOOST_FAIL(writer.failure().message);
  auto what = std::make_shared<const command>(command{make_uuid(), "watcher", "test", events});
  BOOST_REQUIRE(static_cast<bool>((*writer)->append(std::vector{what}, now_us())));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_library_known_by_device_numbers_is_in_step_without_being_read) {
  constexpr int count = 100;
  workspace space;
  for (int i = 0; i < count; ++i)
    make_file(space.root + "/" + std::to_string(i % 3) + "/" + std::to_string(i) + ".png",
              "the picture " + std::to_string(i) + std::string(250'000, '.'));
  write_log(space.data + "/log", space.root);
  library podstudio(space.data);
  service running(podstudio);
  podstudio.must({"sync"});
  // A sample of the root, not 100 files of 250 kB. Larger ones would be mapped, not read.
  BOOST_TEST(bytes_read(running.pid()) < 15'000'000u);
  auto labelled = [&](const std::string& condition) {
    return value(podstudio.database(), "SELECT count(*) FROM asset JOIN asset_file ON asset_id = id"
                                       " WHERE approved AND theme = 'nature' AND "
                                           + condition);
  };
  BOOST_TEST(labelled("missing_since IS NULL") == std::to_string(count));
  BOOST_TEST(podstudio({"log", "show", "--type", "asset.touched"}).out == "");
  BOOST_TEST(podstudio.json({"watch", "list"})[0]["state"] == "active");

  // What is gone is noticed, what moves is followed.
  fs::remove(space.root + "/0/0.png");
  fs::rename(space.root + "/1/1.png", space.root + "/2/renamed.png");
  podstudio.must({"sync"});
  BOOST_TEST(labelled("missing_since IS NOT NULL") == "1");
  BOOST_TEST(labelled("path = '" + space.root + "/2/renamed.png'") == "1");
  BOOST_TEST(value(podstudio.database(), "SELECT count(*) FROM asset") == std::to_string(count));
  podstudio.must({"replay", "--check"});
}

BOOST_AUTO_TEST_CASE(a_data_folder_of_an_earlier_version_opens_with_all_that_people_decided) {
  workspace space;
  fs::copy(OLD_DATA_FOLDER, space.data, fs::copy_options::recursive);
  fs::permissions(space.data, fs::perms::owner_all);
  // The checkout may be writable by its group.
  for (const auto& entry : fs::recursive_directory_iterator(space.data))
    fs::permissions(entry, fs::perms::group_write | fs::perms::others_write,
                    fs::perm_options::remove);
  library podstudio(space.data);
  auto verified = podstudio({"log", "verify"});
  BOOST_TEST(verified.code == 0, verified);
  auto status = podstudio.json({"status"});
  BOOST_TEST(status["assets"]["total"] == 5);
  BOOST_TEST(status["assets"]["approved"] == 3);
  BOOST_TEST(status["packs"]["total"] == 1);
  auto nature = podstudio.json({"asset", "list", "--theme", "nature"});
  BOOST_TEST(nature.size() == 4u);
  auto pack = podstudio.json({"pack", "show", "1"});
  BOOST_TEST(pack["assets"].size() == 2u);
  podstudio.must({"replay", "--check"});
  // Its root is on no disk of this machine: it is lost, and nothing in it is missing.
  service running(podstudio);
  BOOST_TEST(podstudio({"sync"}).code == 1);
  BOOST_TEST(podstudio.json({"watch", "list"})[0]["state"] == "lost");
  BOOST_TEST(podstudio.json({"status"})["assets"]["missing"] == 1);
}

BOOST_AUTO_TEST_CASE(a_log_with_ids_out_of_range_is_refused_by_name_and_its_backup_not_restored) {
  using namespace podstudio;
  constexpr std::int64_t last = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t forged = 0x0d15'ea5e;  // replaced by the bad id
  file_content content{{1}, {}};
  const asset_registered asset{forged, "/a.png", asset_type::image, content};
  const pack_created pack{forged, {"p", license_type::personal, {}, {}}};
  const std::pair<event, std::int64_t> bad[] = {{asset, 0xffff'ffff},
                                                {asset, 0},
                                                {asset, -1},
                                                {pack, last},
                                                {pack, 0},
                                                {watch_root_added{forged, "/root", 1, 1}, last},
                                                {job_queued{forged, {}, {}, {}, {}}, -1}};
  auto bytes_of = [](std::int64_t id) {
    std::string bytes;
    for (std::size_t i = 0; i < sizeof id; ++i)
      bytes += static_cast<char>(static_cast<std::uint64_t>(id) >> (8 * i));
    return bytes;
  };
  for (const auto& [what, id] : bad) {
    workspace space;
    auto& files = posix_file_system();
    auto made = space.path + "/made", backup = space.path + "/backup";
    make_folder(made);
    recovery_report report;
    {
      auto writer = log_writer::open(files, made, {}, {}, report);
      BOOST_REQUIRE(static_cast<bool>(writer));
      auto command_of =
          std::make_shared<const command>(command{make_uuid(), "import", "t", {what}});
      BOOST_REQUIRE(static_cast<bool>((*writer)->append(std::vector{command_of}, now_us())));
      auto backed_up = back_up(files, made, backup, (*writer)->durable_head());
      if (!backed_up) BOOST_FAIL(backed_up.failure().message);
    }
    // The writer refuses bad ids: patch one into the segment, and make checksum and manifest match.
    auto segment = segments_of(backup).at(0);
    auto bytes = read_file(segment);
    auto at = bytes.find(bytes_of(forged));
    BOOST_REQUIRE(at != std::string::npos);
    bytes.replace(at, sizeof id, bytes_of(id));
    auto frame = frames_of(bytes).at(0), end = frames_of(bytes).at(1);
    system_test::seal_frame(bytes, frame);
    write_file(segment, bytes);
    auto manifest = read_backup_manifest(files, backup);
    BOOST_REQUIRE((manifest && *manifest));
    (*manifest)->head.hash =
        hash_frame({reinterpret_cast<const std::uint8_t*>(bytes.data()) + frame, end - frame});
    BOOST_REQUIRE(static_cast<bool>(write_backup_manifest(files, backup, **manifest)));

    auto refuses = [&](const library& podstudio, const words& command) {
      auto refused = podstudio(command);
      BOOST_TEST(refused.code == 4, refused);
      for (const auto& named :
           {std::string(event_name(what)), "is " + std::to_string(id) + ", but must be from 1 to "})
        BOOST_TEST(refused.err.find(named) != std::string::npos, refused << " names not " << named);
    };
    library restored(space.path + "/restored");
    refuses(restored, {"restore", backup});
    BOOST_TEST(!fs::exists(restored.data() + "/log"));
    make_file(space.root + "/a.png", "a");
    restored.must({"import", space.root});  // nothing is left over that would block this
    library begun(space.data);
    make_folder(begun.data());
    fs::copy(backup + "/log", begun.data() + "/log", fs::copy_options::recursive);
    for (const words& command : {words{"asset", "list"}, words{"serve"}, words{"log", "verify"}})
      refuses(begun, command);
  }
}
