// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE bad_input
#include "system/log_bytes.hpp"
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/workspace.hpp"

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace system_test;
namespace fs = std::filesystem;

namespace {

constexpr uid_t nobody = 65534;

/// Root may read everything, so as root the program runs as somebody else who owns the folder.
struct private_space : workspace {
  std::optional<uid_t> user = ::geteuid() == 0 ? std::optional<uid_t>(nobody) : std::nullopt;
  library podstudio{data, user};

  private_space() { give_away(path); }

  void give_away(const std::string& what) const {
    if (user)
      BOOST_REQUIRE_MESSAGE(::lchown(what.c_str(), *user, *user) == 0, std::strerror(errno));
  }
};

/// A refusal as a person should see it: a code, one line on stderr that names the thing, no result.
void check_refused(const outcome& ended, const std::vector<int>& codes, const std::string& named) {
  BOOST_CHECK_MESSAGE(std::find(codes.begin(), codes.end(), ended.code) != codes.end(), ended);
  BOOST_CHECK_MESSAGE(ended.err.find(named) != std::string::npos,
                      "'" << named << "' is not named: " << ended);
  BOOST_CHECK_MESSAGE(std::count(ended.err.begin(), ended.err.end(), '\n') == 1,
                      "not one line: " << ended);
  BOOST_CHECK_MESSAGE(ended.out.empty(), ended);
}

std::map<std::string, std::string> problems(const library& podstudio) {
  std::map<std::string, std::string> kinds;
  for (const auto& problem : podstudio.json({"problem", "list"}))
    kinds[problem["path"]] = problem["kind"];
  return kinds;
}

void check_equals_tree(const library& podstudio, const std::string& root) {
  auto truth = digests_of_media(root);
  auto found = catalogued(podstudio.database());
  BOOST_CHECK_MESSAGE(truth == found, difference(truth, found));
}

std::string sha256_of_first(const std::string& path, const std::string& bytes) {
  auto sum = run({{"sh", "-c", "head -c \"$2\" -- \"$1\" | sha256sum", "sh", path, bytes}});
  return sum.out.substr(0, 64);
}

}  // namespace

// --- permissions ---

BOOST_FIXTURE_TEST_CASE(what_may_be_read_again_is_taken_without_a_restart, private_space) {
  make_file(root + "/1.png", "1");
  auto file = root + "/2.png", locked = root + "/sub", deep = root + "/deep/er";
  auto names = root + "/names only";
  make_file(file, "2");
  make_file(locked + "/3.png", "3");
  make_file(deep + "/4.png", "4");
  make_file(names + "/5.png", "5");
  for (const auto& each : fs::recursive_directory_iterator(root))
    give_away(each.path().string());
  give_away(root);
  for (const auto& each : {file, locked, deep})
    fs::permissions(each, fs::perms::none);
  fs::permissions(names, fs::perms::owner_read);
  service running(podstudio, {root});
  podstudio.must({"sync"});
  BOOST_CHECK_EQUAL(catalogued(podstudio.database()).size(), 1u);
  BOOST_CHECK_EQUAL(problems(podstudio).size(), 5u);  // also the ignore file in `names`
  fs::permissions(file, fs::perms::owner_read);
  for (const auto& each : {locked, deep, names})
    fs::permissions(each, fs::perms::owner_all);
  podstudio.must({"sync"});
  check_equals_tree(podstudio, root);
  BOOST_CHECK_EQUAL(catalogued(podstudio.database()).size(), 5u);
  BOOST_CHECK(problems(podstudio).empty());
  // One that is watched already, as something was read there.
  fs::permissions(locked + "/3.png", fs::perms::none);
  make_file(locked + "/6.png", "6");
  give_away(locked + "/6.png");
  fs::permissions(locked + "/6.png", fs::perms::none);
  podstudio.must({"sync"});
  fs::permissions(locked + "/6.png", fs::perms::owner_read);
  fs::permissions(locked + "/3.png", fs::perms::owner_read);
  podstudio.must({"sync"});
  check_equals_tree(podstudio, root);
}

BOOST_FIXTURE_TEST_CASE(problems_in_a_folder_that_cannot_be_read_stay, private_space) {
  auto sub = root + "/sub", file = sub + "/a\xff.png";
  make_file(file, "1");
  for (const auto& each : {file, sub, root})
    give_away(each);
  auto left = [&] {
    podstudio({"import", root});
    return problems(podstudio).size();
  };
  BOOST_CHECK_EQUAL(left(), 1u);
  fs::permissions(sub, fs::perms::none);
  BOOST_CHECK_EQUAL(left(), 2u);
  fs::permissions(sub, fs::perms::owner_all);
  BOOST_CHECK_EQUAL(left(), 1u);
  fs::remove(file);
  BOOST_CHECK_EQUAL(left(), 0u);
}

// --- roots ---

BOOST_FIXTURE_TEST_CASE(a_root_that_may_not_be_read_says_so_and_only_the_others_are_in_step,
                        private_space) {
  auto other = path + "/other";
  for (const auto& each : {root, other})
    make_file(each + "/1.png", each), give_away(each);
  service running(podstudio, {root, other});
  podstudio.must({"sync"});
  auto root_row = [&](const char* key) -> nlohmann::json {
    for (const auto& each : podstudio.json({"watch", "list"}))
      if (each["path"] == root) return each[key];
    return {};
  };
  fs::permissions(root, fs::perms::none);
  make_file(other + "/2.png", "2");
  auto apart = podstudio({"sync"});
  check_refused(apart, {1}, root);
  BOOST_CHECK_MESSAGE(apart.err.find("Permission denied") != std::string::npos, apart);
  BOOST_CHECK_MESSAGE(apart.err.find(other) == std::string::npos, apart);
  BOOST_CHECK(catalogued(podstudio.database()).contains(other + "/2.png"));
  BOOST_REQUIRE(eventually([&] { return root_row("state") == "lost"; }));
  auto reason = root_row("reason").get<std::string>();
  BOOST_CHECK_MESSAGE(reason.find("Permission denied") != std::string::npos, reason);
  BOOST_CHECK(root_row("mode") != "live");
  auto listed = podstudio({"watch", "list"});
  BOOST_CHECK_MESSAGE(listed.out.find(reason) != std::string::npos, listed);
  BOOST_CHECK_EQUAL(problems(podstudio)[root], "root_lost");
  fs::permissions(root, fs::perms::owner_all);
  podstudio.must({"sync"});
  BOOST_CHECK(eventually([&] { return problems(podstudio).empty(); }));
  BOOST_CHECK_EQUAL(root_row("state"), "active");
  BOOST_CHECK(root_row("reason").is_null());
  fs::permissions(root, fs::perms::none);
  BOOST_CHECK(eventually([&] { return problems(podstudio).contains(root); }));
  podstudio.must({"watch", "remove", root});
  BOOST_CHECK(problems(podstudio).empty());
  podstudio.must({"sync"});
  fs::permissions(root, fs::perms::owner_all);
}

BOOST_AUTO_TEST_CASE(a_root_that_is_not_there_is_refused_by_name) {
  workspace space;
  library podstudio(space.data);
  auto missing = space.path + "/not there";
  check_refused(podstudio({"import", missing}), {1, 2}, missing);
  check_refused(podstudio({"serve", "--watch", missing}), {1, 2}, missing);
  service running(podstudio);
  check_refused(podstudio({"watch", "add", missing}), {1, 2}, missing);
  check_refused(podstudio({"import", missing}), {1, 2}, missing);
  BOOST_CHECK_EQUAL(podstudio.json({"watch", "list"}), nlohmann::json::array());
}

BOOST_AUTO_TEST_CASE(a_root_that_is_a_file_is_refused_by_name) {
  workspace space;
  library podstudio(space.data);
  auto file = space.path + "/a file.png";
  write_file(file, "x");
  check_refused(podstudio({"serve", "--watch", file}), {1, 2}, file);
  service running(podstudio);
  check_refused(podstudio({"watch", "add", file}), {1, 2}, file);
}

BOOST_FIXTURE_TEST_CASE(a_root_that_cannot_be_read_is_refused_by_name, private_space) {
  make_folder(root);
  BOOST_REQUIRE_EQUAL(::chmod(root.c_str(), 0000), 0);
  give_away(root);
  check_refused(podstudio({"import", root}), {1}, root);
  check_refused(podstudio({"serve", "--watch", root}), {1}, root);
  {
    service running(podstudio);
    check_refused(podstudio({"watch", "add", root}), {1}, root);
  }
  BOOST_REQUIRE_EQUAL(::chmod(root.c_str(), 0700), 0);
  podstudio.must({"import", root});
}

BOOST_AUTO_TEST_CASE(a_data_folder_is_no_root) {
  workspace space;
  library podstudio(space.data);
  service running(podstudio);
  check_refused(podstudio({"watch", "add", space.data}), {1}, space.data);
}

BOOST_AUTO_TEST_CASE(a_second_service_on_a_data_folder_is_told_the_firsts_process) {
  workspace space;
  library podstudio(space.data);
  service first(podstudio);
  check_refused(podstudio({"serve"}), {3}, std::to_string(first.pid()));
  BOOST_CHECK_EQUAL(podstudio.json({"status"})["pid"], first.pid());
}

// --- streams ---

BOOST_AUTO_TEST_CASE(a_service_with_closed_streams_writes_into_none_of_its_files) {
  workspace space;
  make_file(space.root + "/one.png", "one");
  library podstudio(space.data);
  auto serve = podstudio.call({"serve", "--watch", space.root});
  serve.prepare = [] { return ::close(1) == 0 && ::close(2) == 0; };
  process running(serve);
  BOOST_REQUIRE(eventually([&] { return fs::exists(space.data + "/run/console.json"); }));
  podstudio.must({"sync"});
  podstudio.must({"asset", "approve", "1"});
  BOOST_CHECK_EQUAL(read_file(space.data + "/run/lock"), std::to_string(running.pid()) + "\n");
  running.signal(SIGTERM);
  BOOST_CHECK_EQUAL(running.finish().code, 0);
}

BOOST_AUTO_TEST_CASE(an_answer_that_has_nowhere_to_go_is_an_error) {
  workspace space;
  library podstudio(space.data);
  podstudio.must({"import", space.path});
  auto status = podstudio.call({"status"});
  status.prepare = [] { return ::close(1) == 0; };
  auto ended = run(status);
  BOOST_CHECK_MESSAGE(ended.code == 1 && ended.err.find("output") != std::string::npos, ended);
}

// --- files ---

BOOST_FIXTURE_TEST_CASE(files_that_cannot_be_taken_are_listed_and_the_rest_goes_on, private_space) {
  make_file(root + "/good.png", "good");
  make_file(root + "/deep/er/also good.wav", "also good");
  make_file(root + "/bad \xff\xfe name.png", "x");
  make_file(root + "/bad \xc3 folder/inside.png", "x");
  make_file(root + "/locked.png", "locked");
  make_file(root + "/closed/inside.png", "inside");
  fs::create_symlink("self.png", root + "/self.png");
  fs::create_symlink("..", root + "/deep/loop");
  for (const auto& entry : fs::recursive_directory_iterator(root))
    give_away(entry.path());
  give_away(root);
  BOOST_REQUIRE_EQUAL(::chmod((root + "/locked.png").c_str(), 0), 0);
  BOOST_REQUIRE_EQUAL(::chmod((root + "/closed").c_str(), 0), 0);

  auto counts = podstudio.json({"import", root});
  BOOST_CHECK_MESSAGE(counts["registered"] == 2, counts);
  BOOST_CHECK_MESSAGE(counts["failed"] == 6, counts);
  const std::map<std::string, std::string> expected{
      {root + R"(/bad \xff\xfe name.png)", "bad_name"},
      {root + R"(/bad \xc3 folder)", "bad_name"},
      {root + "/locked.png", "unreadable"},
      {root + "/closed", "unreadable"},
      {root + "/self.png", "link_loop"},
      {root + "/deep/loop", "link_loop"},
  };
  auto found = problems(podstudio);
  BOOST_CHECK_MESSAGE(expected == found, difference(expected, found));
  std::map<std::string, std::string> taken;
  for (const auto& [file, hash] : catalogued(podstudio.database()))
    taken[file] = "";
  const std::map<std::string, std::string> good{{root + "/good.png", ""},
                                                {root + "/deep/er/also good.wav", ""}};
  BOOST_CHECK_MESSAGE(good == taken, difference(good, taken));

  // The watcher says the same as the import, and what is made readable is taken after all.
  service running(podstudio, {root});
  podstudio.must({"sync"});
  found = problems(podstudio);
  BOOST_CHECK_MESSAGE(expected == found, "while watching:" << difference(expected, found));
  BOOST_REQUIRE_EQUAL(::chmod((root + "/locked.png").c_str(), 0600), 0);
  BOOST_REQUIRE_EQUAL(::chmod((root + "/closed").c_str(), 0700), 0);
  podstudio.must({"import", root});
  found = problems(podstudio);
  BOOST_CHECK_MESSAGE(!found.contains(root + "/locked.png"),
                      "still a problem:" << difference({}, found));
  auto hashes = catalogued(podstudio.database());
  BOOST_CHECK_MESSAGE(hashes.contains(root + "/locked.png")
                          && hashes.contains(root + "/closed/inside.png"),
                      difference({}, hashes));
}

BOOST_AUTO_TEST_CASE(a_file_that_grows_while_it_is_read_is_never_half_catalogued) {
  workspace space;
  library podstudio(space.data);
  auto growing = space.root + "/growing.mkv";
  constexpr std::size_t start_bytes = 24u << 20;
  make_file(growing, std::string(start_bytes, 'a'));
  make_file(space.root + "/still.png", "still");
  process writer(
      {{"sh", "-c", "i=0; while :; do printf %08d $i >> \"$1\"; i=$((i+1)); done", "sh", growing}});
  auto is_growing = [&] { return fs::file_size(growing) > start_bytes; };
  BOOST_REQUIRE(eventually(is_growing));
  podstudio.must({"import", space.root});
  writer.signal(SIGSTOP);

  auto hashes = catalogued(podstudio.database());
  BOOST_CHECK_MESSAGE(hashes.contains(space.root + "/still.png"), difference({}, hashes));
  if (hashes.contains(growing)) {
    // It was only ever appended to, so whatever it once was is the beginning of what it is now.
    auto size =
        value(podstudio.database(), "SELECT size_bytes FROM asset JOIN asset_file ON asset_id = id"
                                    " WHERE path LIKE '%growing.mkv'");
    BOOST_CHECK_MESSAGE(hashes[growing] == sha256_of_first(growing, size),
                        "the digest is of no state the file was in at " << size << " bytes");
  } else {
    auto listed = problems(podstudio);
    BOOST_CHECK_MESSAGE(listed.contains(growing),
                        "neither catalogued nor a problem:" << difference({}, listed));
  }
  writer.signal(SIGKILL);
  writer.finish();
  podstudio.must({"import", space.root});
  check_equals_tree(podstudio, space.root);
  auto listed = problems(podstudio);
  BOOST_CHECK_MESSAGE(listed.empty(), "still a problem:" << difference({}, listed));
}

BOOST_AUTO_TEST_CASE(files_that_change_and_vanish_under_the_watcher_end_as_they_are) {
  workspace space;
  library podstudio(space.data);
  make_folder(space.root);
  service running(podstudio, {space.root});
  std::atomic<bool> stop = false;
  std::thread restless([&] {
    for (int round = 0; !stop || round < 200; ++round) {
      auto path = space.root + "/" + std::to_string(round % 20) + ".png";
      if (round % 3 == 0) fs::remove(path);
      write_file(path, std::string(static_cast<std::size_t>(round % 50) * 1000, 'x')
                           + std::to_string(round));
      if (round % 7 == 0) fs::remove(path);
      if (round % 5 == 0)
        fs::rename(space.root, space.path + "/aside"),
            fs::rename(space.path + "/aside", space.root);
    }
  });
  for (int i = 0; i < 3; ++i) {
    // The folder itself is away at times; then there is nothing to import.
    auto ended = podstudio({"import", space.root});
    bool away = ended.code == 1 && ended.err.find("No such file") != std::string::npos;
    BOOST_CHECK_MESSAGE(ended.code == 0 || away, ended);
  }
  stop = true;
  restless.join();
  podstudio.must({"sync"});
  podstudio.must({"import", space.root});
  // Rows of files that are gone stay: that they are missing is told otherwise.
  auto truth = digests_of_media(space.root);
  auto found = catalogued(podstudio.database());
  std::erase_if(found, [&](const auto& asset) { return !truth.contains(asset.first); });
  BOOST_CHECK_MESSAGE(truth == found, difference(truth, found));
  BOOST_CHECK_EQUAL(podstudio({"replay", "--check"}).code, 0);
}

BOOST_AUTO_TEST_CASE(names_of_any_valid_kind_are_kept_to_the_byte_and_shown_without_harm) {
  workspace space;
  library podstudio(space.data);
  for (std::string name :
       {"new\nline.png", "tab\tand\rreturn.png", "\x1b[31mred\x1b[0m\x1b]0;title\x07.png",
        "bell\x07 and delete\x7f.wav", "right-to-left \xe2\x80\xae gnp.png", "--data.png",
        "%s%n.png", "'; DROP TABLE asset; --.png", "back\\slash.png",
        "\xc2\x9b"
        "31m C1.png"})
    make_file(space.root + "/" + name, "contents of " + name);
  make_file(space.root + "/" + std::string(251, 'n') + ".png", "the longest name there is");
  auto counts = podstudio.json({"import", space.root});
  BOOST_CHECK_MESSAGE(counts["registered"] == 11 && counts["failed"] == 0, counts);
  check_equals_tree(podstudio, space.root);

  auto shown = podstudio({"asset", "list"});
  BOOST_CHECK_EQUAL(shown.code, 0);
  auto harmful = std::find_if(shown.out.begin(), shown.out.end(),
                              [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7f; });
  BOOST_CHECK_MESSAGE(harmful == shown.out.end() && shown.out.find("\xc2\x9b") == std::string::npos,
                      "control characters reach the terminal: " << shown);
  auto lines = std::count(shown.out.begin(), shown.out.end(), '\n');
  BOOST_CHECK_MESSAGE(lines == 12, "a heading and 11 rows take " << lines << " lines: " << shown);
}

BOOST_AUTO_TEST_CASE(a_tree_deeper_than_any_path_may_be_long_does_not_hang_or_stop_the_rest) {
  workspace space;
  library podstudio(space.data);
  make_file(space.root + "/good.png", "good");
  const std::string name(200, 'd');
  int folder = ::open(space.root.c_str(), O_DIRECTORY | O_CLOEXEC);
  for (int depth = 0; depth < 40; ++depth) {  // 8,000 bytes, about twice PATH_MAX
    BOOST_REQUIRE_EQUAL(::mkdirat(folder, name.c_str(), 0755), 0);
    int file = ::openat(folder, "x.png", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    BOOST_REQUIRE(file >= 0 && ::write(file, "x", 1) == 1 && ::close(file) == 0);
    int next = ::openat(folder, name.c_str(), O_DIRECTORY | O_CLOEXEC);
    BOOST_REQUIRE(next >= 0);
    ::close(folder);
    folder = next;
  }
  ::close(folder);
  auto counts = podstudio.json({"import", space.root});
  // 20 files lie so that their path is shorter than PATH_MAX, besides the good one.
  BOOST_CHECK_MESSAGE(counts["registered"] >= 20, counts);
  BOOST_CHECK_MESSAGE(counts["registered"] == 41 || counts["failed"] >= 1,
                      "files are left out unseen: " << counts);
  BOOST_CHECK_MESSAGE(problems(podstudio).size() >= 1 || counts["registered"] == 41,
                      "nothing is listed");
  service running(podstudio, {space.root});
  podstudio.must({"sync"});
  BOOST_CHECK(catalogued(podstudio.database()).contains(space.root + "/good.png"));
  BOOST_CHECK_EQUAL(run({{"rm", "-rf", space.root}}).code, 0);
}

BOOST_AUTO_TEST_CASE(a_data_folder_inside_a_watched_root_is_not_catalogued) {
  workspace space;
  library podstudio(space.root + "/.podstudio");
  make_file(space.root + "/mine.png", "mine");
  service running(podstudio, {space.root});
  for (std::string folder : {"cache", "work", "packs", "new"})
    make_file(podstudio.data() + "/" + folder + "/own.png", "own");
  make_file(space.root + "/later/mine too.png", "mine too");
  podstudio.must({"sync"});
  podstudio.must({"import", space.root});
  std::map<std::string, std::string> taken;
  for (const auto& [file, hash] : catalogued(podstudio.database()))
    taken[file] = "";
  const std::map<std::string, std::string> mine{{space.root + "/mine.png", ""},
                                                {space.root + "/later/mine too.png", ""}};
  BOOST_CHECK_MESSAGE(mine == taken, difference(mine, taken));
}

// --- the log ---

namespace {

/// A library with a log of some length, whose last command is an approval. No service runs.
struct logged_library {
  workspace space;
  library podstudio{space.data};
  std::string segment;

  logged_library() {
    for (int i = 0; i < 20; ++i)
      make_file(space.root + "/" + std::to_string(i) + ".png", std::to_string(i));
    podstudio.must({"import", space.root});
    for (int i = 1; i <= 10; ++i)
      podstudio.must({"asset", "approve", std::to_string(i)});
    auto segments = segments_of(space.data);
    BOOST_REQUIRE_EQUAL(segments.size(), 1u);
    segment = segments[0];
  }

  void delete_tables() const {
    for (auto suffix : {"", "-wal", "-shm"})
      fs::remove(podstudio.database() + suffix);
  }

  /// Whatever is asked for, it stops with exit 4 and `named`, and not a byte of the log is another.
  void check_stops(const words& named) const {
    auto before = all_bytes(space.data + "/log");
    for (const words& command :
         {words{"status"}, words{"serve"}, words{"import", space.root},
          words{"asset", "approve", "11"}, words{"log", "verify"}, words{"replay"}}) {
      auto ended = podstudio(command);
      BOOST_CHECK_MESSAGE(ended.code == 4, command[0] << " " << command.back() << ": " << ended);
      for (const auto& text : named)
        BOOST_CHECK_MESSAGE(ended.err.find(text) != std::string::npos,
                            command[0] << " " << command.back() << " does not name " << text << ": "
                                       << ended);
      auto after = all_bytes(space.data + "/log");
      BOOST_CHECK_MESSAGE(before == after, command[0] << " " << command.back()
                                                      << " changed the log:"
                                                      << difference({}, after).substr(0, 500));
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_log_of_a_newer_format_stops_everything_and_is_left_alone,
                        logged_library) {
  auto bytes = read_file(segment);
  constexpr std::size_t version_at = 8;
  BOOST_REQUIRE_EQUAL(number_at(bytes, version_at), 1u);
  put_number(bytes, version_at, 2);
  seal_header(bytes);
  write_file(segment, bytes);
  check_stops({segment, "version 2"});
  delete_tables();
  check_stops({segment, "version 2"});
}

BOOST_FIXTURE_TEST_CASE(an_event_this_build_does_not_know_stops_everything, logged_library) {
  auto bytes = read_file(segment);
  auto frames = frames_of(bytes);
  auto last = frames[frames.size() - 2];
  auto name = bytes.find("asset.approved", last);
  BOOST_REQUIRE_MESSAGE(name != std::string::npos && name < frames.back(),
                        "the last command is no approval");
  bytes.replace(name, std::strlen("asset.approved"), "asset.apotheos");
  seal_frame(bytes, last);
  write_file(segment, bytes);
  delete_tables();
  check_stops({segment, "asset.apotheos"});
}

BOOST_FIXTURE_TEST_CASE(an_event_of_a_newer_version_stops_everything, logged_library) {
  auto bytes = read_file(segment);
  auto frames = frames_of(bytes);
  auto last = frames[frames.size() - 2];
  auto version = bytes.find("asset.approved", last) + std::strlen("asset.approved");
  bytes[version] = 99;
  seal_frame(bytes, last);
  write_file(segment, bytes);
  delete_tables();
  check_stops({segment, "asset.approved"});
}

BOOST_FIXTURE_TEST_CASE(a_damaged_byte_in_the_middle_stops_everything_with_its_place,
                        logged_library) {
  auto bytes = read_file(segment);
  auto frames = frames_of(bytes);
  auto middle = frames[frames.size() / 2];
  bytes[middle + 60] = static_cast<char>(bytes[middle + 60] ^ 0x10);
  write_file(segment, bytes);
  check_stops({segment, "offset " + std::to_string(middle), "wrong checksum"});
}

BOOST_FIXTURE_TEST_CASE(a_log_that_is_gone_while_the_tables_are_there_stops_everything,
                        logged_library) {
  fs::rename(segment, space.path + "/aside");
  auto ended = podstudio({"serve"});
  BOOST_CHECK_MESSAGE(ended.code == 4, ended);
  BOOST_CHECK_MESSAGE(fs::exists(podstudio.database()), "the tables were deleted");
}

BOOST_FIXTURE_TEST_CASE(a_torn_tail_is_set_aside_and_all_else_kept, logged_library) {
  auto rows = seed_rows(podstudio.database());
  auto bytes = read_file(segment);
  auto end = frames_of(bytes).back();
  // What a write of one more command leaves that was cut off in its middle.
  auto half = bytes.substr(frames_of(bytes)[2], 100);
  write_file(segment, bytes.replace(end, half.size(), half));
  podstudio.must({"status"});
  auto again = seed_rows(podstudio.database());
  BOOST_CHECK_MESSAGE(rows == again, difference(rows, again));
  BOOST_CHECK_EQUAL(podstudio({"log", "verify"}).code, 0);
  half.erase(half.find_last_not_of('\0') + 1);  // zeros at the end are as good as never written
  bool aside = false;
  for (const auto& [path, kept] : all_bytes(space.data))
    aside |= path != segment && kept.starts_with(half);
  BOOST_CHECK_MESSAGE(aside, "no copy of the torn bytes is kept");
}

// --- the disk ---

namespace {

/// A disk of its own, of this many bytes, that goes at the end of the scope. Not in a mount
/// namespace of its own: that would keep whatever others unmount meanwhile mounted.
class small_disk {
public:
  small_disk(const std::string& at, const std::string& size_bytes) : path_(at) {
    make_folder(at);
    mounted_ =
        ::geteuid() == 0
        && ::mount("podstudio-test", at.c_str(), "tmpfs", 0, ("size=" + size_bytes).c_str()) == 0;
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  ~small_disk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool is_there() const { return mounted_; }

private:
  std::string path_;
  bool mounted_ = false;
};

/// Writes until there is no room at all.
void fill_up(const std::string& path) {
  int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  BOOST_REQUIRE(file >= 0);
  const std::string much(1 << 20, 'f');
  for (std::size_t size = much.size(); size > 0;)
    if (::write(file, much.data(), size) < 0) size /= 2;
  ::close(file);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_full_disk_refuses_commands_keeps_reads_and_recovers_without_a_restart) {
  workspace space;
  auto disk = space.path + "/disk";
  small_disk mounted(disk, "64m");
  if (skip_unless(mounted.is_there(), "it needs root to mount a small disk")) return;
  library podstudio(disk + "/data");
  for (int i = 0; i < 200; ++i)
    make_file(space.root + "/" + std::to_string(i) + ".png", std::to_string(i));
  service running(podstudio, {space.root});
  podstudio.must({"sync"});
  auto filler = disk + "/filler";
  fill_up(filler);

  // What is acknowledged must last; sooner or later there must be a refusal that says why.
  constexpr std::size_t commands_max = 50;  // each about 400 kB of log
  std::size_t acknowledged = 0;
  std::string theme = "NULL";
  std::optional<outcome> refusal;
  for (std::size_t i = 0; i < commands_max && !refusal; ++i) {
    std::string next(1000, static_cast<char>('A' + i));
    auto ended =
        podstudio({"asset", "set", "--all-matching", "--type", "image", "--theme", next}, 30s);
    if (ended.code == 0) {
      ++acknowledged;
      theme = next;
    } else {
      refusal = ended;
    }
  }
  BOOST_REQUIRE_MESSAGE(refusal, commands_max << " commands were taken on a full disk");
  BOOST_CHECK_MESSAGE(refusal->code == 1, *refusal);
  BOOST_CHECK_MESSAGE(refusal->err.find("space") != std::string::npos
                          || refusal->err.find("room") != std::string::npos,
                      "the reason is not told: " << *refusal);
  BOOST_TEST_MESSAGE(acknowledged << " commands were taken before: " << refusal->err);

  // Reads go on, and so does the watching, whose files wait.
  running.running().must_run();
  BOOST_CHECK_EQUAL(podstudio.json({"status"})["assets"]["total"], 200);
  BOOST_CHECK_EQUAL(podstudio.json({"asset", "list", "--limit", "1000"}).size(), 200u);
  make_file(space.root + "/while it was full.png", "late");

  fs::remove(filler);
  podstudio.must({"sync"});
  podstudio.must({"asset", "approve", "1", "200"});
  BOOST_CHECK_EQUAL(podstudio.json({"status"})["pid"], running.pid());
  check_equals_tree(podstudio, space.root);
  auto themes = query(podstudio.database(),
                      "SELECT DISTINCT theme FROM asset WHERE path NOT LIKE '%while it was full%'");
  BOOST_CHECK_MESSAGE(themes == std::vector<row>{{theme}},
                      "of the acknowledged and the refused themes there is left: "
                          << difference({{theme}}, themes));
  BOOST_CHECK_EQUAL(podstudio({"replay", "--check"}).code, 0);
  BOOST_CHECK_EQUAL(podstudio({"log", "verify"}).code, 0);
  auto stopped = running.stop();
  BOOST_CHECK_MESSAGE(stopped.code == 0, stopped);
}

BOOST_AUTO_TEST_CASE(a_small_command_on_a_full_disk_is_answered_in_time) {
  workspace space;
  auto disk = space.path + "/disk";
  small_disk mounted(disk, "64m");
  if (skip_unless(mounted.is_there(), "it needs root to mount a small disk")) return;
  library podstudio(disk + "/data");
  make_file(space.root + "/one.png", "one");
  service running(podstudio, {space.root});
  podstudio.must({"sync"});
  fill_up(disk + "/filler");
  auto ended = podstudio({"asset", "set", "1", "--theme", std::string(1000, 't')}, 20s);
  BOOST_CHECK_MESSAGE(ended.code == 0 || ended.code == 1, ended);
  if (ended.code == 1) BOOST_CHECK_MESSAGE(ended.err.find("space") != std::string::npos, ended);
}
