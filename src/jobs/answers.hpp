// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/protocol.hpp"
#include "platform/error.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What a worker says, read as hostile bytes.
namespace podstudio {

struct progress_answer {
  unsigned percent = 0;  ///< 0 to 100, more than the last one of the job
  bool operator==(const progress_answer&) const = default;
};

struct log_answer {
  std::string line;  ///< UTF-8 without NUL; may hold control characters
  bool operator==(const log_answer&) const = default;
};

struct result_answer {
  nlohmann::json result;               ///< an object, within the bounds of bounded_json.hpp
  std::vector<std::uint64_t> written;  ///< how many bytes of each output count
  bool operator==(const result_answer&) const = default;
};

using failure_answer = failure_body;

/// One complete answer. `walls_report` comes once, first.
using worker_answer =
    std::variant<walls_report, progress_answer, log_answer, result_answer, failure_answer>;

/// Takes the frames of one worker apart, in the order in which they come.
///
///   state      what may come                                      then
///   starting   ready                                              idle
///              failure (job 0, no_sandbox)                        broken: no worker
///   idle       nothing; `expect` says that a job was sent         working
///   working    progress, log, failure of that job                 working; idle after a failure
///              result                                             in the result
///   in result  result_text until all that was announced is there  idle
///              log, failure                                       as above; the result is dropped
///   broken     nothing
///
/// Memory: what one job's result may hold, allocated as its text arrives, not as it is announced.
class answer_reader {
public:
  /// A job is sent, to which these answers are to come. Only when idle.
  void expect(std::uint64_t job, std::size_t outputs, std::uint64_t output_bytes_max);

  /// Takes one frame, which came with `descriptors` descriptors beside it. Nothing: an answer of
  /// several frames is not complete yet. Error: `damaged`, a line that says what is wrong; the
  /// worker is to be ended then, and whatever else it says is refused as well.
  result<std::optional<worker_answer>> take(std::string_view frame, std::size_t descriptors = 0);

  bool is_starting() const noexcept { return state_ == state::starting; }
  bool is_idle() const noexcept { return state_ == state::idle; }
  bool is_broken() const noexcept { return state_ == state::broken; }

private:
  enum class state : std::uint8_t { starting, idle, working, in_result, broken };
  using taken = result<std::optional<worker_answer>>;

  taken take_checked(const worker_frame_header& header, std::string_view payload);
  taken take_ready(std::string_view payload);
  taken take_progress(std::string_view payload);
  taken take_log(std::string_view payload);
  taken take_result(std::string_view payload);
  taken take_result_text(std::string_view payload);
  taken take_failure(std::string_view payload);

  state state_ = state::starting;
  std::uint64_t job_ = 0, output_bytes_max_ = 0;
  std::size_t outputs_ = 0, lines_ = 0, text_bytes_ = 0;
  int percent_ = -1;
  std::string text_;
  std::vector<std::uint64_t> written_;
};

}  // namespace podstudio
