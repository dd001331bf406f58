#pragma once

#include "model/catalog_model.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// Looking at folders and files: what is there, without reading any of it.
namespace podstudio {

/// A file of a kind the library holds, as a look found it.
struct seen_file {
  std::string path;  ///< absolute, valid UTF-8
  path_key key{};    ///< of the path
  asset_type type = asset_type::image;
  file_facts facts;
  /// Somebody wrote to it: read it even if its facts are those it was taken with, as two writes
  /// within one tick of the file system's clock leave the same facts.
  bool written = false;
};

/// What looks found.
struct findings {
  std::vector<seen_file> files;
  std::vector<failed_file> failures;
  std::uint64_t skipped = 0;  ///< files of other kinds, links, devices
};

/// A folder by identity.
struct folder_identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const folder_identity&) const = default;
};

/// What one look at a path found.
enum class look_outcome : std::uint8_t {
  gone,    ///< nothing is there
  folder,  ///< a folder: walk it
  found,   ///< in `findings`: a file, a failure, or something to skip
};

/// Looks at one path, not following a link at its end.
look_outcome look(const std::string& path, findings& into, path_keyer& key_of);

/// Walks trees in small steps: depth first, names in order within a few thousand. Does not follow
/// links; one that leads back to a folder it lies in is a failure of kind link_loop. Memory is
/// bounded by one chunk of names and the folders still to be read.
class tree_walker {
public:
  /// Called with each folder before its names are read, so that a watch set there misses nothing.
  using folder_hook = std::function<void(const std::string& path)>;

  /// Leaves out the folder `excluded`: the engine's own.
  explicit tree_walker(folder_identity excluded, folder_hook hook = {});
  ~tree_walker();

  /// Adds a folder to walk.
  void add(std::string folder);

  bool done() const noexcept { return !reading_ && folders_.empty(); }

  /// Goes on until `into` holds `max_files` files or failures, or the walk is done, or a few
  /// thousand entries were looked at.
  void step(findings& into, std::size_t max_files);

private:
  struct reading;
  void open_next(findings& into);
  bool read_chunk();
  void visit(const std::string& name, unsigned char kind, findings& into);
  void visit_link(const std::string& path, findings& into);

  folder_identity excluded_;
  folder_hook hook_;
  path_keyer key_of_;
  std::vector<std::string> folders_;  // still to be read; the last is next
  std::unique_ptr<reading> reading_;
};

/// A folder that may become a watch root or be imported: absolute, without links, readable.
struct folder_candidate {
  std::string path;
  folder_identity identity;
};

/// Errors: `not_found`, `not_permitted`, `invalid_argument` (no folder, or a name that is no
/// UTF-8); `refused` for the engine's own folder and what lies in it.
result<folder_candidate> inspect_folder(const std::string& path, const std::string& data_folder);

}  // namespace podstudio
