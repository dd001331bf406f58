// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

/// What a kind of job is to the worker that runs it.
namespace podstudio {

/// What a job reads and writes. The descriptors are the worker's and are closed after the job. Each
/// may share its position with another process: read by pread(2) or seek first.
struct job_files {
  std::span<const int> inputs{};  ///< open for reading only, seekable
  /// Open for writing, each at most the job's bound long; empty, or as earlier jobs left it.
  std::span<const int> outputs{};
};

/// What a job says while it runs. Any thread of it may call these.
class job_control {
public:
  virtual ~job_control() = default;
  /// How much is done, 0 to 1. Cheap: only what rises by a hundredth is sent.
  virtual void progress(double done) = 0;
  /// Whether the job is to end soon: return `stopping` then. A job that asks less often than ten
  /// times a second is killed with its worker when it is cancelled. Costs a system call.
  virtual bool cancelled() = 0;
  /// A line for people who look at the job; what is longer than worker_line_bytes_max is cut, what
  /// is more than job_log_lines_max lines is dropped.
  virtual void log(std::string_view line) = 0;
};

struct job_result {
  /// An object within the bounds of bounded_json.hpp, as text at most job_result_bytes_max long.
  nlohmann::json facts = nlohmann::json::object();
  /// How many bytes of each output count, in the order of the outputs.
  std::vector<std::uint64_t> written{};
};

/// One row of a worker's table of kinds.
struct job_kind_runner {
  std::string_view name;  ///< as `is_kind_name` has it
  /// Opens, loads and starts all that the sandbox forbids: tables that are read from files, fonts,
  /// locales, code that is generated. Called once, before the walls close; null: nothing to do.
  void (*prepare)() = nullptr;
  /// Runs a job within the walls. What a failure's code becomes: `invalid_argument`
  /// bad_parameters, `damaged` bad_input, `refused` and `newer_version` unsupported, `disk_full`
  /// output_full, `stopping` cancelled, `io_failed`, `not_permitted`, `not_found` and `changed`
  /// io_failed, all else defect; std::bad_alloc out_of_memory, other exceptions defect.
  result<job_result> (*run)(const nlohmann::json& parameters, const job_files& files,
                            job_control& control);
};

}  // namespace podstudio
