// SPDX-License-Identifier: MIT
#pragma once

#include "model/identity.hpp"
#include "platform/root_folder.hpp"

#include <map>
#include <string>
#include <vector>

namespace podstudio {

/// Probes the paths of assets, which the catalog knows with these facts, and of files, which were
/// read under these. An asset has left its path if another file is there, or if none is and its
/// volume is mounted. Where no watch root covers the path, the volume does not matter: for an
/// import, absence is the only evidence.
asset_places look_at_places(const std::map<asset_id, known_file>& assets,
                            const std::vector<known_file>& files,
                            const std::vector<std::string>& roots);

/// A file of a library, with the digest that it was ingested with.
struct sample_file {
  std::string path;
  file_facts facts;
  digest sha256{};
};

/// Whether the library from which the sample was drawn is in the folder; the sample's paths lie in
/// that folder. It is if at least half of the files that are still there are unchanged, and at
/// least one is. Reads small files; compares large ones by size and time. Where absent files
/// differ, looks at all of the sample. Looks only into the folder that is open, whatever is mounted
/// on it or replaces it meanwhile.
enum class absent_file : bool { says_nothing, differs };
bool is_same_library(const root_folder& folder, const std::vector<sample_file>& sample,
                     absent_file absent = absent_file::says_nothing);
/// How many files of a library make a sample.
inline constexpr std::size_t library_sample_files = 32;

/// The folder from which a file is looked at: its watch root, below which no link is followed. Of a
/// path that nobody watches (`root` null) it is not known which part of it was named: links on the
/// way to the file may have been put there to keep the path. Valid until `last` is asked again.
const root_folder& viewpoint(const std::string& path, const std::string* root,
                             last_root_folder& last);

}  // namespace podstudio
