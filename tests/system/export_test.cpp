// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE export
#include "system/png_text.hpp"
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/workspace.hpp"

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>

using namespace system_test;
using nlohmann::json;
namespace fs = std::filesystem;

/// Packs that are exported by a real service, and what others make of the archives.

namespace {

/// For libraries of thousands of files, if the environment asks for them.
constexpr milliseconds patience = 60min;

/// The small real files of every kind, by name.
const std::map<std::string, std::string>& all_samples() {
  static const auto made = [] {
    workspace space;
    make_folder(space.root);
    auto done = run({{"sh", MAKE_MEDIA, space.root}});
    BOOST_REQUIRE_MESSAGE(done.code == 0, "cannot make the sample media: " << done);
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(space.root))
      files[entry.path().filename()] = read_file(entry.path());
    return files;
  }();
  return made;
}

std::string sample(const std::string& name) { return all_samples().at(name); }

/// A library that is imported, with a seller, and a pack of all its assets.
struct pack_library {
  workspace space;
  const std::string& root = space.root;
  library podstudio{space.data};
  std::string pack;

  std::string ask(const std::string& sql) const { return value(podstudio.database(), sql); }

  /// Imports what is in the root and puts it into a new pack.
  void fill_pack() {
    podstudio.must({"import", root}, patience);
    bool read = eventually(
        [&] {
          return ask("SELECT count(*) FROM asset WHERE id NOT IN (SELECT asset_id FROM "
                     "asset_media)")
                 == "0";
        },
        patience);
    BOOST_REQUIRE_MESSAGE(read, podstudio({"job", "list"}));
    podstudio.must({"asset", "approve", "--all-matching"});
    podstudio.must({"pack", "setup", "--author", "Ada Lovelace"});
    pack = podstudio({"pack", "create", "Red foxes", "--license", "commercial"}).out;
    pack.pop_back();
    words add{"pack", "add", pack};
    for (const auto& asset : podstudio.json({"asset", "list"}))
      add.push_back(std::to_string(asset["id"].get<int>()));
    podstudio.must(add);
  }

  /// Exports the pack; the path of the archive.
  std::string export_pack(const words& more = {}) const {
    words arguments{"pack", "export", pack};
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto done = podstudio(arguments, patience);
    BOOST_REQUIRE_MESSAGE(done.code == 0, done);
    BOOST_REQUIRE(done.out.size() > 1);
    return done.out.substr(0, done.out.size() - 1);
  }
  /// The export is refused with one line that has these words.
  void check_refused(const words& named, const words& more = {}) const {
    words arguments{"pack", "export", pack};
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto done = podstudio(arguments);
    BOOST_TEST(done.code == 1, done);
    BOOST_TEST(std::count(done.err.begin(), done.err.end(), '\n') == 1, done);
    for (const auto& each : named)
      BOOST_TEST(done.err.find(each) != std::string::npos, "'" << each << "' is not in " << done);
  }
  /// That nothing was written anywhere, hidden files included.
  void check_nothing_in(const std::string& folder) const {
    for (const auto& entry : fs::directory_iterator(folder))
      BOOST_ERROR("there is " << entry.path());
  }
  std::string packs() const { return space.data + "/packs"; }

  void check_intact(const std::string& archive) const {
    auto verified = podstudio({"pack", "verify", archive}, patience);
    BOOST_TEST(verified.code == 0, verified);
  }
};

/// With files of all kinds and a few more pictures.
struct exported_library : pack_library {
  service running;

  exported_library() : running(podstudio) {
    for (const auto& [name, bytes] : all_samples())
      make_file(root + "/" + name, bytes);
    for (int i = 0; i < 12; ++i)
      make_file(root + "/more/Fuchs " + std::to_string(i) + " \xc3\xa4.png",
                with_text(sample("sample.png"), std::string("n\0", 2) + std::to_string(i)));
    fill_pack();
  }
};

/// With a few small pictures.
struct small_library : pack_library {
  service running;

  explicit small_library(int files = 3) : running(podstudio) {
    for (int i = 0; i < files; ++i)
      make_file(picture(i),
                with_text(sample("sample.png"), std::string("n\0", 2) + std::to_string(i)));
    fill_pack();
  }
  std::string picture(int i) const { return root + "/" + std::to_string(i) + ".png"; }
};

/// A WAV file of so many bytes of silence.
void make_silence(const std::string& path, std::uint32_t bytes) {
  auto number = [](std::uint32_t value) {
    std::string text;
    for (int shift = 0; shift < 32; shift += 8)
      text += static_cast<char>(value >> shift);
    return text;
  };
  constexpr std::uint32_t rate_hz = 44'100, pcm_mono = 1 | 1 << 16, two_bytes = 2 | 16 << 16;
  auto header = "RIFF" + number(bytes + 36) + "WAVEfmt " + number(16) + number(pcm_mono)
                + number(rate_hz) + number(2 * rate_hz) + number(two_bytes) + "data"
                + number(bytes);
  make_file(path, header);
  fs::resize_file(path, header.size() + bytes);
}

bool is_installed(const std::string& program) {
  return run({{"sh", "-c", "command -v " + program}}).code == 0;
}

}  // namespace

// --- an archive ---

BOOST_FIXTURE_TEST_CASE(an_export_opens_everywhere_and_holds_every_byte, exported_library) {
  auto archive = space.path + "/out.zip";
  BOOST_TEST(export_pack({"--output", archive}) == archive);
  check_intact(archive);
  const words openers[] = {{"unzip", "-tq", archive},
                           {"bsdtar", "-tf", archive},
                           {"7z", "t", archive},
                           {"/usr/bin/python3", "-m", "zipfile", "-t", archive}};
  for (const auto& opener : openers) {
    if (!is_installed(opener.front())) {
      BOOST_TEST_MESSAGE(opener.front() << " is not installed");
      continue;
    }
    auto opened = run({opener});
    BOOST_TEST(opened.code == 0, opened);
  }
  make_folder(space.path + "/unpacked");
  auto unpacked =
      run({{"/usr/bin/python3", "-m", "zipfile", "-e", archive, space.path + "/unpacked"}});
  BOOST_REQUIRE_MESSAGE(unpacked.code == 0, unpacked);
  auto sums = run({{"sha256sum", "--check", "--quiet", "--strict", "checksums.txt"},
                   {},
                   space.path + "/unpacked"});
  BOOST_TEST(sums.code == 0, sums);

  std::multiset<std::string> ours, theirs;
  for (const auto& [path, digest] : digests_of_media(root))
    ours.insert(digest);
  for (const auto& [path, digest] : digests_of_media(space.path + "/unpacked/assets"))
    theirs.insert(digest);
  BOOST_TEST(ours.size() == all_samples().size() + 12);
  BOOST_TEST((ours == theirs));
  auto sheet = run({{"ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height",
                     "-of", "csv=p=0", space.path + "/unpacked/previews/contact-sheet.jpg"}});
  BOOST_TEST(sheet.out == "mjpeg,1920,1080\n", sheet);
  auto license = read_file(space.path + "/unpacked/LICENSE.txt");
  BOOST_TEST(license.find("Ada Lovelace") != std::string::npos);

  // What the library says of it.
  BOOST_TEST(ask("SELECT export_path FROM pack WHERE id = " + pack) == archive);
  auto exports = podstudio.json({"pack", "exports", pack});
  BOOST_REQUIRE(exports.size() == 1u);
  BOOST_TEST(exports[0]["sha256"] == digests_of({archive}).at(archive));
  BOOST_TEST(exports[0]["size_bytes"] == fs::file_size(archive));
  BOOST_TEST(exports[0]["asset_count"] == ours.size());
  auto check = podstudio({"replay", "--check"});
  BOOST_TEST(check.code == 0, check);
}

BOOST_FIXTURE_TEST_CASE(a_marketplace_gets_the_previews_that_it_asks_for, small_library) {
  const std::map<std::string, std::set<std::string>> wanted{
      {"generic", {"previews/contact-sheet.jpg"}},
      {"creative_market",
       {"previews/contact-sheet.jpg", "previews/preview-1.jpg", "previews/preview-2.jpg",
        "previews/preview-3.jpg"}},
      {"picsfordesign", {"previews/contact-sheet.jpg", "preview-1.jpg"}},
      {"gumroad", {"previews/contact-sheet.jpg", "previews/preview-1.jpg"}}};
  for (const auto& [profile, expected] : wanted) {
    auto archive = export_pack({"--for", profile});
    check_intact(archive);
    auto listed = run({{"unzip", "-Z1", archive}});
    std::set<std::string> found;
    std::istringstream lines(listed.out);
    for (std::string line; std::getline(lines, line);)
      if (line.ends_with(".jpg")) found.insert(line);
    BOOST_TEST(found == expected, boost::test_tools::per_element());
  }
}

BOOST_FIXTURE_TEST_CASE(prompts_are_shown_only_if_asked_for, small_library) {
  const std::string prompt = "a castle on a hill";
  make_file(root + "/made.png",
            with_text(sample("sample.png"), std::string("parameters\0", 11) + prompt
                                                + "\nSteps: 20, Sampler: Euler a, Seed: 7, Size: "
                                                  "64x48, Model: castles_v1"));
  podstudio.must({"import", root, "--metadata"}, patience);
  auto made = ask("SELECT id FROM asset WHERE path LIKE '%/made.png'");
  podstudio.must({"asset", "approve", made});
  podstudio.must({"asset", "set", made, "--provenance", "ai_generated"});
  podstudio.must({"pack", "add", pack, made});
  auto text_of = [](const std::string& archive, const std::string& name) {
    return run({{"unzip", "-p", archive, name}}).out;
  };
  auto hidden = export_pack(), shown = export_pack({"--with-prompts"});
  check_intact(hidden);
  check_intact(shown);
  for (const auto* name : {"prompts/prompts.txt", "manifest.json", "README.md", "store_copy.txt"})
    BOOST_TEST(text_of(hidden, name).find(prompt) == std::string::npos, name);
  BOOST_TEST(text_of(shown, "prompts/prompts.txt").find("Prompt: " + prompt) != std::string::npos,
             text_of(shown, "prompts/prompts.txt"));
  BOOST_TEST(text_of(shown, "manifest.json").find(prompt) != std::string::npos);
  BOOST_TEST(podstudio.json({"pack", "verify", shown})["ai_disclosure"] == true);
  auto again = space.path + "/again.zip";
  podstudio.must({"pack", "rebuild", pack, "--output", again}, patience);
  BOOST_TEST((read_file(again) == read_file(shown)));
}

BOOST_FIXTURE_TEST_CASE(names_count_up_and_no_file_is_replaced, small_library) {
  auto first = export_pack(), second = export_pack();
  BOOST_TEST(first == packs() + "/Red foxes.zip");
  BOOST_TEST(second == packs() + "/Red foxes-2.zip");
  check_intact(first);
  check_intact(second);
  make_file(space.path + "/mine.zip", "mine");
  check_refused({"mine.zip", "exists already", "another name"},
                {"--output", space.path + "/mine.zip"});
  BOOST_TEST(read_file(space.path + "/mine.zip") == "mine");
  fs::create_symlink("/nowhere", space.path + "/link.zip");
  check_refused({"link.zip", "exists already"}, {"--output", space.path + "/link.zip"});
  auto segment = space.data + "/log/00000000000000900000.log";
  check_refused({"in the data folder", "another folder"}, {"--output", segment});
  BOOST_TEST(!fs::exists(segment));
  check_refused({"/nowhere", "cannot write"}, {"--output", space.path + "/nowhere/out.zip"});
}

// PODSTUDIO_EXPORT_FILES=19000 PODSTUDIO_EXPORT_GIB=5 makes an archive that needs ZIP64 for both.
BOOST_FIXTURE_TEST_CASE(many_files_take_several_orders, pack_library) {
  service running(podstudio);
  auto files = number_from_env("PODSTUDIO_EXPORT_FILES", 600);
  auto gib = number_from_env("PODSTUDIO_EXPORT_GIB", 0);
  for (std::uint64_t i = 0; i < files; ++i)
    make_file(root + "/" + std::to_string(i % 50) + "/" + std::to_string(i) + ".png",
              with_text(sample("sample.png"), std::string("n\0", 2) + std::to_string(i)));
  for (std::uint64_t i = 0; i < gib; ++i)
    make_silence(root + "/" + std::to_string(i) + ".wav",
                 (1u << 30) + 2 * static_cast<std::uint32_t>(i));
  fill_pack();
  auto archive = space.path + "/out.zip";
  auto begin = clock::now();
  export_pack({"--output", archive});
  BOOST_TEST_MESSAGE(
      files + gib << " files, " << fs::file_size(archive) << " bytes in "
                  << std::chrono::duration_cast<milliseconds>(clock::now() - begin).count()
                  << " ms");
  check_intact(archive);
  auto opened = run({{"/usr/bin/python3", "-m", "zipfile", "-t", archive}}, patience);
  BOOST_TEST(opened.code == 0, opened);
  auto rebuilt = podstudio({"pack", "rebuild", pack, "--output", archive + ".again"}, patience);
  BOOST_TEST(rebuilt.code == 0, rebuilt);
  auto same = run({{"cmp", archive, archive + ".again"}}, patience);
  BOOST_TEST(same.code == 0, same);
}

// --- packs that are not fit for it ---

BOOST_FIXTURE_TEST_CASE(what_is_not_approved_is_exported_only_if_asked_for, small_library) {
  podstudio.must({"asset", "unapprove", "1"});
  check_refused({"1 asset is not approved", "0.png", "--allow-unapproved"});
  check_nothing_in(packs());
  check_intact(export_pack({"--allow-unapproved"}));
}

BOOST_FIXTURE_TEST_CASE(files_that_changed_are_named_all_at_once, small_library) {
  struct stat facts {};
  BOOST_REQUIRE(::stat(picture(0).c_str(), &facts) == 0);
  make_file(space.path + "/elsewhere.png", read_file(picture(1)));
  fs::remove(picture(1));
  fs::create_symlink(space.path + "/elsewhere.png", picture(1));
  fs::remove(picture(2));
  check_refused({"1.png", "2.png", "catalogued again", "podstudio sync"});
  check_nothing_in(packs());
}

BOOST_FIXTURE_TEST_CASE(other_bytes_under_the_same_facts_are_found_by_their_digest, small_library) {
  // As a failing disk would give them: not even the times tell.
  auto bytes = read_file(picture(1));
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  auto before = fs::last_write_time(picture(1));
  write_file(picture(1), bytes);
  fs::last_write_time(picture(1), before);
  check_refused({"1.png"});
  check_nothing_in(packs());
  check_refused({"1.png"});
}

BOOST_FIXTURE_TEST_CASE(a_link_is_not_followed_while_files_are_exchanged, small_library) {
  podstudio.must({"watch", "add", root});
  podstudio.must({"sync"});
  make_file(space.path + "/secret.png", "secret");
  std::atomic<bool> done = false;
  std::thread exchanging([&] {
    while (!done) {
      fs::rename(picture(0), space.path + "/aside.png");
      fs::create_symlink(space.path + "/secret.png", picture(0));
      fs::remove(picture(0));
      fs::rename(space.path + "/aside.png", picture(0));
    }
  });
  std::size_t exported = 0;
  for (int i = 0; i < 10; ++i) {
    auto ended = podstudio({"pack", "export", pack});
    BOOST_TEST((ended.code == 0 || ended.code == 1), ended);
    if (ended.code == 0) ++exported;
  }
  done = true;
  exchanging.join();
  BOOST_TEST_MESSAGE(exported << " of 10 exports were made while a file was exchanged");
  for (const auto& entry : fs::directory_iterator(packs())) {
    check_intact(entry.path());
    BOOST_TEST(read_file(entry.path()).find("secret") == std::string::npos);
  }
}

// --- jobs ---

BOOST_FIXTURE_TEST_CASE(an_export_is_cancelled_and_leaves_nothing, pack_library) {
  service running(podstudio);
  // Long enough to be stopped in the middle.
  make_silence(root + "/long.wav", 200u << 20);
  fill_pack();
  process exporting(podstudio.call({"pack", "export", pack, "--allow-unapproved"}));
  auto job = [&] { return ask("SELECT max(id) FROM job WHERE kind = 'export_pack'"); };
  bool begun = eventually([&] {
    return ask("SELECT count(*) FROM job WHERE kind = 'export_pack' AND status = 'running'") == "1";
  });
  if (!begun) BOOST_TEST_MESSAGE("the export had ended before it could be cancelled");
  auto cancelled = podstudio({"job", "cancel", job()});
  auto ended = exporting.finish();
  if (cancelled.code == 0) {
    BOOST_TEST(ended.code == 1, ended);
    BOOST_TEST(ended.err.find("cancelled") != std::string::npos, ended);
    bool empty = eventually([&] { return fs::is_empty(packs()); });
    BOOST_TEST(empty);
  }
  BOOST_TEST(ask("SELECT count(*) FROM job WHERE status = 'running'") == "0");
}

BOOST_FIXTURE_TEST_CASE(a_full_disk_fails_the_export_and_leaves_nothing, small_library) {
  auto small = space.path + "/small";
  make_folder(small);
  bool mounted = ::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=8k") == 0;
  if (skip_unless(mounted, "file systems cannot be mounted")) return;
  check_refused({"archive", "free some space"}, {"--output", small + "/out.zip"});
  check_nothing_in(small);
  ::umount2(small.c_str(), MNT_DETACH);
  check_intact(export_pack({"--output", space.path + "/out.zip"}));
}

BOOST_AUTO_TEST_CASE(kills_at_any_moment_leave_one_archive_for_each_export) {
  auto seed = number_from_env("PODSTUDIO_TEST_SEED", std::random_device{}());
  BOOST_TEST_MESSAGE("PODSTUDIO_TEST_SEED=" << seed);
  std::mt19937_64 random(seed);
  auto kills = number_from_env("PODSTUDIO_EXPORT_KILLS", 6);
  small_library of(8);
  of.running.kill();
  std::size_t exports = 0;
  for (std::uint64_t i = 0; i < kills; ++i) {
    {
      service running(of.podstudio);
      process exporting(of.podstudio.call({"pack", "export", of.pack}));
      bool queued = eventually([&] {
        return of.ask("SELECT count(*) FROM job WHERE kind = 'export_pack'")
               == std::to_string(exports + 1);
      });
      BOOST_REQUIRE(queued);
      ++exports;
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 150'000));
      running.kill();
    }
    service again(of.podstudio);
    bool ended = eventually([&] { return of.ask("SELECT count(*) FROM active_job") == "0"; });
    BOOST_REQUIRE_MESSAGE(ended, of.podstudio({"job", "list"}));
    again.stop();
  }
  // Each export has one archive, and each archive its export.
  service running(of.podstudio);
  BOOST_TEST(of.ask("SELECT count(*) FROM job WHERE kind = 'export_pack' AND status = 'completed'")
             == std::to_string(exports));
  auto listed = of.podstudio.json({"pack", "exports", of.pack});
  BOOST_TEST(listed.size() == exports);
  std::set<std::string> paths;
  for (const auto& each : listed) {
    auto path = each["path"].get<std::string>();
    BOOST_TEST(paths.insert(path).second, path << " is listed twice");
    BOOST_TEST(each["sha256"] == digests_of({path}).at(path));
    of.check_intact(path);
  }
  for (const auto& entry : fs::directory_iterator(of.packs()))
    BOOST_TEST(paths.contains(entry.path()), entry.path() << " is no export");
}

BOOST_AUTO_TEST_CASE(an_archive_that_has_its_name_is_taken_though_the_library_changed_since) {
  small_library of(8);
  of.export_pack({"--output", of.space.path + "/first.zip"});  // makes the signing key
  of.running.kill();
  // A service that was killed during the first attempt ...
  bool is_begun = false;
  auto export_to = of.space.path + "/out.zip", before = of.space.path + "/before";
  auto jobs = [&](const std::string& condition) {
    return of.ask("SELECT count(*) FROM job WHERE kind = 'export_pack' AND " + condition);
  };
  auto copy = [](const std::string& from, const std::string& to) {
    auto done = run({.arguments = {"cp", "-a", from, to}});
    BOOST_REQUIRE_MESSAGE(done.code == 0, done);
  };
  for (int tries = 0; tries < 50 && !is_begun; ++tries) {
    fs::remove(export_to);
    service running(of.podstudio);
    process exporting(of.podstudio.call({"pack", "export", of.pack, "--output", export_to}));
    BOOST_REQUIRE(eventually([&] { return jobs("status = 'running'") != "0"; }, 10s));
    running.kill();
    fs::remove_all(before);
    copy(of.space.data, before);
    service again(of.podstudio);
    BOOST_REQUIRE(eventually([&] { return of.ask("SELECT count(*) FROM active_job") == "0"; }));
    again.stop();
    is_begun = of.ask("SELECT max(attempt) FROM job_attempt WHERE job_id ="
                      " (SELECT max(id) FROM job WHERE kind = 'export_pack')")
               == "2";
  }
  BOOST_REQUIRE(is_begun);
  auto made = digests_of({export_to}).at(export_to);
  // ... and had given the archive its name: as if the log did not have the end of the job.
  fs::remove_all(of.space.data);
  copy(before, of.space.data);
  auto other = of.space.path + "/other";
  make_folder(other);
  make_file(other + "/new.png", with_text(sample("sample.png"), "another"));
  of.podstudio.must({"import", other});
  service running(of.podstudio);
  BOOST_REQUIRE(eventually([&] { return of.ask("SELECT count(*) FROM active_job") == "0"; }));
  auto exports = of.podstudio.json({"pack", "exports", of.pack});
  BOOST_TEST(jobs("status = 'failed'") == "0", of.podstudio({"job", "list"}));
  BOOST_REQUIRE(exports.size() == 2u);
  bool is_listed = std::ranges::any_of(exports, [&](const auto& each) {
    return each["path"] == export_to && each["sha256"] == made;
  });
  BOOST_TEST(is_listed);
  of.check_intact(export_to);
}

// --- the same bytes ---

namespace {

/// A service of a library with another environment.
std::unique_ptr<process> serve_in(const library& on, const std::map<std::string, std::string>& env,
                                  bool (*prepare)()) {
  auto launched = on.call({"serve"});
  launched.env = env;
  launched.prepare = prepare;
  auto running = std::make_unique<process>(launched);
  BOOST_REQUIRE(eventually([&] { return running->err().ends_with("ready\n"); }));
  return running;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(two_folders_of_one_backup_export_the_same_bytes, small_library) {
  export_pack();  // makes the signing key
  auto backup = space.path + "/backup";
  podstudio.must({"backup", backup});
  struct stat facts {};
  BOOST_REQUIRE(::stat((backup + "/signing.pem").c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 0777) == 0600u);
  library one(space.path + "/one"), other(space.path + "/other");
  for (const auto* each : {&one, &other})
    each->must({"restore", backup});
  auto exported = [&](const library& from, const std::map<std::string, std::string>& env,
                      bool (*prepare)()) {
    auto serving = serve_in(from, env, prepare);
    auto path = from.data() + ".zip";
    from.must({"pack", "export", pack, "--output", path});
    return read_file(path);
  };
  auto first = exported(one, {{"TZ", "Pacific/Auckland"}, {"LC_ALL", "C"}}, nullptr);
  auto second = exported(other, {{"TZ", "America/Caracas"}, {"LC_ALL", "tr_TR.UTF-8"}}, [] {
    ::umask(0077);
    return true;
  });
  BOOST_TEST(first.size() > 1000u);
  BOOST_TEST((first == second));
}

BOOST_FIXTURE_TEST_CASE(a_past_export_is_made_again_after_everything_changed, small_library) {
  auto sold = export_pack({"--output", space.path + "/sold.zip"});
  auto bytes = read_file(sold);
  podstudio.must({"pack", "edit", pack, "--name", "Foxes", "--license", "personal"});
  podstudio.must({"pack", "setup", "--author", "Somebody else"});
  podstudio.must({"pack", "remove", pack, "1"});
  podstudio.must({"asset", "set", "2", "--provenance", "ai_generated"});
  export_pack();
  // The files are elsewhere, and the tables are new.
  podstudio.must({"watch", "add", root});
  podstudio.must({"sync"});
  make_folder(root + "/moved");
  fs::rename(picture(0), root + "/moved/zero.png");
  podstudio.must({"sync"});
  running.stop();
  podstudio.must({"replay"});
  service again(podstudio);
  auto exports = podstudio.json({"pack", "exports", pack});
  BOOST_REQUIRE(exports.size() == 2u);
  auto number = std::to_string(exports[1]["sequence"].get<int>());
  auto rebuilt = space.path + "/rebuilt.zip";
  auto done = podstudio({"pack", "rebuild", pack, "--export", number, "--output", rebuilt});
  BOOST_TEST(done.code == 0, done);
  BOOST_TEST((read_file(rebuilt) == bytes));

  podstudio.must({"pack", "delete", pack});
  done = podstudio({"pack", "rebuild", pack, "--export", number, "--output", rebuilt + "2"});
  BOOST_TEST(done.code == 0, done);
  BOOST_TEST((read_file(rebuilt + "2") == bytes));

  write_file(picture(2), sample("sample.gif"));
  podstudio.must({"sync"});
  done = podstudio({"pack", "rebuild", pack, "--export", number, "--output", rebuilt + "3"});
  BOOST_TEST(done.code == 1, done);
  BOOST_TEST(done.err.find("assets/2.png") != std::string::npos, done);
  BOOST_TEST(!fs::exists(rebuilt + "3"));
}

/// A folder with three approved pictures, a copy of one, one that was rejected and one that nobody
/// decided about, and an approved picture elsewhere.
struct shop_library : pack_library {
  service running;
  std::string fresh = root + "/new";
  words ship{"ship", "Red foxes", fresh, "--license", "commercial", "--for", "etsy"};

  shop_library() : running(podstudio) {
    for (int i = 0; i < 5; ++i)
      make_file(fresh + "/" + std::to_string(i) + ".png",
                with_text(sample("sample.png"), std::string("n\0", 2) + std::to_string(i)));
    make_file(fresh + "/copy.png", read_file(fresh + "/0.png"));
    make_file(root + "/new two/other.png", sample("sample.png"));
    podstudio.must({"import", root, "--metadata"}, patience);
    podstudio.must({"asset", "approve", "--all-matching"});
    podstudio.must({"asset", "reject", id_of("3.png")});
    podstudio.must({"asset", "unapprove", id_of("4.png")});
    podstudio.must({"pack", "setup", "--author", "Ada Lovelace"});
  }
  std::string id_of(const std::string& name) const {
    return ask("SELECT id FROM asset WHERE path = '" + fresh + "/" + name + "'");
  }
  std::string packs_made() const { return ask("SELECT count(*) FROM pack"); }
};

BOOST_FIXTURE_TEST_CASE(ship_goes_from_a_folder_to_archives_and_texts, shop_library) {
  auto dry = ship;
  dry.push_back("--dry-run");
  auto plan = podstudio.json(dry);
  BOOST_TEST(plan["assets"] == 3);
  BOOST_TEST(
      (plan["left_out"]
       == json{{"rejected", 1}, {"undecided", 1}, {"missing", 0}, {"broken", 0}, {"copies", 1}}),
      plan);
  BOOST_TEST(packs_made() == "0");
  check_nothing_in(packs());

  ship.insert(ship.end(), {"--for", "gumroad", "--theme", "forest"});
  auto done = podstudio.json(ship);
  BOOST_TEST(done["assets"] == 3);
  BOOST_TEST(done["warnings"].size() == 1u, done["warnings"]);  // they look the same
  BOOST_REQUIRE(done["exports"].size() == 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& each = done["exports"][i];
    BOOST_TEST(each["profile"] == (i == 0 ? "etsy" : "gumroad"));
    BOOST_REQUIRE(each["archives"].size() == 1u);
    check_intact(each["archives"][0]["path"].get<std::string>());
    BOOST_TEST(each["listing"]["title"] == "Red foxes");
    auto listing = podstudio.json({"pack", "listing", std::to_string(done["pack"].get<int>()),
                                   "--for", each["profile"].get<std::string>()});
    BOOST_TEST(listing == each["listing"]);
  }
  BOOST_TEST(ask("SELECT group_concat(substr(path, -5)) FROM (SELECT path FROM pack_asset JOIN"
                 " asset ON id = asset_id ORDER BY position)")
             == "0.png,1.png,2.png");
}

BOOST_FIXTURE_TEST_CASE(ship_says_what_it_does_and_what_to_paste_where, shop_library) {
  auto done = podstudio(ship);
  BOOST_REQUIRE_MESSAGE(done.code == 0, done);
  for (const char* part :
       {"plan for 'Red foxes'", "add 3 of 6 assets", "1 rejected, 1 undecided, 1 copy",
        "export for Etsy: 1 archive of at most", "warning: 3 assets look almost the same",
        "for Etsy, upload:", "/packs/Red foxes.zip (", "TITLE\n\nRed foxes\n"})
    BOOST_TEST(done.out.find(part) != std::string::npos, "'" << part << "' is not in " << done);
}

BOOST_FIXTURE_TEST_CASE(ship_imports_what_is_new_and_takes_what_matches, shop_library) {
  make_file(fresh + "/later.png", with_text(sample("sample.png"), std::string("n\0", 2) + "later"));
  ship.push_back("--dry-run");
  BOOST_TEST(podstudio.json(ship)["left_out"]["undecided"] == 2);
  words matching{"ship",    "Foxes",          "--license", "personal", "--for",
                 "generic", "--all-matching", "--search",  "other",    "--dry-run"};
  BOOST_TEST(podstudio.json(matching)["assets"] == 1);
}

BOOST_FIXTURE_TEST_CASE(ship_changes_nothing_where_it_cannot_end_well, shop_library) {
  auto refused = [&](const words& arguments, int code, const words& named) {
    auto done = podstudio(arguments);
    BOOST_TEST(done.code == code, done);
    for (const auto& each : named)
      BOOST_TEST(done.err.find(each) != std::string::npos, "'" << each << "' is not in " << done);
    BOOST_TEST(packs_made() == "0");
  };
  auto with = [&](std::size_t at, const std::string& other) {
    auto changed = ship;
    changed[at] = other;
    return changed;
  };
  refused(with(2, fresh + "/0.png"), 2, {"0.png' is not a folder"});
  refused(with(6, "ebay"), 2, {"'ebay'", "pack profiles"});
  refused({"ship", "Foxes", "--license", "personal", "--for", "etsy"}, 2, {"--all-matching"});
  refused({"ship", "Foxes", fresh, "--license", "personal", "--for", "etsy", "--tag", "x"}, 2,
          {"only with --all-matching"});
  podstudio.must({"asset", "unapprove", "--all-matching"});
  refused(ship, 1, {"none of the 6 assets", "5 undecided", "asset approve"});
  podstudio.must({"pack", "setup", "--author", ""});
  refused(ship, 1, {"pack setup --author"});
}

BOOST_FIXTURE_TEST_CASE(ship_leaves_the_pack_to_repair_where_a_check_fails, shop_library) {
  ship[1] = std::string(200, 'x');  // Etsy takes no such title
  auto done = podstudio(ship);
  BOOST_TEST(done.code == 1, done);
  for (const char* part : {"takes 140; shorten it with", "pack 1 was created",
                           "podstudio pack export 1 --for etsy", "podstudio pack delete 1"})
    BOOST_TEST(done.err.find(part) != std::string::npos, "'" << part << "' is not in " << done);
  podstudio.must({"pack", "edit", "1", "--name", "Red foxes"});
  podstudio.must({"pack", "export", "1", "--for", "etsy"}, patience);
  check_intact(packs() + "/Red foxes.zip");
}
