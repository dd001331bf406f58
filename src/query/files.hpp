// SPDX-License-Identifier: MIT
#pragma once

#include "model/identity.hpp"
#include "watch/places.hpp"

#include <optional>
#include <string>
#include <vector>

/// The files that the tables hold.
namespace podstudio {

class database;

/// How many files one page holds.
inline constexpr std::size_t files_page = 2048;

/// The file at the path `folder` and those below it, as far as they are not missing and their paths
/// come after `after`: in the order of the paths' bytes, at most about a page.
result<std::vector<known_file>> files_under(database& tables, const std::string& folder,
                                            const std::string& after);

/// Whether a file or folder, or something below it, is a problem.
result<bool> has_problem(database& tables, const std::string& path);

/// The problems at a folder and below that are found by looking at folders, and also those by
/// reading files: their printable paths, at most 10,000.
result<std::vector<std::string>> problems_under(database& tables, const std::string& folder,
                                                bool also_of_files = false);

/// A sample of the files under a folder: the first and the last of their paths, evenly spread, at
/// most `count`. Empty files are left out.
result<std::vector<sample_file>> sample_under(database& tables, const std::string& folder,
                                              std::size_t count, bool also_missing = false);

/// The paths of all watch roots.
result<std::vector<std::string>> root_paths(database& tables);

/// An asset whose file is there, with what is known of it.
struct present_file {
  asset_id asset = 0;
  std::string path;
  std::optional<std::string> root;  ///< the watch root that it lies in
  digest sha256{};
  file_facts facts;
  media_facts media;
};
/// Those of the assets that are there.
result<std::vector<present_file>> present_files(database& tables, const std::vector<asset_id>& ids);

/// The assets that a job is about: its parameter `assets`, or the one of its row. Error
/// `not_found`.
result<std::vector<asset_id>> assets_of_job(database& tables, job_id job);

/// The paths of assets; an unknown id is left out.
result<asset_paths> paths_of(database& tables, const std::vector<asset_id>& ids);

}  // namespace podstudio
