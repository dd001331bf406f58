// SPDX-License-Identifier: MIT
#include "system/driver.hpp"

#include "system/trees.hpp"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <fcntl.h>
#include <filesystem>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace system_test {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kept_count = 60, edited_count = 20;
constexpr std::size_t other_count = 150;
/// What the bytes of a file begin with that must be handled with care.
constexpr std::string_view kept_mark = "kept file ", edited_mark = "edited file ";

bool lies_at(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

bool is_file(const std::string& path) {
  struct stat status;
  return ::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

bool is_same_file(const std::string& one, const std::string& other) {
  struct stat left, right;
  return ::lstat(one.c_str(), &left) == 0 && ::lstat(other.c_str(), &right) == 0
         && left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

/// How a file begins; empty for what is none.
std::string beginning_of(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return {};
  char some[32];
  auto size = ::read(fd, some, sizeof some);
  ::close(fd);
  return size > 0 ? std::string(some, static_cast<std::size_t>(size)) : "";
}

template <class Visit>
void for_each_file(const std::string& path, Visit visit) {
  std::error_code failed;
  auto status = fs::symlink_status(path, failed);
  if (fs::is_regular_file(status)) visit(path);
  if (!fs::is_directory(status)) return;
  for (const auto& entry : fs::directory_iterator(path, failed))
    for_each_file(entry.path(), visit);
}

}  // namespace

driver::driver(driven what, std::uint64_t seed) : what_(std::move(what)), random_(seed) {
  auto make_all = [&] {
    for (const auto* all : {&what_.roots, &what_.outsides})
      for (const auto& folder : *all)
        if (what_.bay == nullptr || what_.bay->now() != disk_bay::disk::other || is_on_disk(folder))
          make_folder(folder);
  };
  for (std::size_t i = 0; i < edited_count; ++i)
    edited_.push_back(what_.roots[i % what_.roots.size()] + "/edits/" + std::to_string(i) + ".png");
  if (what_.bay != nullptr && plug(disk_bay::disk::other)) {
    // A library of its own, of which some files have the same names.
    make_all();
    for (const auto& root : what_.roots)
      for (std::size_t i = 0; is_on_disk(root) && i < other_count; ++i)
        make_file(root + (once_in(2) ? "/edits/" : "/more/") + std::to_string(i) + ".png",
                  "other disk " + std::to_string(i) + std::string(below(3000), 'o'));
  }
  if (what_.bay != nullptr) plug(disk_bay::disk::own);
  make_all();
  for (std::size_t i = 0; i < edited_count; ++i)
    make_file(edited_[i], std::string(edited_mark) + std::to_string(i) + " first");
  refresh();
  for (std::size_t i = 0; i < kept_count; ++i) {
    auto path = what_.roots[i % what_.roots.size()] + "/" + std::to_string(i) + " kept.png";
    auto size = i == 0 ? 1'500'000 : below(3000);
    make_file(path, std::string(kept_mark) + std::to_string(i) + " " + std::string(size, 'k'));
    kept_.push_back(path);
  }
  for (int i = 0; i < 250; ++i)
    create();
  refresh();
  in_step();
}

driver::~driver() {
  if (!bound_to_.empty()) ::umount2(bound_to_.c_str(), MNT_DETACH);
}

void driver::in_step() {
  for (const auto& root : present_roots())
    may_go_[root] = followed_at(root) / 4;
  if (is_whole()) forget_what_was();
  // At any other time too little may go for a folder that has grown.
  if (once_in(4)) unbind();
}

void driver::forget_what_was() {
  trace_.clear();
  new_links_.clear();
  // The engine knows where these are; all others may come back any time.
  for (const auto& root : what_.roots)
    for (const auto& [number, path] : kept_under(root)) {
      if (!is_followed(path, root)) continue;
      trails_.erase(number);
      std::erase_if(left_, [number = number](const auto& each) { return each.second == number; });
    }
}

std::string driver::trace_of(const std::string& differences) const {
  words paths;  // names can hold the end of a line, but no two spaces behind it
  for (std::size_t at = 0, end; at < differences.size(); at = end) {
    end = std::min(differences.find("\n  ", at + 1), differences.size());
    auto line = differences.substr(at, end - at);
    auto path = line.substr(std::min(line.find('/'), line.size()));
    paths.push_back(path.substr(0, path.rfind(": ")));
  }
  auto is_of = [&](const std::string& line, const std::string& path) {
    for (auto end = path.size(); end != path.npos && end > what_.outsides[0].size() + 3;
         end = path.rfind('/', end - 1))
      if (line.find(path.substr(0, end) + "'") != line.npos) return true;
    return false;
  };
  std::string text;
  for (const auto& line : trace_)
    if (line.find(" * ") != line.npos
        || std::ranges::any_of(paths, [&](const auto& path) { return is_of(line, path); }))
      text += "\n  " + line;
  return text.empty() ? "" : "\nwhat was done there:" + text;
}

std::string driver::trail_of_kept(std::size_t number) const {
  std::string lines;
  auto trail = trails_.find(number);
  if (trail == trails_.end()) return {};
  for (const auto& path : trail->second)
    lines += "\n    was: " + path + ": ";
  return lines;
}

// --- what is there ---

bool driver::is_on_disk(const std::string& path) const {
  return what_.bay != nullptr && lies_at(path, what_.bay->at());
}

words driver::present_roots() const {
  words roots;
  for (const auto& root : what_.roots)
    if (!is_on_disk(root) || what_.bay->now() == disk_bay::disk::own) roots.push_back(root);
  return roots;
}

words driver::tops() const {
  words tops;
  for (const auto* all : {&what_.roots, &what_.outsides})
    for (const auto& top : *all)
      if (!is_on_disk(top) || what_.bay->now() != disk_bay::disk::none) tops.push_back(top);
  return tops;
}

void driver::refresh() {
  files_.clear();
  kept_now_.clear();
  folders_ = tops();
  for (std::size_t i = 0; i < folders_.size(); ++i) {
    std::error_code failed;
    auto folder = folders_[i];
    for (const auto& entry : fs::directory_iterator(folder, failed)) {
      if (entry.is_symlink() || !entry.is_directory())
        files_.push_back(entry.path());
      else
        folders_.push_back(entry.path());
    }
  }
  media_ = static_cast<std::size_t>(std::ranges::count_if(
      files_, [](const std::string& path) { return !seed_type(path).empty(); }));
  for (const auto& file : files_)
    if (care_for(file) == care::kept) kept_now_.push_back(file);
}

std::uint64_t driver::media_at(const std::string& path) {
  std::uint64_t count = 0;
  for_each_file(path, [&](const std::string& file) { count += seed_type(file).empty() ? 0 : 1; });
  return count;
}

std::uint64_t driver::followed_at(const std::string& root) {
  std::uint64_t count = 0;
  for_each_file(root, [&](const std::string& file) {
    count += !seed_type(file).empty() && is_followed(file, root) ? 1 : 0;
  });
  return count;
}

bool driver::may_vacate(const std::string& path) {
  const auto fixed = tops();
  if (std::ranges::find(fixed, path) != fixed.end()) return false;
  // What is mounted twice goes from two places.
  return may_lose(path, {path, other_path(path)});
}

bool driver::may_lose(const std::string& what, const words& places) {
  auto count = media_at(what);
  auto roots = present_roots();
  std::erase_if(roots, [&](auto& root) {
    return std::ranges::none_of(places, [&](auto& place) { return lies_at(place, root); });
  });
  if (std::ranges::any_of(roots, [&](auto& root) { return count > may_go_[root]; })) return false;
  for (const auto& root : roots)
    may_go_[root] -= count;
  return true;
}

// --- being careful ---

driver::care driver::care_for(const std::string& path) {
  auto beginning = beginning_of(path);
  return beginning.starts_with(kept_mark)     ? care::kept
         : beginning.starts_with(edited_mark) ? care::edited
                                              : care::none;
}

bool driver::holds(const std::string& path, care what) {
  bool found = false;
  for_each_file(path, [&](const std::string& file) { found = found || care_for(file) == what; });
  return found;
}

driver::kept_files driver::kept_under(const std::string& path) {
  kept_files found;
  for_each_file(path, [&](const std::string& file) {
    auto beginning = beginning_of(file);
    if (beginning.starts_with(kept_mark))
      found.emplace_back(std::stoul(beginning.substr(kept_mark.size())), file);
  });
  return found;
}

std::string driver::plain_path(const std::string& path) const {
  if (bound_to_.empty() || !lies_at(path, bound_to_)) return path;
  return bound_from_ + path.substr(bound_to_.size());
}

std::string driver::other_path(const std::string& path) const {
  if (bound_to_.empty() || !lies_at(path, bound_from_)) return plain_path(path);
  return bound_to_ + path.substr(bound_from_.size());
}

bool driver::touches_mounts(const std::string& path) const {
  return !bound_to_.empty() && (lies_at(bound_to_, path) || lies_at(bound_from_, path));
}

bool driver::is_free(const std::string& path, const kept_files& moving) const {
  if (care_for(path) != care::none) return false;
  auto plain = plain_path(path);
  for (const auto& [left, number] : left_) {
    bool returns = left == plain && moving.size() == 1 && moving.front().first == number;
    if (lies_at(left, plain) && !returns) return false;
  }
  return true;
}

bool driver::stay_followed(const kept_files& files, const std::string& from,
                           const std::string& to) const {
  auto roots = present_roots();
  return std::ranges::all_of(files, [&](const auto& file) {
    auto path = to + file.second.substr(from.size());
    return std::ranges::any_of(roots, [&](auto& root) { return is_followed(path, root); });
  });
}

bool driver::may_leave(const kept_files& files) const {
  for (const auto& [number, path] : files) {
    auto trail = trails_.find(number);
    if (trail == trails_.end()) continue;
    for (const auto& was : trail->second)
      if (was != plain_path(path) && ((is_on_disk(was) && !is_whole()) || is_file(was)))
        return false;
  }
  return true;
}

void driver::moved(const kept_files& files, const std::string& from, const std::string& to,
                   bool copied) {
  for (const auto& [number, path] : files) {
    auto& trail = trails_[number];
    auto before = plain_path(path), after = plain_path(to + path.substr(from.size()));
    if (trail.empty()) trail.push_back(before);
    if (copied || !stay_followed({{number, path}}, from, to))
      for (const auto& was : trail)
        left_.emplace(was, number);
    trail.push_back(after);
  }
}

// --- choosing ---

std::string driver::any_stem() {
  static const words stems{"a",           "b",           "c",     "d",          "e",
                           "one two",     "it's",        "\"q\"", "\U0001F600", "\u00e9t\u00e9",
                           "line\nbreak", "back\\slash", "a.b",   "a-b",        "a0",
                           "%s*?[x]",     "-rf",         " lead"};
  return any(stems) + (once_in(3) ? "" : std::to_string(below(40)));
}

std::string driver::any_name() {
  static const words endings{".png", ".png",  ".jpg", ".wav", ".mp4",     ".PNG",
                             ".Jpg", ".FLAC", ".ogg", ".txt", ".png.part"};
  if (once_in(60)) return std::string("bad\xff") + std::to_string(below(5)) + ".png";
  return (once_in(40) ? "." : "") + any_stem() + any(endings);
}

std::string driver::any_folder_name() {
  if (once_in(60)) return std::string("bad\xfe folder");
  if (once_in(40)) return once_in(2) ? "@eaDir" : ".hidden";
  // Some have names as files have.
  return once_in(6) ? any_name() : any_stem();
}

std::string driver::bytes() {
  std::uint64_t size = once_in(20) ? 0 : once_in(200) ? 1'500'000 : 1 + below(3000);
  // Some contents come again and again.
  auto what = once_in(5) ? "content " + std::to_string(below(4)) : std::to_string(random_());
  std::string all;
  all.reserve(size + what.size());
  if (what.starts_with("content")) size = std::min<std::uint64_t>(size, 100);
  while (all.size() < size)
    all += what;
  return all;
}

// --- doing ---

bool driver::write(const std::string& path, int flags, const std::string& what, off_t at) {
  int fd = ::open(path.c_str(), flags | O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0644);
  if (fd < 0) return false;
  std::size_t begin = 0;
  while (begin < what.size()) {
    auto size = std::min<std::size_t>(what.size() - begin, 1 + below(60'000));
    auto written = at < 0 ? ::write(fd, what.data() + begin, size)
                          : ::pwrite(fd, what.data() + begin, size, at + static_cast<off_t>(begin));
    if (written <= 0) break;
    begin += static_cast<std::size_t>(written);
  }
  ::close(fd);
  return begin == what.size();
}

bool driver::write_to(const std::string& path, int flags, const std::string& what, off_t at) {
  // A change through a name that nobody watches goes unnoticed under the other names too; so does
  // one through a name that disappears before it was seen.
  struct stat status;
  if (::lstat(path.c_str(), &status) == 0 && status.st_nlink > 1
      && (new_links_.contains(status.st_ino) || std::ranges::none_of(what_.roots, [&](auto& root) {
            return is_followed(path, root);
          })))
    return false;
  return is_free(path) && write(path, flags, what, at);
}

void driver::create() {
  auto path = new_path();
  if (write_to(path, O_CREAT | O_TRUNC, bytes())) note("create '" + path + "'");
}

void driver::change() {
  auto path = any_file();
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  if (care_for(path) != care::none) return;
  switch (below(5)) {
  case 0:
    note("append to '" + path + "'");
    write_to(path, O_APPEND, "more " + std::to_string(random_()));
    break;
  case 1:
    note("overwrite in '" + path + "'");
    write_to(path, 0, std::to_string(random_()), status.st_size / 2);
    break;
  case 2:
    note("write over '" + path + "'");
    write_to(path, O_TRUNC, bytes());
    break;
  case 3:
    note("write over twice '" + path + "'");
    write_to(path, O_TRUNC, std::string(20, 'a'));
    write_to(path, O_TRUNC, std::string(20, static_cast<char>('b' + below(5))));
    break;
  default:
    if (!once_in(10)) {
      note("cut '" + path + "'");
      write_to(path, O_TRUNC, "");
    } else {
      note("truncate '" + path + "'");
      if (status.st_nlink > 1) return;
      [[maybe_unused]] auto cut = ::truncate(path.c_str(), static_cast<off_t>(below(2000)));
    }
  }
}

void driver::save() {
  auto path = any_file();
  auto temporary = path.substr(0, path.rfind('/') + 1) + (once_in(2) ? ".save.tmp" : "save.png");
  if (fs::is_directory(fs::symlink_status(path)) || temporary == path || !is_free(path)) return;
  if (fs::exists(fs::symlink_status(temporary)) || !write_to(temporary, O_CREAT, bytes())) return;
  if (std::rename(temporary.c_str(), path.c_str()) == 0)
    note("save '" + path + "' by '" + temporary + "'");
}

bool driver::rename(const std::string& from, const std::string& to) {
  if (from == to || to.starts_with(from + "/") || touches_mounts(from)) return false;
  auto kept = kept_under(from);
  if (!is_free(to, kept) || holds(from, care::edited) || !may_vacate(from)) return false;
  if (!stay_followed(kept, from, to) && !may_leave(kept)) return false;
  if (std::rename(from.c_str(), to.c_str()) == 0) {
    moved(kept, from, to, false);
    note("rename '" + from + "' to '" + to + "'");
    return true;
  }
  return errno == EXDEV && once_in(2) && move_by_copying(from, to);
}

bool driver::move_by_copying(const std::string& from, const std::string& to) {
  auto kept = kept_under(from);
  if (!may_leave(kept) || !is_free(to, kept) || is_same_file(from, to)) return false;
  auto status = fs::symlink_status(from);
  bool removes_first = false;
  if (fs::is_directory(status)) {
    if (fs::exists(fs::symlink_status(to)) || lies_at(to, from)
        || lies_at(plain_path(to), plain_path(from)))
      return false;
    note("... copy the folder '" + from + "' to '" + to + "'");
    if (!copy_folder(from, to)) return false;
    std::error_code ignored;
    fs::remove_all(from, ignored);
  } else {
    if (!fs::is_regular_file(status) || fs::is_directory(fs::symlink_status(to))) return false;
    removes_first = once_in(4);
    if (!copy_file(from, to, removes_first)) return false;
    if (!removes_first) ::unlink(from.c_str());
  }
  moved(kept, from, to, true);
  note("move '" + from + "' to '" + to + "' by " + (removes_first ? "removing" : "copying")
       + " it first");
  return true;
}

/// The file at `from` is gone afterwards only if it is removed first.
bool driver::copy_file(const std::string& from, const std::string& to, bool removes_first) {
  auto what = read_file(from);
  struct stat status;
  if (::lstat(from.c_str(), &status) != 0) return false;
  // Downloads, archives and many programs write under another name first.
  auto first = once_in(4) ? to + ".part" : to;
  if (first != to && (fs::exists(fs::symlink_status(first)) || !is_free(first))) return false;
  if (removes_first) {
    ::unlink(from.c_str());
    note("... remove '" + from + "'");
    pause();
  }
  // Not into a file that has other names too.
  if (struct stat there; once_in(2) || (::lstat(first.c_str(), &there) == 0 && there.st_nlink > 1))
    ::unlink(first.c_str());
  bool whole = write(first, O_CREAT | O_TRUNC, what);
  if (whole && once_in(2)) {
    timespec times[2]{status.st_atim, status.st_mtim};
    ::utimensat(AT_FDCWD, first.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }
  if (whole && first != to) whole = std::rename(first.c_str(), to.c_str()) == 0;
  if (!whole) {
    ::unlink(first.c_str());
    if (removes_first) write(from, O_CREAT | O_TRUNC, what);
    note("... no room for '" + to + "'");
    return false;
  }
  pause();
  return true;
}

bool driver::copy_folder(const std::string& from, const std::string& to) {
  if (::mkdir(to.c_str(), 0755) != 0) return false;
  std::error_code failed;
  words names;
  for (const auto& entry : fs::directory_iterator(from, failed))
    names.push_back(entry.path().filename());
  for (const auto& name : names) {
    auto one = from + "/" + name, other = to + "/" + name;
    auto status = fs::symlink_status(one);
    bool copied = fs::is_directory(status)      ? copy_folder(one, other)
                  : fs::is_regular_file(status) ? copy_file(one, other, false)
                                                : true;
    if (copied) continue;
    fs::remove_all(to, failed);
    return false;
  }
  return true;
}

void driver::exchange(const std::string& one, const std::string& other) {
  if (one == other || !fs::exists(fs::symlink_status(other)) || other.starts_with(one + "/")
      || one.starts_with(other + "/"))
    return;
  if (once_in(2)) {
    auto first = kept_under(one), second = kept_under(other);
    for (const auto& each : {one, other})
      if (holds(each, care::edited) || touches_mounts(each) || !may_vacate(each)) return;
    if ((!stay_followed(first, one, other) || !stay_followed(second, other, one))) return;
    // Paths below that must stay empty.
    for (const auto& [left, number] : left_)
      if (lies_at(left, plain_path(one)) || lies_at(left, plain_path(other))) return;
    if (::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) != 0) return;
    moved(first, one, other, false);
    moved(second, other, one, false);
    note("exchange '" + one + "' and '" + other + "'");
    return;
  }
  auto third = any_folder() + "/third " + std::to_string(below(9)) + ".png";
  if (fs::exists(fs::symlink_status(third)) || third.starts_with(one + "/")
      || third.starts_with(other + "/"))
    return;
  if (!rename(one, third)) return;
  bool second = rename(other, one);
  if (once_in(2)) pause();
  rename(third, second ? other : one);
  note("... swap '" + one + "' and '" + other + "'");
}

void driver::rename_chain() {
  std::deque<std::string> chain;
  for (auto count = 3 + below(4); count > 0; --count)
    if (auto path = any_file(); std::ranges::find(chain, path) == chain.end()
                                && !fs::is_directory(fs::symlink_status(path)))
      chain.push_back(path);
  auto to = new_path();
  for (const auto& from : chain) {
    if (!rename(from, to)) return;
    to = from;
  }
  if (once_in(2)) {
    note("create at the end of a chain '" + to + "'");
    write_to(to, O_CREAT | O_TRUNC, bytes());
  }
}

void driver::remove_tree() {
  auto path = any_folder();
  if (touches_mounts(path) || holds(path, care::kept) || holds(path, care::edited)
      || !may_vacate(path))
    return;
  note("remove tree '" + path + "'");
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

bool driver::remove_file(const std::string& path) {
  if (fs::is_directory(fs::symlink_status(path)) || care_for(path) != care::none
      || !may_vacate(path))
    return false;
  note("remove '" + path + "'");
  return ::unlink(path.c_str()) == 0;
}

void driver::replace_by_other_kind() {
  auto path = any_file();
  if (!remove_file(path)) return;
  note("replace by another kind '" + path + "'");
  make_other_kind(path);
}

void driver::make_other_kind(const std::string& path) {
  note("make another kind of file '" + path + "'");
  auto target = once_in(2) ? any_file() : once_in(2) ? any_folder() : path;
  switch (below(3)) {
  case 0:
    ::mkdir(path.c_str(), 0755);
    break;
  case 1:
    if (::symlink(target.c_str(), path.c_str()) != 0) return;
    break;
  default:
    ::mkfifo(path.c_str(), 0644);
  }
}

void driver::make_folders() {
  auto path = any_folder();
  auto depth = once_in(10) ? 12 : 1 + below(3);
  if (std::ranges::count(path, '/') > 20) return;
  for (; depth > 0; --depth) {
    path += "/" + any_folder_name();
    ::mkdir(path.c_str(), 0755);
    if (once_in(4)) write_to(path + "/" + any_name(), O_CREAT, bytes());
  }
  note("make folders '" + path + "'");
  auto file = path + "/" + any_name();
  write_to(file, O_CREAT | O_TRUNC, bytes());
  note("create '" + file + "'");
}

void driver::copy() {
  auto from = any_file(), to = new_path();
  if (!is_file(from) || care_for(from) != care::none) return;
  if (write_to(to, O_CREAT | O_TRUNC, read_file(from))) note("copy '" + from + "' to '" + to + "'");
}

void driver::link() {
  auto from = any_file(), to = new_path();
  if (care_for(from) != care::none || !is_free(to)) return;
  struct stat status;
  if (::link(from.c_str(), to.c_str()) != 0 || ::lstat(to.c_str(), &status) != 0) return;
  new_links_.insert(status.st_ino);
  note("link '" + from + "' as '" + to + "'");
}

void driver::change_attributes() {
  auto path = any_file();
  if (once_in(2)) {
    ::chmod(path.c_str(), once_in(2) ? 0600 : 0644);
    return;
  }
  auto seconds = static_cast<time_t>(1'000'000'000 + below(600'000'000));
  timespec times[2]{{seconds, 0}, {seconds, static_cast<long>(below(1'000'000'000))}};
  ::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW);
}

void driver::flicker() {
  auto path = new_path();
  if (fs::exists(fs::symlink_status(path))) return;
  note("create and remove '" + path + "'");
  if (!write_to(path, O_CREAT, bytes())) return;
  if (once_in(2)) pause();
  ::unlink(path.c_str());
}

void driver::move_kept() {
  if (kept_now_.empty()) return;
  auto from = any(kept_now_), to = once_in(4) ? any_file() : new_path();
  if (!is_file(from)) return;
  if (!once_in(4)) {
    rename(from, to);
  } else if (from != to && is_free(to, kept_under(from)) && may_vacate(from)) {
    move_by_copying(from, to);
  }
}

void driver::edit() {
  auto path = any(edited_);
  if (care_for(path) != care::edited) return;
  auto what = std::string(edited_mark) + std::to_string(random_()) + std::string(below(2000), 'e');
  note("edit '" + path + "'");
  switch (below(7)) {
  case 0:
    write(path, O_APPEND, std::to_string(random_()));
    break;
  case 1:
    write(path, 0, std::to_string(random_()), static_cast<off_t>(edited_mark.size()));
    break;
  case 2:
    if (!write(path, O_TRUNC, what)) write(path, O_TRUNC, std::string(edited_mark));
    break;
  case 3:
    save_by_temporary(path, folder_of(path) + "/.edited.tmp", what);
    break;
  case 4:
    save_by_temporary(path, folder_of(path) + "/edited.tmp.png", what);
    break;
  case 5:
    save_by_old_file(path, path + "~", what);
    break;
  default:
    save_by_both(path, folder_of(path) + "/edited.tmp.png", path + "~", what);
  }
}

void driver::save_by_temporary(const std::string& path, const std::string& temporary,
                               const std::string& what) {
  if (fs::exists(fs::symlink_status(temporary))) return;
  bool whole = write(temporary, O_CREAT | O_TRUNC, what);
  if (whole) pause();
  if (!whole || std::rename(temporary.c_str(), path.c_str()) != 0) ::unlink(temporary.c_str());
}

void driver::save_by_old_file(const std::string& path, const std::string& old,
                              const std::string& what) {
  if (fs::exists(fs::symlink_status(old)) || std::rename(path.c_str(), old.c_str()) != 0) return;
  pause();
  bool whole = write(path, O_CREAT | O_TRUNC, what);
  if (whole) pause();
  if (whole)
    ::unlink(old.c_str());
  else [[maybe_unused]]
    auto restored = std::rename(old.c_str(), path.c_str());
}

void driver::save_by_both(const std::string& path, const std::string& temporary,
                          const std::string& old, const std::string& what) {
  for (const auto& name : {temporary, old})
    if (fs::exists(fs::symlink_status(name))) return;
  bool whole = write(temporary, O_CREAT | O_TRUNC, what);
  if (whole) pause();
  if (!whole || std::rename(path.c_str(), old.c_str()) != 0) {
    ::unlink(temporary.c_str());
    return;
  }
  pause();
  if (std::rename(temporary.c_str(), path.c_str()) == 0) {
    pause();
    ::unlink(old.c_str());
  } else {
    ::unlink(temporary.c_str());
    [[maybe_unused]] auto restored = std::rename(old.c_str(), path.c_str());
  }
}

// --- disks ---

void driver::change_disk() {
  using disk = disk_bay::disk;
  auto now = what_.bay->now();
  if (now != disk::own || once_in(2))
    plug(now != disk::own && !once_in(4) ? disk::own : once_in(2) ? disk::other : disk::none);
  else
    plug(disk::own);
  refresh();
}

/// Whatever is there is pulled out before.
bool driver::plug(disk_bay::disk what) {
  if (is_on_disk(bound_from_) && !unbind()) return false;
  if (!what_.bay->pull()) {
    note("* the disk is busy");
    return false;
  }
  pause();
  bool another = once_in(2);
  if (what != disk_bay::disk::none) what_.bay->plug(what, another);
  ++plugged_;
  static const char* const names[]{"its own", "another", "no"};
  note(std::string("* ") + names[static_cast<std::size_t>(what_.bay->now())] + " disk at '"
       + what_.bay->at() + "'" + (another ? " under another number" : ""));
  return what_.bay->now() == what;
}

void driver::bind() {
  if (!bound_to_.empty()) {
    unbind();
    return;
  }
  auto from = any_folder(), above = any_folder(), to = above + "/bound " + std::to_string(done_);
  auto root_of = [&](const std::string& path) {
    auto at = std::ranges::find_if(what_.roots, [&](auto& root) { return lies_at(path, root); });
    return at == what_.roots.end() ? std::string() : *at;
  };
  struct stat source, target;
  if (::stat(from.c_str(), &source) != 0 || ::stat(above.c_str(), &target) != 0) return;
  // Of what is mounted twice below one root the kernel tells of one path only; and of what a disk
  // leaves behind where it was mounted below a root on another one nobody knows that it is gone.
  bool is_told = root_of(from).empty() || root_of(from) != root_of(to);
  if (!is_told || source.st_dev != target.st_dev || lies_at(above, from) || lies_at(from, to)
      || media_at(from) > 40 || !is_free(to))
    return;
  if (::mkdir(to.c_str(), 0755) != 0) return;
  if (::mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr) != 0) return;
  bound_from_ = from;
  bound_to_ = to;
  note("* bind '" + from + "' to '" + to + "'");
  nudge(above);
}

bool driver::unbind() {
  if (bound_to_.empty()) return true;
  // All of it stays at its other place.
  if (!may_lose(bound_to_, {bound_to_})) {
    thin_out(bound_to_);
    return false;
  }
  if (!eventually([&] { return ::umount2(bound_to_.c_str(), 0) == 0; }, 5s)) return false;
  note("* unbind '" + bound_from_ + "' from '" + bound_to_ + "'");
  nudge(folder_of(bound_to_));
  bound_from_.clear();
  bound_to_.clear();
  return true;
}

/// Without this, a folder that has grown too large while it was mounted twice would stay so.
void driver::thin_out(const std::string& folder) {
  for_each_file(folder, [&](const std::string& file) {
    if (!seed_type(file).empty() && once_in(2)) remove_file(file);
  });
}

/// The kernel does not tell that something is mounted; that a folder's ignore file changes it does.
void driver::nudge(const std::string& folder) {
  auto path = folder + "/.podstudioignore";
  if (!write(path, O_CREAT, "")) return;
  ::unlink(path.c_str());
}

void driver::restore() {
  unbind();
  if (what_.bay != nullptr && what_.bay->now() != disk_bay::disk::own) plug(disk_bay::disk::own);
}

void driver::pause() {
  if (once_in(3)) return;
  if (once_in(200)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(below(1200)));
  } else if (what_.look && once_in(150)) {
    what_.look();
  } else {
    std::this_thread::sleep_for(std::chrono::microseconds(below(4000)));
  }
}

void driver::step() {
  if (done_++ % 20 == 0) refresh();
  if (once_in(10)) pause();
  if (what_.bay != nullptr && once_in(what_.bay->now() == disk_bay::disk::own ? 200 : 80))
    return change_disk();
  if (what_.bay != nullptr && once_in(200)) return bind();
  if (once_in(12)) return move_kept();
  if (once_in(25)) return edit();
  auto kind = below(100);
  if (media_ < 350 && once_in(2)) kind = below(25);
  if (media_ > 800 && kind < 25) kind = once_in(2) ? 80 : 90;
  if (kind < 14)
    create();
  else if (kind < 18)
    make_folders();
  else if (kind < 22)
    copy();
  else if (kind < 25)
    once_in(8) ? link() : create();
  else if (kind < 38)
    change();
  else if (kind < 44)
    save();
  else if (kind < 58)
    rename(any_file(), once_in(4) ? any_file() : new_path());
  else if (kind < 66)
    rename(any_folder(), any_folder() + "/" + any_folder_name());
  else if (kind < 71)
    once_in(4) ? exchange(any_folder(), any_folder()) : exchange(any_file(), any_file());
  else if (kind < 74)
    rename_chain();
  else if (kind < 84)
    remove_file(any_file());
  else if (kind < 86)
    remove_tree();
  else if (kind < 88)
    replace_by_other_kind();
  else if (kind < 90)
    make_other_kind(new_path());
  else if (kind < 95)
    change_attributes();
  else
    flicker();
}

}  // namespace system_test
