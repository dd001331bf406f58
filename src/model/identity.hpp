#pragma once

#include "model/catalog_model.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

/// Which file is which asset. An asset follows its content: where the bytes of a file are those of
/// an asset whose own path has lost them, the asset moves there, with all that people said of it.
/// Where the bytes are new, the path decides: the asset there has changed. That is taken back if
/// the file it was turns up elsewhere.
namespace podstudio {

/// A file that was read.
struct digested_file {
  std::string path;  ///< absolute, valid UTF-8
  path_key key{};    ///< of the path
  asset_type type = asset_type::image;
  file_content content;
  std::uint64_t links = 1;  ///< how many names its inode has
};

/// A path at which there is no file any more.
struct gone_file {
  std::string path;
  path_key key{};
  std::uint64_t device = 0;  ///< of the nearest folder above it that is there
};

/// A file as the tables have it.
struct known_file {
  std::string path;
  file_facts facts;
};

/// Assets that were seen to be gone from their path, while it is not decided yet whether they are
/// elsewhere or missing.
class vanishing_assets {
public:
  void add(asset_id id, const digest& sha256);
  void remove(asset_id id);
  bool contains(asset_id id) const { return digests_.contains(id); }
  template <class IsIt>
  asset_id find(const digest& sha256, IsIt is_it) const;

private:
  std::unordered_map<asset_id, std::uint64_t> digests_;
  std::set<std::pair<std::uint64_t, asset_id>> by_digest_;
};

/// What is decided about files that were read.
struct taken_files {
  std::vector<event> events;
  /// Files that are assets whose present path is not known, or not the one given, and other names
  /// of files that changed, of which nobody else may tell: look again.
  std::vector<std::string> again;
  /// Files that were seen elsewhere since they were looked at: look again.
  std::vector<std::string> outdated;
  std::vector<asset_id> moved;  ///< assets that these files are, under a new path
  std::uint64_t unchanged = 0;  ///< files that gave no event: they are as the model has them
};

using asset_paths = std::unordered_map<asset_id, std::string>;

/// The assets that some of the files are, under other paths than the model has, or were, or share
/// an inode with under other facts; `decide_put_back` and `decide` need to know the paths of these.
std::vector<asset_id> find_others(const catalog_model& model,
                                  const std::vector<digested_file>& files,
                                  const vanishing_assets& vanishing);

/// Where files are what assets were before other files took their paths: those assets become what
/// they were, and missing, for `decide` to find them in the next model. The other files get assets
/// of their own. Brings `paths` up to date.
std::vector<event> decide_put_back(const catalog_model& model,
                                   const std::vector<digested_file>& files, asset_paths& paths);

/// Files that were read, each path once, and files that could not be. `paths` holds the paths of
/// what `find_others` told of; the model checks them.
taken_files decide(const catalog_model& model, const std::vector<digested_file>& files,
                   const std::vector<failed_file>& failures, const vanishing_assets& vanishing = {},
                   const asset_paths& paths = {});

/// Files that are gone and were not found elsewhere. One that was on another device than its folder
/// is now is not doubted: its disk is not there.
std::vector<event> decide_gone(const catalog_model& model, const std::vector<gone_file>& gone);

/// Problems that are none any more, by their printable paths.
std::vector<event> decide_resolved(const catalog_model& model,
                                   const std::vector<std::string>& paths);

/// The path of an asset whose file is gone and whose name another file has: one no file can have,
/// as asset paths are unique.
std::string path_aside(const std::string& path, asset_id id);
bool is_aside(std::string_view path);

}  // namespace podstudio
