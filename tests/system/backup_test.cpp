// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE backup
#include "console/client.hpp"
#include "console/protocol.hpp"
#include "system/log_bytes.hpp"
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/traced.hpp"
#include "system/workspace.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <random>
#include <sys/stat.h>
#include <thread>

using namespace system_test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// A library of small files with a running service.
struct saved_library {
  workspace space;
  library podstudio{space.data};
  std::unique_ptr<service> running;
  std::string backup = space.path + "/backup";
  std::string restored = space.path + "/restored";

  explicit saved_library(int files = 20) {
    for (int i = 0; i < files; ++i)
      make_file(space.root + "/" + std::to_string(i) + ".png", "picture " + std::to_string(i));
    run_no_jobs(podstudio);
    running = std::make_unique<service>(podstudio, words{space.root});
    podstudio.must({"sync"});
  }

  /// The backup as it is refused, with a code and a name in the message, and every byte kept.
  void check_refused(const outcome& ended, int code, const std::string& named) const {
    BOOST_CHECK_MESSAGE(ended.code == code, "expected exit " << code << ": " << ended);
    BOOST_CHECK_MESSAGE(ended.err.find(named) != std::string::npos,
                        "'" << named << "' is not named: " << ended);
    BOOST_CHECK_MESSAGE(std::count(ended.err.begin(), ended.err.end(), '\n') == 1,
                        "not one line: " << ended);
    BOOST_CHECK_MESSAGE(ended.out.empty(), ended);
  }
  void check_backup_refused(int code, const std::string& named) const {
    auto before = all_bytes(backup);
    check_refused(podstudio({"backup", backup}), code, named);
    BOOST_CHECK(all_bytes(backup) == before);
  }
  void check_restore_refused(int code, const std::string& named) const {
    check_refused(library(restored)({"restore", backup}), code, named);
    BOOST_CHECK(!fs::exists(restored + "/log"));
  }
};

std::string noted(const json& report) {
  return report["head_sequence"].dump() + ":" + report["head_hash"].get<std::string>();
}

/// Restores a backup into a new folder and checks it against the library it was made of.
void check_restore(const library& live, const std::string& backup, const json& report,
                   const std::string& into) {
  library restored(into);
  auto made = restored.json({"restore", backup});
  BOOST_CHECK_EQUAL(noted(made), noted(report));
  auto verified = restored.json({"log", "verify", "--expect", noted(report)});
  BOOST_CHECK_EQUAL(noted(verified), noted(report));
  BOOST_CHECK_EQUAL(verified["torn_tail"], false);
  auto as_of = into + ".db";
  live.must({"replay", "--output", as_of, "--until", report["head_sequence"].dump()});
  auto expected = all_rows(as_of), found = all_rows(restored.database());
  BOOST_CHECK(!expected.empty());
  BOOST_CHECK_MESSAGE(expected == found,
                      "as of " << noted(report) << ":" << difference(expected, found));
  for (const auto* suffix : {"", "-wal", "-shm"})
    fs::remove(as_of + suffix);
}

/// People who label assets of a service, each over a connection of their own: without a break while
/// they are to hurry, and otherwise one command in a second or so, as what they write is read in
/// every check.
class crowd {
public:
  crowd(const saved_library& of, std::size_t people, int assets) : of_(of), assets_(assets) {
    for (std::size_t i = 0; i < people; ++i)
      threads_.emplace_back([this, i] { work(i); });
  }
  ~crowd() { stop(); }

  void stop() {
    {
      std::scoped_lock hold(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    for (auto& each : threads_)
      if (each.joinable()) each.join();
  }
  /// Has them hurry, or not; returns when each could have given a command since.
  void hurry(bool now) {
    {
      std::scoped_lock hold(mutex_);
      hurried_ = now;
    }
    changed_.notify_all();
    auto then = commands_ + threads_.size();
    if (now) eventually([&] { return commands_ >= then || troubled_; });
  }
  std::size_t at_work() const { return at_work_; }
  std::uint64_t commands() const { return commands_; }
  /// The last sequence that anybody was told is done.
  std::uint64_t acknowledged() const { return acknowledged_; }
  std::string trouble() const { return troubled_ ? trouble_ : ""; }

private:
  void work(std::size_t number) {
    podstudio::data_folder folder{of_.space.data, of_.podstudio.database()};
    auto pair = podstudio::ensure_credentials(folder);
    auto address = podstudio::read_console_address(folder);
    if (!pair || !address) return report("no way to the service");
    auto client = [&] {
      // One after the other: so many within a moment are more than the service lets wait.
      std::scoped_lock hold(mutex_);
      return podstudio::console_client::connect(*pair, address->port, long_enough);
    }();
    if (!client) return report(client.failure().message);
    ++at_work_;
    std::mt19937 random(static_cast<unsigned>(number));
    while (!stopped_) {
      auto reply = (*client)->request(next(random), long_enough);
      if (!reply) return report(reply.failure().message);
      if (!reply->value("ok", false)) return report(reply->dump());
      ++commands_;
      auto sequence = reply->value("sequence", std::uint64_t{0}), before = acknowledged_.load();
      while (before < sequence && !acknowledged_.compare_exchange_weak(before, sequence)) {
      }
      std::unique_lock hold(mutex_);
      changed_.wait_for(hold, milliseconds(random() % 2000),
                        [this] { return hurried_ || stopped_; });
    }
  }
  json next(std::mt19937& random) const {
    json ids = {1 + static_cast<int>(random() % static_cast<unsigned>(assets_))};
    switch (random() % 3) {
    case 0:
      return podstudio::make_request("asset.approve", {{"ids", ids}});
    case 1:
      return podstudio::make_request("asset.unapprove", {{"ids", ids}});
    default:
      return podstudio::make_request(
          "asset.set", {{"ids", ids}, {"theme", "theme " + std::to_string(random() % 1000)}});
    }
  }
  void report(const std::string& what) {
    if (!troubled_.exchange(true)) trouble_ = what;
  }

  const saved_library& of_;
  const int assets_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool hurried_ = false;
  std::atomic<bool> stopped_ = false, troubled_ = false;
  std::atomic<std::size_t> at_work_ = 0;
  std::atomic<std::uint64_t> commands_ = 0, acknowledged_ = 0;
  std::string trouble_;
  std::vector<std::thread> threads_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_backup_made_while_64_clients_write_is_the_library_as_of_its_head) {
  constexpr std::size_t clients = 64;
  constexpr int assets = 300;
  auto rounds = number_from_env("PODSTUDIO_BACKUP_ROUNDS", 3);
  saved_library there(assets);
  crowd people(there, clients, assets);
  BOOST_REQUIRE(
      eventually([&] { return people.at_work() == clients || !people.trouble().empty(); }));
  BOOST_REQUIRE_EQUAL(people.trouble(), "");
  std::uint64_t meanwhile = 0, incremental = 0, copied = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    bool into_new = round % 4 == 2;
    auto folder = into_new ? there.backup + " " + std::to_string(round) : there.backup;
    people.hurry(true);
    auto acknowledged = people.acknowledged(), commands = people.commands();
    auto report = there.podstudio.json({"backup", folder});
    auto given = people.commands() - commands;
    people.hurry(false);
    BOOST_CHECK_GT(given, 0u);
    meanwhile += given;
    copied += report["copied_bytes"].get<std::uint64_t>();
    incremental += report["incremental"].get<std::uint64_t>() > 0 ? 1 : 0;
    BOOST_CHECK_EQUAL(report["incremental"] == 0, into_new || round == 0);
    BOOST_CHECK_GE(report["head_sequence"].get<std::uint64_t>(), acknowledged);
    check_restore(there.podstudio, folder, report, there.restored);
    fs::remove_all(there.restored);
    if (into_new) fs::remove_all(folder);
    BOOST_REQUIRE_EQUAL(people.trouble(), "");
  }
  people.stop();
  auto last = there.podstudio.json({"backup", there.backup, "--verify"});
  check_restore(there.podstudio, there.backup, last, there.restored);
  auto live = seed_rows(there.podstudio.database());
  auto back = seed_rows(library(there.restored).database());
  BOOST_CHECK_MESSAGE(live == back, difference(live, back));
  BOOST_TEST_MESSAGE(rounds << " backups, " << incremental << " of them incremental, of " << copied
                            << " bytes in all, beside " << clients << " clients that gave "
                            << people.commands() << " commands, " << meanwhile
                            << " of them while a backup was made; the log ends with "
                            << noted(last));
}

BOOST_FIXTURE_TEST_CASE(a_restored_library_is_ready_and_lives_on, saved_library) {
  podstudio.must({"asset", "approve", "1", "2"});
  auto report = podstudio.json({"backup", backup});
  BOOST_CHECK_EQUAL(report["incremental"], 0);
  BOOST_CHECK_EQUAL(report["copied_bytes"], report["bytes"]);
  podstudio.must({"asset", "approve", "3"});
  running->stop();
  check_restore(podstudio, backup, report, restored);

  library other(restored);
  BOOST_CHECK_EQUAL(value(other.database(), "SELECT group_concat(id) FROM asset WHERE approved"),
                    "1,2");
  BOOST_CHECK_EQUAL(other({"replay", "--check"}).code, 0);
  other.must({"asset", "approve", "4"});
  BOOST_CHECK_EQUAL(other({"replay", "--check"}).code, 0);
  BOOST_CHECK_EQUAL(other({"log", "verify", "--expect", noted(report)}).code, 0);
  // Each goes its own way now, and the backup with the first that uses it again.
  auto again = other.json({"backup", backup});
  BOOST_CHECK_EQUAL(again["incremental"], report["bytes"]);
  check_backup_refused(1, "diverged");
}

BOOST_FIXTURE_TEST_CASE(a_backup_that_lost_its_end_is_not_intact, saved_library) {
  podstudio.must({"backup", backup});
  library copy(backup);
  BOOST_CHECK_EQUAL(copy({"log", "verify"}).code, 0);
  auto segment = backup + "/log/00000000000000000001.log";
  const std::string remedy = "make a new one in another folder";
  fs::resize_file(segment, fs::file_size(segment) - 10);
  check_refused(copy({"log", "verify"}), 4, remedy);
  fs::remove(segment);
  check_refused(copy({"log", "verify"}), 4, remedy);
}

BOOST_FIXTURE_TEST_CASE(a_backup_works_with_and_without_a_service_and_only_log_commands_read_it,
                        saved_library) {
  auto first = podstudio.json({"backup", backup});
  running->stop();
  auto second = podstudio.json({"backup", backup});
  BOOST_CHECK_GT(second["head_sequence"], first["head_sequence"]);  // it stopped
  library copy(backup);
  BOOST_CHECK_EQUAL(noted(copy.json({"log", "verify"})), noted(second));
  BOOST_CHECK_EQUAL(copy({"log", "show", "--limit", "1"}).code, 0);
  for (const words& command : {words{"status"}, {"asset", "approve", "1"}, {"serve"}})
    check_refused(copy(command), 1, "is a backup");
  struct stat facts {};
  BOOST_REQUIRE_EQUAL(::stat(backup.c_str(), &facts), 0);
  BOOST_CHECK_EQUAL(facts.st_mode & 0777, 0700u);
}

BOOST_FIXTURE_TEST_CASE(a_kill_leaves_a_backup_that_can_be_restored_and_continued, saved_library) {
  if (skip_unless(may_trace(), "processes may not be traced here")) return;
  podstudio.must({"backup", backup});
  // At each call by which it changes the backup, before and behind it, until it makes no more.
  auto in_backup = [this](const system_call& call) { return call.path.starts_with(backup); };
  std::uint64_t kills = 0;
  for (bool killed = true; killed; ++kills) {
    podstudio.must({"asset", "set", "--all-matching", "--theme", "theme " + std::to_string(kills)});
    auto when = kills % 2 == 0 ? kill_point::moment::before : kill_point::moment::after;
    traced_process copying(podstudio.call({"backup", backup}), {{in_backup, kills / 2 + 1, when}});
    copying.running().finish();
    killed = copying.killed_at().has_value();
    library other(restored);
    other.must({"restore", backup});
    BOOST_CHECK_EQUAL(other({"replay", "--check"}).code, 0);
    fs::remove_all(restored);
  }
  BOOST_TEST_MESSAGE(kills - 1 << " kills");
  BOOST_CHECK_GE(kills, 10u);
  auto report = podstudio.json({"backup", backup, "--verify"});
  check_restore(podstudio, backup, report, restored);
}

BOOST_FIXTURE_TEST_CASE(a_folder_that_is_no_place_for_a_backup_is_refused_by_name, saved_library) {
  auto link = space.path + "/link";
  fs::create_directory_symlink(space.data, link);
  for (const auto& folder : {space.data, space.data + "/backup", space.data + "/log", link,
                             link + "/backup", space.path})
    check_refused(podstudio({"backup", folder}), 1, space.data);
  check_refused(podstudio({"backup", space.root}), 1, "is not empty");
  check_refused(podstudio({"backup", space.root + "/0.png"}), 1, space.root + "/0.png");
  check_refused(podstudio({"backup", space.path + "/not there/backup"}), 1, "not there");
  check_refused(podstudio({"backup"}), 2, "DIR");
  check_refused(library(space.path + "/none")({"backup", backup}), 1, "no data folder");
  BOOST_CHECK(!fs::exists(backup));

  library second(space.path + "/second");
  second.must({"import", space.root});
  second.must({"backup", backup});
  check_backup_refused(1, "another library");
}

BOOST_FIXTURE_TEST_CASE(a_backup_whose_files_are_the_logs_own_is_not_written_to, saved_library) {
  podstudio.must({"backup", backup});
  auto segment = segments_of(backup).at(0), original = segments_of(space.data).at(0);
  podstudio.must({"asset", "approve", "1"});
  auto before = podstudio.json({"log", "head"});
  fs::remove(segment);
  fs::create_hard_link(original, segment);
  check_refused(podstudio({"backup", backup}), 1, "share files");
  fs::remove(segment);
  fs::create_symlink(original, segment);
  check_refused(podstudio({"backup", backup}), 1, "share files");
  fs::remove_all(backup + "/log");
  fs::create_directory_symlink(space.data + "/log", backup + "/log");
  check_refused(podstudio({"backup", backup}), 1, space.data);
  BOOST_CHECK_EQUAL(podstudio.json({"log", "head"}), before);
}

BOOST_FIXTURE_TEST_CASE(a_hostile_backup_is_refused_by_name_and_hangs_nobody, saved_library) {
  podstudio.must({"backup", backup});
  auto manifest = backup + "/backup.json", segment = segments_of(backup).at(0);
  auto text = read_file(manifest), bytes = read_file(segment);

  for (const std::string& other :
       {std::string(), std::string("{}"), std::string(10'000, '['),
        std::string("{\"format\": 1, \"head_sequence\": \"\x1b[31m\"}")}) {
    write_file(manifest, other);
    check_backup_refused(4, manifest);
    check_restore_refused(4, manifest);
  }
  write_file(manifest, text);
  auto frames = frames_of(bytes);
  auto damaged = bytes;
  damaged.at(frames.at(1) + 50) = static_cast<char>(damaged.at(frames.at(1) + 50) ^ 1);
  write_file(segment, damaged);
  for (const auto& named :
       {segment, "offset " + std::to_string(frames[1]), std::string("sequence")}) {
    check_backup_refused(4, named);
    check_restore_refused(4, named);
  }
  fs::remove(segment);
  check_backup_refused(4, backup + "/log");
  check_restore_refused(4, backup + "/log");
  fs::create_directory(segment);
  check_refused(podstudio({"backup", backup}), 1, segment);
  check_restore_refused(1, segment);
  fs::remove(segment);
  BOOST_REQUIRE_EQUAL(::mkfifo(segment.c_str(), 0600), 0);
  check_refused(podstudio({"backup", backup}), 1, segment);
  check_restore_refused(1, segment);
  fs::remove(manifest);
  BOOST_REQUIRE_EQUAL(::mkfifo(manifest.c_str(), 0600), 0);
  check_refused(podstudio({"backup", backup}), 1, manifest);
  check_restore_refused(1, manifest);
}

BOOST_FIXTURE_TEST_CASE(a_restore_replaces_no_library_and_needs_a_backup, saved_library) {
  podstudio.must({"backup", backup});
  auto rows = seed_rows(podstudio.database());
  check_refused(podstudio({"restore", backup}), 3, "in use");
  running->stop();
  auto before = all_bytes(space.data + "/log");
  check_refused(podstudio({"restore", backup}), 1, "already contains a log");
  BOOST_CHECK(all_bytes(space.data + "/log") == before);
  check_refused(library(restored)({"restore", space.root}), 1, "no backup");
  check_refused(library(restored)({"restore", space.data}), 1, "no backup");
  check_refused(library(restored)({"restore", space.path + "/nothing"}), 1, "nothing");
  check_refused(library(backup)({"restore", backup}), 1, "are inside one another");
  check_refused(library(backup + "/new")({"restore", backup}), 1, "are inside one another");
  BOOST_CHECK(!fs::exists(restored));

  // Not even the tables, where the settings of one library are in force for another.
  auto call = library(restored).call({"restore", backup});
  call.env["DB_PATH"] = podstudio.database();
  check_refused(run(call), 1, podstudio.database());

  // A library whose log is lost gets it back, whatever its tables hold.
  fs::rename(space.data + "/log", space.path + "/lost log");
  podstudio.must({"restore", backup});
  auto back = seed_rows(podstudio.database());
  BOOST_CHECK_MESSAGE(rows == back, difference(rows, back));
  BOOST_CHECK_EQUAL(podstudio({"replay", "--check"}).code, 0);
}
