// SPDX-License-Identifier: MIT
#include "media/preview_cache.hpp"

#include "media/preview.hpp"
#include "platform/files.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <vector>

namespace podstudio::media {

namespace {

constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr const char* previews_name = "previews";
/// What a preview is called until it is complete.
constexpr std::string_view unfinished_end = ".new";
constexpr unsigned inner_folders = 256;

std::string inner_name(unsigned number) {
  auto byte = static_cast<std::uint8_t>(number);
  return to_hex(&byte, 1);
}

std::string digest_name(const digest& content) { return to_hex(content.data(), content.size()); }

std::string path_in(const std::string& folder, const std::string& inner, const std::string& name) {
  return folder + "/" + previews_name + "/" + inner + "/" + name;
}

/// `-EDGE-VERSION.webp`
std::string name_end(std::uint32_t edge_px, int version = preview_version) {
  return "-" + std::to_string(edge_px) + "-" + std::to_string(version) + ".webp";
}

/// What a name in an inner folder says.
enum class name_kind { other, preview, outdated, unfinished };

/// Takes a number without leading zeros off the front; 0 where there is none.
std::uint32_t take_number(std::string_view& text) noexcept {
  constexpr std::size_t digits_max = 6;
  std::uint32_t number = 0;
  std::size_t size = 0;
  while (size < text.size() && size < digits_max && text[size] >= '0' && text[size] <= '9')
    number = number * 10 + static_cast<std::uint32_t>(text[size++] - '0');
  if (size == 0 || text[0] == '0') return 0;
  text.remove_prefix(size);
  return number;
}

name_kind kind_of(std::string_view name, std::string_view inner) noexcept {
  constexpr std::size_t digits = 2 * std::tuple_size_v<digest>;
  constexpr std::string_view hexadecimal = "0123456789abcdef";
  if (name.size() < digits || !name.starts_with(inner)
      || name.substr(0, digits).find_first_not_of(hexadecimal) != name.npos)
    return name_kind::other;
  auto rest = name.substr(digits);
  auto take = [&](std::string_view word) {
    bool there = rest.starts_with(word);
    if (there) rest.remove_prefix(word.size());
    return there;
  };
  if (!take("-") || take_number(rest) == 0 || !take("-")) return name_kind::other;
  auto version = take_number(rest);
  if (version == 0 || !take(".webp")) return name_kind::other;
  if (rest == unfinished_end) return name_kind::unfinished;
  if (!rest.empty()) return name_kind::other;
  return version == static_cast<std::uint32_t>(preview_version) ? name_kind::preview
                                                                : name_kind::outdated;
}

std::uint64_t counted(std::uint64_t size_bytes) noexcept {
  auto blocks = (size_bytes + cached_preview_bytes_min - 1) / cached_preview_bytes_min;
  return std::max<std::uint64_t>(blocks, 1) * cached_preview_bytes_min;
}

unique_fd open_folder(int in, const char* name) {
  return unique_fd(::openat(in, name, folder_flags));
}

/// The folder `name` in an open one, made if need be.
unique_fd make_folder(int in, const char* name) {
  auto there = open_folder(in, name);
  if (there || errno != ENOENT) return there;
  if (::mkdirat(in, name, S_IRWXU) != 0 && errno != EEXIST) return {};
  return open_folder(in, name);
}

struct close_folder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

}  // namespace

bool is_webp(std::string_view bytes) noexcept {
  constexpr std::size_t form_at = 8, form_size = 4;
  return bytes.starts_with("RIFF") && bytes.size() > form_at + form_size
         && bytes.substr(form_at, form_size) == "WEBP";
}

/// Everything of ours that is in the folder.
class preview_cache::walk {
public:
  struct found {
    std::int64_t used_ns = 0;  ///< when it was last used; the lowest of all goes first
    std::uint32_t blocks = 0;  ///< of cached_preview_bytes_min
    std::uint32_t inner = 0;
    std::uint64_t inode = 0;
  };

  explicit walk(const std::string& folder)
      : previews_([&] {
          unique_fd outer(::open(folder.c_str(), folder_flags));
          return outer ? open_folder(outer.get(), previews_name) : unique_fd();
        }()) {}

  /// Counts what there is, and removes what an interrupted `store` has left.
  std::uint64_t count() {
    std::uint64_t bytes = 0;
    each([&](int folder, unsigned, const char* name, name_kind kind, const struct stat& facts) {
      if (kind == name_kind::unfinished)
        (void)::unlinkat(folder, name, 0);
      else
        bytes += counted(static_cast<std::uint64_t>(facts.st_size));
    });
    return bytes;
  }

  /// Removes what was not used for longest until all of it takes at most so many bytes. Returns how
  /// many it takes.
  std::uint64_t shrink(std::uint64_t bytes_max) {
    std::vector<found> all;
    std::uint64_t bytes = 0;
    each([&](int, unsigned inner, const char*, name_kind kind, const struct stat& facts) {
      if (kind == name_kind::unfinished) return;
      auto size = counted(static_cast<std::uint64_t>(facts.st_size));
      bytes += size;
      constexpr std::int64_t ns_per_s = 1'000'000'000;
      auto used =
          kind == name_kind::outdated ? 0 : facts.st_atim.tv_sec * ns_per_s + facts.st_atim.tv_nsec;
      all.push_back(
          {used, static_cast<std::uint32_t>(size / cached_preview_bytes_min), inner, facts.st_ino});
    });
    std::ranges::sort(all, {}, &found::used_ns);
    std::size_t going = 0;
    for (auto left = bytes; going < all.size() && left > bytes_max; ++going)
      left -= all[going].blocks * cached_preview_bytes_min;
    all.resize(going);
    auto by_place = [](const found& one, const found& other) {
      return std::pair(one.inner, one.inode) < std::pair(other.inner, other.inode);
    };
    std::ranges::sort(all, by_place);
    each([&](int folder, unsigned inner, const char* name, name_kind, const struct stat& facts) {
      found here{0, 0, inner, facts.st_ino};
      if (std::ranges::binary_search(all, here, by_place) && ::unlinkat(folder, name, 0) == 0)
        bytes -= std::min(bytes, counted(static_cast<std::uint64_t>(facts.st_size)));
    });
    return bytes;
  }

private:
  /// Calls `visit` for each regular file with a name of ours.
  template <class Visit>
  void each(Visit visit) {
    for (unsigned inner = 0; previews_ && inner < inner_folders; ++inner) {
      auto name = inner_name(inner);
      auto opened = open_folder(previews_.get(), name.c_str());
      if (!opened) continue;
      std::unique_ptr<DIR, close_folder> folder(::fdopendir(opened.get()));
      if (!folder) continue;
      (void)opened.release();
      auto fd = ::dirfd(folder.get());
      while (const auto* entry = ::readdir(folder.get())) {
        auto kind = kind_of(entry->d_name, name);
        struct stat facts {};
        if (kind == name_kind::other
            || ::fstatat(fd, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0
            || !S_ISREG(facts.st_mode) || facts.st_size > UINT32_MAX)
          continue;
        visit(fd, inner, entry->d_name, kind, facts);
      }
    }
  }

  unique_fd previews_;
};

result<void> preview_cache::store(const digest& content, std::uint32_t edge_px,
                                  std::string_view bytes) {
  if (edge_px == 0 || edge_px > preview_edge_px_max || bytes.empty()
      || bytes.size() > preview_bytes_max)
    return error{error_code::invalid_argument, "no preview has an edge of "
                                                   + std::to_string(edge_px) + " and "
                                                   + std::to_string(bytes.size()) + " bytes"};
  std::lock_guard guard(mutex_);
  if (!bytes_) bytes_ = walk(folder_).count();
  auto allowed = bytes_allowed();
  if (!allowed) return allowed.failure();
  bool full = *allowed < std::min(bytes_max_, counted(bytes.size()));
  if (!full)
    if (auto written = write(content, edge_px, bytes); !written) return written;
  if (*bytes_ > *allowed) bytes_ = walk(folder_).shrink(*allowed / 10 * 9);
  if (!full) return {};
  return error{error_code::disk_full, "no previews are kept, as less than "
                                          + std::to_string(free_bytes_min_ >> 20)
                                          + " MiB is free on the disk of " + in_quotes(folder_)};
}

result<std::uint64_t> preview_cache::bytes_allowed() const {
  struct statvfs disk {};
  // The folder itself may not be there yet.
  if (::statvfs(folder_.c_str(), &disk) != 0
      && (errno != ENOENT || ::statvfs(std::string(folder_of(folder_)).c_str(), &disk) != 0))
    return system_error()("cannot keep previews in " + in_quotes(folder_));
  auto room = std::uint64_t{disk.f_bavail} * disk.f_frsize + *bytes_;
  return std::min(bytes_max_, room - std::min(room, free_bytes_min_));
}

result<void> preview_cache::write(const digest& content, std::uint32_t edge_px,
                                  std::string_view bytes) {
  auto digits = digest_name(content);
  auto inner = digits.substr(0, 2), name = digits + name_end(edge_px);
  auto path = path_in(folder_, inner, name);
  auto failed = [&] { return system_error()("cannot keep the preview " + in_quotes(path)); };
  unique_fd folder = make_folder(AT_FDCWD, folder_.c_str());
  for (const auto* step : {previews_name, inner.c_str()})
    if (folder) folder = make_folder(folder.get(), step);
  if (!folder) return failed();
  struct stat before {};
  bool there = ::fstatat(folder.get(), name.c_str(), &before, AT_SYMLINK_NOFOLLOW) == 0;
  if (there && !S_ISREG(before.st_mode))
    return error{error_code::refused,
                 in_quotes(path) + " is in the way of a preview and no file; remove it"};
  auto aside = name + std::string(unfinished_end);
  // One that was left there by a process that died; a link is not followed, but goes.
  if (::unlinkat(folder.get(), aside.c_str(), 0) != 0 && errno != ENOENT) return failed();
  unique_fd file(::openat(folder.get(), aside.c_str(),
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file) return failed();
  if (!podstudio::write_all(file.get(), bytes)
      || ::renameat(folder.get(), aside.c_str(), folder.get(), name.c_str()) != 0) {
    auto failure = failed();
    (void)::unlinkat(folder.get(), aside.c_str(), 0);
    return failure;
  }
  auto gone = there ? counted(static_cast<std::uint64_t>(before.st_size)) : 0;
  *bytes_ = *bytes_ - std::min(*bytes_, gone) + counted(bytes.size());
  return {};
}

result<unique_fd> preview_cache::open(const digest& content, std::uint32_t edge_px) const {
  auto digits = digest_name(content);
  auto inner = digits.substr(0, 2), name = digits + name_end(edge_px);
  auto path = path_in(folder_, inner, name);
  const error absent{error_code::not_found, "there is no preview " + in_quotes(path)};
  unique_fd found(::open(folder_.c_str(), folder_flags));
  for (const auto* step : {previews_name, inner.c_str()})
    if (found) found = open_folder(found.get(), step);
  // O_NONBLOCK: opening a pipe that nobody writes to must not hang.
  if (found)
    found = unique_fd(
        ::openat(found.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!found && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENXIO))
    return absent;
  struct stat facts {};
  if (!found || ::fstat(found.get(), &facts) != 0)
    return system_error()("cannot open the preview " + in_quotes(path));
  if (!S_ISREG(facts.st_mode) || facts.st_size <= 0
      || static_cast<std::uint64_t>(facts.st_size) > preview_bytes_max)
    return absent;
  // Whether the kernel keeps the time of a file's last use depends on how its disk is mounted.
  if (auto now = std::time(nullptr);
      facts.st_atim.tv_sec > now || now - facts.st_atim.tv_sec >= preview_use_interval.count()) {
    const timespec times[] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
    (void)::futimens(found.get(), times);  // it may be another's, on a disk for reading only
  }
  return found;
}

std::string preview_cache::path(const digest& content, std::uint32_t edge_px) const {
  auto digits = digest_name(content);
  return path_in(folder_, digits.substr(0, 2), digits + name_end(edge_px));
}

std::optional<std::uint64_t> preview_cache::bytes() const {
  std::lock_guard guard(mutex_);
  return bytes_;
}

}  // namespace podstudio::media
