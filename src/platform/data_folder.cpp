// SPDX-License-Identifier: MIT
#include "platform/data_folder.hpp"

#include "platform/files.hpp"
#include "platform/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <pwd.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace podstudio {

namespace {

constexpr mode_t private_mode = 0700;
constexpr std::size_t run_file_bytes_max = 4096;
constexpr auto look_again_after = std::chrono::milliseconds(10);
/// How long a command lets pass between two looks at a lock, at most, and how many of the longest
/// commands that it waits for may come before it.
constexpr auto look_again_after_max = std::chrono::milliseconds(100);
constexpr int commands_before_max = 6;

/// The lock that excludes every other, over the whole file.
struct flock whole_file() {
  struct flock lock {};  // l_pid must be 0 for open-file-description locks
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::string environment(const char* name) {
  auto value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string{value};
}

std::string user_name(uid_t user) {
  const auto* known = ::getpwuid(user);
  return known != nullptr ? known->pw_name : std::to_string(user);
}

/// The name as a shell takes it, for a command that a message gives.
std::string in_shell_quotes(const std::string& path) {
  std::string quoted = "'";
  for (char letter : path)
    letter == '\'' ? quoted += "'\\''" : quoted += letter;
  return quoted + "'";
}

/// What others own or may write, they may have made into anything: settings that send the tables
/// elsewhere, links to a person's files. And what root makes in a folder of somebody else's, that
/// one can no longer write.
result<void> check_ours(const std::string& path, const struct stat& facts) {
  if (facts.st_uid != ::geteuid()) {
    auto owner = user_name(facts.st_uid);
    return error{error_code::refused, in_quotes(path) + " belongs to the user " + owner
                                          + "; run the command as that user (sudo -u " + owner
                                          + " podstudio ...), or choose another data folder"};
  }
  if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return error{error_code::refused, "other users can write to " + in_quotes(path)
                                          + "; run: chmod go-w " + in_shell_quotes(path)};
  return {};
}

/// The same of a file in the data folder. Links and the like are refused where they are opened.
/// What mends it may concern all files of the folder that is `mended`. Who may write to it matters
/// only where others may reach it.
result<void> check_own_file(const std::string& path, bool reachable,
                            const std::string& mended = {}) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return {};
  auto what = mended.empty() ? in_shell_quotes(path) : in_shell_quotes(mended);
  auto each = mended.empty() ? " " : " -R ";
  if (facts.st_uid != ::geteuid())
    return error{error_code::refused, in_quotes(path) + " belongs to the user "
                                          + user_name(facts.st_uid)
                                          + "; check who put it there, then run: sudo chown" + each
                                          + user_name(::geteuid()) + " " + what};
  if (reachable && (facts.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return error{error_code::refused, "other users can write to " + in_quotes(path) + "; run: chmod"
                                          + each + "go-w " + what};
  return {};
}

result<void> check_own_log(const std::string& folder, bool reachable) {
  std::error_code unreadable;  // whoever opens it says why
  for (std::filesystem::directory_iterator entries(folder, unreadable), end;
       !unreadable && entries != end; entries.increment(unreadable))
    if (auto ours = check_own_file(entries->path(), reachable, folder); !ours) return ours;
  return {};
}

/// Makes the folder unless it is there. A link to one is as good where a person named the path.
result<void> create_folder(const std::string& path, last_link links) {
  if (::mkdir(path.c_str(), private_mode) == 0) return {};
  if (errno == EEXIST) {
    struct stat facts {};
    auto looked =
        links == last_link::follow ? ::stat(path.c_str(), &facts) : ::lstat(path.c_str(), &facts);
    if (looked == 0 && S_ISDIR(facts.st_mode)) return check_ours(path, facts);
    if (looked == 0 && S_ISLNK(facts.st_mode))
      return error{error_code::refused,
                   in_quotes(path)
                       + " is a link, which is not followed; mount the other folder "
                         "there (mount --bind), or name the whole data folder's place "
                         "with --data"};
    return error{error_code::invalid_argument,
                 in_quotes(path) + " is not a folder; remove it or choose another data folder"};
  }
  if (errno != ENOENT) return system_error()("cannot create " + in_quotes(path));
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), failed);
  if (failed) return system_error(failed.value())("cannot create " + in_quotes(path));
  if (::mkdir(path.c_str(), private_mode) != 0 && errno != EEXIST)
    return system_error()("cannot create " + in_quotes(path));
  return {};
}

/// The id that the last process to take the lock wrote; 0 where there is none.
pid_t written_pid(const std::string& lock_file) {
  auto text = read_small_file(lock_file, run_file_bytes_max, last_link::refuse);
  pid_t pid = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), pid);
  return pid > 0 ? pid : 0;
}

/// The process that holds the lock, 0 where it is not known which.
std::optional<pid_t> holder_of(const std::string& lock_file) {
  unique_fd file{::open(lock_file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  auto lock = whole_file();
  if (!file || ::fcntl(file.get(), F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
    return std::nullopt;
  return written_pid(lock_file);
}

/// Opens the file, locks it and writes this process's id into it. `busy` is the message where
/// another process, 0 if it is not known which, holds the lock.
template <class Busy>
result<unique_fd> take_lock(const std::string& path, Busy busy) {
  auto file = open_own_file(path);
  if (!file) return file.failure();
  auto lock = whole_file();
  if (::fcntl(file->get(), F_OFD_SETLK, &lock) != 0) {
    if (errno != EAGAIN && errno != EACCES) return system_error()("cannot lock " + in_quotes(path));
    return error{error_code::in_use, busy(written_pid(path))};
  }
  auto pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file->get(), 0) != 0
      || ::pwrite(file->get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return system_error()("cannot write " + in_quotes(path));
  return file;
}

/// The root, and folders in it.
result<void> create_all(const std::string& root, std::initializer_list<std::string> folders) {
  if (auto made = create_folder(root, last_link::follow); !made) return made;
  for (const auto& path : folders)
    if (auto made = create_folder(path, last_link::refuse); !made) return made;
  return {};
}

}  // namespace

result<std::string> absolute_path(const std::string& path) {
  namespace fs = std::filesystem;
  if (path.empty())
    return error{error_code::invalid_argument, "a path is empty; name a file or folder"};
  if (!is_utf8(path))
    return error{error_code::invalid_argument,
                 "the path " + in_quotes(path) + " is not valid UTF-8; rename it first"};
  std::error_code failure;
  auto full = fs::absolute(path, failure);
  bool climbs = false;
  for (const auto& part : full)
    climbs = climbs || part == "..";
  if (!failure) full = climbs ? fs::weakly_canonical(full, failure) : full.lexically_normal();
  if (failure)
    return error{error_code::io_failed,
                 "cannot resolve the path " + in_quotes(path) + ": " + failure.message()};
  auto text = full.string();
  if (text.size() > 1 && text.back() == '/') text.pop_back();
  if (!is_utf8(text))
    return error{error_code::invalid_argument,
                 "the path " + in_quotes(text) + " is not valid UTF-8; rename the folder first"};
  return text;
}

result<bool> lie_in_one_another(const std::string& one, const std::string& other) {
  std::string real[2];
  for (auto i : {0, 1}) {
    const auto& path = i == 0 ? one : other;
    std::error_code failure;
    real[i] = std::filesystem::weakly_canonical(path, failure).string();
    if (failure)
      return error{error_code::io_failed,
                   "cannot resolve the path " + in_quotes(path) + ": " + failure.message()};
  }
  return lies_within(real[0], real[1]) || lies_within(real[1], real[0]);
}

result<data_folder> resolve_data_folder(const std::string& root, const std::string& database) {
  auto chosen = root;
  if (chosen.empty()) chosen = environment("PODSTUDIO_DATA");
  // The XDG specification has relative values ignored.
  if (auto home = environment("XDG_DATA_HOME"); chosen.empty() && home.starts_with('/'))
    chosen = home + "/podstudio";
  if (auto home = environment("HOME"); chosen.empty() && !home.empty())
    chosen = home + "/.local/share/podstudio";
  if (chosen.empty())
    return error{error_code::invalid_argument, "no data folder: HOME is not set; use --data DIR"};
  auto absolute_root = absolute_path(chosen);
  if (!absolute_root) return absolute_root.failure();
  data_folder folder{*absolute_root, {}};
  folder.database = folder.usual_database();
  if (!database.empty()) {
    auto absolute_database = absolute_path(database);
    if (!absolute_database) return absolute_database.failure();
    folder.database = *absolute_database;
  }
  // Tables that are built anew replace the file that a link leads to, not the link.
  std::error_code none;
  if (auto target = std::filesystem::read_symlink(folder.database, none); !none) {
    auto beside = std::filesystem::path(folder.database).parent_path();
    auto real = std::filesystem::weakly_canonical(beside / target, none);
    if (none)
      return system_error(none.value())("cannot follow the link " + in_quotes(folder.database));
    folder.database = real.string();
  }
  return folder;
}

result<void> check_trusted(const data_folder& folder) {
  struct stat facts {};
  if (::stat(folder.root.c_str(), &facts) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return {};
    return system_error()("cannot use the data folder " + in_quotes(folder.root));
  }
  if (auto ours = check_ours(folder.root, facts); !ours) return ours;
  const auto usual = folder.usual_database();
  const bool reachable = (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0;
  for (const auto& path :
       {folder.config_file(), folder.env_file(), usual, usual + "-wal", usual + "-shm"})
    if (auto ours = check_own_file(path, reachable); !ours) return ours;
  return check_own_log(folder.log(), reachable);
}

result<void> check_own_database(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_uid == ::geteuid())
    return {};
  return error{error_code::refused,
               "the database " + in_quotes(path) + " belongs to the user " + user_name(facts.st_uid)
                   + "; name another file, or if its disk knows no owners, mount "
                     "that with uid="
                   + std::to_string(::geteuid())};
}

bool exists(const data_folder& folder) {
  struct stat facts {};
  return ::stat(folder.root.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

result<void> create(const data_folder& folder) {
  return create_all(folder.root, {folder.log(), folder.run(), folder.work(), folder.packs(),
                                  folder.cache(), folder.logs()});
}

result<void> create_lockable(const data_folder& folder) {
  return create_all(folder.root, {folder.run()});
}

namespace {

std::string process_text(pid_t pid) {
  return pid != 0 ? "process " + std::to_string(pid) : "another process";
}

/// Another command holds the folder: it ends by itself.
error in_use_by_command(const data_folder& folder, pid_t pid) {
  return {error_code::in_use,
          "the data folder " + in_quotes(folder.root) + " is in use by " + process_text(pid)
              + "; wait for it to finish, or choose another folder with --data"};
}

/// A service holds the folder. Only one that answers has nothing else to finish first.
error in_use_by_service(const data_folder& folder, pid_t pid) {
  auto address = read_console_address(folder);
  auto name = "the data folder " + in_quotes(folder.root) + " is in use by ";
  if (address && address->pid == pid)
    return {error_code::in_use, name + "its service, " + process_text(pid) + "; stop it (kill "
                                    + std::to_string(pid)
                                    + "), or choose another folder with --data"};
  return {error_code::in_use, name + "a service that is starting or stopping, " + process_text(pid)
                                  + "; wait for it to finish, then try again"};
}

}  // namespace

result<folder_lock> folder_lock::acquire(const data_folder& folder,
                                         std::chrono::milliseconds wait_max) {
  using clock = std::chrono::steady_clock;
  const auto begun = clock::now();
  auto since = begun;
  pid_t ahead = 0;
  for (auto pause = look_again_after;; pause = std::min(2 * pause, look_again_after_max)) {
    if (auto service = holder_of(folder.service_lock_file()); service)
      return in_use_by_service(folder, *service);
    pid_t holder = 0;
    auto file = take_lock(folder.lock_file(), [&](pid_t pid) {
      holder = pid;
      return in_use_by_command(folder, pid).message;
    });
    if (file) return folder_lock{std::move(*file)};
    auto now = clock::now();
    // A queue that moves is waited for longer.
    if (std::exchange(ahead, holder) != holder) since = now;
    if (file.failure().code != error_code::in_use || now - since >= wait_max
        || now - begun >= commands_before_max * wait_max)
      return file.failure();
    std::this_thread::sleep_for(pause);
  }
}

result<folder_lock> folder_lock::acquire_for_service(const data_folder& folder,
                                                     std::chrono::milliseconds wait_max) {
  auto busy = [&](pid_t pid) { return in_use_by_command(folder, pid).message; };
  auto service = take_lock(folder.service_lock_file(),
                           [&](pid_t pid) { return in_use_by_service(folder, pid).message; });
  if (!service) return service.failure();
  auto until = std::chrono::steady_clock::now() + wait_max;
  for (;;) {
    auto file = take_lock(folder.lock_file(), busy);
    if (file) return folder_lock{std::move(*file), std::move(*service)};
    if (file.failure().code != error_code::in_use || std::chrono::steady_clock::now() >= until)
      return file.failure();
    std::this_thread::sleep_for(look_again_after);
  }
}

result<folder_lock> folder_lock::acquire_for_backup(const data_folder& folder) {
  // The service that runs may be older than a link in the folder's place.
  if (auto ours = create_folder(folder.run(), last_link::refuse); !ours) return ours.failure();
  auto file = take_lock(folder.backup_lock_file(), [&](pid_t holder) {
    return "another backup of " + in_quotes(folder.root) + " is being made"
           + (holder != 0 ? ", by process " + std::to_string(holder) : "")
           + "; wait for it to finish";
  });
  if (!file) return file.failure();
  return folder_lock{std::move(*file)};
}

std::optional<pid_t> folder_lock::holder(const data_folder& folder) {
  return holder_of(folder.lock_file());
}

result<void> write_console_address(const data_folder& folder, const console_address& address) {
  nlohmann::json document = {{"port", address.port}, {"pid", address.pid}};
  return write_file_atomically(folder.console_file(), document.dump() + "\n");
}

std::optional<console_address> read_console_address(const data_folder& folder) {
  auto text = read_small_file(folder.console_file(), run_file_bytes_max, last_link::refuse);
  if (!text) return std::nullopt;
  auto document = nlohmann::json::parse(*text, nullptr, false);
  auto number = [&](const char* key, std::int64_t largest) -> std::int64_t {
    if (!document.is_object() || !document.contains(key)) return 0;
    const auto& value = document[key];
    if (!value.is_number_unsigned()
        || value.get<std::uint64_t>() > static_cast<std::uint64_t>(largest))
      return 0;
    return value.get<std::int64_t>();
  };
  console_address address{static_cast<std::uint16_t>(number("port", UINT16_MAX)),
                          static_cast<pid_t>(number("pid", INT32_MAX))};
  if (address.port == 0 || address.pid == 0) return std::nullopt;
  return address;
}

void remove_console_address(const data_folder& folder) noexcept {
  ::unlink(folder.console_file().c_str());
}

}  // namespace podstudio
