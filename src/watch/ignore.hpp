// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Which files and folders the library ignores.
namespace podstudio {

/// Lies in any watched folder and holds for it and all below. Its syntax and meaning are those of
/// gitignore(5).
inline constexpr std::string_view ignore_file_name = ".podstudioignore";

/// A larger file, or one with more patterns, is refused as a whole.
inline constexpr std::size_t ignore_file_bytes_max = std::size_t{1} << 20;
inline constexpr std::size_t ignore_patterns_max = 10'000;

/// What rules say about an entry.
enum class ignore_verdict : std::uint8_t {
  none,     ///< no pattern matches; the rules of the folder above decide
  ignored,  ///< leave it out
  kept,     ///< a `!` pattern takes it back in
};

/// The rules of one ignore file. Immutable, cheap to copy and to share among threads.
///
/// A pattern costs at most 4 * (its bytes + 1) * (the path's bytes + 1) comparisons: among the `*`
/// of a name, and among the `**` of a path, only the last one met is retried.
///
/// In one respect this follows the text of gitignore(5) rather than git before 2.52: `a/b**` is
/// `a/b*`, as two stars that are not a whole name count as one.
class ignore_rules {
public:
  /// No rules.
  ignore_rules() = default;

  /// Errors: `invalid_argument` for a text beyond the bounds, with a message that is a predicate
  /// ("has more than ..."). Patterns that can match nothing are no error, as with git.
  static result<ignore_rules> parse(std::string_view text);

  bool empty() const noexcept { return !list_; }

  /// What the last pattern that matches says of the entry `name` of `folder`, which is relative to
  /// the folder of the rules: empty for that one itself, else `a/b`. Where `steps` is given, adds
  /// the comparisons made.
  ignore_verdict verdict(std::string_view folder, std::string_view name, bool is_folder,
                         std::uint64_t* steps = nullptr) const;

private:
  struct pattern;
  struct pattern_list;
  std::shared_ptr<const pattern_list> list_;  // never points to an empty one
};

/// What is left out in every folder unless an ignore file takes it back in with `!`: hidden files,
/// unfinished downloads, and what systems and editors put beside files.
const ignore_rules& default_ignore_rules();

/// The rules that apply in one folder under a root: its own and those of all folders above it, the
/// deepest first, and the defaults last. A walk keeps one such value with each folder it has yet to
/// read; memory is shared with the folders above.
class ignore_scope {
public:
  /// The root's. `own`: the rules of its ignore file.
  explicit ignore_scope(ignore_rules own, ignore_rules defaults = default_ignore_rules());

  /// The scope of the folder `name` in this one, which is not ignored: what lies in an ignored
  /// folder cannot be taken back in, so nobody asks for it.
  ignore_scope enter(std::string_view name, ignore_rules own) const;

  /// Whether an entry of this folder is left out.
  bool ignored(std::string_view name, bool is_folder) const;

private:
  /// The rules of a folder that has some, and the next such folder above.
  struct level {
    ignore_rules rules;
    std::size_t folder_bytes;  // of the folder's path from the root and its slash; 0 for the root
    std::shared_ptr<const level> above;
  };

  ignore_scope() = default;
  void put_on_top(ignore_rules rules);

  std::string folder_;  // from the root: empty for it, else `a/b/`
  std::shared_ptr<const level> top_;
};

/// The rules of the ignore file in an open folder, whose path is for messages; none where there is
/// no such file. Reads regular files only and follows no link at the file's name. Errors: as
/// `read_small_file` and `ignore_rules::parse`, naming the file. The caller lists it as a problem
/// and goes on as if the file were empty.
result<ignore_rules> read_ignore_rules(int folder, const std::string& folder_path);

/// Gives the rules of a folder, by `read_ignore_rules` or from a cache of its own; it also deals
/// with the errors.
using ignore_rules_reader = std::function<ignore_rules(const std::string& folder)>;

/// Whether `path`, or a folder it lies in up to `root`, is left out; the root itself never is.
/// Walks from the root down and asks for the rules of each folder on the way, of no more than it
/// needs. Both paths are absolute and without `.`, `..`, doubled slashes and one at the end.
/// Errors: `invalid_argument` for a path that does not lie in the root.
result<bool> is_ignored(const std::string& root, const std::string& path, bool is_folder,
                        const ignore_rules_reader& rules_of,
                        const ignore_rules& defaults = default_ignore_rules());

}  // namespace podstudio
