// SPDX-License-Identifier: MIT
#pragma once

#include "system/process.hpp"

#include <map>
#include <set>
#include <string>

/// What the tables must hold of a tree, worked out without the engine's own code.
namespace system_test {

/// A tree as the documentation says that the engine sees it.
struct tree {
  std::map<std::string, std::string>
      digests;                      ///< SHA-256 of every file that is to be a row, by path
  std::set<std::string> bad_names;  ///< what has a name that is no UTF-8, as printed
};

/// Walks the roots: no links are followed, and what the defaults leave out is left out. Nobody may
/// change the tree meanwhile.
tree walk_trees(const words& roots);

/// Whether a file at this path below a root is to be a row, as far as the names tell.
bool is_followed(const std::string& path, const std::string& root);

/// `asset.hash` by `asset.path` of the rows that are not missing.
std::map<std::string, std::string> present(const std::string& database);

/// The lines of `text` that hold `part`.
std::size_t lines_with(const std::string& text, const std::string& part);

/// The paths of `problem list` of this kind.
std::set<std::string> problems_of(const std::string& database, const std::string& kind);

}  // namespace system_test
