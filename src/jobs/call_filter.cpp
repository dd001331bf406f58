// SPDX-License-Identifier: MIT
#include "jobs/call_filter.hpp"

#include "jobs/sandbox.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace podstudio {

namespace {

/// What decoding, computing, threads and the C library need, whatever the arguments.
constexpr int allowed[] = {
#if defined(__SANITIZE_ADDRESS__)
    // The sanitizers look by a pipe whether memory can be read.
    SCMP_SYS(pipe2),
#endif
    // the job's descriptors, and what the worker has open
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(write),
    SCMP_SYS(writev), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(lseek), SCMP_SYS(fstat),
    SCMP_SYS(ftruncate), SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(dup), SCMP_SYS(poll),
    SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6),
    // memory
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    // threads and their signals
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(gettid), SCMP_SYS(getpid),
    SCMP_SYS(getppid), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler), SCMP_SYS(sched_get_priority_max),
    SCMP_SYS(sched_get_priority_min), SCMP_SYS(getcpu), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall), SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    // clocks, chance, and what a process may know of itself
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(getrusage),
    SCMP_SYS(times), SCMP_SYS(sysinfo), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
    SCMP_SYS(getegid)};

/// What libraries try, and do without where it fails.
struct answered_call {
  int call;
  int with;
};
constexpr answered_call answered[] = {
    // files by name: fonts, locales, devices, the number of processors
    {SCMP_SYS(open), EACCES},
    {SCMP_SYS(openat), EACCES},
    {SCMP_SYS(openat2), ENOSYS},
    {SCMP_SYS(stat), EACCES},
    {SCMP_SYS(lstat), EACCES},
    {SCMP_SYS(statx), ENOSYS},
    {SCMP_SYS(access), EACCES},
    {SCMP_SYS(faccessat), EACCES},
    {SCMP_SYS(faccessat2), EACCES},
    {SCMP_SYS(readlink), EACCES},
    {SCMP_SYS(readlinkat), EACCES},
    {SCMP_SYS(getcwd), EACCES},
    {SCMP_SYS(statfs), EACCES},
    {SCMP_SYS(fstatfs), EACCES},
    // newer ways of what is allowed, or faster ones
    {SCMP_SYS(clone3), ENOSYS},
    {SCMP_SYS(preadv2), ENOSYS},
    {SCMP_SYS(pwritev2), ENOSYS},
    {SCMP_SYS(copy_file_range), ENOSYS},
    {SCMP_SYS(sendfile), ENOSYS},
    {SCMP_SYS(splice), ENOSYS},
    {SCMP_SYS(fallocate), EOPNOTSUPP},
    {SCMP_SYS(fadvise64), ENOSYS},
    {SCMP_SYS(readahead), ENOSYS},
    {SCMP_SYS(memfd_create), ENOSYS},
    {SCMP_SYS(io_uring_setup), ENOSYS},
    {SCMP_SYS(membarrier), ENOSYS},
    {SCMP_SYS(fsync), EINVAL},
    {SCMP_SYS(fdatasync), EINVAL},
    // whether a stream is a terminal
    {SCMP_SYS(ioctl), ENOTTY},
    // how to be scheduled and where memory is to lie
    {SCMP_SYS(sched_setaffinity), EPERM},
    {SCMP_SYS(sched_setscheduler), EPERM},
    {SCMP_SYS(sched_setparam), EPERM},
    {SCMP_SYS(setpriority), EPERM},
    {SCMP_SYS(getpriority), EPERM},
    {SCMP_SYS(mbind), EPERM},
    {SCMP_SYS(get_mempolicy), EPERM},
    {SCMP_SYS(set_mempolicy), EPERM},
    {SCMP_SYS(mlock), EPERM},
    {SCMP_SYS(munlock), EPERM},
    {SCMP_SYS(uname), EPERM}};

/// The flags of clone(2) by which the C library starts a thread. No others make one.
constexpr std::uint64_t thread_flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND
                                       | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS
                                       | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

class filter_maker {
public:
  filter_maker() : context_(seccomp_init(SCMP_ACT_TRAP), &seccomp_release) {
    if (!context_) failed_ = ENOMEM;
  }

  void set(scmp_filter_attr attribute, std::uint32_t value) {
    note(seccomp_attr_set(context_.get(), attribute, value));
  }
  template <class... Conditions>
  void add(std::uint32_t action, int call, Conditions... conditions) {
    if (failed_ != 0) return;
    const scmp_arg_cmp all[] = {conditions..., scmp_arg_cmp{}};
    note(seccomp_rule_add_array(context_.get(), action, call, sizeof...(conditions), all));
  }
  /// 0, or the number of the error.
  int load() {
    if (failed_ == 0) note(seccomp_load(context_.get()));
    return failed_;
  }

private:
  void note(int status) {
    if (status < 0 && failed_ == 0) failed_ = -status;
  }

  std::unique_ptr<void, decltype(&seccomp_release)> context_;
  int failed_ = 0;
};

constexpr scmp_arg_cmp argument(unsigned index, scmp_compare how, std::uint64_t first,
                                std::uint64_t second = 0) {
  return {index, how, first, second};
}

void add_by_arguments(filter_maker& filter, int socket) {
  auto refuse = [](int with) { return SCMP_ACT_ERRNO(static_cast<std::uint32_t>(with)); };
  auto no_code = argument(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
  auto code = argument(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC);
  for (auto call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    filter.add(SCMP_ACT_ALLOW, call, no_code);
    filter.add(refuse(EPERM), call, code);
  }
  for (auto call : {SCMP_SYS(sendmsg), SCMP_SYS(recvmsg)})
    filter.add(SCMP_ACT_ALLOW, call, argument(0, SCMP_CMP_EQ, static_cast<std::uint64_t>(socket)));
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(clone), argument(0, SCMP_CMP_EQ, thread_flags));
  // raise(3) and abort(3)
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(tgkill),
             argument(0, SCMP_CMP_EQ, static_cast<std::uint64_t>(::getpid())));
  // Whoever changed what SIGSYS does could hide what was forbidden; SIGXCPU ends a loop.
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(rt_sigaction), argument(0, SCMP_CMP_LT, SIGXCPU));
  filter.add(refuse(EPERM), SCMP_SYS(rt_sigaction), argument(0, SCMP_CMP_GE, SIGXCPU));
  // The names of threads. The parent's death must go on ending the worker.
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(prctl), argument(0, SCMP_CMP_EQ, PR_SET_NAME));
  filter.add(refuse(EINVAL), SCMP_SYS(prctl), argument(0, SCMP_CMP_NE, PR_SET_NAME));
  // To read its limits, not to set them, nor those of others.
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), argument(0, SCMP_CMP_EQ, 0),
             argument(2, SCMP_CMP_EQ, 0));
  filter.add(refuse(EPERM), SCMP_SYS(prlimit64), argument(2, SCMP_CMP_NE, 0));
  // Flags and copies of descriptors; not whom a descriptor signals, no locks, leases and seals.
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(fcntl), argument(1, SCMP_CMP_LE, F_SETFL));
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(fcntl), argument(1, SCMP_CMP_EQ, F_DUPFD_CLOEXEC));
}

}  // namespace

result<void> filter_calls(int socket) {
  filter_maker filter;
  // Calls of another interface (32 bits) would have other numbers.
  filter.set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  filter.set(SCMP_FLTATR_CTL_TSYNC, 1);
  filter.set(SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree: nine comparisons instead of a hundred
  for (auto call : allowed)
    filter.add(SCMP_ACT_ALLOW, call);
  for (auto [call, with] : answered)
    filter.add(SCMP_ACT_ERRNO(static_cast<std::uint32_t>(with)), call);
  add_by_arguments(filter, socket);
  if (auto failed = filter.load(); failed != 0)
    return system_error(failed)("cannot filter system calls");
  return {};
}

std::string system_call_name(std::uint32_t number) {
  std::unique_ptr<char, decltype(&std::free)> name(
      seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, static_cast<int>(number)), &std::free);
  return name ? name.get() : "";
}

}  // namespace podstudio
