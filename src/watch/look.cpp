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
  return failure(path, problem_kind::bad_name, "the name is no valid UTF-8; rename it");
}

std::string_view last_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// A file that is not taken, and not left out either.
void skip(std::string_view name, findings& into) {
  ++into.skipped;
  if (auto place = not_taken_place(name)) ++into.not_taken[*place];
}

/// A file of a kind the library holds; `status` is of the path.
void see(std::string path, asset_type type, const struct stat& status, const volume& on,
         findings& into) {
  into.files.push_back({.path = std::move(path),
                        .type = type,
                        .facts = facts_of(status, on),
                        .links = status.st_nlink});
}

/// Whether a folder has an entry by this very name, and not one in other letters.
bool lists(const std::string& folder, std::string_view name) {
  std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(folder.c_str()), ::closedir);
  if (!stream) return true;  // no reason to doubt the name
  while (const auto* entry = ::readdir(stream.get()))
    if (name == entry->d_name) return true;
  return false;
}

/// Whether a file that is found under this path is found only because the file system does not tell
/// upper case from lower: then the name with all its letters in the other case finds it too, and
/// some folder on the way does not list the name that was asked for.
bool is_other_spelling(const std::string& path, const struct stat& status) {
  auto swapped = path;
  auto name = swapped.begin() + static_cast<std::ptrdiff_t>(path.rfind('/') + 1);
  for (auto at = name; at != swapped.end(); ++at)
    if ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')) *at ^= 0x20;
  struct stat other;
  if (swapped == path || ::lstat(swapped.c_str(), &other) != 0 || other.st_dev != status.st_dev)
    return false;
  // An inode that is dealt out by name says nothing, and the folder decides.
  if (other.st_ino != status.st_ino && volume_of(path, status.st_dev).keeps_inodes) return false;
  for (auto at = path; at.size() > 1;) {
    auto above = at.substr(0, std::max<std::size_t>(at.rfind('/'), 1));
    if (!lists(above, last_name(at))) return true;
    if (::lstat(above.c_str(), &other) != 0 || other.st_dev != status.st_dev) return false;
    at = std::move(above);
  }
  return false;
}

std::optional<std::string> real_path(const std::string& path) {
  std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) return std::nullopt;
  return std::string(real.get());
}

int open_folder(const std::string& path) {
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int fd = ::open(path.c_str(), flags | O_NOATIME);
  if (fd < 0 && errno == EPERM) fd = ::open(path.c_str(), flags);
  return fd;
}

}  // namespace

look_outcome look(const std::string& path, findings& into, path_keyer& key_of) {
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return look_outcome::gone;
    into.failures.push_back(unreadable(path, errno));
    return look_outcome::found;
  }
  if (is_other_spelling(path, status)) return look_outcome::gone;
  if (S_ISDIR(status.st_mode)) return look_outcome::folder;
  auto type = S_ISREG(status.st_mode) ? type_of(last_name(path)) : std::nullopt;
  if (!S_ISREG(status.st_mode))
    ++into.skipped;
  else if (!type)
    skip(last_name(path), into);
  else if (!is_utf8(path))
    into.failures.push_back(bad_name(path));
  else
    see(path, *type, status, volume_of(path, status.st_dev), into), into.files.back().key = key_of(path);
  return look_outcome::found;
}

bool is_gone(const std::string& path) {
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0) return errno == ENOENT || errno == ENOTDIR;
  return !S_ISREG(status.st_mode) || is_other_spelling(path, status);
}

gone_file gone_from(std::string path, path_keyer& key_of) {
  struct stat status {};
  auto above = path;
  do {
    above.resize(std::max<std::size_t>(above.rfind('/'), 1));
  } while (::stat(above.c_str(), &status) != 0 && above != "/");
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
  };

  std::string path;
  std::uint64_t device = 0;
  volume on;  ///< of this device
  ignore_scope scope{ignore_rules()};
  DIR* stream = nullptr;  ///< null while a folder below is read: descriptors are few
  std::string names;
  std::vector<entry> entries;
  std::size_t next = 0;

  explicit reading(std::string folder) : path(std::move(folder)) {}
  reading(const reading&) = delete;
  reading& operator=(const reading&) = delete;
  ~reading() { close(); }

  void close() {
    if (stream != nullptr) ::closedir(std::exchange(stream, nullptr));
  }

  /// Opens the folder; errno tells why not.
  bool open() {
    unique_fd fd(open_folder(path));
    if (!fd) return false;
    stream = ::fdopendir(fd.get());
    if (stream != nullptr) fd.release();
    return stream != nullptr;
  }

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
      const auto* found = ::readdir(stream);
      if (found == nullptr) break;
      std::string_view name = found->d_name;
      if (name == "." || name == "..") continue;
      auto kind = found->d_type;
      struct stat status;
      if (kind == DT_UNKNOWN
          && ::fstatat(::dirfd(stream), found->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        kind = static_cast<unsigned char>(IFTODT(status.st_mode));
      bool wanted = kind == DT_DIR || kind == DT_LNK || (kind == DT_REG && type_of(name));
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
                         static_cast<std::uint16_t>(name.size()), kind});
      names += name;
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

ignore_rules tree_walker::rules_of(const std::string& folder, findings& into) const {
  auto rules = read_ignore_rules(folder);
  if (rules) return std::move(*rules);
  into.failures.push_back(failure(folder + "/" + std::string(ignore_file_name),
                                  problem_kind::unreadable, rules.failure().message));
  return {};
}

/// Enters a folder by way of the rules of those it lies in.
void tree_walker::begin(const std::string& folder, const std::string& root, findings& into) {
  if (folder == root) return enter(folder, nullptr, {}, into);
  ignore_scope scope(rules_of(root, into));
  for (auto at = root == "/" ? 1 : root.size() + 1; at < folder.size();) {
    auto end = std::min(folder.find('/', at), folder.size());
    auto name = std::string_view(folder).substr(at, end - at);
    if (scope.ignored(name, true)) return;
    if (end == folder.size()) return enter(folder, &scope, name, into);
    scope = scope.enter(name, rules_of(folder.substr(0, end), into));
    at = end + 1;
  }
}

void tree_walker::enter(std::string path, const ignore_scope* above, std::string_view name,
                        findings& into) {
  if (!is_utf8(path)) {
    into.failures.push_back(bad_name(path));
    return;
  }
  auto folder = std::make_unique<reading>(std::move(path));
  struct stat status;
  if (!folder->open() || ::fstat(::dirfd(folder->stream), &status) != 0) {
    // A folder that went away in between is no problem, it is a change that is reported by itself.
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return;
    into.failures.push_back(unreadable(folder->path, errno));
    into.blocked.push_back(std::move(folder->path));
    return;
  }
  if (folder_identity{status.st_dev, status.st_ino} == excluded_) return;
  folder->device = status.st_dev;
  folder->on = volume_of(folder->path, status.st_dev);
  if (hook_) {
    hook_(folder->path);
    // Btrfs lists what was there when the folder was opened, which is before it was watched.
    ::rewinddir(folder->stream);
  }
  auto own = rules_of(folder->path, into);
  folder->scope =
      above == nullptr ? ignore_scope(std::move(own)) : above->enter(name, std::move(own));
  if (int failed = folder->read_names(into); failed != 0) {
    into.failures.push_back(unreadable(folder->path, failed));
    into.blocked.push_back(folder->path);
  }
  open_.push_back(std::move(folder));
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
  }
}

void tree_walker::visit(reading& folder, findings& into) {
  auto at = folder.entries[folder.next++];
  auto name = folder.name_of(at);
  auto path = folder.path_of(name);
  if (at.kind == DT_LNK) return visit_link(path, folder.path, into);
  if (!is_utf8(name)) {
    into.failures.push_back(bad_name(path));
    return;
  }
  if (at.kind == DT_DIR) {
    folder.close();
    return enter(std::move(path), &folder.scope, name, into);
  }
  if (folder.stream == nullptr && !folder.open()) return;  // it went away, which is told by itself
  struct stat status;
  auto entry_name = std::string(name);
  if (::fstatat(::dirfd(folder.stream), entry_name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) into.failures.push_back(unreadable(path, errno));
    return;
  }
  auto type = type_of(name);
  if (S_ISREG(status.st_mode) && type)
    see(std::move(path), *type, status,
        status.st_dev == folder.device ? folder.on : volume_of(folder.path, status.st_dev), into);
  else
    ++into.skipped;
}

void tree_walker::visit_link(const std::string& path, const std::string& folder, findings& into) {
  ++into.skipped;
  struct stat target;
  if (::stat(path.c_str(), &target) != 0) {
    if (errno == ELOOP)
      into.failures.push_back(
          failure(path, problem_kind::link_loop, "the link leads to itself; remove it"));
    return;
  }
  if (!S_ISDIR(target.st_mode)) return;
  auto real = real_path(path);
  if (real && lies_within(folder, *real))
    into.failures.push_back(
        failure(path, problem_kind::link_loop,
                "the link leads back to a folder it lies in; it is not followed"));
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
                 "the folder " + shown + " has a name that is no valid UTF-8; rename it"};
  unique_fd fd(open_folder(*real));
  if (!fd && errno == ENOTDIR)
    return error{error_code::invalid_argument, shown + " is no folder; name one"};
  struct stat status;
  if (!fd || ::fstat(fd.get(), &status) != 0)
    return system_error()("cannot read the folder " + shown);
  if (auto own = real_path(data_folder); own && lies_within(*real, *own))
    return error{error_code::refused,
                 "the folder " + shown + " is the engine's own data folder; choose another"};
  const auto on = volume_of(*real, status.st_dev);
  return folder_candidate{*real, {on.id, on.keeps_inodes ? status.st_ino : 0}};
}

}  // namespace podstudio
