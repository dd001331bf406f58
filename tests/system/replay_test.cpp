// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE replay
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/traced.hpp"
#include "system/workspace.hpp"

#include <boost/test/unit_test.hpp>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <unistd.h>

using namespace system_test;
using nlohmann::json;

namespace {

/// A library with a log worth replaying.
struct replayed : workspace {
  library podstudio{data};
  std::string database = podstudio.database();

  explicit replayed(int files = 60) {
    make_files(root, files);
    podstudio.must({"import", root});
    podstudio.must({"asset", "approve", "1", "2", "3"});
    podstudio.must({"asset", "set", "--all-matching", "--type", "image", "--theme", "nature"});
  }
  static void make_files(const std::string& folder, int files) {
    constexpr const char* extensions[] = {"png", "wav", "mp4"};
    for (int i = 0; i < files; ++i)
      make_file(folder + "/" + std::to_string(i % 7) + "/file " + std::to_string(i) + "."
                    + extensions[i % 3],
                "contents " + std::to_string(i));
  }
  /// The bytes of the log, as far as they hold frames.
  std::string log() const {
    std::string bytes;
    for (const auto& entry : std::filesystem::directory_iterator(data + "/log"))
      if (entry.path().extension() == ".log")
        bytes += entry.path().filename().string() + read_file(entry.path());
    return bytes.substr(0, bytes.find_last_not_of('\0') + 1);
  }
};

void write_to(const std::string& database, const std::string& sql) {
  sqlite3* opened = nullptr;
  auto code = sqlite3_open_v2(database.c_str(), &opened, SQLITE_OPEN_READWRITE, nullptr);
  std::unique_ptr<sqlite3, decltype(&sqlite3_close)> db(opened, &sqlite3_close);
  BOOST_REQUIRE(code == SQLITE_OK);
  BOOST_REQUIRE_MESSAGE(sqlite3_exec(opened, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK,
                        sqlite3_errmsg(opened));
}

/// Debian's programs; the test's own environment may have other ones.
launch python(const std::string& program, const words& arguments = {}) {
  launch what{{"/usr/bin/python3", "-c", program}};
  what.arguments.insert(what.arguments.end(), arguments.begin(), arguments.end());
  return what;
}

/// Holds the database to write, as another program would: this one.
class writer_lock {
public:
  explicit writer_lock(const std::string& database) {
    sqlite3* opened = nullptr;
    auto code = sqlite3_open_v2(database.c_str(), &opened, SQLITE_OPEN_READWRITE, nullptr);
    db_.reset(opened);
    BOOST_REQUIRE(code == SQLITE_OK);
    sqlite3_busy_timeout(opened, 5'000);  // the service may be writing
    BOOST_REQUIRE(sqlite3_exec(opened, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  }
  void let_go() { db_.reset(); }

private:
  std::unique_ptr<sqlite3, decltype(&sqlite3_close)> db_{nullptr, &sqlite3_close};
};

/// The blocks of a language in SCHEMA.md, about this database.
std::vector<std::string> examples(const std::string& language, const std::string& database) {
  std::vector<std::string> blocks;
  std::istringstream page(read_file(SCHEMA_PAGE));
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```")) {
      inside = line == "```" + language;
      if (inside) blocks.emplace_back();
    } else if (inside) {
      const std::string shown = "/home/me/.local/share/podstudio/podstudio.db";
      if (auto at = line.find(shown); at != std::string::npos)
        line.replace(at, shown.size(), database);
      blocks.back() += line + "\n";
    }
  }
  return blocks;
}

}  // namespace

namespace {

/// Kills a replay at each of its steps on the database or the folder, before, half way and after,
/// and calls `look` with what it left behind; `prepare` makes what a replay begins with.
void kill_replays(const replayed& it, const std::function<void()>& prepare,
                  const std::function<void()>& look) {
  auto log = it.log();
  auto is_step = [&](const system_call& call) {
    return call.path.starts_with(it.database) || call.path == it.data;
  };
  for (auto when :
       {kill_point::moment::before, kill_point::moment::half_way, kill_point::moment::after})
    for (std::uint64_t nth = 1;; ++nth) {
      prepare();
      std::optional<system_call> killed;
      {
        traced_process running(it.podstudio.call({"replay"}),
                               kill_point{is_step, nth, when, 1'000});
        auto ended = running.running().finish();
        killed = running.killed_at();
        BOOST_REQUIRE_MESSAGE(killed || ended.code == 0, ended);
      }
      BOOST_TEST_CONTEXT("killed at step " << nth << ", " << (killed ? killed->path : "none")) {
        look();
        // Whatever was left, the next command works, and the tables are whole.
        it.podstudio.must({"asset", "list"});
        BOOST_TEST(value(it.database, "SELECT count(*) FROM asset") == "60");
      }
      BOOST_TEST(it.log().starts_with(log));
      if (!killed) break;
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_replay_killed_at_any_step_leaves_the_old_tables_or_the_new_ones) {
  if (skip_unless(may_trace(), "tracing is not permitted here")) return;
  replayed it;
  std::vector<row> old, expected;
  int found_old = 0, found_new = 0;
  kill_replays(
      it,
      [&] {
        it.podstudio.must({"replay"});
        expected = all_rows(it.database);
        // So that the old tables are not the new ones.
        write_to(it.database, "UPDATE asset SET source = 'old'");
        old = all_rows(it.database);
        BOOST_REQUIRE(old != expected);
      },
      [&] {
        BOOST_TEST(value(it.database, "PRAGMA integrity_check") == "ok");
        auto rows = all_rows(it.database);
        BOOST_TEST((rows == old || rows == expected));
        ++(rows == old ? found_old : found_new);
      });
  BOOST_TEST(found_old > 0);
  BOOST_TEST(found_new > 0);
  BOOST_TEST_MESSAGE("found afterwards: " << found_old << " times the old tables, " << found_new
                                          << " times the new ones");
}

BOOST_AUTO_TEST_CASE(a_replay_over_a_damaged_database_killed_at_any_step_leaves_it_or_the_new_one) {
  if (skip_unless(may_trace(), "tracing is not permitted here")) return;
  replayed it;
  std::string damaged;
  std::vector<row> expected;
  int found_damaged = 0, found_new = 0, found_none = 0;
  kill_replays(
      it,
      [&] {
        it.podstudio.must({"replay"});
        expected = all_rows(it.database);
        damaged = read_file(it.database);
        damaged[17] ^= 1;  // of the size of a page: SQLite refuses the file
        write_file(it.database, damaged);
      },
      [&] {
        if (!std::filesystem::exists(it.database)) {
          ++found_none;
        } else if (read_file(it.database) == damaged) {
          ++found_damaged;
        } else {
          BOOST_TEST(value(it.database, "PRAGMA integrity_check") == "ok");
          BOOST_TEST((all_rows(it.database) == expected));
          ++found_new;
        }
      });
  BOOST_TEST(found_damaged > 0);
  BOOST_TEST(found_new > 0);
  BOOST_TEST_MESSAGE("found afterwards: " << found_damaged << " times the damaged tables, "
                                          << found_new << " times the new ones, " << found_none
                                          << " times none");
}

BOOST_AUTO_TEST_CASE(a_damaged_database_heals_or_is_reported_and_the_log_stays_as_it_is) {
  replayed it(600);
  auto seed = number_from_env("PODSTUDIO_TEST_SEED", 1);
  auto rounds = number_from_env("PODSTUDIO_DAMAGES", 24);
  std::mt19937_64 random(seed);
  int healed = 0, reported = 0, unseen = 0;
  auto good = seed_rows(it.database);
  for (std::uint64_t i = 0; i < rounds; ++i) {
    auto bytes = read_file(it.database);
    switch (i % 4) {
    case 0:  // cut, at a page or anywhere
      bytes.resize(random() % bytes.size() / 4096 * 4096 + (i % 8 == 0 ? 0 : random() % 4096));
      break;
    case 1:
      bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
      break;
    case 2:  // a sector of zeros
      std::fill_n(bytes.begin()
                      + static_cast<std::ptrdiff_t>(random() % (bytes.size() / 512) * 512),
                  512, '\0');
      break;
    default:
      bytes.clear();
    }
    for (auto suffix : {"", "-wal", "-shm"})
      std::filesystem::remove(it.database + suffix);
    if (i % 4 != 3 || i % 8 == 3) write_file(it.database, bytes);
    BOOST_TEST_CONTEXT("PODSTUDIO_TEST_SEED=" << seed << ", round " << i) {
      auto log = it.log();
      auto used = it.podstudio({"asset", "list"});
      auto checked = it.podstudio({"replay", "--check"});
      // Only the marks of the engine's own starts and stops may have come to the log.
      BOOST_TEST(it.log().starts_with(log));
      BOOST_TEST((it.podstudio({"log", "verify"}).code == 0));
      if (used.code != 0) {
        ++reported;
        BOOST_TEST_MESSAGE(used.err);
        BOOST_TEST(!used.err.empty());
        BOOST_TEST(used.code != 134);
      } else if (checked.code == 0) {
        ++healed;
        BOOST_TEST((seed_rows(it.database) == good));
      } else {
        ++unseen;  // until it is checked: SQLite has no checksums
        BOOST_TEST(!checked.err.empty());
      }
      if (used.code != 0) std::filesystem::remove(it.database);
      it.podstudio.must({"replay"});
      BOOST_TEST((seed_rows(it.database) == good));
    }
  }
  BOOST_TEST(healed > 0);
  BOOST_TEST_MESSAGE("PODSTUDIO_TEST_SEED=" << seed << ": " << healed << " healed by themselves, "
                                            << reported << " reported, " << unseen
                                            << " found by 'replay --check'");
}

BOOST_AUTO_TEST_CASE(a_command_waits_for_a_locked_database_and_goes_on_once_it_is_let_go) {
  replayed it;
  service running(it.podstudio);
  writer_lock held(it.database);
  process waiting(it.podstudio.call({"asset", "approve", "5"}));
  // It is durable, and says so once it can be read. Why it waits is in the service log.
  auto log = it.data + "/logs/podstudio.log";
  while (read_file(log).find("is locked by another program") == std::string::npos)
    waiting.must_run();
  BOOST_TEST(it.podstudio.json({"asset", "show", "5"})["approved"] == false);
  held.let_go();
  auto ended = waiting.finish();
  BOOST_TEST((ended.code == 0), ended);
  BOOST_TEST(it.podstudio.json({"asset", "show", "5"})["approved"] == true);
  it.podstudio.must({"replay", "--check"});
}

BOOST_AUTO_TEST_CASE(who_waits_for_a_locked_database_is_told_in_time_and_nothing_is_lost) {
  replayed it;
  service running(it.podstudio);
  writer_lock held(it.database);
  auto told = it.podstudio({"asset", "approve", "5"});
  BOOST_TEST((told.code == 1), told);
  BOOST_TEST(told.err.find("the change is saved in the log") != std::string::npos, told);
  BOOST_TEST(told.err.find("is locked by another program") != std::string::npos, told);
  held.let_go();
  it.podstudio.must({"asset", "approve", "6"});
  BOOST_TEST(it.podstudio.json({"asset", "show", "5"})["approved"] == true);
  it.podstudio.must({"replay", "--check"});
}

BOOST_AUTO_TEST_CASE(a_service_that_waits_for_a_locked_database_ends_at_once_when_asked_twice) {
  replayed it;
  service running(it.podstudio);
  writer_lock held(it.database);
  process waiting(it.podstudio.call({"asset", "approve", "5"}));
  auto log = it.data + "/logs/podstudio.log";
  BOOST_REQUIRE(eventually([&] {
    waiting.must_run();
    return read_file(log).find("is locked by another program") != std::string::npos;
  }));
  auto& serving = running.running();
  auto begun = clock::now();
  // What comes within a second is one request, by which it would end in 10.
  bool ended = eventually(
      [&] {
        serving.signal(SIGTERM);
        return !serving.runs();
      },
      5s);
  BOOST_TEST(ended);
  BOOST_TEST((clock::now() - begun >= 1s));
  auto outcome = serving.finish();
  BOOST_TEST((outcome.code == 1), outcome);
  BOOST_TEST(outcome.err.find("stopped without waiting for what hangs") != std::string::npos,
             outcome);
  held.let_go();
  BOOST_TEST(it.podstudio.json({"asset", "show", "5"})["approved"] == true);
  it.podstudio.must({"replay", "--check"});
}

BOOST_AUTO_TEST_CASE(a_replay_over_a_locked_database_is_refused_and_changes_nothing) {
  replayed it;
  auto old = all_rows(it.database);
  writer_lock held(it.database);
  auto ended = it.podstudio({"replay", "--until", "10"});
  BOOST_TEST((ended.code == 1), ended);
  BOOST_TEST(ended.err.find("is locked by another program") != std::string::npos, ended);
  BOOST_TEST((all_rows(it.database) == old));
  held.let_go();
  it.podstudio.must({"replay", "--until", "10"});
  BOOST_TEST((all_rows(it.database) != old));
}

BOOST_AUTO_TEST_CASE(a_service_whose_database_is_lost_or_damaged_builds_it_anew) {
  replayed it;
  service running(it.podstudio);
  int id = 0;
  auto heals = [&](const std::string& what) {
    BOOST_TEST_CONTEXT(what) {
      auto asset = std::to_string(10 + id++);
      auto ready = [&] {
        auto out = running.running().err();
        return std::count(out.begin(), out.end(), '\n');
      };
      auto before = ready();
      auto told = it.podstudio({"asset", "approve", asset});
      while (ready() == before)
        running.running().must_run();
      // It was done, and is kept; or the service had noticed before, and it was not done.
      bool done =
          told.code == 0 || told.err.find("the change is saved in the log") != std::string::npos;
      if (!done) it.podstudio.must({"asset", "approve", asset});
      it.podstudio.must({"asset", "list"});
      BOOST_TEST(it.podstudio.json({"asset", "show", asset})["approved"] == true);
      it.podstudio.must({"replay", "--check"});
    }
  };
  for (auto suffix : {"", "-wal", "-shm"})
    std::filesystem::remove(it.database + suffix);
  heals("removed");
  it.podstudio.must({"replay", "--output", it.path + "/other.db", "--until", "62"});
  std::filesystem::rename(it.path + "/other.db", it.database);
  heals("another file");
  write_to(it.database, "DELETE FROM asset WHERE id = 12");
  heals("a row is gone");
  BOOST_TEST(running.stop().code == 0);
}

BOOST_AUTO_TEST_CASE(an_output_that_is_no_file_of_ours_is_refused_and_stays) {
  replayed it;
  auto refused = [&](const std::string& output) {
    auto ended = it.podstudio({"replay", "--output", output});
    BOOST_TEST((ended.code == 1), ended);
    BOOST_TEST(ended.err.find(output) != std::string::npos, ended);
  };
  auto pipe = it.path + "/pipe";
  BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  refused(pipe);
  refused("/dev/null");
  refused(it.path);
  write_file(it.path + "/picture.png", std::string(5000, 'x'));
  refused(it.path + "/picture.png");
  BOOST_TEST(read_file(it.path + "/picture.png") == std::string(5000, 'x'));
  // A database has its companions by one name.
  std::filesystem::create_hard_link(it.database, it.path + "/link.db");
  it.podstudio.must({"replay", "--output", it.path + "/link.db"});
  std::filesystem::remove(it.path + "/link.db");
  it.podstudio.must({"replay", "--check"});
  // A link is followed.
  it.podstudio.must({"replay", "--output", it.path + "/far.db", "--until", "1"});
  std::filesystem::create_symlink(it.path + "/far.db", it.path + "/link.db");
  it.podstudio.must({"replay", "--output", it.path + "/link.db"});
  BOOST_TEST(std::filesystem::is_symlink(it.path + "/link.db"));
  BOOST_TEST(value(it.path + "/far.db", "SELECT count(*) FROM asset") == "60");
}

/// Readers that stay connected, ones that connect early and read late, and ones that come and go,
/// while files come, labels are set, the service starts and stops, and the tables are built anew.
BOOST_AUTO_TEST_CASE(readers_are_never_locked_out_and_never_see_a_wrong_answer) {
  replayed it(500);
  auto stop = it.path + "/stop";
  // A transaction is one state: every asset has a file, and the checkpoint never goes back.
  process python_reader(python(R"(
import os, sqlite3, sys, time
path, stop = sys.argv[1:]
def connect():
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5, isolation_level=None)
stays = connect()
lazy = [(time.monotonic(), connect())]
rounds = late = 0
last = 0
while True:
    ends = os.path.exists(stop)
    db = stays
    if ends or time.monotonic() - lazy[0][0] > 0.5:
        _, db = lazy.pop(0)
        late += 1
    if len(lazy) < 50:
        lazy.append((time.monotonic(), connect()))
    db.execute("BEGIN")
    assets, files, paths = db.execute("SELECT count(*), (SELECT count(*) FROM asset_file), count(DISTINCT path) FROM asset").fetchone()
    sequence, = db.execute("SELECT sequence FROM checkpoint").fetchone()
    nature = db.execute("SELECT count(*) FROM asset WHERE theme = 'nature'").fetchone()[0]
    indexed = db.execute("SELECT count(*) FROM asset NOT INDEXED WHERE theme = 'nature'").fetchone()[0]
    db.execute("COMMIT")
    assert assets == files == paths and assets >= 500 and nature == indexed, (assets, files, paths, nature, indexed)
    assert sequence >= last, (sequence, last)
    last = sequence
    rounds += 1
    if db is not stays:
        db.close()
    if ends:
        break
print(rounds, late)
)",
                               {it.database, stop}));
  process shell_reader({{"/bin/sh", "-c", R"(
rounds=0
while [ ! -e "$2" ]; do
  answer=$(sqlite3 -cmd '.timeout 5000' "file:$1?mode=ro" \
    'SELECT (SELECT count(*) FROM asset) = (SELECT count(*) FROM asset_file), count(*) >= 500 FROM asset' 2>&1)
  case "$answer" in
    '1|1') rounds=$((rounds + 1)) ;;
    *) echo "wrong: $answer"; exit 1 ;;
  esac
done
echo $rounds)",
                         "sh", it.database, stop}});
  for (int round = 0; round < 6; ++round) {
    {
      service running(it.podstudio);
      replayed::make_files(it.root + "/more " + std::to_string(round), 300);
      it.podstudio.must({"import", it.root});
      it.podstudio.must(
          {"asset", "set", "--all-matching", "--search", "more", "--theme", "nature"});
      BOOST_TEST(running.stop().code == 0);
    }
    if (round % 2 == 0)
      it.podstudio.must({"replay"});
    else  // built anew at the next start
      write_to(it.database, "PRAGMA user_version = 1");
  }
  write_file(stop, "");
  for (auto* reader : {&python_reader, &shell_reader}) {
    auto ended = reader->finish();
    BOOST_TEST((ended.code == 0), ended);
    BOOST_TEST_MESSAGE("rounds: " << ended.out);
  }
}

/// A database that somebody deletes is made anew under its name; a reader opens it anew.
BOOST_AUTO_TEST_CASE(readers_of_a_database_that_is_deleted_never_see_a_wrong_answer) {
  replayed it(500);
  auto stop = it.path + "/stop";
  process reader(python(R"(
import os, sqlite3, sys
path, stop = sys.argv[1:]
rounds = 0
while not os.path.exists(stop):
    db = None
    try:
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        assets, files = db.execute("SELECT count(*), (SELECT count(*) FROM asset_file) FROM asset").fetchone()
        assert assets == files == 500, (assets, files)
        rounds += 1
    except sqlite3.OperationalError as failure:
        assert "unable to open" in str(failure) or "disk I/O" in str(failure), failure
    finally:
        if db: db.close()
assert rounds > 0
print(rounds)
)",
                        {it.database, stop}));
  for (int round = 0; round < 6; ++round) {
    std::filesystem::remove(it.database);  // built anew at the next start
    it.podstudio.must({"asset", "show", "1"});
  }
  write_file(stop, "");
  auto ended = reader.finish();
  BOOST_TEST((ended.code == 0), ended);
  BOOST_TEST_MESSAGE("rounds: " << ended.out);
}

BOOST_AUTO_TEST_CASE(a_replay_has_no_side_effects) {
  if (skip_unless(run({{"/bin/sh", "-c", "command -v strace && strace -o /dev/null true"}}).code
                      == 0,
                  "it needs strace"))
    return;
  replayed it;
  auto trace = it.path + "/trace", output = it.path + "/past.db";
  auto call = it.podstudio.call({"replay", "--output", output, "--until", "20"});
  words traced{
      "strace",
      "-f",
      "-o",
      trace,
      "-e",
      "trace=execve,execveat,fork,vfork,clone,clone3,open,openat,openat2,creat,rename,renameat,"
      "renameat2,unlink,unlinkat,mkdir,mkdirat,link,linkat,symlink,symlinkat,truncate,chmod,"
      "fchmodat,connect,bind,kill,tkill"};
  traced.insert(traced.end(), call.arguments.begin(), call.arguments.end());
  call.arguments = traced;
  call.env["ASAN_OPTIONS"] = without_leak_check();
  auto ended = run(call);
  BOOST_REQUIRE_MESSAGE(ended.code == 0, ended);
  std::istringstream lines(read_file(trace));
  int programs = 0, written = 0;
  for (std::string line; std::getline(lines, line);) {
    auto has = [&](const char* text) { return line.find(text) != std::string::npos; };
    if (has("ENOENT")) continue;
    auto name = line.substr(line.find_first_not_of("0123456789 "));  // behind the process's id
    name.resize(std::min(name.find('('), name.size()));
    BOOST_TEST_CONTEXT(line) {
      programs += name.starts_with("execve") ? 1 : 0;
      if (name.starts_with("execve"))
        BOOST_TEST((has("/podstudio\"") || has("/podstudio-engine\"")));
      if (name.starts_with("clone")) BOOST_TEST(has("CLONE_THREAD"));
      for (const auto* never : {"fork", "vfork", "connect", "bind", "kill", "tkill"})
        BOOST_TEST(name != never);
      bool opens = name.starts_with("open"), starts = name.starts_with("execve");
      if (starts || name.starts_with("clone") || name.starts_with("<...")) continue;
      if (opens && !has("O_WRONLY") && !has("O_RDWR") && !has("O_CREAT")) continue;
      if (name.starts_with("+++") || name.starts_with("---")) continue;
      ++written;
      BOOST_TEST(has(("\"" + output).c_str()));
    }
  }
  BOOST_TEST(programs == 2);  // podstudio and podstudio-engine, which goes on in its place
  BOOST_TEST(written > 0);
}

BOOST_AUTO_TEST_CASE(a_check_removes_what_killed_ones_left_and_nothing_else) {
  if (skip_unless(may_trace(), "tracing is not permitted here")) return;
  replayed it;
  auto cache = it.data + "/cache", scratch = cache + "/replay-check-";
  auto all = [&] {
    std::set<std::string> paths;
    for (const auto& entry : std::filesystem::directory_iterator(cache))
      paths.insert(entry.path());
    return paths;
  };
  auto before = all();
  // Returns the prefix of its files' names.
  auto kill_check = [&] {
    auto writes = [&](const system_call& call) {
      return call.number == SYS_pwrite64 && call.path.starts_with(scratch);
    };
    traced_process checking(it.podstudio.call({"replay", "--check"}),
                            kill_point{writes, 2, kill_point::moment::after});
    BOOST_REQUIRE(checking.running().finish().code == -SIGKILL);
    return scratch + std::to_string(checking.running().pid()) + ".";
  };
  auto is_left = [&](const std::string& beginning) {
    return std::ranges::any_of(
        all(), [&](const std::string& path) { return path.starts_with(beginning); });
  };
  auto killed = kill_check();
  BOOST_TEST(is_left(killed));
  auto killed_later = kill_check();
  BOOST_TEST(!is_left(killed));
  BOOST_TEST(is_left(killed_later));
  // Files of a running check, of no process, and of a process that may not be signalled.
  auto kept = before;
  for (const auto& name : {std::to_string(::getpid()) + ".db", std::string("x.db"),
                           std::string("0.db"), std::string("1.db-wal")}) {
    write_file(scratch + name, "mine");
    kept.insert(scratch + name);
  }
  it.podstudio.must({"replay", "--check"});
  BOOST_TEST((all() == kept));
  for (const auto& path : kept)
    if (!before.contains(path)) BOOST_TEST(read_file(path) == "mine", path);
}

BOOST_AUTO_TEST_CASE(the_examples_of_the_page_work_beside_the_service) {
  replayed it;
  run_no_jobs(it.podstudio);
  service running(it.podstudio);
  auto sql = examples("sql", it.database), py = examples("python", it.database),
       shell = examples("sh", it.database);
  BOOST_REQUIRE(sql.size() >= 2);
  BOOST_REQUIRE(py.size() >= 2);
  BOOST_REQUIRE(!shell.empty());
  for (const auto& block : sql)
    BOOST_TEST_CONTEXT(block) {
      auto ended = run({{"sqlite3", "file:" + it.database + "?mode=ro", block}});
      BOOST_TEST((ended.code == 0), ended);
      BOOST_TEST(ended.err.empty(), ended);
      BOOST_TEST(!ended.out.empty());
    }
  for (const auto& block : shell) {
    auto ended = run({{"/bin/sh", "-ec", block}});
    BOOST_TEST((ended.code == 0), ended);
    BOOST_TEST(ended.out.find("60") != std::string::npos, ended);
  }
  bool has_sqlmodel =
      !skip_unless(run(python("import sqlmodel")).code == 0, "it needs python3-sqlmodel");
  for (const auto& block : py) {
    if (!has_sqlmodel && block.find("sqlmodel") != std::string::npos) continue;
    BOOST_TEST_CONTEXT(block) {
      auto ended = run(python(block + "\nprint(len(unapproved), len(nature), len(active))\n"));
      BOOST_TEST((ended.code == 0), ended);
      BOOST_TEST(ended.out == "57 20 0\n", ended);
    }
  }
}
