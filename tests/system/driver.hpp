// SPDX-License-Identifier: MIT
#pragma once

#include "system/disks.hpp"
#include "system/process.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <sys/types.h>
#include <vector>

namespace system_test {

/// What a driver has to do with.
struct driven {
  words roots;
  words outsides;                ///< folders beside them
  disk_bay* bay = nullptr;       ///< where some of them lie, if there is a disk
  std::function<void()> look{};  ///< has the engine look at what was done so far
};

/// Does to a few trees what people and programs do to theirs, at random. A few files it is careful
/// with: `kept` ones it only moves, and never copies, changes or removes; `edited` ones it changes
/// and never moves.
class driver {
public:
  driver(driven what, std::uint64_t seed);
  driver(const driver&) = delete;
  driver& operator=(const driver&) = delete;
  ~driver();

  /// One operation. Many fail, as such things do: then nothing is changed.
  void step();
  /// Brings the disk back, and takes away what is mounted twice if that is not too much.
  void restore();

  /// The tables are in step with the trees: as many files may go from here on that no scan ever
  /// finds more than half of them gone.
  void in_step();

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool once_in(std::uint64_t count) { return below(count) == 0; }
  std::uint64_t done() const { return done_; }
  std::uint64_t plugged() const { return plugged_; }

  /// The roots that are there.
  words present_roots() const;
  bool is_whole() const { return present_roots().size() == what_.roots.size(); }
  /// Where the kept and the edited files were made.
  const words& kept() const { return kept_; }
  const words& edited() const { return edited_; }

  /// What was done to such names since the tables were in step.
  std::string trace_of(const std::string& differences) const;
  /// Where the kept file of this number was since, a line each.
  std::string trail_of_kept(std::size_t number) const;

private:
  enum class care : std::uint8_t { none, kept, edited };
  /// Kept files by number, each with its path.
  using kept_files = std::vector<std::pair<std::size_t, std::string>>;

  void note(const std::string& what) { trace_.push_back(std::to_string(done_) + " " + what); }

  /// The tables have all that was done so far.
  void forget_what_was();

  // What is there.
  void refresh();
  bool is_on_disk(const std::string& path) const;
  words tops() const;
  static std::uint64_t media_at(const std::string& path);
  /// Of the media in a root, those that are not in a folder that is ignored.
  static std::uint64_t followed_at(const std::string& root);
  /// Whether all that is at a path may go from there.
  bool may_vacate(const std::string& path);
  /// Whether the roots in which these places lie may lose as many files as are at a path.
  bool may_lose(const std::string& what, const words& places);

  // Being careful.
  static care care_for(const std::string& path);
  static bool holds(const std::string& path, care what);
  static kept_files kept_under(const std::string& path);
  /// The path by which a file is known that is seen by way of a folder that is mounted twice.
  std::string plain_path(const std::string& path) const;
  /// The other path of what is mounted twice; the same one of anything else.
  std::string other_path(const std::string& path) const;
  bool touches_mounts(const std::string& path) const;
  /// Whether something new may be at the path, or below. Where another file has taken the path of
  /// one that was moved, the one that was moved is recognised by its inode; so not if it was
  /// copied, and not before it is somewhere where the engine looks.
  bool is_free(const std::string& path, const kept_files& moving = {}) const;
  /// Whether they may be copied, or go where nobody looks: all the paths they had are empty.
  bool may_leave(const kept_files& files) const;
  bool stay_followed(const kept_files& files, const std::string& from, const std::string& to) const;
  void moved(const kept_files& files, const std::string& from, const std::string& to, bool copied);

  // Choosing.
  const std::string& any(const words& of) { return of[below(of.size())]; }
  std::string any_file() { return files_.empty() ? any(folders_) + "/none.png" : any(files_); }
  std::string any_folder() { return any(folders_); }
  std::string any_stem();
  std::string any_name();
  std::string any_folder_name();
  std::string new_path() { return any_folder() + "/" + any_name(); }
  std::string bytes();

  // Doing.
  bool write(const std::string& path, int flags, const std::string& what, off_t at = -1);
  bool write_to(const std::string& path, int flags, const std::string& what, off_t at = -1);
  void create();
  void change();
  void save();
  bool rename(const std::string& from, const std::string& to);
  bool move_by_copying(const std::string& from, const std::string& to);
  bool copy_file(const std::string& from, const std::string& to, bool removes_first);
  bool copy_folder(const std::string& from, const std::string& to);
  void exchange(const std::string& one, const std::string& other);
  void rename_chain();
  void remove_tree();
  bool remove_file(const std::string& path);
  void replace_by_other_kind();
  void make_other_kind(const std::string& path);
  void make_folders();
  void copy();
  void link();
  void change_attributes();
  void flicker();
  void move_kept();
  void edit();
  void save_by_temporary(const std::string& path, const std::string& temporary,
                         const std::string& what);
  void save_by_old_file(const std::string& path, const std::string& old, const std::string& what);
  void save_by_both(const std::string& path, const std::string& temporary, const std::string& old,
                    const std::string& what);
  void change_disk();
  bool plug(disk_bay::disk what);
  void bind();
  bool unbind();
  void thin_out(const std::string& folder);
  void nudge(const std::string& folder);
  void pause();

  driven what_;
  std::mt19937_64 random_;
  std::uint64_t done_ = 0, plugged_ = 0;
  words files_, folders_;
  words kept_, edited_;
  std::vector<std::string> kept_now_;  ///< where they are, as of the last refresh
  std::size_t media_ = 0;
  std::map<std::string, std::uint64_t> may_go_;
  std::string bound_from_, bound_to_;  ///< a folder that is mounted twice
  std::map<std::size_t, words>
      trails_;  ///< where kept files were since they were last found in step
  std::map<std::string, std::size_t> left_;  ///< paths that must stay empty, and whose they were
  /// Inodes that got a new link since the tables were last in step.
  std::set<ino_t> new_links_;
  std::vector<std::string> trace_;
};

}  // namespace system_test
