// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE guarded
#include "system/log_bytes.hpp"
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/workspace.hpp"

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace system_test;
namespace fs = std::filesystem;

/// What others do to a library: careless cleaners, other users, archives full of links.

namespace {

constexpr uid_t nobody = 65534;

struct guarded_library {
  workspace space;
  library podstudio{space.data};

  guarded_library() {
    for (int i = 0; i < 5; ++i)
      make_file(space.root + "/" + std::to_string(i) + ".png", "picture " + std::to_string(i));
  }

  /// The active segment of the log.
  std::string segment() const {
    std::string last;
    for (const auto& entry : fs::directory_iterator(space.data + "/log"))
      if (entry.path().extension() == ".log") last = std::max(last, entry.path().string());
    return last;
  }
  void refused(const words& arguments, const std::string& named, int code = 1) const {
    auto outcome = podstudio(arguments);
    BOOST_TEST(outcome.code == code, outcome);
    BOOST_TEST(outcome.err.find(named) != std::string::npos, outcome << " names not " << named);
  }
};

/// How many assets bear the tag, as the log has it.
std::size_t tagged(const library& podstudio, const std::string& tag) {
  return podstudio.json({"asset", "list", "--tag", tag}).size();
}

/// For a child that has no other way to know.
rlim_t threads_allowed = 0;

std::size_t threads_of(pid_t pid) {
  return static_cast<std::size_t>(std::distance(
      fs::directory_iterator("/proc/" + std::to_string(pid) + "/task"), fs::directory_iterator()));
}

}  // namespace

// --- acknowledged and gone ---

BOOST_FIXTURE_TEST_CASE(a_library_whose_locks_were_removed_has_one_writer, guarded_library) {
  struct removal {
    words removed;
    std::string refusal;  ///< of a command beside the service; empty: the service answers
  };
  const removal removals[] = {
      {{"run"}, "another process is writing"},
      {{"run/lock", "run/service.lock", "run/console.json", "run/console.sock"},
       "another process is writing"},
      {{"run/lock"}, "is in use by its service, process "},
      {{"run/service.lock"}, ""},
      {{"run/console.json"}, "a service that is starting or stopping, process "},
      {{"run/console.sock"}, ""},
  };
  std::size_t number = 0;
  for (const auto& [removed, refusal] : removals) {
    auto tag = std::to_string(++number);
    service running(podstudio, {space.root});
    podstudio.must({"sync"});
    for (const auto& name : removed)
      BOOST_REQUIRE_MESSAGE(fs::remove_all(space.data + "/" + name) > 0, name);
    if (refusal.empty())
      podstudio.must({"asset", "tag", "1", tag});
    else
      refused({"asset", "tag", "1", tag}, refusal, 3);
    refused({"serve"}, "process", 3);
    running.running().must_run();
    BOOST_TEST(running.stop().code == 0);
    BOOST_TEST(tagged(podstudio, tag) == (refusal.empty() ? 1u : 0u), removed.front());
    podstudio.must({"asset", "tag", "1", "after " + tag});
    BOOST_TEST(tagged(podstudio, "after " + tag) == 1u);
    podstudio.must({"log", "verify"});
  }
}

BOOST_FIXTURE_TEST_CASE(a_log_whose_folder_was_replaced_has_one_writer, guarded_library) {
  service running(podstudio, {space.root});
  podstudio.must({"sync"});
  auto log = space.data + "/log";
  fs::rename(log, log + ".old");
  make_folder(log);  // nobody holds the new folder's lock
  for (const auto& entry : fs::directory_iterator(log + ".old"))
    fs::create_hard_link(entry, log + "/" + entry.path().filename().string());
  fs::remove_all(space.data + "/run");
  refused({"asset", "tag", "1", "lost"}, "another process is writing to '" + segment(), 3);
  refused({"serve"}, "another process is writing to '" + segment(), 3);
  BOOST_TEST(running.stop().code == 0);
  podstudio.must({"asset", "tag", "1", "kept"});
  BOOST_TEST(tagged(podstudio, "kept") == 1u);
  podstudio.must({"log", "verify"});
}

BOOST_FIXTURE_TEST_CASE(a_segment_that_others_disturb_is_acknowledged_no_more, guarded_library) {
  using disturbance = void (*)(const std::string& segment);
  const std::pair<const char*, disturbance> disturbances[] = {
      {"removed", [](const std::string& segment) { fs::remove(segment); }},
      {"renamed", [](const std::string& segment) { fs::rename(segment, segment + ".old"); }},
      {"replaced",
       [](const std::string& segment) {
         fs::copy_file(segment, segment + ".copy");
         fs::rename(segment + ".copy", segment);
       }},
      {"a link",
       [](const std::string& segment) {
         fs::rename(segment, segment + ".old");
         fs::create_symlink(segment + ".old", segment);
       }},
      {"cut", [](const std::string& segment) { fs::resize_file(segment, 300); }},
      {"emptied", [](const std::string& segment) { fs::resize_file(segment, 0); }},
      {"zeroed",
       [](const std::string& segment) {
         auto size = fs::file_size(segment);
         std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
         file << std::string(size, '\0');
       }},
      {"its folder renamed",
       [](const std::string& segment) {
         auto folder = fs::path(segment).parent_path();
         fs::rename(folder, folder.string() + ".old");
         make_folder(folder);
       }},
  };
  int number = 0;
  for (const auto& [name, disturb] : disturbances) {
    library other(space.data + std::to_string(++number));
    service running(other, {space.root});
    other.must({"sync"});
    other.must({"asset", "tag", "1", "before"});
    for (const auto& entry : fs::directory_iterator(other.data() + "/log"))
      if (entry.path().extension() == ".log") {
        disturb(entry.path());
        break;
      }
    auto answer = other({"asset", "tag", "1", "after"});
    BOOST_TEST(answer.code != 0, name << ": " << answer);
    auto ended = running.running().finish(20s);
    BOOST_TEST(ended.code != 0, name << ": " << ended);
    BOOST_TEST(ended.err.find("log") != std::string::npos, name << ": " << ended);
  }
}

BOOST_FIXTURE_TEST_CASE(root_leaves_a_users_library_alone, guarded_library) {
  if (skip_unless(::geteuid() == 0, "only root can be another user")) return;
  podstudio.must({"import", space.root});
  for (const auto& entry : fs::recursive_directory_iterator(space.path))
    BOOST_REQUIRE(::lchown(entry.path().c_str(), nobody, nobody) == 0);
  auto copy = space.path + "/copy";
  const auto before = all_bytes(space.data);
  for (const words& command :
       std::initializer_list<words>{{"serve"},
                                    {"import", space.root},
                                    {"import", "--metadata", space.root},
                                    {"sync"},
                                    {"status"},
                                    {"status", "--watch"},
                                    {"watch", "list"},
                                    {"watch", "add", space.root},
                                    {"watch", "remove", space.root},
                                    {"watch", "move", space.root, space.path},
                                    {"watch", "confirm", space.root},
                                    {"asset", "list"},
                                    {"asset", "show", "1"},
                                    {"asset", "tag", "1", "by root"},
                                    {"asset", "untag", "1", "by root"},
                                    {"asset", "set", "1", "--theme", "by root"},
                                    {"asset", "approve", "1"},
                                    {"asset", "unapprove", "1"},
                                    {"asset", "reject", "1"},
                                    {"asset", "unreject", "1"},
                                    {"asset", "rate", "1", "5"},
                                    {"asset", "duplicates"},
                                    {"asset", "similar", "1"},
                                    {"pack", "list"},
                                    {"pack", "show", "1"},
                                    {"pack", "create", "by root", "--license", "personal"},
                                    {"pack", "edit", "1", "--name", "by root"},
                                    {"pack", "add", "1", "1"},
                                    {"pack", "remove", "1", "1"},
                                    {"pack", "delete", "1"},
                                    {"job", "list"},
                                    {"job", "show", "1"},
                                    {"job", "submit", "metadata_extract", "--asset", "1"},
                                    {"job", "wait", "1"},
                                    {"job", "cancel", "1"},
                                    {"job", "retry", "1"},
                                    {"job", "pause"},
                                    {"job", "resume"},
                                    {"history"},
                                    {"undo", "00000000-0000-4000-8000-000000000000"},
                                    {"problem", "list"},
                                    {"log", "show"},
                                    {"log", "head"},
                                    {"log", "stats"},
                                    {"log", "verify"},
                                    {"replay"},
                                    {"replay", "--check"},
                                    {"replay", "--output", copy},
                                    {"backup", copy},
                                    {"restore", copy}})
    refused(command, "nobody");
  BOOST_TEST(!fs::exists(copy));
  BOOST_TEST((all_bytes(space.data) == before));
  for (const auto& entry : fs::recursive_directory_iterator(space.data)) {
    struct stat facts {};
    BOOST_REQUIRE(::lstat(entry.path().c_str(), &facts) == 0);
    BOOST_TEST(facts.st_uid == nobody, entry.path());
  }
}

BOOST_FIXTURE_TEST_CASE(a_next_segment_that_others_disturb_gets_no_name, guarded_library) {
  using disturbance = void (*)(const std::string& next);
  const std::pair<const char*, disturbance> disturbances[] = {
      {"removed", [](const std::string& next) { fs::remove(next); }},
      {"replaced",
       [](const std::string& next) {
         fs::remove(next);
         write_file(next, "nothing of a log");
       }},
      {"a pipe",
       [](const std::string& next) {
         fs::remove(next);
         BOOST_REQUIRE(::mkfifo(next.c_str(), 0600) == 0);
       }},
      {"cut", [](const std::string& next) { fs::resize_file(next, 100); }},
  };
  int number = 0;
  for (const auto& [name, disturb] : disturbances) {
    library other(space.data + std::to_string(++number));
    make_file(other.data() + "/config.toml", "log_segment_bytes = 65536\n");
    service running(other, {space.root});
    other.must({"sync"});
    auto next = other.data() + "/log/next.tmp";
    auto first = other.data() + "/log/00000000000000000001.log";
    constexpr std::uintmax_t segment_bytes = 65536;
    std::size_t done = 0;
    auto tag = [&] {
      auto text = std::to_string(done) + std::string(300, 't');
      done += other({"asset", "set", "--all-matching", "--theme", text}).code == 0 ? 1 : 0;
    };
    // It is made once half of the segment is in use.
    BOOST_TEST_REQUIRE(eventually([&] {
      bool made = fs::exists(next) && fs::file_size(next) >= segment_bytes;
      if (!made) tag();
      return made;
    }));
    disturb(next);
    auto second = [&] {
      for (const auto& entry : fs::directory_iterator(other.data() + "/log"))
        if (entry.path().extension() == ".log" && entry.path() != first) return true;
      return false;
    };
    BOOST_TEST(eventually([&] {
                 tag();
                 return second();
               }),
               name);
    running.running().must_run();
    tag();
    running.kill();
    other.must({"log", "verify"});
    service again(other);
    auto commands =
        value(other.database(), "SELECT count(*) FROM command WHERE summary LIKE 'set theme%'");
    BOOST_TEST(commands == std::to_string(done), name);
  }
}

// --- other people's files ---

BOOST_FIXTURE_TEST_CASE(links_in_a_data_folder_lead_to_nothing_of_other_peoples, guarded_library) {
  auto precious = space.path + "/precious";
  auto links_to_precious = [&](const std::string& name) {
    write_file(precious, "precious");
    library planted(space.path + "/planted");
    fs::remove_all(planted.data());
    make_folder(fs::path(planted.data() + "/" + name).parent_path());
    fs::create_symlink(precious, planted.data() + "/" + name);
    for (const words& command : {words{"import", space.root}, words{"asset", "list"}}) {
      auto outcome = planted(command);
      BOOST_TEST(outcome.code != 0, name << ": " << outcome);
    }
    process serving(planted.call({"serve"}));
    BOOST_TEST(serving.finish(20s).code != 0, name);
    BOOST_TEST(read_file(precious) == "precious", name);
  };
  for (const auto* name : {"run/lock", "log/00000000000000000001.log", "podstudio.db"})
    links_to_precious(name);
  // The service's own.
  for (const auto* name : {"run/service.lock", "logs/podstudio.log"}) {
    library planted(space.path + "/served");
    fs::remove_all(planted.data());
    make_folder(fs::path(planted.data() + "/" + name).parent_path());
    fs::create_symlink(precious, planted.data() + "/" + name);
    process serving(planted.call({"serve"}));
    BOOST_TEST(serving.finish(20s).code != 0, name);
    BOOST_TEST(read_file(precious) == "precious", name);
  }
  // A folder of it that is a link, and a pipe that nobody writes to.
  library linked(space.path + "/linked");
  make_folder(linked.data());
  make_folder(space.path + "/elsewhere");
  fs::create_symlink(space.path + "/elsewhere", linked.data() + "/log");
  BOOST_TEST(linked({"import", space.root}).code == 1);
  BOOST_TEST(fs::is_empty(space.path + "/elsewhere"));
  library piped(space.path + "/piped");
  make_folder(piped.data() + "/logs");
  BOOST_REQUIRE(::mkfifo((piped.data() + "/logs/podstudio.log").c_str(), 0600) == 0);
  process serving(piped.call({"serve"}));
  BOOST_TEST(serving.finish(20s).code == 1);
}

BOOST_FIXTURE_TEST_CASE(settings_that_are_a_link_are_followed_only_where_they_are_named,
                        guarded_library) {
  podstudio.must({"import", space.root});
  auto theirs = space.path + "/theirs", stolen = space.path + "/stolen.db";
  const std::tuple<const char*, const char*, std::string> settings[] = {
      {"config.toml", "--config", "database = \"" + stolen + "\"\n"},
      {".env", "--env", "DB_PATH=" + stolen + "\n"}};
  for (const auto& [name, option, text] : settings) {
    write_file(theirs, text);
    auto link = space.data + "/" + name;
    fs::create_symlink(theirs, link);
    for (const words& command :
         {words{"asset", "list"}, words{"import", space.root}, words{"serve"}})
      refused(command, "'" + link + "' is a link; put a regular file in its place", 2);
    BOOST_TEST(!fs::exists(stolen));
    podstudio.must({option, link, "asset", "list"});
    BOOST_TEST(fs::exists(stolen));
    BOOST_TEST(read_file(theirs) == text);
    fs::remove(stolen);
    fs::remove(link);
  }
}

BOOST_FIXTURE_TEST_CASE(keys_that_are_a_link_are_refused, guarded_library) {
  service(podstudio).stop();
  auto elsewhere = space.path + "/elsewhere";
  for (const auto* name : {"/tls", "/tls/console.crt", "/tls/console.key"}) {
    auto link = space.data + name;
    fs::rename(link, elsewhere);
    for (bool dangling : {false, true}) {
      fs::create_symlink(dangling ? space.path + "/nowhere" : elsewhere, link);
      refused({"serve"}, "'" + link + "' is a link");
      BOOST_TEST(!fs::exists(space.path + "/nowhere"));
      fs::remove(link);
    }
    fs::rename(elsewhere, link);
  }
  service(podstudio).stop();
}

BOOST_FIXTURE_TEST_CASE(a_restore_removes_nothing_that_it_did_not_make, guarded_library) {
  auto backup = space.path + "/backup", letters = space.path + "/letters";
  podstudio.must({"import", space.root});
  podstudio.must({"backup", backup});
  make_file(letters + "/a.txt", "dear");
  library fresh(space.path + "/new");
  make_folder(fresh.data());
  fs::create_symlink(letters, fresh.data() + "/log.tmp");
  BOOST_TEST(fresh({"restore", backup}).code == 1);
  BOOST_TEST(read_file(letters + "/a.txt") == "dear");
  fs::remove(fresh.data() + "/log.tmp");
  make_file(fresh.data() + "/log.tmp/a.txt", "dear");
  BOOST_TEST(fresh({"restore", backup}).code == 1);
  BOOST_TEST(read_file(fresh.data() + "/log.tmp/a.txt") == "dear");
  fs::remove_all(fresh.data() + "/log.tmp");
  fresh.must({"restore", backup});
  BOOST_TEST(fresh.json({"asset", "list"}).size() == 5u);
}

BOOST_FIXTURE_TEST_CASE(a_replay_removes_nothing_beside_its_output, guarded_library) {
  podstudio.must({"import", space.root});
  auto notes = space.path + "/notes";
  for (const auto* suffix : {"-wal", "-shm", "-journal", ".podstudio-new", ".podstudio-new-wal"}) {
    write_file(notes + suffix, "mine");
    refused({"replay", "--output", notes}, suffix);
    BOOST_TEST(read_file(notes + suffix) == "mine");
    fs::remove(notes + suffix);
  }
  podstudio.must({"replay", "--output", notes});
  podstudio.must({"replay", "--output", notes});  // over its own
  for (const auto* inside : {"/log/tables", "/run/lock", "/other.db"})
    refused({"replay", "--output", space.data + inside}, "data folder");
  podstudio.must({"asset", "tag", "1", "kept"});
}

BOOST_FIXTURE_TEST_CASE(tables_and_files_of_another_user_are_refused, guarded_library) {
  if (skip_unless(::geteuid() == 0, "only root can be another user")) return;
  podstudio.must({"import", space.root});
  auto elsewhere = space.path + "/theirs.db";
  podstudio.must({"replay", "--output", elsewhere});
  BOOST_REQUIRE(::chown(elsewhere.c_str(), nobody, nobody) == 0);
  auto bytes = read_file(elsewhere);
  for (const words& command :
       {words{"asset", "list"}, words{"replay"}, words{"replay", "--force"}}) {
    words given{"--db", elsewhere};
    given.insert(given.end(), command.begin(), command.end());
    refused(given, "belongs to the user nobody");
  }
  refused({"replay", "--output", elsewhere}, "belongs to the user nobody");
  BOOST_TEST(read_file(elsewhere) == bytes);
  BOOST_REQUIRE(::chown(segment().c_str(), nobody, nobody) == 0);
  refused({"asset", "list"}, "sudo chown -R root '" + space.data + "/log'");
  refused({"log", "verify"}, "belongs to the user nobody");
  BOOST_REQUIRE(::chown(segment().c_str(), 0, 0) == 0);
  podstudio.must({"asset", "list"});
  service(podstudio).stop();
  write_file(space.data + "/config.toml", "");
  write_file(space.data + "/.env", "");
  for (const auto* name : {"config.toml", ".env", "tls/console.crt", "tls/console.key", "tls"}) {
    auto file = space.data + "/" + name;
    BOOST_REQUIRE(::chown(file.c_str(), nobody, nobody) == 0);
    refused({"serve"}, "'" + file + "' belongs to");
    BOOST_REQUIRE(::chown(file.c_str(), 0, 0) == 0);
  }
  service(podstudio).stop();
}

BOOST_FIXTURE_TEST_CASE(a_data_folder_that_others_may_write_to_is_refused, guarded_library) {
  podstudio.must({"import", space.root});
  write_file(space.data + "/config.toml", "database = \"" + space.path + "/stolen.db\"\n");
  for (auto mode : {0770, 0707, 01777}) {
    BOOST_REQUIRE(::chmod(space.data.c_str(), static_cast<mode_t>(mode)) == 0);
    refused({"asset", "list"}, "chmod go-w");
    BOOST_TEST(!fs::exists(space.path + "/stolen.db"));
  }
  BOOST_REQUIRE(::chmod(space.data.c_str(), 0755) == 0);
  fs::remove(space.data + "/config.toml");
  podstudio.must({"asset", "list"});
}

BOOST_FIXTURE_TEST_CASE(what_the_engine_makes_is_private_under_any_umask, guarded_library) {
  auto elsewhere = space.path + "/tables.db";
  launch open = podstudio.call({"--db", elsewhere, "import", space.root});
  open.prepare = [] { return ::umask(0) != static_cast<mode_t>(-1); };
  BOOST_TEST(run(open).code == 0);
  open.arguments = podstudio.call({"--db", elsewhere, "serve"}).arguments;
  process serving(open);
  BOOST_REQUIRE(eventually([&] { return serving.err().ends_with("ready\n") || !serving.runs(); }));
  serving.must_run();
  auto is_private = [](const std::string& path) {
    struct stat facts {};
    return ::lstat(path.c_str(), &facts) == 0 && (facts.st_mode & 077) == 0;
  };
  BOOST_TEST(is_private(elsewhere));
  for (const auto* name : {"console.json", "console.sock"})
    BOOST_TEST(is_private(space.data + "/run/" + name), name);
  serving.signal(SIGTERM);
  BOOST_TEST(serving.finish().code == 0);
  for (const auto& entry : fs::recursive_directory_iterator(space.data))
    BOOST_TEST(is_private(entry.path()), entry.path());
  for (const auto* name : {"logs/podstudio.log", "tls/console.key"})
    BOOST_TEST(fs::exists(space.data + "/" + name));
}

BOOST_FIXTURE_TEST_CASE(names_act_on_no_terminal_and_forge_no_line, guarded_library) {
  const std::string bad = "esc\x1b[31m bidi\u202egnp.exe zero\u200bwidth\nline";
  for (const words& command :
       {words{"import", space.path + "/" + bad}, words{"asset", "show", "/" + bad},
        words{"watch", "remove", "/" + bad}, words{bad}, words{"asset", "list", "--" + bad},
        words{"restore", "/" + bad}, words{"replay", "--until", bad}}) {
    auto outcome = podstudio(command);
    auto text = outcome.out + outcome.err;
    for (const auto* raw : {"\x1b", "\u202e", "\u200b"})
      BOOST_TEST(text.find(raw) == std::string::npos, command[0] << ": " << text);
    BOOST_TEST(std::ranges::count(outcome.err, '\n') == 1, command[0] << ": " << text);
  }
  auto worker = run({{podstudio_program() + "-worker", bad}});
  BOOST_TEST(worker.code == 2, worker);
  BOOST_TEST(worker.err.find("service is version esc\\x1b[31m bidi\\u{202e}gnp")
                 != std::string::npos,
             worker);
}

BOOST_FIXTURE_TEST_CASE(tables_that_are_no_regular_files_are_refused_at_once, guarded_library) {
  podstudio.must({"import", space.root});
  auto precious = space.path + "/precious";
  write_file(precious, "precious");
  for (const auto* suffix : {"", "-wal", "-shm", "-journal"})
    for (bool pipe : {true, false}) {
      auto file = space.data + "/podstudio.db" + suffix;
      if (!pipe && *suffix == '\0') continue;  // the tables themselves may lie elsewhere
      fs::remove(file);
      if (pipe)
        BOOST_REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
      else
        fs::create_symlink(precious, file);
      for (const words& command : {words{"asset", "list"}, words{"serve"}}) {
        process asked(podstudio.call(command));
        auto outcome = asked.finish(20s);
        BOOST_TEST(outcome.code == 1, file << ": " << outcome);
        BOOST_TEST(outcome.err.find("not a regular file") != std::string::npos,
                   file << ": " << outcome);
      }
      BOOST_TEST(read_file(precious) == "precious");
      fs::remove(file);
      podstudio.must({"asset", "list"});
    }
}

BOOST_FIXTURE_TEST_CASE(a_backup_makes_its_lock_in_no_folder_of_other_peoples, guarded_library) {
  service running(podstudio, {space.root});
  podstudio.must({"sync"});
  auto elsewhere = space.path + "/elsewhere";
  fs::rename(space.data + "/run", elsewhere);
  fs::create_directory_symlink(elsewhere, space.data + "/run");
  refused({"backup", space.path + "/backup"}, "is a link");
  BOOST_TEST(!fs::exists(elsewhere + "/backup.lock"));
}

BOOST_FIXTURE_TEST_CASE(a_cache_that_is_gone_or_a_link_keeps_no_check, guarded_library) {
  podstudio.must({"import", space.root});
  fs::remove_all(space.data + "/cache");
  service running(podstudio);
  fs::remove_all(space.data + "/cache");
  podstudio.must({"replay", "--check"});
  auto elsewhere = space.path + "/elsewhere";
  make_folder(elsewhere);
  fs::remove_all(space.data + "/cache");
  fs::create_symlink(elsewhere, space.data + "/cache");
  auto before = fs::last_write_time(elsewhere);
  refused({"replay", "--check"}, "cache");
  BOOST_TEST((fs::last_write_time(elsewhere) == before));
}

// --- alive or honestly dead ---

BOOST_FIXTURE_TEST_CASE(imports_leave_no_threads, guarded_library) {
  service running(podstudio);
  podstudio.must({"import", space.root});
  auto before = threads_of(running.pid());
  for (int i = 0; i < 30; ++i)
    podstudio.must({"import", space.root});
  BOOST_TEST(eventually([&] { return threads_of(running.pid()) <= before + 2; }, 5s),
             threads_of(running.pid()) << " threads, " << before << " before");
}

BOOST_FIXTURE_TEST_CASE(a_service_that_gets_no_thread_says_so_and_goes_on, guarded_library) {
  if (skip_unless(::geteuid() == 0, "only root can be a user of its own")) return;
  constexpr uid_t somebody = 54'321;  // the limit is that of a user's processes
  BOOST_REQUIRE(::chmod(space.folder.path.c_str(), 0755) == 0);
  library own(space.path + "/own", std::optional(somebody));
  make_folder(own.data());
  BOOST_REQUIRE(::chown(own.data().c_str(), somebody, somebody) == 0);
  {
    service unlimited(own);
    threads_allowed = threads_of(unlimited.pid()) + 1;  // with the client there are as many
    unlimited.stop();
  }
  auto serve = own.call({"serve"});
  serve.prepare = [] {
    rlimit limit{threads_allowed, threads_allowed};
    return ::setrlimit(RLIMIT_NPROC, &limit) == 0;
  };
  process running(serve);
  BOOST_REQUIRE(eventually([&] { return running.err().find("ready") != std::string::npos; }));
  auto refused = own({"import", space.root});
  BOOST_TEST(refused.code == 1, refused);
  BOOST_TEST(refused.err.find("ulimit -u") != std::string::npos, refused);
  own.must({"status"});
  running.signal(SIGTERM);
  auto ended = running.finish(15s);
  BOOST_TEST(ended.code == 0, ended);
}

BOOST_FIXTURE_TEST_CASE(a_service_that_waits_to_start_stops_at_once, guarded_library) {
  podstudio.must({"import", space.root});
  // As a command holds the data folder.
  int command = ::open((space.data + "/run/lock").c_str(), O_RDWR | O_CLOEXEC);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  BOOST_REQUIRE(::fcntl(command, F_OFD_SETLK, &whole) == 0);
  process starting(podstudio.call({"serve"}));
  auto lock = space.data + "/run/service.lock", pid = std::to_string(starting.pid()) + "\n";
  BOOST_REQUIRE(eventually([&] { return fs::exists(lock) && read_file(lock) == pid; }));
  starting.signal(SIGTERM);
  auto ended = starting.finish(3s);  // it would wait for 5
  BOOST_TEST(ended.code == 0, ended);
  BOOST_TEST(ended.err == "podstudio: stopped before it was ready\n");
  ::close(command);
  BOOST_TEST(service(podstudio).stop().code == 0);
}

BOOST_FIXTURE_TEST_CASE(a_service_stops_in_order_while_it_reads_a_file, guarded_library) {
  auto large = space.root + "/large.mp4";
  write_file(large, "");
  fs::resize_file(large, std::uintmax_t{1} << 40);  // hours to read, though it holds nothing
  service running(podstudio);
  process importing(podstudio.call({"import", large}));
  auto is_read = [&] {
    std::error_code gone;
    for (const auto& each :
         fs::directory_iterator("/proc/" + std::to_string(running.pid()) + "/fd", gone))
      if (fs::read_symlink(each, gone) == large) return true;
    return false;
  };
  BOOST_REQUIRE(eventually([&] {
    importing.must_run();
    return is_read();
  }));
  auto ended = running.stop(10s);
  BOOST_TEST(ended.code == 0, ended);
  auto told = importing.finish(10s);
  BOOST_TEST(told.code != 0, told);
  BOOST_TEST(!told.err.empty(), told);
  podstudio.must({"replay", "--check"});
}

BOOST_FIXTURE_TEST_CASE(a_wal_that_others_take_away_costs_the_tables_only, guarded_library) {
  run_no_jobs(podstudio);  // so that the command is the first to notice
  service running(podstudio, {space.root});
  podstudio.must({"sync"});
  int number = 0;
  for (const auto* suffix : {"-wal", "-shm"}) {
    auto tag = "tag" + std::to_string(++number);
    auto file = space.data + "/podstudio.db" + suffix;
    fs::copy_file(file, file + ".copy");
    fs::rename(file + ".copy", file);
    // It is done, and the tables that are built anew show it, whatever the answer was.
    auto answer = podstudio({"asset", "tag", "1", tag});
    BOOST_TEST(eventually([&] {
                 auto found = podstudio({"--json", "asset", "list", "--tag", tag});
                 return found.code == 0 && found.json().size() == 1;
               }),
               suffix << ", after the answer: " << answer);
    running.running().must_run();
    BOOST_TEST(value(podstudio.database(), "SELECT count(*) FROM asset_tag")
               == std::to_string(number));
    podstudio.must({"replay", "--check"});
  }
}

BOOST_FIXTURE_TEST_CASE(a_service_whose_mapped_file_is_cut_says_what_it_ends_of, guarded_library) {
  {
    service running(podstudio, {space.root});
    podstudio.must({"sync"});
    podstudio.must({"asset", "tag", "1", "before"});
    fs::resize_file(podstudio.database() + "-shm", 0);
    podstudio({"asset", "tag", "1", "after"});
    auto ended = running.running().finish(20s);
    BOOST_TEST(ended.code == 1, ended);
    BOOST_TEST(ended.err.find("SIGBUS") != std::string::npos, ended);
  }
  service again(podstudio);
  BOOST_TEST(tagged(podstudio, "before") == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_service_that_may_not_write_says_so_instead_of_being_killed,
                        guarded_library) {
  {
    service running(podstudio, {space.root});
    podstudio.must({"sync"});
    for (auto theme : {'a', 'b'})
      podstudio.must({"asset", "set", "--all-matching", "--theme", std::string(1'000, theme)});
    constexpr rlim_t less_than_the_log = 10'000;  // and more than it says
    rlimit low{less_than_the_log, RLIM_INFINITY};
    BOOST_REQUIRE(::prlimit(running.pid(), RLIMIT_FSIZE, &low, nullptr) == 0);
    auto answer = podstudio({"asset", "tag", "1", "after"});
    BOOST_TEST(answer.code == 1, answer);
    BOOST_TEST(answer.err.find("ulimit -f") != std::string::npos, answer);
    auto ended = running.running().finish(20s);
    BOOST_TEST(ended.code == 1, ended);
    BOOST_TEST(ended.err.find("ulimit -f") != std::string::npos, ended);
  }
  service again(podstudio);
  podstudio.must({"asset", "tag", "1", "again"});
  podstudio.must({"log", "verify"});
}
