// SPDX-License-Identifier: MIT
#include "system/trees.hpp"

#include "system/tables.hpp"

#include <algorithm>
#include <dirent.h>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <sys/stat.h>

namespace system_test {

namespace {

/// The names that these tests make use of, not all that there are.
bool is_left_out(const std::string& name) {
  static const std::set<std::string> whole{"@eaDir", "__MACOSX", "lost+found", "Thumbs.db"};
  if (name.starts_with('.') || name.starts_with("~$") || whole.contains(name)) return true;
  for (auto ending : {".part", ".crdownload", ".tmp", ".swp", "~"})
    if (name.ends_with(ending)) return true;
  return false;
}

/// The tests make bad names by these bytes only, which stand in no UTF-8.
bool is_bad(unsigned char byte) { return byte >= 0xfe; }

bool is_bad(const std::string& name) {
  return std::ranges::any_of(name, [](char c) { return is_bad(static_cast<unsigned char>(c)); });
}

std::string printed(const std::string& path) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (char each : path) {
    auto c = static_cast<unsigned char>(each);
    if (is_bad(c) || c < 0x20 || c == 0x7f)
      text += {'\\', 'x', digits[c >> 4], digits[c & 15]};
    else
      text += each == '\\' ? "\\\\" : std::string(1, each);
  }
  return text;
}

void walk(const std::string& folder, words& files, tree& into) {
  auto close = [](DIR* opened) { ::closedir(opened); };
  std::unique_ptr<DIR, decltype(close)> stream(::opendir(folder.c_str()));
  if (!stream) throw std::runtime_error("cannot read " + folder);
  while (auto* entry = ::readdir(stream.get())) {
    std::string name = entry->d_name;
    if (name == "." || name == ".." || is_left_out(name)) continue;
    auto path = folder + "/" + name;
    struct stat status;
    if (::lstat(path.c_str(), &status) != 0) throw std::runtime_error("cannot look at " + path);
    bool is_media = S_ISREG(status.st_mode) && !seed_type(name).empty();
    if (!is_media && !S_ISDIR(status.st_mode)) continue;
    if (is_bad(name))
      into.bad_names.insert(printed(path));
    else if (is_media)
      files.push_back(path);
    else
      walk(path, files, into);
  }
}

}  // namespace

tree walk_trees(const words& roots) {
  tree all;
  words files;
  for (const auto& root : roots)
    walk(root, files, all);
  all.digests = digests_of(files);
  return all;
}

bool is_followed(const std::string& path, const std::string& root) {
  if (!path.starts_with(root + "/")) return false;
  std::istringstream names(path.substr(root.size() + 1));
  for (std::string name; std::getline(names, name, '/');)
    if (is_left_out(name) || is_bad(name)) return false;
  return !seed_type(path.substr(path.rfind('/') + 1)).empty();
}

std::map<std::string, std::string> present(const std::string& database) {
  std::map<std::string, std::string> hashes;
  for (const auto& asset : query(database, "SELECT path, hash FROM asset JOIN asset_file"
                                           " ON asset_id = id WHERE missing_since IS NULL"))
    if (!hashes.emplace(asset[0], asset[1]).second)
      throw std::runtime_error("two rows for " + asset[0]);
  return hashes;
}

std::size_t lines_with(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    count += line.find(part) != std::string::npos ? 1 : 0;
  return count;
}

std::set<std::string> problems_of(const std::string& database, const std::string& kind) {
  std::set<std::string> paths;
  for (const auto& problem :
       query(database, "SELECT path FROM problem WHERE kind = '" + kind + "'"))
    paths.insert(problem[0]);
  return paths;
}

}  // namespace system_test
