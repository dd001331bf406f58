// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"
#include "platform/unique_fd.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

/// Starting and ending the processes of workers.
namespace podstudio {

struct worker_program {
  std::string path{};                    ///< absolute; see find_worker_program
  std::vector<std::string> arguments{};  ///< the program's name is the first
};

/// A child that is killed and reaped when this goes.
class child_process {
public:
  /// Starts `program` without an environment, in the folder /, in a process group of its own, with
  /// no signal blocked or ignored, and with these descriptors only: `socket` as number 3, `errors`
  /// as standard error, and nothing as the other two standard streams. The child is started by a
  /// thread that lives as long as this process: the kernel tells a child of its parent's death
  /// when the thread ends that made it. Errors: as `system_error`.
  static result<child_process> start(const worker_program& program, int socket, int errors);

  child_process(child_process&& other) noexcept;
  child_process& operator=(child_process&&) = delete;
  ~child_process();

  pid_t pid() const noexcept { return pid_; }

  /// Waits for the end, for so long at most. The status as waitpid(2) has it; nothing while the
  /// process lives. Once given, it stays the same.
  std::optional<int> wait(std::chrono::milliseconds at_most);
  void kill() noexcept;

private:
  child_process(pid_t pid, unique_fd handle) noexcept : pid_(pid), handle_(std::move(handle)) {}

  pid_t pid_ = -1;
  unique_fd handle_;  ///< a pidfd, readable at the end; none on kernels before 5.3
  std::optional<int> status_;
};

/// A status in words, such as "died by SIGSEGV (Segmentation fault)" or "left with code 3".
std::string in_words(int status);

}  // namespace podstudio
