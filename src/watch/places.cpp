// SPDX-License-Identifier: MIT
#include "watch/places.hpp"

#include "media/digest.hpp"
#include "platform/text.hpp"
#include "platform/volume.hpp"
#include "watch/look.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <optional>

namespace podstudio {

namespace {

/// Files above this are not read for a sample.
constexpr std::uint64_t sample_bytes_max = 4 << 20;
/// How many equal files are enough, where none differs.
constexpr std::size_t sample_hits_enough = 8;

enum class presence : std::uint8_t { there, rewritten, left, unseen };

bool is_rewritten(const file_facts& known, const file_facts& found) {
  return known.size_bytes != found.size_bytes || known.mtime_ns != found.mtime_ns;
}

/// Whether the file that is at an asset's path is another one.
bool is_other_file(const file_facts& known, const file_facts& found) {
  if (on_other_volume(known, found)) return true;
  if (known.inode != 0 && found.inode != 0) return known.inode != found.inode;
  return is_rewritten(known, found);
}

presence presence_of(const known_file& asset, const std::string* root, const root_folder& folder,
                     path_keyer& key_of) {
  if (auto found = facts_at(folder, asset.path)) {
    if (is_other_file(asset.facts, *found)) return presence::left;
    return is_rewritten(asset.facts, *found) ? presence::rewritten : presence::there;
  }
  if (!is_gone(folder, asset.path)) return presence::unseen;  // it cannot be looked at
  if (root == nullptr) return presence::left;
  struct stat status;
  auto folder_volume = gone_from(folder, asset.path, key_of).volume;
  bool on_root =
      folder.status_of(*root, status) && volume_of(*root, status.st_dev).id == folder_volume;
  return is_believed_gone(asset.facts, folder_volume, on_root) ? presence::left : presence::unseen;
}

}  // namespace

const root_folder& viewpoint(const std::string& path, const std::string* root,
                             last_root_folder& last) {
  return root != nullptr ? last.at(*root) : last.at(folder_of(path), last_link::follow);
}

asset_places look_at_places(const std::map<asset_id, known_file>& assets,
                            const std::vector<known_file>& files,
                            const std::vector<std::string>& roots) {
  asset_places places;
  places.probed_ns = now_us() * 1000;
  path_keyer key_of;
  last_root_folder last;
  for (const auto& [id, asset] : assets) {
    places.paths.emplace(id, asset.path);
    if (is_aside(asset.path)) continue;
    const auto* root = find_enclosing(asset.path, roots);
    auto found = presence_of(asset, root, viewpoint(asset.path, root, last), key_of);
    if (found == presence::rewritten) places.rewritten.insert(id);
    if (found == presence::left) places.left.insert(id);
    if (found == presence::unseen) places.unseen.insert(id);
  }
  for (const auto& file : files) {
    std::int64_t born_ns = 0;
    auto found =
        facts_at(viewpoint(file.path, find_enclosing(file.path, roots), last), file.path, &born_ns);
    if (!found || is_other_file(file.facts, *found))
      places.absent.insert(file.path);
    else if (born_ns != 0)
      places.born_ns.emplace(file.path, born_ns);
  }
  return places;
}

bool is_same_library(const root_folder& folder, const std::vector<sample_file>& sample,
                     absent_file absent) {
  if (sample.empty()) return true;
  file_digester digester;
  std::size_t same = 0, other = 0;
  for (const auto& file : sample) {
    auto found = facts_at(folder, file.path);
    if (!found && absent == absent_file::differs) ++other;
    if (!found) continue;
    bool equal = found->size_bytes == file.facts.size_bytes;
    if (equal && found->size_bytes <= sample_bytes_max) {
      auto content = digester.digest(folder, file.path);
      if (!content) continue;
      equal = content->sha256 == file.sha256;
    } else if (equal) {
      equal = found->mtime_ns == file.facts.mtime_ns;
    }
    ++(equal ? same : other);
    if (absent == absent_file::says_nothing && same >= sample_hits_enough && other == 0) break;
  }
  return same > 0 && same >= other;
}

}  // namespace podstudio
