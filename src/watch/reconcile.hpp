// SPDX-License-Identifier: MIT
#pragma once

#include "watch/look.hpp"

#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace podstudio {

/// The next known files at or below a folder that are not missing, in the order of their paths'
/// bytes: at most a page, from behind `after` on (empty: from the first), none at the end.
using known_files = std::function<result<std::vector<known_file>>(const std::string& folder,
                                                                  const std::string& after)>;

/// Compares a tree with the tables. Both are streamed in path order, so neither is ever held in
/// memory. An unchanged file costs one stat and nothing more.
///
/// What is gone is reported before what is new, so that the receiver can match the one with the
/// other. The first pass therefore only compares and keeps a bounded number of differences; if
/// there are more, two further passes report them. If the tables hold nothing of the tree, there is
/// one pass.
class reconciler {
public:
  using folder_hook = tree_walker::folder_hook;

  struct counts {
    std::uint64_t known = 0;  ///< files the tables have
    std::uint64_t gone = 0;   ///< of these
    std::uint64_t other = 0;  ///< files that are new or not as the tables have them
  };
  /// Asked after the first pass whether what is gone may be told.
  using guard = std::function<bool(const counts&)>;

  /// How many differences of each sort the first pass keeps; 200 bytes each.
  static constexpr std::size_t kept_max = 16'384;

  /// `folder` is, or lies in, the watch root `root`.
  reconciler(std::string folder, std::string root, folder_identity excluded, known_files known,
             folder_hook hook, guard may_tell_gone, std::size_t kept = kept_max);

  bool done() const noexcept { return stage_ == stage::done; }
  /// Files and known files compared so far.
  std::uint64_t compared() const noexcept { return compared_; }

  /// Goes on for a few thousand entries, or until `into` holds `size_max` findings. It may find
  /// nothing and not be done. Errors: of the tables.
  result<void> step(findings& into, std::size_t size_max);

private:
  enum class stage : std::uint8_t { looking, gone, others, done };

  result<void> compare(findings& into, std::size_t size_max);
  result<const known_file*> next_known();
  void walk_on(findings& into);
  void see_gone(const known_file& file, const root_folder& root, findings& into);
  void see_other(seen_file&& file, findings& into);
  bool is_blocked(const std::string& path) const;
  void start_pass(stage next);
  void end_pass();
  template <class T>
  static void tell(std::vector<T>& kept, std::vector<T>& into, std::size_t room);

  std::string folder_;
  std::string root_;
  folder_identity excluded_;
  known_files known_;
  folder_hook hook_;
  guard may_tell_gone_;
  std::size_t kept_;

  stage stage_ = stage::looking;
  std::optional<tree_walker> walker_;  ///< null where what was kept is told
  std::vector<known_file> page_;
  std::size_t at_ = 0;  ///< in the page
  std::future<result<std::vector<known_file>>> next_page_;
  bool known_ended_ = false;
  bool begun_ = false;
  bool first_pass_ = true;       ///< it tells problems; the others need not tell them again
  std::vector<seen_file> seen_;  ///< walked, and not yet compared
  std::size_t seen_at_ = 0;
  std::set<std::string> blocked_;  ///< folders that could not be read
  counts counts_;
  std::uint64_t compared_ = 0;
  std::vector<gone_file> kept_gone_;    ///< at most kept_, in the first pass
  std::vector<seen_file> kept_others_;  ///< likewise
  path_keyer key_of_;
};

}  // namespace podstudio
