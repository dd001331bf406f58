// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE live
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/trees.hpp"
#include "system/workspace.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <csignal>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <utility>

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

using namespace system_test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct live_library {
  workspace space;
  library podstudio{space.data};
  std::unique_ptr<service> running;

  live_library() {
    make_folder(space.root);
    start({space.root});
  }
  void start(const words& roots) { running = std::make_unique<service>(podstudio, roots); }

  /// After `sync` the table is what the tree is.
  void check_in_step(const char* after) {
    podstudio.must({"sync"});
    auto truth = digests_of_media(space.root);
    auto found = catalogued(podstudio.database());
    BOOST_CHECK_MESSAGE(truth == found, after << ":" << difference(truth, found));
  }
  std::string id_of(const std::string& path) {
    for (const auto& asset : query(podstudio.database(), "SELECT path, id FROM asset"))
      if (asset[0] == path) return asset[1];
    BOOST_FAIL("no row for " << path);
    return {};
  }
};

std::vector<std::string> paths_of(const json& objects) {
  std::vector<std::string> paths;
  for (const auto& object : objects)
    paths.push_back(object["path"]);
  return paths;
}

std::set<std::string> keys_of(const json& object) {
  std::set<std::string> keys;
  for (const auto& [key, value] : object.items())
    keys.insert(key);
  return keys;
}

/// Every one of these keys is there.
void check_keys(const json& object, const std::set<std::string>& keys, const std::string& what) {
  auto found = keys_of(object);
  for (const auto& key : keys)
    BOOST_CHECK_MESSAGE(found.contains(key), what << " lacks '" << key << "': " << object);
}

/// That somebody opens a folder, from now on.
class opening {
public:
  explicit opening(const std::string& folder) : notices_(::inotify_init1(IN_CLOEXEC)) {
    BOOST_REQUIRE(::inotify_add_watch(notices_, folder.c_str(), IN_OPEN) >= 0);
  }
  opening(const opening&) = delete;
  opening& operator=(const opening&) = delete;
  ~opening() { ::close(notices_); }
  bool comes() const {
    pollfd noticed{notices_, POLLIN, 0};
    return ::poll(&noticed, 1, 20'000) == 1;
  }

private:
  int notices_;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_problem_that_returns_during_a_walk_is_not_resolved_by_it, live_library) {
  for (int folder = 0; folder < 200; ++folder)
    for (int file = 0; file < 40; ++file)
      make_file(space.root + "/" + std::to_string(folder) + "/" + std::to_string(file) + ".png",
                std::to_string(folder) + " " + std::to_string(file));
  const auto bad = space.root + "/bad\xff.png", rules = space.root + "/.podstudioignore";
  auto walk = [&] {
    if (!fs::remove(rules)) make_file(rules, "");
  };
  auto problems = [&] { return podstudio.json({"problem", "list"}).size(); };
  for (int round = 0; round < 20; ++round) {
    make_file(bad, "bad");
    walk();
    podstudio.must({"sync"});
    BOOST_REQUIRE_EQUAL(problems(), 1u);
    fs::remove(bad);
    podstudio.must({"sync"});
    BOOST_REQUIRE_EQUAL(problems(), 0u);
    opening reached(space.root + "/" + std::to_string(round * 10));
    walk();
    BOOST_REQUIRE(reached.comes());  // the walk is past the root's own names, and has folders to go
    make_file(bad, "bad");
    podstudio.must({"sync"});
    BOOST_TEST(problems() == 1u, "round " << round);
    fs::remove(bad);
    podstudio.must({"sync"});
  }
}

BOOST_FIXTURE_TEST_CASE(a_change_under_a_hard_link_that_is_gone_is_seen, live_library) {
  auto file = space.root + "/a/kept.png", name = space.root + "/b/link.png";
  const std::pair<const char*, std::function<void()>> ways[] = {
      {"removed", [&] { fs::remove(name); }},
      {"replaced",
       [&] {
         make_file(name + ".new", "another file");
         fs::rename(name + ".new", name);
       }},
      {"renamed to what is not ingested", [&] { fs::rename(name, name + ".txt"); }},
      {"away with its folder", [&] { fs::rename(space.root + "/b", space.path + "/b"); }},
  };
  make_file(file, "at first");
  for (const auto& [way, leave] : ways) {
    make_folder(space.root + "/b");
    fs::remove(name);
    fs::create_hard_link(file, name);
    podstudio.must({"sync"});
    // So that the name is gone when its change is looked at.
    running->running().signal(SIGSTOP);
    write_file(name, std::string("changed, then ") + way);
    leave();
    running->running().signal(SIGCONT);
    podstudio.must({"sync"});
    auto truth = digests_of_media(space.root);
    auto found = present(podstudio.database());
    BOOST_CHECK_MESSAGE(truth == found, way << ":" << difference(truth, found));
  }
}

BOOST_FIXTURE_TEST_CASE(a_file_written_slowly_is_taken_when_it_is_closed, live_library) {
  auto path = space.root + "/slow.mp4";
  {
    std::ofstream slow(path, std::ios::binary);
    for (int i = 0; i < 4; ++i) {
      slow << std::string(10'000, static_cast<char>('a' + i)) << std::flush;
      // Others come and go meanwhile; nobody waits for the open one to end.
      write_file(space.root + "/between " + std::to_string(i) + ".png", std::to_string(i));
      podstudio.must({"sync", "--timeout", "30"});
    }
  }
  check_in_step("written slowly");
}

BOOST_FIXTURE_TEST_CASE(a_file_renamed_into_place_is_taken, live_library) {
  write_file(space.path + "/outside.png", "from outside");
  write_file(space.root + "/download.part", "from inside");
  fs::rename(space.path + "/outside.png", space.root + "/arrived.png");
  fs::rename(space.root + "/download.part", space.root + "/download.png");
  check_in_step("renamed into place");
  BOOST_CHECK_EQUAL(catalogued(podstudio.database()).size(), 2u);
}

BOOST_FIXTURE_TEST_CASE(files_in_newly_made_nested_folders_are_taken, live_library) {
  for (int i = 0; i < 50; ++i)
    make_file(space.root + "/new " + std::to_string(i) + "/deep/deeper/file.wav",
              std::to_string(i));
  check_in_step("in newly made folders");
  // A whole tree that is moved in is made of files nobody writes.
  make_file(space.path + "/tree/a/b/moved.png", "moved in");
  fs::rename(space.path + "/tree", space.root + "/tree");
  check_in_step("in a folder moved in");
}

BOOST_FIXTURE_TEST_CASE(a_copied_tree_is_taken, live_library) {
  auto source = space.path + "/source";
  for (int i = 0; i < 300; ++i)
    make_file(source + "/" + std::to_string(i % 10) + "/" + std::to_string(i % 3) + "/"
                  + std::to_string(i) + ".png",
              std::string(static_cast<std::size_t>(i) * 50, 'x') + std::to_string(i));
  BOOST_REQUIRE_EQUAL(run({{"cp", "-r", source, space.root + "/copy"}}).code, 0);
  check_in_step("cp -r");
  BOOST_REQUIRE_EQUAL(run({{"cp", "-rp", source, space.root + "/second copy"}}).code, 0);
  check_in_step("cp -rp");
  BOOST_CHECK_EQUAL(catalogued(podstudio.database()).size(), 600u);
}

BOOST_FIXTURE_TEST_CASE(changed_contents_give_the_new_digest_on_the_same_id, live_library) {
  auto path = space.root + "/one.png";
  write_file(path, "first");
  check_in_step("new");
  auto id = id_of(path);
  podstudio.must({"asset", "set", id, "--theme", "kept"});
  write_file(path, "second, and longer");
  check_in_step("written over");
  write_file(path, "third, and longer!");  // of the same size
  check_in_step("written over with as many bytes");
  write_file(space.root + "/.one.tmp", "fourth");  // as editors save
  fs::rename(space.root + "/.one.tmp", path);
  check_in_step("replaced");
  BOOST_CHECK_EQUAL(id_of(path), id);
  BOOST_CHECK_EQUAL(value(podstudio.database(), "SELECT theme FROM asset WHERE id = " + id),
                    "kept");
}

BOOST_FIXTURE_TEST_CASE(what_changed_while_no_service_ran_is_found_at_the_next_start,
                        live_library) {
  write_file(space.root + "/one.png", "first");
  write_file(space.root + "/two.png", "as it was");
  check_in_step("new");
  auto id = id_of(space.root + "/one.png");
  BOOST_CHECK_EQUAL(running->stop().code, 0);
  write_file(space.root + "/one.png", "second");
  make_file(space.root + "/later/three.png", "third");
  start({});
  check_in_step("after the start");
  BOOST_CHECK_EQUAL(id_of(space.root + "/one.png"), id);
}

BOOST_FIXTURE_TEST_CASE(watch_roots_are_remembered_across_restarts, live_library) {
  auto second = space.path + "/second";
  make_file(second + "/there already.png", "there already");
  podstudio.must({"watch", "add", second});
  podstudio.must({"watch", "add", second});  // once more changes nothing
  podstudio.must({"sync"});
  BOOST_CHECK(catalogued(podstudio.database()).contains(second + "/there already.png"));
  const std::vector<std::string> both{space.root, second};
  BOOST_TEST(paths_of(podstudio.json({"watch", "list"})) == both, boost::test_tools::per_element());

  for (bool killed : {true, false}) {
    if (killed)
      running->kill();
    else
      BOOST_CHECK_EQUAL(running->stop().code, 0);
    start({});
    BOOST_TEST(paths_of(podstudio.json({"watch", "list"})) == both,
               boost::test_tools::per_element());
    auto path = second + (killed ? "/after the kill.png" : "/after the stop.png");
    write_file(path, "new");
    podstudio.must({"sync"});
    BOOST_CHECK_MESSAGE(catalogued(podstudio.database()).contains(path), path << " is not taken");
  }

  podstudio.must({"watch", "remove", second});
  write_file(second + "/unwatched.png", "unwatched");
  podstudio.must({"sync"});
  running->kill();
  start({});
  podstudio.must({"sync"});
  const std::vector<std::string> first{space.root};
  BOOST_TEST(paths_of(podstudio.json({"watch", "list"})) == first,
             boost::test_tools::per_element());
  auto hashes = catalogued(podstudio.database());
  BOOST_CHECK(!hashes.contains(second + "/unwatched.png"));
  BOOST_CHECK(hashes.contains(second + "/there already.png"));
  auto refused = podstudio({"watch", "remove", second});
  BOOST_CHECK_MESSAGE(refused.code == 1 && refused.err.find(second) != std::string::npos, refused);
}

BOOST_FIXTURE_TEST_CASE(a_storm_of_renames_of_many_files_fills_no_log, live_library) {
  run_no_jobs(podstudio);
  running->stop();
  start({space.root});
  constexpr int files = 60, rounds = 300;
  auto path = [&](int file, int round) {
    return space.root + "/" + std::to_string(file) + " " + std::to_string(round) + ".png";
  };
  for (int file = 0; file < files; ++file)
    make_file(path(file, 0), "picture " + std::to_string(file));
  podstudio.must({"sync"});
  const std::string assets = "SELECT id, hash FROM asset ORDER BY id";
  const auto assets_before = query(podstudio.database(), assets);
  auto head = [&] { return podstudio.json({"status"})["log"]["head_sequence"].get<double>(); };
  auto before = head();
  auto begun = clock::now();
  // `recent_moves` lets an asset move 8 times a minute freely, then once a second, and 32 times at
  // most. A move is two events if the old name is found gone before the new one is found.
  auto check_events = [&](int round) {
    auto events = head() - before;
    auto seconds = std::chrono::duration<double>(clock::now() - begun).count();
    auto moves_each = std::min(8 + seconds + 1, 32 * std::ceil(seconds / 60));
    BOOST_TEST(events <= 2 * files * moves_each,
               events << " events of " << files * round << " renames, " << seconds << " s");
  };
  for (int round = 1; round <= rounds; ++round) {
    for (int file = 0; file < files; ++file)
      fs::rename(path(file, round - 1), path(file, round));
    check_events(round);
  }
  check_in_step("a storm of renames");
  check_events(rounds);
  BOOST_TEST((query(podstudio.database(), assets) == assets_before));
}

BOOST_FIXTURE_TEST_CASE(status_has_every_key_of_its_contract, live_library) {
  make_file(space.root + "/a.png", "a");
  make_file(space.root + "/b.png", "b");
  make_file(space.root + "/c.wav", "c");
  make_file(space.root + "/d.flv", "d");
  podstudio.must({"sync"});
  podstudio.must({"asset", "approve", id_of(space.root + "/c.wav")});
  auto check = [&](const json& status) {
    check_keys(status,
               {"version", "pid", "uptime_seconds", "log", "projection", "assets", "packs", "jobs",
                "roots", "imports", "problems"},
               "status");
    check_keys(status["log"], {"head_sequence", "head_hash", "segments", "bytes"}, "status.log");
    check_keys(status["projection"], {"sequence"}, "status.projection");
    check_keys(status["assets"], {"total", "image", "audio", "video", "approved", "missing"},
               "status.assets");
    check_keys(status["packs"], {"total"}, "status.packs");
    check_keys(status["jobs"], {"pending", "running", "completed", "failed", "cancelled"},
               "status.jobs");
    BOOST_REQUIRE_EQUAL(status["roots"].size(), 1u);
    check_keys(status["roots"][0], {"path", "state", "mode", "assets"}, "a root of status");
    BOOST_CHECK_MESSAGE(status["assets"]
                            == json({{"total", 4},
                                     {"image", 2},
                                     {"audio", 1},
                                     {"video", 1},
                                     {"approved", 1},
                                     {"missing", 0}}),
                        status["assets"]);
    BOOST_CHECK_MESSAGE(status["roots"][0]["path"] == space.root
                            && status["roots"][0]["assets"] == 4
                            && status["roots"][0]["state"] == "active",
                        status["roots"]);
    BOOST_CHECK_MESSAGE(status["problems"] == 0, status["problems"]);
    BOOST_CHECK_MESSAGE(status["log"]["head_sequence"] == status["projection"]["sequence"], status);
    BOOST_CHECK_MESSAGE(status["log"]["head_hash"].get<std::string>().size() == 64, status["log"]);
  };
  auto status = podstudio.json({"status"});
  check(status);
  BOOST_CHECK_MESSAGE(status["pid"] == running->pid(), status);
  BOOST_CHECK_MESSAGE(status["uptime_seconds"] > 0, status);
  running->stop();
  check(podstudio.json({"status"}));
}

BOOST_FIXTURE_TEST_CASE(asset_list_gives_what_its_filters_name, live_library) {
  for (int i = 0; i < 12; ++i) {
    constexpr const char* extensions[] = {"png", "wav", "mp4"};
    write_file(space.root + "/" + std::string(1, static_cast<char>('a' + i)) + "."
                   + extensions[i % 3],
               i < 2 ? "the same" : "contents " + std::to_string(i));
  }
  podstudio.must({"sync"});
  podstudio.must({"asset", "approve", "1", "2", "5"});
  podstudio.must({"asset", "set", "2", "3", "--theme", "nature"});
  podstudio.must({"asset", "set", "4", "--theme", "nature reserve", "--source", "50% off_brand"});
  podstudio.must({"asset", "set", "6", "--provenance", "enhanced"});
  // The truth for each filter is a query of the seed's tables.
  const std::vector<std::pair<words, std::string>> filters{
      {{}, "1"},
      {{"--type", "image"}, "type = 'image'"},
      {{"--type", "audio"}, "type = 'audio'"},
      {{"--theme", "nature"}, "theme = 'nature'"},
      {{"--theme", "nowhere"}, "0"},
      {{"--provenance", "enhanced"}, "provenance = 'enhanced'"},
      {{"--approved"}, "approved"},
      {{"--unapproved"}, "NOT approved"},
      {{"--missing"}, "0"},
      {{"--duplicates"}, "hash IN (SELECT hash FROM asset GROUP BY hash HAVING count(*) > 1)"},
      {{"--tag", "none has it"}, "0"},
      {{"--search", "/c.mp4"}, "path LIKE '%/c.mp4'"},
      {{"--search", "0% off_b"}, "id = 4"},
      {{"--after", "7"}, "id > 7"},
      {{"--limit", "3"}, "id <= 3"},
      {{"--after", "3", "--limit", "2"}, "id IN (4, 5)"},
      {{"--type", "image", "--unapproved", "--after", "4"},
       "type = 'image' AND NOT approved AND id > 4"},
  };
  for (const auto& [arguments, where] : filters) {
    words command{"asset", "list"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    std::ostringstream line;
    for (const auto& word : command)
      line << word << ' ';
    auto truth = query(podstudio.database(),
                       "SELECT id, path, hash FROM asset WHERE " + where + " ORDER BY id");
    std::vector<row> found;
    for (const auto& asset : podstudio.json(command)) {
      check_keys(asset,
                 {"id", "path", "type", "hash", "width", "height", "duration_sec", "samplerate_hz",
                  "theme", "source", "provenance", "approved", "created_at", "updated_at",
                  "size_bytes", "missing", "tags"},
                 "an asset");
      found.push_back({asset["id"].dump(), asset["path"], asset["hash"]});
    }
    BOOST_CHECK_MESSAGE(truth == found, line.str() << ":" << difference(truth, found));
  }
  BOOST_CHECK_MESSAGE(podstudio({"asset", "list", "--type", "sculpture"}).code == 2
                          || podstudio({"asset", "list", "--type", "sculpture"}).code == 1,
                      "a type there is not is taken");
}

BOOST_FIXTURE_TEST_CASE(one_asset_is_shown_by_id_and_by_path, live_library) {
  auto path = space.root + "/it's \"one\".png";
  write_file(path, "one");
  podstudio.must({"sync"});
  auto by_id = podstudio.json({"asset", "show", "1"}),
       by_path = podstudio.json({"asset", "show", path});
  BOOST_CHECK_EQUAL(by_id, by_path);
  BOOST_CHECK_EQUAL(by_id["path"], path);
  BOOST_CHECK_EQUAL(by_id["size_bytes"], 3);
  // Paths that lead there by way of a link, of which assets know nothing.
  for (const auto& [link, to, rest] :
       {std::tuple("/linked", space.root, "/it's \"one\".png"), std::tuple("/it.png", path, "")}) {
    fs::create_symlink(to, space.path + link);
    for (auto* what : {"show", "history"}) {
      auto shown = podstudio({"asset", what, space.path + link + rest, "--json"});
      BOOST_CHECK_MESSAGE(shown.code == 0, shown);
      BOOST_CHECK_EQUAL(shown.out, podstudio({"asset", what, path, "--json"}).out);
    }
  }
  auto refused = podstudio({"asset", "show", space.root + "/none.png"});
  BOOST_CHECK_MESSAGE(refused.code == 1
                          && refused.err.find(space.root + "/none.png") != std::string::npos,
                      refused);
}

BOOST_FIXTURE_TEST_CASE(json_is_one_document_and_nothing_else_on_stdout, live_library) {
  write_file(space.root + "/one.png", "one");
  podstudio.must({"sync"});
  const std::vector<std::pair<words, json::value_t>> commands{
      {{"status"}, json::value_t::object},
      {{"watch", "list"}, json::value_t::array},
      {{"asset", "list"}, json::value_t::array},
      {{"asset", "show", "1"}, json::value_t::object},
      {{"problem", "list"}, json::value_t::array},
      {{"sync"}, json::value_t::object},
      {{"import", space.root}, json::value_t::object},
      {{"asset", "approve", "1"}, json::value_t::object},
      {{"asset", "unapprove", "1"}, json::value_t::object},
      {{"asset", "set", "1", "--theme", "x"}, json::value_t::object},
      {{"log", "verify"}, json::value_t::object},
      {{"replay", "--check"}, json::value_t::object},
  };
  for (const auto& [command, type] : commands) {
    auto document = podstudio.json(command);  // checks that it is one
    BOOST_CHECK_MESSAGE(document.type() == type, command[0] << ": " << document);
    words after = command;  // where people put it, too
    after.push_back("--json");
    auto ended = podstudio(after);
    BOOST_CHECK_MESSAGE(ended.code == 0 && ended.json().type() == type,
                        command[0] << " --json: " << ended);
    BOOST_CHECK_MESSAGE(ended.err.empty(), command[0] << " --json says on stderr: " << ended);
  }
}

BOOST_FIXTURE_TEST_CASE(a_service_stops_in_order_on_each_signal_that_asks_it_to, live_library) {
  for (int signal : {SIGTERM, SIGINT}) {
    for (int i = 0; i < 200; ++i)
      write_file(space.root + "/" + std::to_string(signal) + " " + std::to_string(i) + ".png",
                 std::to_string(i));
    auto begun = clock::now();
    running->running().signal(signal);
    auto stopped = running->running().finish(10s);
    auto taken = std::chrono::duration_cast<milliseconds>(clock::now() - begun);
    BOOST_CHECK_MESSAGE(stopped.code == 0, "after " << taken.count() << " ms: " << stopped);
    BOOST_CHECK_MESSAGE(!fs::exists(space.data + "/run/console.json"),
                        "the console's address is left behind");

    auto shown = podstudio({"log", "show"});
    BOOST_REQUIRE_MESSAGE(shown.code == 0, shown);
    std::istringstream lines(shown.out);
    json event;
    std::uint64_t sequence = 0;
    for (std::string line; std::getline(lines, line);) {
      event = json::parse(line, nullptr, false);
      BOOST_REQUIRE_MESSAGE(event.is_object(), "no JSON object: " << line);
      check_keys(event, {"sequence", "at", "type", "version", "origin", "command", "data"},
                 "an event");
      BOOST_REQUIRE_MESSAGE(event["sequence"] == ++sequence,
                            "sequence " << sequence << " is followed by " << line);
    }
    BOOST_CHECK_MESSAGE(event["type"] == "engine.stopped", "the last event is " << event);
    start({});
    check_in_step("after a stop");
  }
}

BOOST_FIXTURE_TEST_CASE(sync_without_a_service_says_that_one_is_needed, live_library) {
  running->stop();
  auto refused = podstudio({"sync"});
  BOOST_CHECK_MESSAGE(refused.code == 3 && refused.err.find("serve") != std::string::npos, refused);
}

BOOST_FIXTURE_TEST_CASE(a_command_that_is_none_is_refused_with_a_hint, live_library) {
  auto refused = podstudio({"asset", "aprove", "1"});
  BOOST_CHECK_MESSAGE(refused.code == 2 && refused.err.find("approve") != std::string::npos,
                      refused);
  BOOST_CHECK_EQUAL(podstudio({}).code, 2);
  BOOST_CHECK_EQUAL(podstudio({"--help"}).code, 0);
}

BOOST_AUTO_TEST_CASE(roots_and_the_database_come_from_the_environment_and_a_settings_file) {
  workspace space;
  make_file(space.path + "/from env/one.png", "one");
  make_file(space.path + "/from env too/two.png", "two");
  library podstudio(space.data);
  auto serve = podstudio.call({"serve"});
  serve.env["WATCH_FOLDERS"] = space.path + "/from env," + space.path + "/from env too";
  {
    process running(serve);
    BOOST_REQUIRE(eventually([&] { return running.err().find("ready") != std::string::npos; }));
    podstudio.must({"sync"});
    BOOST_CHECK_EQUAL(podstudio.json({"status"})["assets"]["total"], 2);
  }
  write_file(space.data + "/.env", "DB_PATH=" + space.path + "/elsewhere.db\n");
  BOOST_CHECK_EQUAL(podstudio.json({"status"})["assets"]["total"], 2);
  BOOST_CHECK_MESSAGE(fs::exists(space.path + "/elsewhere.db"), "no database where DB_PATH has it");
  write_file(space.path + "/named", "DB_PATH=" + space.path + "/named.db\n");
  BOOST_CHECK_EQUAL(podstudio.json({"--env", space.path + "/named", "status"})["assets"]["total"],
                    2);
  BOOST_CHECK_MESSAGE(fs::exists(space.path + "/named.db"), "--env is not heeded");
  auto missing = podstudio({"--env", space.path + "/none", "status"});
  BOOST_CHECK_MESSAGE(missing.code == 1 && missing.err.find("/none'") != std::string::npos,
                      missing);
}

BOOST_AUTO_TEST_CASE(an_env_file_in_the_working_directory_is_left_alone) {
  workspace space;
  library podstudio(space.data);
  write_file(space.path + "/.env", "DB_PATH=theirs.db\nWATCH_FOLDERS=theirs\n");
  podstudio.must({"import", space.path});
  auto status = podstudio.call({"status"});
  status.folder = space.path;
  auto ended = run(status);
  BOOST_CHECK_MESSAGE(ended.code == 0 && !fs::exists(space.path + "/theirs.db"), ended);
}

BOOST_AUTO_TEST_CASE(an_error_about_a_setting_says_where_it_is_set) {
  workspace space;
  library podstudio(space.data);
  podstudio.must({"import", space.path});
  auto check = [](const launch& what, const std::string& said) {
    auto ended = run(what);
    BOOST_CHECK_MESSAGE(ended.code != 0 && ended.err.find("set by " + said) != std::string::npos,
                        ended);
  };
  auto none = space.path + "/none";
  check(podstudio.call({"serve", "--watch", none}), "--watch)");
  check(podstudio.call({"--db", none + "/tables", "status"}), "--db)");
  auto serve = podstudio.call({"serve"});
  serve.env["WATCH_FOLDERS"] = none;
  check(serve, "the environment variable WATCH_FOLDERS)");
  auto status = podstudio.call({"status"});
  status.env["DB_PATH"] = none + "/tables";
  check(status, "the environment variable DB_PATH)");
  write_file(space.data + "/.env", "WATCH_FOLDERS=" + none + "\n");
  check(podstudio.call({"serve"}), "WATCH_FOLDERS in '" + space.data + "/.env')");
  fs::remove(space.data + "/.env");
  write_file(space.data + "/config.toml", "database = '" + none + "/tables'\n");
  check(podstudio.call({"status"}), "database in '" + space.data + "/config.toml')");
}

BOOST_AUTO_TEST_CASE(a_scan_that_was_held_is_released_when_the_files_are_back) {
  workspace space;
  library podstudio(space.data);
  for (int i = 0; i < 120; ++i)
    make_file(space.root + "/in/" + std::to_string(i) + ".png", "picture " + std::to_string(i));
  {
    service running(podstudio, {space.root});
    podstudio.must({"sync"});
    running.stop();
  }
  fs::rename(space.root + "/in", space.path + "/away");
  service running(podstudio);
  auto synced = podstudio({"sync"});
  BOOST_TEST(synced.code == 1, synced);
  BOOST_TEST(synced.err.find("watch confirm '" + space.root + "'") != std::string::npos, synced);
  BOOST_TEST(podstudio.json({"watch", "list"})[0]["mode"] == "held");
  fs::rename(space.path + "/away", space.root + "/in");
  BOOST_TEST(eventually([&] { return podstudio.json({"watch", "list"})[0]["mode"] == "live"; }));
  podstudio.must({"sync"});
  BOOST_TEST(podstudio.json({"problem", "list"}).empty());
}

BOOST_AUTO_TEST_CASE(a_service_starts_though_the_disk_of_a_folder_it_is_to_watch_is_away) {
  workspace space;
  library podstudio(space.data);
  make_file(space.root + "/a.png", "a");
  {
    service running(podstudio, {space.root});
    podstudio.must({"sync"});
    running.stop();
  }
  fs::rename(space.root, space.path + "/away");
  service running(podstudio, {space.root});
  BOOST_TEST(eventually([&] { return podstudio.json({"watch", "list"})[0]["state"] == "lost"; }));
}
