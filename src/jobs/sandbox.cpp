// SPDX-License-Identifier: MIT
#include "jobs/sandbox.hpp"

#include "jobs/call_filter.hpp"
#include "jobs/landlock.hpp"
#include "platform/unique_fd.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

namespace podstudio {

namespace {

/// Of 1000: when memory runs out, a worker goes long before the service and the desktop.
constexpr char oom_score_adjustment[] = "800";

/// The code of a SIGSYS that a filter raised: SYS_SECCOMP of the kernel's siginfo.h.
constexpr int filter_code = 1;

std::atomic<void (*)(int) noexcept> on_forbidden_call{nullptr};

/// Sets what a system call returns that the filter stopped.
void answer_call(ucontext_t& context, long with) noexcept {
#if defined(__x86_64__)
  context.uc_mcontext.gregs[REG_RAX] = with;
#elif defined(__aarch64__)
  context.uc_mcontext.regs[0] = static_cast<unsigned long long>(with);
#else
#error "say where this machine has the result and the arguments of a system call"
#endif
}

/// The arguments of a system call that the filter stopped.
struct call_arguments {
  long first = 0, second = 0, third = 0, fourth = 0;
};

call_arguments arguments_of(const ucontext_t& context) noexcept {
#if defined(__x86_64__)
  auto& registers = context.uc_mcontext.gregs;
  return {static_cast<long>(registers[REG_RDI]), static_cast<long>(registers[REG_RSI]),
          static_cast<long>(registers[REG_RDX]), static_cast<long>(registers[REG_R10])};
#else
  auto& registers = context.uc_mcontext.regs;
  return {static_cast<long>(registers[0]), static_cast<long>(registers[1]),
          static_cast<long>(registers[2]), static_cast<long>(registers[3])};
#endif
}

/// Debian 12's C library asks for the facts of an open file by newfstatat(2) with an empty path. A
/// filter cannot see whether a path is empty, and to allow the call would tell of every file on the
/// machine; so it is stopped, and what is asked of a descriptor is answered here.
long facts_by_descriptor(const call_arguments& given) noexcept {
  auto path = reinterpret_cast<const char*>(given.second);
  if ((given.fourth & AT_EMPTY_PATH) == 0 || path == nullptr || *path != '\0') return -EACCES;
  return ::syscall(SYS_fstat, given.first, given.third) == 0 ? 0 : -errno;
}

void on_bad_call(int, siginfo_t* what, void* where) noexcept {
  auto& context = *static_cast<ucontext_t*>(where);
  auto before = errno;
  if (what->si_code == filter_code && what->si_syscall == SYS_newfstatat) {
    answer_call(context, facts_by_descriptor(arguments_of(context)));
    errno = before;
    return;
  }
  if (auto tell = on_forbidden_call.load()) tell(what->si_syscall);
  ::_exit(1);
}

result<void> limit_self(__rlimit_resource resource, std::uint64_t most) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) return system_error()("cannot read a limit");
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, most);
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(resource, &limit) != 0) return system_error()("cannot set a limit");
  return {};
}

result<void> limit_other(pid_t worker, __rlimit_resource resource, std::uint64_t soft,
                         bool for_ever) {
  rlimit limit{};
  if (::prlimit(worker, resource, nullptr, &limit) == 0) {
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, soft);
    if (for_ever) limit.rlim_max = limit.rlim_cur;
    if (::prlimit(worker, resource, &limit, nullptr) == 0) return {};
  }
  return system_error()("cannot limit worker " + std::to_string(worker));
}

/// Whoever runs the service as root gives a worker none of root's rights but those over root's
/// files, which the other walls stop.
result<void> drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{}, own[_LINUX_CAPABILITY_U32S_3]{};
  bool has_none =
      ::syscall(SYS_capget, &header, own) == 0 && std::memcmp(own, none, sizeof none) == 0;
  if (has_none) return {};  // and may not even be allowed to say so
  if (::syscall(SYS_capset, &header, none) != 0)
    return system_error()("cannot drop the rights of root");
  return {};
}

void raise_oom_score() {
  // Where /proc is not mounted, workers are as likely to go as others.
  unique_fd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (file) (void)!::write(file.get(), oom_score_adjustment, sizeof oom_score_adjustment - 1);
}

result<void> take_forbidden_calls(void (*tell)(int) noexcept) {
  on_forbidden_call = tell;
  struct sigaction action {};
  action.sa_sigaction = on_bad_call;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  if (::sigaction(SIGSYS, &action, nullptr) != 0) return system_error()("cannot handle SIGSYS");
  return {};
}

}  // namespace

result<walls_report> enter_sandbox(const sandbox_options& options) {
  raise_oom_score();
  for (auto [resource, most] :
       {std::pair(RLIMIT_CORE, std::uint64_t{0}), std::pair(RLIMIT_NOFILE, worker_descriptors_max),
        std::pair(RLIMIT_NPROC, worker_user_processes_max)})
    if (auto limited = limit_self(resource, most); !limited) return limited.failure();
  // A write that goes beyond the limit of a file's size is to fail, not to kill.
  std::signal(SIGXFSZ, SIG_IGN);
  if (auto taken = take_forbidden_calls(options.on_forbidden_call); !taken) return taken.failure();
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return system_error()("cannot forbid core dumps");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return system_error()("cannot give up new privileges");
  if (auto dropped = drop_capabilities(); !dropped) return dropped.failure();
  walls_report report;
  if (auto version = options.landlock ? landlock_version() : 0; version > 0) {
    if (auto enforced = landlock_everything(version); !enforced) return enforced.failure();
    report.landlock = static_cast<std::uint8_t>(std::min(version, 255));
  }
  if (options.filter) {
    if (auto filtered = filter_calls(options.socket); !filtered) return filtered.failure();
    report.filter = true;
  }
  return report;
}

result<void> limit_job(pid_t worker, const process_limits& limits) {
  clockid_t clock{};
  timespec used{};
  if (auto failed = ::clock_getcpuclockid(worker, &clock); failed != 0)
    return system_error(failed)("cannot read the processor time of worker "
                                + std::to_string(worker));
  if (::clock_gettime(clock, &used) != 0)
    return system_error()("cannot read the processor time of worker " + std::to_string(worker));
  // The kernel counts from the worker's start, in whole seconds.
  auto until =
      static_cast<std::uint64_t>(used.tv_sec) + (used.tv_nsec > 0 ? 1u : 0u) + limits.cpu_seconds;
  if (auto limited = limit_other(worker, RLIMIT_CPU, until, false); !limited)
    return limited.failure();
  return limit_other(worker, RLIMIT_FSIZE, limits.file_bytes, false);
}

result<void> limit_memory(pid_t worker, std::uint64_t memory_bytes) {
#if defined(__SANITIZE_ADDRESS__)
  (void)worker;
  (void)memory_bytes;
  return {};
#else
  return limit_other(worker, RLIMIT_AS, memory_bytes, true);
#endif
}

}  // namespace podstudio
