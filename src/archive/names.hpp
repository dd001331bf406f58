// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

/// Names within an archive. Whoever buys a pack unpacks it on Windows, macOS or Linux, so a name is
/// one that all of them take and show. Writer and verifier share these rules.
namespace podstudio::archive {

/// The longest name of a file or folder, in bytes. In UTF-16 it is no longer, and so fits Windows.
inline constexpr std::size_t name_bytes_max = 120;
/// The longest path of an entry in bytes, folders and slashes included.
inline constexpr std::size_t path_bytes_max = 240;
/// How many names a path has at most: its folders and the file.
inline constexpr std::size_t path_depth_max = 8;

enum class name_style : std::uint8_t {
  unicode,
  ascii,  ///< letters, digits, `.`, `_` and `-` only, as some marketplaces require
};

/// Whether a file or folder may have this name: 1 to `name_bytes_max` bytes of UTF-8 in NFC; of
/// characters that Unicode has assigned, without `% < > : " / \ | ? *`, control and format
/// characters (bidirectional controls, joiners, characters without width), private use characters
/// and any white space but the space; no dot or space at either end; no name of a Windows device.
bool is_safe_name(std::string_view name);

/// Whether an entry may have this path: safe names with `/` between them, within the bounds above.
bool is_safe_path(std::string_view path);

/// The safe name nearest to the name of any file, its extension kept. What may not be shown is left
/// out, each run of other characters that are not allowed becomes `_`; in ASCII, letters lose their
/// accents and spaces become `-`.
std::string safe_name(std::string_view original, name_style style = name_style::unicode);

/// A name or path as a file system compares it that ignores case: two are the same file somewhere
/// if these are equal.
std::string fold_name(std::string_view name);

/// Makes the safe names of one folder unique without regard to case.
class unique_names {
public:
  /// `name`, or where that is taken, the first of `name-2.png`, `name-3.png` ... that is free.
  std::string add(const std::string& name);

private:
  std::unordered_set<std::string> taken_;                 ///< folded
  std::unordered_map<std::string, std::size_t> numbers_;  ///< the last one given to a folded name
};

/// Checks the paths of an archive as they come: that each is safe, that no two are the same without
/// regard to case, and that no file is also a folder.
class path_check {
public:
  /// What is wrong with the path, as a phrase such as "is not a safe name"; empty if nothing is.
  std::string add(std::string_view path);

private:
  std::unordered_set<std::string> files_, folders_;  ///< folded
};

}  // namespace podstudio::archive
