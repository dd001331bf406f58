// SPDX-License-Identifier: MIT
#include "command.hpp"
#include "with_engine.hpp"

#include "actors/engine.hpp"
#include "platform/files.hpp"
#include "schema/schema.hpp"

#include <CLI/App.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <poll.h>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace podstudio {

namespace {

/// Tells the service manager about us, as sd_notify(3) does; nothing where there is none.
void notify(std::string_view state) {
  auto path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (path == nullptr || std::strlen(path) >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path);
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  if (path[0] == '@') address.sun_path[0] = '\0';  // a name outside the file system
  unique_fd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (fd)
    ::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address), size);
}

/// A service ends within this time after it was asked to, and at once when it is asked again,
/// whatever hangs. What was acknowledged is durable.
constexpr auto end_time_max = std::chrono::milliseconds(9'500);

/// A signal that comes this soon after the first is the same request: timeout(1), for one, signals
/// its child and then the whole process group.
constexpr auto same_request_max = std::chrono::seconds(1);

/// Set once the service runs. Before that there is nothing to end in order.
std::atomic<bool> is_running = false;

/// Waits for signals in a thread of its own. Threads started later inherit that the signals do not
/// interrupt them. Returns a descriptor that is readable once the process is asked to end.
result<unique_fd> take_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&signals, number);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  unique_fd asked{::eventfd(0, EFD_CLOEXEC)};
  auto taken = ::signalfd(-1, &signals, SFD_CLOEXEC);
  if (!asked || taken < 0) return system_error()("cannot receive signals");
  using clock = std::chrono::steady_clock;
  // Until then, or for ever; whether there was one.
  auto wait_for_one = [taken](std::optional<clock::time_point> until) {
    pollfd wait{taken, POLLIN, 0};
    auto ms_left = [&] {
      if (!until) return -1;
      auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - clock::now()).count();
      return static_cast<int>(std::max<std::int64_t>(left, 0));
    };
    while (::poll(&wait, 1, ms_left()) < 0 && errno == EINTR) {
    }
    signalfd_siginfo which;
    return (wait.revents & POLLIN) != 0 && ::read(taken, &which, sizeof which) > 0;
  };
  try {
    std::thread([wait_for_one, asked = ::fcntl(asked.get(), F_DUPFD_CLOEXEC, 0)] {
      wait_for_one(std::nullopt);
      auto begun = clock::now();
      if (!is_running) {
        std::fputs("podstudio: stopped before it was ready\n", stderr);
        ::_exit(0);
      }
      constexpr std::uint64_t once = 1;
      (void)!::write(asked, &once, sizeof once);
      while (wait_for_one(begun + end_time_max) && clock::now() < begun + same_request_max) {
      }
      std::fputs("podstudio: stopped without waiting for what hangs; nothing is lost\n", stderr);
      ::_exit(1);
    }).detach();
  } catch (const std::system_error& failure) {
    return error{error_code::io_failed, "cannot start a thread: " + std::string(failure.what())};
  }
  return asked;
}

/// How often a service builds tables anew that were damaged while it used them. More often,
/// something is wrong with the disk, and it ends.
constexpr int heals_max = 5;

/// A folder that is to be watched, and what says so.
struct asked_folder {
  std::string path, from;
};

result<std::vector<asked_folder>> folders_to_watch(const settings& configured,
                                                   const std::vector<std::string>& by_option) {
  std::vector<asked_folder> folders;
  for (const auto& path : by_option)
    folders.push_back({path, "--watch"});
  for (const auto& path : configured.watch_folders)
    folders.push_back({path, configured.watch_folders_from});
  for (auto& [path, from] : folders) {
    auto absolute = absolute_path(path);
    if (!absolute) return naming_setting(absolute.failure(), path, from);
    path = *absolute;
  }
  return folders;
}

result<void> serve(const context& where, const std::vector<std::string>& watch) {
  auto folders = folders_to_watch(where.configured, watch);
  if (!folders) return folders.failure();
  auto stop = take_stop_signals();
  if (!stop) return stop.failure();
  auto options = engine_options_of(where);
  for (const auto& folder : *folders)
    options.watch.push_back(folder.path);
  options.service = true;
  for (int heals = 0;; ++heals) {
    auto running = engine::start(options);
    if (!running) {
      auto failure = running.failure();
      for (const auto& [path, from] : *folders)
        failure = naming_setting(std::move(failure), path, from);
      return failure;
    }
    is_running = true;
    std::fputs("ready\n", stderr);
    notify("READY=1");
    auto waited = (*running)->wait(stop->get());
    // Tables that are damaged while they are used are built anew by a start, as those that were
    // found so.
    bool once_more = !waited && needs_rebuild(waited.failure()) && heals < heals_max;
    if (!once_more) notify("STOPPING=1");
    auto stopped = (*running)->stop();
    if (!once_more) return waited ? stopped : waited;
    options.build_anew = true;
  }
}

}  // namespace

action declare_serve(CLI::App& command) {
  auto watch = std::make_shared<std::vector<std::string>>();
  command
      .add_option(
          "--watch", *watch,
          "A folder to watch from now on, in addition to those of earlier runs ($WATCH_FOLDERS)")
      ->type_name("DIR")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return [watch](const context& where) { return serve(where, *watch); };
}

}  // namespace podstudio
