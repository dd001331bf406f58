// SPDX-License-Identifier: MIT
#include "watch/look.hpp"

#include "media/digest.hpp"
#include "platform/text.hpp"
#include "platform/unique_fd.hpp"
#include "platform/volume.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace podstudio {

namespace {

/// How many entries one step looks at at most, so that a walk over files of other kinds still
/// yields.
constexpr std::size_t step_entries = 4096;

failed_file failure(const std::string& path, problem_kind kind, std::string reason) {
  return {printable(path), kind, std::move(reason)};
}

failed_file unreadable(const std::string& path, int errno_value) {
  auto denied = errno_value == EACCES || errno_value == EPERM;
  return failure(path, denied ? problem_kind::unreadable : problem_kind::io_failed,
                 std::strerror(errno_value));
}

failed_file bad_name(const std::string& path) {
  return failure(path, problem_kind::bad_name, "the name is not valid UTF-8; rename it");
}

std::string_view last_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// A file that is not taken, and not left out either.
void skip(std::string_view name, findings& into) {
  ++into.skipped;
  if (auto place = not_taken_place(name)) ++into.not_taken[*place];
}

/// A file of a kind the library holds; `status` is of the path.
void see(std::string path, const root_folder& root, asset_type type, const struct stat& status,
         const volume& on, findings& into) {
  into.files.push_back({.path = std::move(path),
                        .root_bytes = static_cast<std::uint32_t>(root.path().size()),
                        .type = type,
                        .facts = facts_of(status, on),
                        .links = status.st_nlink});
}

/// Folders and files by path: below the root as the root has it, above it as the system does.
unique_fd open_at(const root_folder& root, const std::string& path, int flags) {
  if (lies_within(path, root.path())) return root.open(path, flags);
  return unique_fd(::open(path.c_str(), flags | O_CLOEXEC));
}

bool status_at(const root_folder& root, const std::string& path, struct stat& status) {
  if (lies_within(path, root.path())) return root.status_of(path, status);
  return ::lstat(path.c_str(), &status) == 0;
}

using folder_stream = std::unique_ptr<DIR, int (*)(DIR*)>;

/// Null where the names of the open folder cannot be read.
folder_stream stream_of(unique_fd folder) {
  folder_stream stream(folder ? ::fdopendir(folder.get()) : nullptr, ::closedir);
  if (stream) folder.release();
  return stream;
}

/// Whether a folder has an entry by this very name, and not one in other letters.
bool lists(const root_folder& root, const std::string& folder, std::string_view name) {
  auto stream = stream_of(open_at(root, folder, O_RDONLY | O_DIRECTORY));
  if (!stream) return true;  // no reason to doubt the name
  while (const auto* entry = ::readdir(stream.get()))
    if (name == entry->d_name) return true;
  return false;
}

/// Whether a file that is found under this path is found only because the file system does not tell
/// upper case from lower: then the name with all its letters in the other case finds it too, and
/// some folder on the way does not list the name that was asked for.
bool is_other_spelling(const root_folder& root, const std::string& path,
                       const struct stat& status) {
  auto swapped = path;
  auto name = swapped.begin() + static_cast<std::ptrdiff_t>(path.rfind('/') + 1);
  for (auto at = name; at != swapped.end(); ++at)
    if ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')) *at ^= 0x20;
  struct stat other;
  if (swapped == path || !status_at(root, swapped, other) || other.st_dev != status.st_dev)
    return false;
  // An inode that is dealt out by name says nothing, and the folder decides.
  if (other.st_ino != status.st_ino && volume_of(path, status.st_dev).keeps_inodes) return false;
  for (auto at = path; at.size() > 1;) {
    auto above = folder_of(at);
    if (!lists(root, above, last_name(at))) return true;
    if (!status_at(root, above, other) || other.st_dev != status.st_dev) return false;
    at = std::move(above);
  }
  return false;
}

std::optional<std::string> real_path(const std::string& path) {
  std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) return std::nullopt;
  return std::string(real.get());
}

/// Opens a folder to read its names, without touching its access time where that is allowed.
template <class Open>
unique_fd open_to_read(Open open) {
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  unique_fd folder = open(flags | O_NOATIME);
  if (!folder && errno == EPERM) folder = open(flags);
  return folder;
}

unique_fd open_folder(const root_folder& root, const std::string& path) {
  return open_to_read([&](int flags) { return root.open(path, flags); });
}

ignore_rules rules_of(int folder, const std::string& path, findings& into) {
  auto rules = read_ignore_rules(folder, path);
  if (rules) return std::move(*rules);
  into.failures.push_back(failure(path + "/" + std::string(ignore_file_name),
                                  problem_kind::unreadable, rules.failure().message));
  return {};
}

/// A folder of which nothing is known, as it could not be read.
void block(const std::string& folder, int errno_value, findings& into) {
  into.failures.push_back(unreadable(folder, errno_value));
  into.blocked.push_back(folder);
}

}  // namespace

look_outcome look(const root_folder& root, const std::string& path, findings& into,
                  path_keyer& key_of) {
  struct stat status;
  if (!root.status_of(path, status)) {
    if (is_absence(errno)) return look_outcome::gone;
    into.failures.push_back(unreadable(path, errno));
    return look_outcome::found;
  }
  if (is_other_spelling(root, path, status)) return look_outcome::gone;
  if (S_ISDIR(status.st_mode)) return look_outcome::folder;
  auto type = S_ISREG(status.st_mode) ? type_of(last_name(path)) : std::nullopt;
  if (!S_ISREG(status.st_mode)) {
    ++into.skipped;
  } else if (!type) {
    skip(last_name(path), into);
  } else if (!is_utf8(path)) {
    into.failures.push_back(bad_name(path));
  } else {
    see(path, root, *type, status, volume_of(path, status.st_dev), into);
    into.files.back().key = key_of(path);
  }
  return look_outcome::found;
}

bool is_gone(const root_folder& root, const std::string& path) {
  struct stat status;
  if (!root.status_of(path, status)) return is_absence(errno);
  return !S_ISREG(status.st_mode) || is_other_spelling(root, path, status);
}

std::optional<file_facts> facts_at(const root_folder& root, const std::string& path,
                                   std::int64_t* born_ns) {
  struct stat status;
  bool is_file = root.status_of(path, status, born_ns) && S_ISREG(status.st_mode)
                 && !is_other_spelling(root, path, status);
  if (!is_file) return std::nullopt;
  return facts_of(status, volume_of(path, status.st_dev));
}

gone_file gone_from(const root_folder& root, std::string path, path_keyer& key_of) {
  // What stands in the place of a folder does not say which disk the folder was on.
  struct stat status {};
  auto above = folder_of(path);
  if (!lies_within(above, root.path()) || !root.status_of_folder_of(path, status)) {
    auto is_there = [&] {
      auto folder = open_at(root, above, O_PATH | O_DIRECTORY);
      return folder && ::fstat(folder.get(), &status) == 0;
    };
    while (!is_there() && above != "/")
      above = folder_of(above);
  }
  auto key = key_of(path);
  auto volume = volume_of(above, status.st_dev).id;
  return {std::move(path), key, volume, false};
}

/// A folder being read: its names in the order in which the paths below them stand.
struct tree_walker::reading {
  struct entry {
    std::uint32_t name_offset;
    std::uint16_t name_size;
    unsigned char kind;
    asset_type type;  ///< of a file
  };

  std::string path;
  std::uint64_t device = 0;
  volume on;  ///< of this device
  ignore_scope scope{ignore_rules()};
  folder_stream stream{nullptr, ::closedir};  ///< null while too many below it are open
  std::string names;                          ///< each with a zero byte behind it
  std::vector<entry> entries;
  std::size_t next = 0;

  explicit reading(std::string folder) : path(std::move(folder)) {}

  int descriptor() const { return ::dirfd(stream.get()); }

  /// Ends with a zero byte.
  std::string_view name_of(const entry& at) const {
    return std::string_view(names).substr(at.name_offset, at.name_size);
  }
  std::string path_of(std::string_view name) const {
    std::string whole;
    whole.reserve(path.size() + 1 + name.size());
    whole.append(path);
    if (whole.back() != '/') whole += '/';
    return whole.append(name);
  }

  /// Reads all names but those that are left out, which are counted. The errno value of a
  /// failure, or 0.
  int read_names(findings& into) {
    for (;;) {
      errno = 0;
      const auto* found = ::readdir(stream.get());
      if (found == nullptr) break;
      std::string_view name = found->d_name;
      if (name == "." || name == "..") continue;
      auto kind = found->d_type;
      struct stat status;
      if (kind == DT_UNKNOWN
          && ::fstatat(descriptor(), found->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        kind = static_cast<unsigned char>(IFTODT(status.st_mode));
      auto type = kind == DT_REG ? type_of(name) : std::nullopt;
      bool wanted = kind == DT_DIR || kind == DT_LNK || type;
      bool other_media = kind == DT_REG && !wanted && not_taken_place(name);
      if ((!wanted && !other_media) || scope.ignored(name, kind == DT_DIR)) {
        ++into.skipped;
        continue;
      }
      if (other_media) {
        skip(name, into);
        continue;
      }
      entries.push_back({static_cast<std::uint32_t>(names.size()),
                         static_cast<std::uint16_t>(name.size()), kind,
                         type.value_or(asset_type{})});
      names.append(name) += '\0';
    }
    auto failed = errno;
    std::ranges::sort(entries, [this](const entry& a, const entry& b) { return before(a, b); });
    return failed;
  }

  /// By the bytes of the paths: a folder's name counts as if a slash followed, as it does in the
  /// paths of what lies in it.
  bool before(const entry& a, const entry& b) const {
    auto left = name_of(a), right = name_of(b);
    auto shared = std::min(left.size(), right.size());
    if (int order = std::memcmp(left.data(), right.data(), shared); order != 0) return order < 0;
    auto after = [shared](std::string_view name, unsigned char kind) {
      if (name.size() > shared) return static_cast<int>(static_cast<unsigned char>(name[shared]));
      return kind == DT_DIR ? static_cast<int>('/') : -1;
    };
    return after(left, a.kind) < after(right, b.kind);
  }
};

tree_walker::tree_walker(folder_identity excluded, folder_hook hook)
    : excluded_(excluded), hook_(std::move(hook)) {}

tree_walker::~tree_walker() = default;

void tree_walker::add(std::string folder, std::string root) {
  added_.emplace_back(std::move(folder), std::move(root));
}

void tree_walker::begin(const std::string& folder, const std::string& root, findings& into) {
  root_.emplace(root);
  if (folder == root) return enter(folder, open_folder(*root_, folder), nullptr, {}, into);
  // By way of the rules of the folders it lies in.
  auto rules = [&](const std::string& path) {
    auto opened = root_->open(path, O_PATH | O_DIRECTORY);
    return opened ? rules_of(opened.get(), path, into) : ignore_rules();
  };
  ignore_scope scope(rules(root));
  for (auto at = root == "/" ? 1 : root.size() + 1; at < folder.size();) {
    auto end = std::min(folder.find('/', at), folder.size());
    auto name = std::string_view(folder).substr(at, end - at);
    if (scope.ignored(name, true)) return;
    if (end == folder.size()) return enter(folder, open_folder(*root_, folder), &scope, name, into);
    scope = scope.enter(name, rules(folder.substr(0, end)));
    at = end + 1;
  }
}

/// Begins to read a folder. `opened` is the outcome of the last system call; `above` are the rules
/// of the folder in which it is `name`.
void tree_walker::enter(std::string path, unique_fd opened, const ignore_scope* above,
                        std::string_view name, findings& into) {
  auto cannot = [&](int errno_value) {
    // A folder that went away in between is no problem, it is a change that is reported by itself.
    if (!is_absence(errno_value)) block(path, errno_value, into);
  };
  // The kernel resolves no longer paths, so nobody could open by its path what is found there.
  if (path.size() >= PATH_MAX) return cannot(ENAMETOOLONG);
  if (!opened) return cannot(errno);
  if (!is_utf8(path)) {
    into.failures.push_back(bad_name(path));
    return;
  }
  struct stat status;
  auto folder = std::make_unique<reading>(path);
  folder->stream = stream_of(std::move(opened));
  if (!folder->stream || ::fstat(folder->descriptor(), &status) != 0) return cannot(errno);
  if (folder_identity{status.st_dev, status.st_ino} == excluded_) return;
  folder->device = status.st_dev;
  folder->on = volume_of(path, status.st_dev);
  if (hook_) {
    hook_(path, folder->descriptor());
    // Btrfs lists what was there when the folder was opened, which is before it was watched.
    ::rewinddir(folder->stream.get());
  }
  auto own = rules_of(folder->descriptor(), path, into);
  folder->scope =
      above == nullptr ? ignore_scope(std::move(own)) : above->enter(name, std::move(own));
  if (int failed = folder->read_names(into); failed != 0) block(path, failed, into);
  open_.push_back(std::move(folder));
  if (open_.size() > open_folders_max) open_[open_.size() - 1 - open_folders_max]->stream.reset();
}

void tree_walker::step(findings& into, std::size_t size_max) {
  for (std::size_t looked = 0; looked < step_entries && into.size() < size_max && !done();
       ++looked) {
    if (open_.empty()) {
      auto [next, root] = std::move(added_.front());
      added_.pop_front();
      begin(next, root, into);
    } else if (open_.back()->next == open_.back()->entries.size()) {
      open_.pop_back();
    } else {
      visit(*open_.back(), into);
    }
    if (open_.empty()) root_.reset();
  }
}

void tree_walker::visit(reading& folder, findings& into) {
  if (!folder.stream) {
    folder.stream = stream_of(open_folder(*root_, folder.path));
    if (!folder.stream) {
      if (!is_absence(errno)) block(folder.path, errno, into);
      folder.next = folder.entries.size();
      return;
    }
  }
  auto at = folder.entries[folder.next++];
  auto name = folder.name_of(at);
  auto path = folder.path_of(name);
  if (at.kind == DT_LNK) return visit_link(folder, name.data(), path, into);
  if (at.kind == DT_DIR) {
    auto opened = open_to_read(
        [&](int flags) { return unique_fd(::openat(folder.descriptor(), name.data(), flags)); });
    return enter(std::move(path), std::move(opened), &folder.scope, name, into);
  }
  if (!is_utf8(name)) {
    into.failures.push_back(bad_name(path));
    return;
  }
  struct stat status;
  if (::fstatat(folder.descriptor(), name.data(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) into.failures.push_back(unreadable(path, errno));
    return;
  }
  if (S_ISREG(status.st_mode))
    see(std::move(path), *root_, at.type, status,
        status.st_dev == folder.device ? folder.on : volume_of(folder.path, status.st_dev), into);
  else
    ++into.skipped;
}

void tree_walker::visit_link(const reading& folder, const char* name, const std::string& path,
                             findings& into) {
  ++into.skipped;
  struct stat target;
  if (::fstatat(folder.descriptor(), name, &target, 0) != 0) {
    if (errno == ELOOP)
      into.failures.push_back(
          failure(path, problem_kind::link_loop, "the link leads to itself; remove it"));
    return;
  }
  if (!S_ISDIR(target.st_mode)) return;
  auto real = real_path(path);
  if (real && lies_within(folder.path, *real))
    into.failures.push_back(
        failure(path, problem_kind::link_loop,
                "the link leads back to a folder that contains it; it is not followed"));
}

result<void> check_readable(const std::string& folder) {
  if (::access(folder.c_str(), R_OK | X_OK) == 0) return {};
  return system_error()("cannot read the folder " + in_quotes(folder));
}

result<folder_candidate> inspect_folder(const std::string& path, const std::string& data_folder) {
  auto shown = in_quotes(path);
  auto real = real_path(path);
  if (!real) return system_error()("cannot use the folder " + shown);
  if (!is_utf8(*real))
    return error{error_code::invalid_argument,
                 "the folder " + shown + " has a name that is not valid UTF-8; rename it"};
  unique_fd fd(open_to_read([&](int flags) { return unique_fd(::open(real->c_str(), flags)); }));
  if (!fd && errno == ENOTDIR)
    return error{error_code::invalid_argument, shown + " is not a folder; name a folder"};
  struct stat status;
  if (!fd || ::fstat(fd.get(), &status) != 0)
    return system_error()("cannot read the folder " + shown);
  if (auto own = real_path(data_folder); own && lies_within(*real, *own))
    return error{error_code::refused,
                 "the folder " + shown + " is the engine's own data folder; choose another folder"};
  const auto on = volume_of(*real, status.st_dev);
  return folder_candidate{*real, {on.id, on.keeps_inodes ? status.st_ino : 0}};
}

}  // namespace podstudio
