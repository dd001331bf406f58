// SPDX-License-Identifier: MIT
#include "system/traced.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <future>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace system_test {

namespace {

/// Everything the program does to files that could matter after a kill.
constexpr long traced_calls[] = {SYS_pwrite64,  SYS_fdatasync, SYS_fsync, SYS_fallocate,
                                 SYS_ftruncate, SYS_rename,    SYS_unlink};

/// In the child: the chosen calls stop it from its first instruction on.
bool ask_to_be_traced() {
  static const auto filter = [] {
    std::vector<sock_filter> steps;
    steps.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    for (auto call : traced_calls) {
      steps.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
      steps.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE));
    }
    steps.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    return steps;
  }();
  sock_fprog program{static_cast<unsigned short>(filter.size()),
                     const_cast<sock_filter*>(filter.data())};
  return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0
         && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
         && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

std::string text_in(pid_t thread, std::uint64_t address) {
  std::array<char, PATH_MAX> text{};
  iovec here{text.data(), text.size() - 1};
  iovec there{reinterpret_cast<void*>(address), text.size() - 1};
  // What lies behind the text may not be readable; then a part is read.
  if (::process_vm_readv(thread, &here, 1, &there, 1, 0) <= 0) return {};
  return text.data();
}

std::string path_of_descriptor(pid_t thread, std::uint64_t fd) {
  std::array<char, PATH_MAX> path{};
  auto link = "/proc/" + std::to_string(thread) + "/fd/" + std::to_string(fd);
  auto size = ::readlink(link.c_str(), path.data(), path.size());
  return size < 0 ? std::string() : std::string(path.data(), static_cast<std::size_t>(size));
}

system_call call_of(pid_t thread) {
  __ptrace_syscall_info info{};
  if (::ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0
      || info.op != PTRACE_SYSCALL_INFO_SECCOMP)
    return {};
  auto number = static_cast<long>(info.seccomp.nr);
  const auto* arguments = info.seccomp.args;
  if (number == SYS_rename) return {number, text_in(thread, arguments[1])};
  if (number == SYS_unlink) return {number, text_in(thread, arguments[0])};
  return {number, path_of_descriptor(thread, arguments[0])};
}

/// Has the write that is about to be made write less.
void shorten_write(pid_t thread, std::uint64_t bytes) {
#if defined(__x86_64__)
  user_regs_struct registers{};
  if (::ptrace(PTRACE_GETREGS, thread, nullptr, &registers) != 0 || registers.rdx == 0) return;
  registers.rdx = bytes % registers.rdx;
  ::ptrace(PTRACE_SETREGS, thread, nullptr, &registers);
#else
  static_cast<void>(thread), static_cast<void>(bytes);  // written whole there, as `after`
#endif
}

}  // namespace

std::string without_leak_check() {
  auto given = std::getenv("ASAN_OPTIONS");
  return (given != nullptr ? std::string(given) + ":" : std::string()) + "detect_leaks=0";
}

bool may_trace() {
  try {
    traced_process tried({{"true"}});
    return tried.running().finish().code == 0;
  } catch (const std::exception&) {
    return false;
  }
}

traced_process::traced_process(launch what, std::optional<kill_point> point)
    : point_(std::move(point)) {
  what.prepare = ask_to_be_traced;
  what.env["ASAN_OPTIONS"] = without_leak_check();
  std::promise<void> started;
  auto wait = started.get_future();
  tracer_ = std::thread([this, what, &started] {
    try {
      running_ = std::make_unique<process>(what);
    } catch (...) {
      failed_ = std::current_exception();
    }
    started.set_value();
    if (running_) trace();
  });
  wait.wait();
  if (!failed_) return;
  tracer_.join();
  std::rethrow_exception(failed_);
}

traced_process::~traced_process() {
  running_->signal(SIGKILL);
  tracer_.join();
}

void traced_process::arm(kill_point point) {
  std::scoped_lock hold(mutex_);
  if (!killed_at_) point_ = std::move(point);
}

bool traced_process::disarm() {
  std::scoped_lock hold(mutex_);
  point_.reset();
  return !killed_at_;
}

std::optional<system_call> traced_process::killed_at() const {
  std::scoped_lock hold(mutex_);
  return killed_at_;
}

void traced_process::kill_now() { running_->signal(SIGKILL); }

/// Goes on with the thread, or kills at its call.
void traced_process::stopped_before_call(pid_t thread) {
  auto call = call_of(thread);
  std::optional<kill_point> here;
  {
    std::scoped_lock hold(mutex_);
    if (point_ && !killed_at_ && point_->at(call) && --point_->nth == 0) {
      here = point_;
      killed_at_ = call;
    }
  }
  if (!here) {
    ::ptrace(PTRACE_CONT, thread, nullptr, nullptr);
    return;
  }
  using moment = kill_point::moment;
  bool write = call.number == SYS_pwrite64;
  if (here->when == moment::before || (here->when == moment::half_way && !write)) return kill_now();
  if (here->when == moment::half_way) shorten_write(thread, here->written);
  ::ptrace(PTRACE_SYSCALL, thread, nullptr, nullptr);  // to the end of the call
}

void traced_process::trace() {
  auto leader = running_->pid();
  bool first = true;
  for (;;) {
    siginfo_t event{};
    // The end of the process is left for `process` to reap.
    constexpr int kinds = WEXITED | WSTOPPED | __WALL | __WNOTHREAD;
    if (::waitid(P_ALL, 0, &event, kinds | WNOWAIT) != 0) {
      if (errno == EINTR) continue;
      return;  // reaped already
    }
    auto thread = event.si_pid;
    bool ended = event.si_code != CLD_TRAPPED && event.si_code != CLD_STOPPED;
    if (ended && thread == leader) return;
    int status = 0;
    if (::waitpid(thread, &status, __WALL) != thread || ended || !WIFSTOPPED(status)) continue;
    if (std::exchange(first, false)) {  // the program is loaded
      constexpr long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK
                               | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD
                               | PTRACE_O_EXITKILL;
      ::ptrace(PTRACE_SETOPTIONS, thread, nullptr, options);
      ::ptrace(PTRACE_CONT, thread, nullptr, nullptr);
      continue;
    }
    int signal = WSTOPSIG(status), what_happened = status >> 16;
    if (what_happened == PTRACE_EVENT_SECCOMP) {
      stopped_before_call(thread);
    } else if (signal == (SIGTRAP | 0x80)) {
      kill_now();  // behind the call at which it is killed
    } else {
      // A new thread begins with SIGSTOP; a real signal is passed on.
      auto pass = what_happened != 0 || signal == SIGSTOP ? 0 : signal;
      ::ptrace(PTRACE_CONT, thread, nullptr, static_cast<long>(pass));
    }
  }
}

}  // namespace system_test
