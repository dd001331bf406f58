// SPDX-License-Identifier: MIT
#pragma once

#include "system/process.hpp"

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <sys/types.h>
#include <thread>

/// Killing a process exactly at a system call, by ptrace(2). Calls that change a file stop it (a
/// seccomp filter picks them, so all others run at full speed), in whichever of its threads.
namespace system_test {

/// Whether processes may be traced here; containers often forbid it.
bool may_trace();

/// What ASAN_OPTIONS must be for a program that is traced: the leak check of AddressSanitizer
/// traces the process itself, which one tracer rules out.
std::string without_leak_check();

/// A call that is about to be made.
struct system_call {
  long number = 0;   ///< SYS_pwrite64 and the like
  std::string path;  ///< of the file, or what it is renamed to
};

/// Where a process is killed.
struct kill_point {
  enum class moment : std::uint8_t {
    before,    ///< nothing of the call happens
    half_way,  ///< of a write, a part is written; as `before` for all other calls
    after,     ///< the call is made, and nobody learns its outcome
  };
  std::function<bool(const system_call&)> at;
  std::uint64_t nth = 1;  ///< of the calls that match
  moment when = moment::before;
  std::uint64_t written = 0;  ///< half_way: so many bytes, modulo the size of the write
};

class traced_process {
public:
  explicit traced_process(launch what, std::optional<kill_point> point = {});
  traced_process(const traced_process&) = delete;
  traced_process& operator=(const traced_process&) = delete;
  ~traced_process();

  process& running() { return *running_; }
  /// Kills at that point from now on, and at no earlier one.
  void arm(kill_point point);
  /// From now on it is not killed; false where it already was.
  bool disarm();
  /// The call at which it was killed.
  std::optional<system_call> killed_at() const;

private:
  void trace();
  void stopped_before_call(pid_t thread);
  void kill_now();

  mutable std::mutex mutex_;
  std::optional<kill_point> point_;
  std::optional<system_call> killed_at_;
  std::unique_ptr<process> running_;
  std::exception_ptr failed_;
  std::thread tracer_;  ///< ptrace(2) ties a process to the one thread that traces it
};

}  // namespace system_test
