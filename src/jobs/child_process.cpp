// SPDX-License-Identifier: MIT
#include "jobs/child_process.hpp"

#include "jobs/worker.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <future>
#include <mutex>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace podstudio {

namespace {

using std::chrono::milliseconds;

/// How long to wait for a process that was killed. One with much memory, or that waits for a disk
/// in the kernel, takes longer; it is reaped when another one starts or ends.
constexpr milliseconds end_limit{50};

/// Runs functions one after the other on a thread that ends with the process only.
class lasting_thread {
public:
  static lasting_thread& get() {
    // Never destroyed, as its thread uses it to the end.
    static auto* only = new lasting_thread;
    return *only;
  }

  result<pid_t> run(const std::function<result<pid_t>()>& start) {
    std::packaged_task<result<pid_t>()> task(start);
    auto done = task.get_future();
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return next_ == nullptr; });
      next_ = &task;
    }
    changed_.notify_all();
    return done.get();
  }

private:
  lasting_thread() {
    std::thread([this] { work(); }).detach();
  }

  [[noreturn]] void work() {
    sigset_t all;
    sigfillset(&all);
    (void)::pthread_sigmask(SIG_SETMASK, &all, nullptr);  // other threads handle signals
    for (;;) {
      std::packaged_task<result<pid_t>()> task;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return next_ != nullptr; });
        task = std::move(*std::exchange(next_, nullptr));
      }
      changed_.notify_all();
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::packaged_task<result<pid_t>()>* next_ = nullptr;
};

/// Processes that were killed and had not ended yet.
class unreaped {
public:
  void add(pid_t pid) {
    std::lock_guard guard(mutex_);
    pids_.push_back(pid);
  }
  void reap() {
    std::lock_guard guard(mutex_);
    std::erase_if(pids_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
  }

private:
  std::mutex mutex_;
  std::vector<pid_t> pids_;
};
unreaped late;

class spawn_request {
public:
  spawn_request(int socket, int errors) {
    note(::posix_spawn_file_actions_init(&actions_));
    note(::posix_spawnattr_init(&attributes_));
    note(::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDWR, 0));
    note(::posix_spawn_file_actions_adddup2(&actions_, STDIN_FILENO, STDOUT_FILENO));
    note(::posix_spawn_file_actions_adddup2(&actions_, errors, STDERR_FILENO));
    note(::posix_spawn_file_actions_adddup2(&actions_, socket, worker_socket));
    note(::posix_spawn_file_actions_addclosefrom_np(&actions_, worker_socket + 1));
    note(::posix_spawn_file_actions_addchdir_np(&actions_, "/"));
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    note(::posix_spawnattr_setsigdefault(&attributes_, &all));
    note(::posix_spawnattr_setsigmask(&attributes_, &none));
    note(::posix_spawnattr_setpgroup(&attributes_, 0));
    note(::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF
                                                      | POSIX_SPAWN_SETSIGMASK));
  }
  ~spawn_request() {
    (void)::posix_spawn_file_actions_destroy(&actions_);
    (void)::posix_spawnattr_destroy(&attributes_);
  }
  spawn_request(const spawn_request&) = delete;
  spawn_request& operator=(const spawn_request&) = delete;

  result<pid_t> run(const worker_program& program) {
    std::vector<char*> arguments;
    for (const auto& each : program.arguments)
      arguments.push_back(const_cast<char*>(each.c_str()));
    arguments.push_back(nullptr);
    char* no_environment[] = {nullptr};
    pid_t pid = -1;
    if (failed_ == 0)
      note(::posix_spawn(&pid, program.path.c_str(), &actions_, &attributes_, arguments.data(),
                         no_environment));
    if (failed_ != 0)
      return system_error(failed_)("cannot start a worker, " + in_quotes(program.path));
    return pid;
  }

private:
  void note(int failed) {
    if (failed_ == 0) failed_ = failed;
  }

  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
  int failed_ = 0;
};

}  // namespace

result<child_process> child_process::start(const worker_program& program, int socket, int errors) {
  late.reap();
  auto started =
      lasting_thread::get().run([&] { return spawn_request(socket, errors).run(program); });
  if (!started) return started.failure();
  return child_process(*started,
                       unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, *started, 0))));
}

child_process::child_process(child_process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), handle_(std::move(other.handle_)),
      status_(other.status_) {}

child_process::~child_process() {
  if (pid_ <= 0 || status_) return;
  late.reap();
  kill();
  if (!wait(end_limit)) late.add(pid_);
}

void child_process::kill() noexcept {
  if (pid_ > 0 && !status_) (void)::kill(pid_, SIGKILL);
}

std::optional<int> child_process::wait(milliseconds at_most) {
  using clock = std::chrono::steady_clock;
  for (auto end = clock::now() + at_most; !status_;) {
    int status = 0;
    if (auto gone = ::waitpid(pid_, &status, WNOHANG); gone != 0) {
      status_ = gone == pid_ ? status : 0;  // else somebody else reaped it
      break;
    }
    auto left = std::chrono::ceil<milliseconds>(end - clock::now());
    if (left.count() <= 0) break;
    pollfd ended{handle_.get(), POLLIN, 0};
    (void)::poll(&ended, 1, handle_ ? static_cast<int>(left.count()) : 1);
  }
  return status_;
}

std::string in_words(int status) {
  if (WIFEXITED(status)) return "left with code " + std::to_string(WEXITSTATUS(status));
  auto number = WTERMSIG(status);
  auto* name = ::sigabbrev_np(number);
  auto* description = ::sigdescr_np(number);
  if (name == nullptr || description == nullptr) return "died by signal " + std::to_string(number);
  return "died by SIG" + std::string(name) + " (" + description + ")";
}

}  // namespace podstudio
