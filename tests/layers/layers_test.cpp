// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE layers
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

/// Which folder of src may include which: the table of ARCHITECTURE.md, and the sources against it.

namespace {

namespace fs = std::filesystem;
using names = std::set<std::string>;

const fs::path root = PROJECT_ROOT;

struct layers {
  /// What each folder may include, itself among it.
  std::map<std::string, names> may_include;

  layers() {
    std::ifstream page(root / "ARCHITECTURE.md");
    const std::regex row(R"(\| `src/([a-z/]+)` \|.*\| ([^|]+) \|)");
    std::smatch found;
    for (std::string line; std::getline(page, line);)
      if (std::regex_match(line, found, row)) add(found[1], found[2]);
  }

private:
  /// A folder may also include what those it names may include.
  void add(const std::string& folder, const std::string& listed) {
    names allowed{folder};
    if (listed == "all of the above") {
      for (const auto& [above, all] : may_include)
        allowed.insert(above);
    } else if (listed != "nothing of ours") {
      std::istringstream words(listed);
      for (std::string name; std::getline(words >> std::ws, name, ',');) {
        BOOST_TEST(may_include.contains(name),
                   folder << " may include " << name << ", which does not stand above it");
        const auto& below = may_include[name];
        allowed.insert(below.begin(), below.end());
      }
    }
    may_include[folder] = allowed;
  }
};

/// The folder of the table that a path within src belongs to: the longest that encloses it.
std::string folder_of(const layers& table, fs::path path) {
  for (path = path.parent_path(); !path.empty(); path = path.parent_path())
    if (table.may_include.contains(path.string())) return path.string();
  return {};
}

template <class Visit>
void for_each_include(Visit visit) {
  const std::regex include(R"(\s*#\s*include\s*([<"])([^>"]+)[>"].*)");
  for (const auto& entry : fs::recursive_directory_iterator(root / "src")) {
    auto ending = entry.path().extension();
    if (ending != ".hpp" && ending != ".cpp") continue;
    auto path = fs::relative(entry.path(), root / "src");
    std::ifstream file(entry.path());
    std::smatch found;
    for (std::string line; std::getline(file, line);)
      if (std::regex_match(line, found, include))
        visit(path.begin()->string(), path.string(), found[1] == "\"", found[2].str());
  }
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_table_has_every_folder, layers) {
  for (const auto& entry : fs::directory_iterator(root / "src"))
    if (entry.is_directory())
      BOOST_TEST(may_include.contains(entry.path().filename().string()), entry.path());
}

BOOST_FIXTURE_TEST_CASE(a_folder_includes_what_the_table_allows, layers) {
  std::size_t count = 0;
  for_each_include([&](const std::string& folder, const std::string& path, bool ours,
                       const std::string& included) {
    if (!ours) return;
    ++count;
    // One without a folder is the including file's own.
    if (included.find('/') == std::string::npos) return;
    auto from = folder_of(*this, path), of = folder_of(*this, included);
    BOOST_TEST(from.starts_with(folder), path << " belongs to " << from);
    BOOST_TEST(may_include[from].contains(of), path << " includes " << included);
  });
  BOOST_TEST(count > 300u);
}

BOOST_AUTO_TEST_CASE(what_runs_in_a_worker_includes_the_platform_only) {
  const names of_the_engine{"digest", "kind"};
  for_each_include([&](const std::string& folder, const std::string& path, bool ours,
                       const std::string& included) {
    bool media = folder == "media" && !of_the_engine.contains(fs::path(path).stem().string());
    bool kind = path.starts_with("jobs/kinds/");
    if (!ours || (!media && !kind)) return;
    auto of = included.substr(0, included.find('/'));
    BOOST_TEST((of == "media" || of == "platform" || (kind && (of == "jobs" || of == "archive"))),
               path << " includes " << included);
    BOOST_TEST(!of_the_engine.contains(fs::path(included).stem().string()),
               path << " includes " << included);
  });
}

BOOST_AUTO_TEST_CASE(decoders_stay_out_of_headers) {
  for_each_include(
      [&](const std::string& folder, const std::string& path, bool, const std::string& included) {
        if (folder != "media" || !path.ends_with(".hpp")) return;
        for (const char* library : {"libavc", "libavf", "libavu", "libsw", "png.h", "jpeglib",
                                    "tiffio", "webp/", "lcms2", "zlib"})
          BOOST_TEST(!included.starts_with(library), path << " includes " << included);
      });
}

BOOST_AUTO_TEST_CASE(libraries_stay_where_they_belong) {
  // The beginning of a header's name, and the only folder that includes it.
  const std::pair<std::string, std::string> owned[] = {
      {"caf/", "actors"},   {"boost/", "console"}, {"sqlite3", "schema"}, {"cereal/", "events"},
      {"seccomp", "jobs"},  {"libav", "media"},    {"libsw", "media"},    {"png.h", "media"},
      {"jpeglib", "media"}, {"tiffio", "media"},   {"webp/", "media"},    {"lcms2", "media"}};
  for_each_include(
      [&](const std::string& folder, const std::string& path, bool, const std::string& included) {
        for (const auto& [header, only] : owned)
          if (included.starts_with(header))
            BOOST_TEST(folder == only, path << " includes " << included);
      });
}
