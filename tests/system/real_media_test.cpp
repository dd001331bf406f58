// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE real_media
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/workspace.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <ctime>
#include <fcntl.h>
#include <regex>
#include <sys/stat.h>
#include <unistd.h>

using namespace system_test;
namespace fs = std::filesystem;

namespace {

constexpr auto kinds =
    std::to_array<const char*>({"png", "jpg", "gif", "bmp", "tiff", "webp", "wav", "mp3", "flac",
                                "ogg", "m4a", "aac", "mp4", "mov", "avi", "mkv", "webm", "flv"});
static_assert(kinds.size() == 18);

/// What stands before the extension, from the plain to the awkward.
constexpr auto stems = std::to_array<const char*>(
    {"plain", "with space", "it's", "\"quoted\"",
     "\xf0\x9f\x8e\xa8 emoji \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xac",
     " leading and trailing ", "semi;colon & $HOME `x` * ? [a] #%41",
     "\xc3\xa4\xc3\xb6\xc3\xbc.dots.in.it", "-rf", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"});

std::string upper(std::string text) {
  for (auto& c : text)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string mixed(std::string text) {
  for (std::size_t i = 0; i < text.size(); i += 2)
    text[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[i])));
  return text;
}

/// A tree with every kind at every depth, and files of other kinds.
struct media_tree {
  workspace space;
  std::map<std::string, std::string> media;  ///< bytes by path
  std::size_t others = 0;

  media_tree() {
    auto samples = space.path + "/samples";
    make_folder(samples);
    auto made = run({{"sh", MAKE_MEDIA, samples}});
    BOOST_REQUIRE_MESSAGE(made.code == 0, "cannot make the sample media: " << made);
    const std::array<std::string, 4> folders{
        space.root, space.root + "/one folder", space.root + "/one folder/two.png",
        space.root + "/one folder/two.png/'three' \xf0\x9f\x93\x81"};
    std::size_t number = 0;
    for (std::string kind : kinds) {
      auto sample = read_file(samples + "/sample." + kind);
      BOOST_REQUIRE_MESSAGE(sample.size() > 100, "the sample of " << kind << " has no contents");
      for (std::size_t depth = 0; depth < folders.size(); ++depth) {
        auto extension = depth == 0   ? kind
                         : depth == 1 ? upper(kind)
                         : depth == 2 ? mixed(kind)
                                      : kind;
        auto path = folders[depth] + "/" + stems[number++ % stems.size()] + "." + extension;
        // One is the sample itself; the others differ from it, so that no two digests may be
        // swapped.
        auto bytes = depth == 0 ? sample : sample + "copy " + std::to_string(number);
        media[path] = bytes;
        make_file(path, bytes);
      }
    }
    for (std::string name : {"notes.txt", "photo.jpegs", "scan.tifs", "no extension", "png", ".png",
                             "a.png.bak", "b.png~", "c.", "d.mp", "e.pngx", "two/f.heic"}) {
      make_file(folders[1] + "/" + name, "of another kind: " + name);
      ++others;
    }
    fs::create_symlink(media.begin()->first, folders[2] + "/link to a file.png");
    fs::create_symlink("nowhere", folders[2] + "/dangling.png");
    fs::create_symlink(samples, folders[2] + "/link to a folder");
    BOOST_REQUIRE_EQUAL(::mkfifo((folders[3] + "/x.png").c_str(), 0644), 0);
    others += 4;
    make_folder(folders[3] + "/empty.jpg");
  }
};

/// All that a file system says about a path; the times to the nanosecond.
std::string facts(const std::string& path) {
  struct stat s;
  if (::lstat(path.c_str(), &s) != 0) return "gone";
  auto time = [](const timespec& t) {
    return std::to_string(t.tv_sec) + "." + std::to_string(t.tv_nsec);
  };
  return "inode " + std::to_string(s.st_ino) + " mode " + std::to_string(s.st_mode) + " links "
         + std::to_string(s.st_nlink) + " size " + std::to_string(s.st_size) + " read "
         + time(s.st_atim) + " written " + time(s.st_mtim) + " changed " + time(s.st_ctim);
}

std::map<std::string, std::string> facts_of_all(const std::vector<std::string>& paths) {
  std::map<std::string, std::string> all;
  for (const auto& path : paths)
    all[path] = facts(path);
  return all;
}

/// All paths below but links, whose own time changes when they are followed; with the time they
/// were last read set so far back that any reading of them shows ("relatime" notes it when the last
/// time is older than the last change).
std::vector<std::string> unread_since_long(const std::string& root) {
  std::vector<std::string> paths{root};
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (!entry.is_symlink()) paths.push_back(entry.path());
  constexpr std::array<timespec, 2> read_then_written{{{1'000'000'000, 123}, {1'100'000'000, 456}}};
  for (const auto& path : paths)
    ::utimensat(AT_FDCWD, path.c_str(), read_then_written.data(), AT_SYMLINK_NOFOLLOW);
  return paths;
}

std::string utc_now() {
  auto now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", std::gmtime(&now));
  return text;
}

void check_counts(const nlohmann::json& counts,
                  const std::map<std::string, std::size_t>& expected) {
  for (std::string key :
       {"scanned", "registered", "changed", "moved", "unchanged", "skipped", "failed"}) {
    BOOST_REQUIRE_MESSAGE(counts.contains(key), "the counts lack " << key << ": " << counts);
    auto wanted = expected.contains(key) ? expected.at(key) : 0;
    BOOST_CHECK_MESSAGE(counts[key] == wanted, key << ": expected " << wanted << " in " << counts);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_import_catalogues_every_kind_of_media_as_the_files_truly_are) {
  media_tree tree;
  library podstudio(tree.space.data);
  auto paths = unread_since_long(tree.space.root);
  auto before = facts_of_all(paths);
  auto begun = utc_now();
  auto counts = podstudio.json({"import", tree.space.root});
  auto ended = utc_now() + ".999999";

  // First of all, as what follows reads them.
  auto after = facts_of_all(paths);
  BOOST_CHECK_MESSAGE(before == after, "originals were touched:" << difference(before, after));

  check_counts(counts, {{"scanned", tree.media.size() + tree.others},
                        {"registered", tree.media.size()},
                        {"skipped", tree.others}});

  auto truth = digests_of_media(tree.space.root);
  BOOST_REQUIRE_EQUAL(truth.size(), tree.media.size());
  auto found = catalogued(podstudio.database());
  BOOST_CHECK_MESSAGE(truth == found, difference(truth, found));

  const std::regex timestamp(R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6})");
  for (const auto& asset :
       query(podstudio.database(),
             "SELECT path, type, width, height, duration_sec, samplerate_hz, theme, source,"
             " provenance, approved, created_at, updated_at, typeof(approved) FROM asset")) {
    const auto& path = asset[0];
    BOOST_CHECK_MESSAGE(asset[1] == seed_type(path), path << " is of type " << asset[1]);
    for (std::size_t empty : {2u, 3u, 4u, 5u, 6u, 7u})
      BOOST_CHECK_MESSAGE(asset[empty] == "NULL",
                          path << ": column " << empty << " is " << asset[empty]);
    BOOST_CHECK_MESSAGE(asset[8] == "unknown", path << ": provenance is " << asset[8]);
    BOOST_CHECK_MESSAGE(asset[9] == "0" && asset[12] == "integer",
                        path << ": approved is " << asset[9]);
    for (std::size_t time : {10u, 11u}) {
      BOOST_CHECK_MESSAGE(std::regex_match(asset[time], timestamp),
                          path << ": a time is " << asset[time]);
      BOOST_CHECK_MESSAGE(begun <= asset[time] && asset[time] <= ended,
                          path << ": " << asset[time] << " is not between " << begun << " and "
                               << ended);
    }
  }
  for (const auto& [path, bytes] : tree.media)
    BOOST_CHECK_MESSAGE(read_file(path) == bytes, path << " has other bytes than before");
}

BOOST_AUTO_TEST_CASE(a_second_import_finds_all_unchanged_and_logs_nothing) {
  media_tree tree;
  library podstudio(tree.space.data);
  podstudio.must({"import", tree.space.root});
  auto rows = seed_rows(podstudio.database());
  auto head = podstudio.json({"status"})["log"]["head_sequence"];
  check_counts(podstudio.json({"import", tree.space.root}),
               {{"scanned", tree.media.size() + tree.others},
                {"unchanged", tree.media.size()},
                {"skipped", tree.others}});
  auto again = seed_rows(podstudio.database());
  BOOST_CHECK_MESSAGE(rows == again, difference(rows, again));
  auto head_again = podstudio.json({"status"})["log"]["head_sequence"];
  BOOST_CHECK_MESSAGE(head == head_again, "the log went from " << head << " to " << head_again);
}

BOOST_AUTO_TEST_CASE(single_files_are_imported_by_name_and_a_changed_one_keeps_its_id) {
  media_tree tree;
  library podstudio(tree.space.data);
  words import{"import", "--"};
  for (const auto& [path, bytes] : tree.media)
    import.push_back(path);
  check_counts(podstudio.json(import),
               {{"scanned", tree.media.size()}, {"registered", tree.media.size()}});
  auto path = tree.media.begin()->first;
  auto id_of = [&] {
    for (const auto& asset : query(podstudio.database(), "SELECT path, id FROM asset"))
      if (asset[0] == path) return asset[1];
    return std::string("none");
  };
  auto id = id_of();
  write_file(path, tree.media.begin()->second + " and more");
  check_counts(
      podstudio.json(import),
      {{"scanned", tree.media.size()}, {"changed", 1}, {"unchanged", tree.media.size() - 1}});
  BOOST_CHECK_EQUAL(id_of(), id);
  auto truth = digests_of_media(tree.space.root);
  auto found = catalogued(podstudio.database());
  BOOST_CHECK_MESSAGE(truth == found, difference(truth, found));
}
