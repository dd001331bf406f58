// SPDX-License-Identifier: MIT
#pragma once

#include "media/kind.hpp"
#include "model/identity.hpp"
#include "platform/root_folder.hpp"
#include "watch/ignore.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Probes and walks folders and files: what is there, without reading any of it.
namespace podstudio {

/// A file of a kind the library holds, as a probe found it.
struct seen_file {
  std::string path;  ///< absolute, valid UTF-8
  /// How many bytes of the path are those of the folder that a person named: below it no link is
  /// followed, neither to look at the file nor to read it.
  std::uint32_t root_bytes = 1;
  path_key key{};  ///< of the path; a walk leaves it to whoever keeps the file
  asset_type type = asset_type::image;
  file_facts facts;
  std::uint64_t links = 1;  ///< how many names its inode has
  /// Somebody wrote to it: read it even if its facts are those it was taken with, as two writes
  /// within one tick of the file system's clock leave the same facts.
  bool written = false;
  /// Of the path that it had before a person moved its watch root; all 0: it had none.
  path_key key_before{};

  std::string_view root() const { return std::string_view(path).substr(0, root_bytes); }
};

/// What probes found.
struct findings {
  std::vector<seen_file> files;
  std::vector<gone_file> gone;
  std::vector<failed_file> failures;
  std::vector<std::string>
      blocked;                   ///< folders that could not be read: what is in them is not known
  std::uint64_t skipped = 0;     ///< files of other kinds, links, devices
  not_taken_counts not_taken{};  ///< of these, media of kinds that are not taken

  std::size_t size() const noexcept { return files.size() + gone.size() + failures.size(); }
};

/// A folder's identity.
struct folder_identity {
  std::uint64_t device = 0;  ///< number, or where it has to last, id of the volume
  std::uint64_t inode = 0;
  bool operator==(const folder_identity&) const = default;
};

/// What one probe of a path found.
enum class look_outcome : std::uint8_t {
  gone,    ///< nothing is there
  folder,  ///< a folder: walk it
  found,   ///< in `findings`: a file, a failure, or something to skip
};

/// Looks at one path, which is the root's or lies in it. What a link below the root leads to is not
/// there.
look_outcome look(const root_folder& root, const std::string& path, findings& into,
                  path_keyer& key_of);

/// Whether there is no regular file at a path in the root, as far as the system can tell.
bool is_gone(const root_folder& root, const std::string& path);

/// The facts of the regular file at a path in the root; nothing where there is none, or the system
/// does not tell. `born_ns` as of `root_folder::status_of`.
std::optional<file_facts> facts_at(const root_folder& root, const std::string& path,
                                   std::int64_t* born_ns = nullptr);

/// A path in the root that `is_gone`.
gone_file gone_from(const root_folder& root, std::string path, path_keyer& key_of);

/// Walks a tree in small steps, in the order of the paths' bytes. Does not follow links; one that
/// leads back to a folder it lies in is a failure of kind link_loop. Leaves out what ignore files
/// and the defaults say (ignore.hpp). Memory is bounded by the names in the folders from the top to
/// the current one.
///
/// It works by descriptors: each folder is opened by its name in its open parent, and its entries
/// are probed from there. So nothing that it finds lies behind a link, whatever is replaced by
/// links meanwhile. The root and the last `open_folders_max` folders down to the current one are
/// open; when the walk comes back to another one, that is reopened from the root down.
class tree_walker {
public:
  /// Called with each folder before its names are read, so that a watch set there misses nothing.
  /// The descriptor is the folder's: its path may be another's by then.
  using folder_hook = std::function<void(const std::string& path, int folder)>;

  /// Enough for most trees to be walked without opening a folder twice, and little beside what a
  /// watcher has open anyway.
  static constexpr std::size_t open_folders_max = 4;

  /// Leaves out the folder `excluded`: the engine's own.
  explicit tree_walker(folder_identity excluded, folder_hook hook = {});
  ~tree_walker();

  /// Adds a folder to walk, after those that were added before. It is, or lies in, `root`, down
  /// from which ignore files count and no link is followed.
  void add(std::string folder, std::string root);

  bool done() const noexcept { return open_.empty() && added_.empty(); }

  /// Goes on until `into` holds `size_max` findings more, or the walk is done, or a few thousand
  /// entries were looked at.
  void step(findings& into, std::size_t size_max);

private:
  struct reading;
  void begin(const std::string& folder, const std::string& root, findings& into);
  void enter(std::string path, unique_fd opened, const ignore_scope* above, std::string_view name,
             findings& into);
  void visit(reading& folder, findings& into);
  static void visit_link(const reading& folder, const char* name, const std::string& path,
                         findings& into);

  folder_identity excluded_;
  folder_hook hook_;
  std::deque<std::pair<std::string, std::string>>
      added_;                                   ///< folders not yet begun, and their roots
  std::optional<root_folder> root_;             ///< of the walk that is under way
  std::vector<std::unique_ptr<reading>> open_;  ///< from the top down to where it is
};

/// A folder that may become a watch root or be imported: absolute, without links, readable.
struct folder_candidate {
  std::string path;
  folder_identity identity;  ///< with the id of the volume
};

/// Whether the names in a folder may be read, and what bears them. Errors: of the system.
result<void> check_readable(const std::string& folder);

/// Errors: `not_found`, `not_permitted`, `invalid_argument` (no folder, or a name that is no
/// UTF-8); `refused` for the engine's own folder and what lies in it.
result<folder_candidate> inspect_folder(const std::string& path, const std::string& data_folder);

}  // namespace podstudio
