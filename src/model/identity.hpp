// SPDX-License-Identifier: MIT
#pragma once

#include "model/catalog_model.hpp"
#include "model/recent_assets.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

/// Decides which file is which asset. An asset follows its content: if a file has the bytes of an
/// asset whose own path has lost them, the asset moves there, with everything that people said
/// about it. If the bytes have meanwhile become another asset, about which nobody has said
/// anything, that one makes way. If the bytes are new, the path decides: the asset there has
/// changed. That is reverted if the file that it was turns up elsewhere. Bytes also count as new if
/// they are those of a file that was created or written shortly before it was renamed to the path,
/// and no asset with decisions has them: programs save to a temporary file first.
namespace podstudio {

/// How long before it is renamed to its final path a file may have been created or written to count
/// as new: programs that save through a temporary file take seconds.
inline constexpr std::chrono::seconds save_time_max{60};

/// A file that was read.
struct digested_file {
  std::string path;  ///< absolute, valid UTF-8
  path_key key{};    ///< of the path
  asset_type type = asset_type::image;
  file_content content;
  std::uint64_t links = 1;  ///< how many names its inode has
  /// The asset that it is where the path allows it, as its watch root was moved by a person; 0:
  /// nothing is said.
  asset_id was = 0;
};

/// A path where there is no longer a file.
struct gone_file {
  std::string path;
  path_key key{};
  std::uint64_t volume = 0;  ///< of the nearest folder above it that is there
  bool on_root = false;      ///< that is the volume of its watch root
};

/// A file as the tables have it.
struct known_file {
  std::string path;
  file_facts facts;
};

using asset_paths = std::unordered_map<asset_id, std::string>;

/// What probing the places of assets and files found.
struct asset_places {
  asset_paths paths;                       ///< as the tables have them; the model checks them
  std::unordered_set<asset_id> left;       ///< whose file is no longer at that path
  std::unordered_set<std::string> absent;  ///< paths where the files that were read are no more
  std::unordered_set<asset_id> unseen{};   ///< that did not leave, but whose disk is away
  /// Birth times of the files that were read, by path; only where the file system records them.
  std::unordered_map<std::string, std::int64_t> born_ns{};
  std::unordered_set<asset_id> rewritten{};  ///< still there, with another size or mtime
  std::int64_t probed_ns = 0;                ///< when, since the Unix epoch
};

/// What was decided about files that were read.
struct taken_files {
  std::vector<event> events;
  /// Look again: at files that are assets whose present path is not known, or not the one given; at
  /// other names of files that changed, of which nobody else may tell; at paths that assets were
  /// moved from, as a look can be older than what it is decided after, and then they are there; and
  /// at copies that may make way for an asset which lost its path to another file.
  std::vector<std::string> again;
  std::vector<std::pair<asset_id, std::string>> moved;  ///< assets with their new paths
  std::uint64_t unchanged = 0;  ///< files that gave no event: they are as the model has them
};

/// The asset that a file is, as somebody says that it was at another path: the one which is there
/// in the model, if size and time are the same. A file that is known as the asset `here`, as it was
/// scanned before, is that one if the content is the same and people decided on it, or it was
/// there first. 0 otherwise.
asset_id find_moved(const catalog_model& model, const path_key& key_before, const file_facts& facts,
                    asset_id here = 0);

/// The assets that some of the files may be, under other paths than the model has, or were, or
/// share an inode with under other facts; `decide_put_back` and `decide` need to know where these
/// are.
std::vector<asset_id> find_others(const catalog_model& model,
                                  const std::vector<digested_file>& files,
                                  const vanishing_assets& vanishing);

/// Where files are what assets were before other files took their paths: those assets become what
/// they were, and missing, for `decide` to find them in the next model. The other files get assets
/// of their own, and are looked at again, as they may be copies too. Brings `places` up to date.
taken_files decide_put_back(const catalog_model& model, const std::vector<digested_file>& files,
                            asset_places& places);

/// Files that were read, each path once, and files that could not be. `places` tells of what
/// `find_others` named.
taken_files decide(const catalog_model& model, const std::vector<digested_file>& files,
                   const std::vector<failed_file>& failures, const vanishing_assets& vanishing = {},
                   const asset_places& places = {}, const recent_losses& recent = {});

/// Whether a file that is gone from its path is really gone. One that was on another volume than
/// its folder is now is not: its disk is not there.
bool is_believed_gone(const file_facts& known, std::uint64_t folder_volume, bool on_root);

/// Whether the asset has the content of one that bears decisions, and bears none itself: it makes
/// way if the other one has lost its file.
bool may_make_way(const catalog_model& model, asset_id id);

/// The assets that hold the content of what is gone, and of which nobody has said anything; and for
/// each file that had other names (hard links), a few that remain. Those that were rewritten
/// (`asset_places`) must be looked at: a change made through a lost name was reported under that
/// name only.
std::vector<asset_id> find_successors(const catalog_model& model,
                                      const std::vector<gone_file>& gone);

/// How many heirs are found.
inline constexpr std::size_t heirs_max = 65'536;
/// The assets of which nobody has said anything, and which have the content of one that is missing
/// and of which somebody did: they are to make way for it, if their file is there. While the engine
/// runs, each is looked at as soon as it comes to be one; a start has to find those again that an
/// end came in between.
std::vector<asset_id> find_heirs(const catalog_model& model);

/// Files that are gone and were not found elsewhere. Their assets are missing, unless a successor
/// makes way (`places` tells of what `find_successors` named), or are forgotten if they were empty
/// and nobody said anything of them.
std::vector<event> decide_gone(const catalog_model& model, const std::vector<gone_file>& gone,
                               const asset_places& places = {});

/// Problems that are none any more, by their printable paths.
std::vector<event> decide_resolved(const catalog_model& model,
                                   const std::vector<std::string>& paths);

/// The path of an asset whose file is gone and whose name another file has: one no file can have,
/// as asset paths are unique.
std::string path_aside(const std::string& path, asset_id id);
bool is_aside(std::string_view path);

}  // namespace podstudio
