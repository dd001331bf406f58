// SPDX-License-Identifier: MIT
#pragma once

#include "support/eventually.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

/// Running the real program, and others, as a person or a script would. Nothing here uses the
/// engine's own code. A process that a test started never outlives it.
namespace system_test {

using std::chrono::milliseconds;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using words = std::vector<std::string>;

struct launch {
  words arguments;                           ///< the program first, as a path or a name
  std::map<std::string, std::string> env{};  ///< besides what the test has
  std::string folder{};                      ///< to run in; empty: the test's own
  std::optional<uid_t> user{};               ///< whose rights it has; needs root
  bool (*prepare)() = nullptr;               ///< called in the child just before the program begins
};

/// How a process ended.
struct outcome {
  int code = -1;  ///< the exit code, or minus the signal's number
  std::string out, err;

  /// What stdout holds; a test fails where it is not exactly one JSON document.
  nlohmann::json json() const;
  /// For messages of tests.
  std::string text() const;
};
std::ostream& operator<<(std::ostream& to, const outcome& what);

/// A child process with its stdout and stderr kept. It is killed at the end of the scope.
class process {
public:
  explicit process(const launch& what);
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  ~process();

  pid_t pid() const { return pid_; }
  bool runs();
  /// The test case ends here where it does not run any more.
  void must_run();
  void signal(int number) const;
  /// Waits for its end; throws where it does not come in time, with the process killed.
  outcome finish(milliseconds limit = long_enough);
  /// What it wrote so far.
  std::string out() const;
  std::string err() const;

private:
  bool reap(milliseconds limit);

  std::string name_;
  pid_t pid_ = -1;
  int pidfd_ = -1, out_ = -1, err_ = -1;
  std::optional<int> code_;
};

/// Runs it to its end.
outcome run(const launch& what, milliseconds limit = long_enough);

/// The program under test; from $PODSTUDIO_PROGRAM, or as Meson built it.
std::string podstudio_program();

/// One library: a data folder, and the program called on it.
class library {
public:
  explicit library(std::string data, std::optional<uid_t> user = {})
      : data_(std::move(data)), database_(data_ + "/podstudio.db"), user_(user) {}
  /// With its tables in another place.
  library(std::string data, std::string database)
      : data_(std::move(data)), database_(std::move(database)) {}

  const std::string& data() const { return data_; }
  const std::string& database() const { return database_; }
  launch call(const words& arguments) const;

  /// `podstudio --data D ARGUMENTS...`
  outcome operator()(const words& arguments, milliseconds limit = long_enough) const;
  /// The same with --json; the test fails where it does not exit 0 with one document.
  nlohmann::json json(const words& arguments, milliseconds limit = long_enough) const;
  /// The same where success is all that matters.
  void must(const words& arguments, milliseconds limit = long_enough) const;

private:
  std::string data_;
  std::string database_;
  std::optional<uid_t> user_;
};

/// `podstudio serve`, ready. It is killed at the end of the scope, as by a power cut.
class service {
public:
  /// Starts it and waits until it is ready; throws where it is not in time.
  explicit service(const library& on, const words& roots = {}, milliseconds limit = long_enough);

  pid_t pid() const { return running_->pid(); }
  process& running() { return *running_; }
  /// SIGKILL, and waits for the end.
  void kill();
  /// SIGTERM, and waits for the end.
  outcome stop(milliseconds limit = long_enough);

private:
  std::unique_ptr<process> running_;
};

/// The processes that a process has started.
std::vector<pid_t> children_of(pid_t pid);

/// Has services on this library run so many jobs at once.
void run_jobs(const library& on, unsigned at_once);
/// None, for tests that count what comes into the log.
inline void run_no_jobs(const library& on) { run_jobs(on, 0); }

/// Reads, writes and makes files; throws where that fails. `make` makes the folders above it too.
std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& bytes);
void make_file(const std::string& path, const std::string& bytes);
void make_folder(const std::string& path);
/// A whole number from the environment, else `otherwise`.
std::uint64_t number_from_env(const char* name, std::uint64_t otherwise);

/// SHA-256 of every regular file under `root` that counts as media (worked out by its extension, in
/// any case of letters), as `sha256sum` has it, by path. Symbolic links are not followed.
std::map<std::string, std::string> digests_of_media(const std::string& root);
/// SHA-256 of these files, likewise.
std::map<std::string, std::string> digests_of(const words& paths);
/// `image`, `audio`, `video` by the extensions of the seed's formats; empty for any other file.
std::string seed_type(const std::string& name);

/// Whether the rest of a test case must be left out; says so where everybody sees it.
bool skip_unless(bool possible, const std::string& reason);

}  // namespace system_test
