// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/protocol.hpp"
#include "platform/error.hpp"

#include <cstdint>
#include <sys/types.h>

/// The walls around a worker: what a process gives up for the rest of its life, before it reads the
/// first byte that is not trusted. WORKER.md says of each what it stops, what it costs, and what
/// was rejected.
namespace podstudio {

/// How many descriptors a worker has open at most: a job's, its socket, three standard streams, and
/// some for what its kinds keep open.
inline constexpr std::uint64_t worker_descriptors_max = 1024;
/// With this many processes and threads of its user on the machine, a worker can start no thread.
/// The kernel does not hold root to it.
inline constexpr std::uint64_t worker_user_processes_max = 8192;

struct sandbox_options {
  int socket = -1;  ///< the only descriptor to send to and receive from
  /// Called in the handler of SIGSYS with the number of a system call that is forbidden, so only
  /// what is async-signal-safe may be done in it. When it returns, the process ends.
  void (*on_forbidden_call)(int system_call) noexcept = nullptr;
  /// For tests, which show what each wall stops alone.
  bool landlock = true, filter = true;
};

/// Puts up the walls around this process; there is no way back. To be called with no thread but the
/// caller's: others would be bound by the filter, not by Landlock. Where the kernel has no Landlock
/// the report says so, and the filter alone stops the same attempts. Errors: as `system_error`; the
/// process is to end then.
result<walls_report> enter_sandbox(const sandbox_options& options);

/// The version of Landlock's interface that the kernel has; 0 where it has none, or it is off.
int landlock_version() noexcept;

/// The name of a system call of this machine's, such as "openat"; empty where there is none.
std::string system_call_name(std::uint32_t number);

/// What the service sets of another process by prlimit(2). The filter keeps a worker from changing
/// any of it.
struct process_limits {
  std::uint64_t cpu_seconds = 0;  ///< from now on; then SIGXCPU
  std::uint64_t file_bytes = 0;   ///< the longest file that it may write; then EFBIG
};

/// For a worker that takes a job. Errors: as `system_error`; `not_found` when it is gone.
result<void> limit_job(pid_t worker, const process_limits& limits);
/// For the life of a worker: how much address space it may have, in bytes. No effect under
/// AddressSanitizer, which reserves terabytes.
result<void> limit_memory(pid_t worker, std::uint64_t memory_bytes);

}  // namespace podstudio
