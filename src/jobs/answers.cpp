// SPDX-License-Identifier: MIT
#include "jobs/answers.hpp"

#include "jobs/bounded_json.hpp"
#include "platform/text.hpp"

#include <cassert>
#include <utility>

namespace podstudio {

namespace {

error wrong(const std::string& what) { return {error_code::damaged, what}; }

/// A small number that arrived, for a message.
std::string number(std::uint64_t value) { return std::to_string(value); }

}  // namespace

void answer_reader::expect(std::uint64_t job, std::size_t outputs, std::uint64_t output_bytes_max) {
  assert(state_ == state::idle && job != 0 && outputs <= job_outputs_max);
  state_ = state::working;
  job_ = job;
  outputs_ = outputs;
  output_bytes_max_ = output_bytes_max;
  lines_ = 0;
  percent_ = -1;
}

result<std::optional<worker_answer>> answer_reader::take(std::string_view frame,
                                                         std::size_t descriptors) {
  auto read = [&]() -> taken {
    if (state_ == state::broken) return wrong("an answer after one that was refused");
    auto header = unpack(frame);
    if (!header)
      return wrong("a frame of " + number(frame.size()) + " bytes whose header is not one");
    if (descriptors > 0 || header->descriptors > 0) return wrong("a frame with descriptors");
    return take_checked(*header, frame.substr(worker_frame_header_bytes));
  }();
  if (!read) state_ = state::broken;
  if (state_ != state::in_result) {
    text_ = {};
    written_ = {};
  }
  return read;
}

answer_reader::taken answer_reader::take_checked(const worker_frame_header& header,
                                                 std::string_view payload) {
  if (state_ == state::starting) {
    if (header.job != 0) return wrong("an answer to a job before the worker was ready");
    if (header.type == worker_frame::ready) return take_ready(payload);
    if (header.type == worker_frame::failure) return take_failure(payload);
    return wrong("a frame of type " + number(static_cast<std::uint8_t>(header.type))
                 + " before the worker was ready");
  }
  if (state_ == state::idle) return wrong("an answer where no job was sent");
  if (header.job != job_)
    return wrong("an answer to job " + number(header.job) + " instead of job " + number(job_));
  if (header.type == worker_frame::log) return take_log(payload);
  if (header.type == worker_frame::failure) return take_failure(payload);
  if (state_ == state::in_result) {
    if (header.type == worker_frame::result_text) return take_result_text(payload);
  } else {
    if (header.type == worker_frame::progress) return take_progress(payload);
    if (header.type == worker_frame::result) return take_result(payload);
  }
  return wrong("a frame of type " + number(static_cast<std::uint8_t>(header.type))
               + " where none may come");
}

answer_reader::taken answer_reader::take_ready(std::string_view payload) {
  if (payload.size() < 2) return wrong("a ready frame of " + number(payload.size()) + " bytes");
  if (auto version = read_number<std::uint16_t>(payload, 0); version != worker_protocol_version)
    return wrong("version " + number(version) + " of the protocol, instead of "
                 + number(worker_protocol_version));
  if (payload.size() != 4) return wrong("a ready frame of " + number(payload.size()) + " bytes");
  walls_report walls;
  walls.landlock = static_cast<std::uint8_t>(payload[2]);
  if (payload[3] != 0 && payload[3] != 1) return wrong("a ready frame with a flag beyond 1");
  walls.filter = payload[3] == 1;
  state_ = state::idle;
  return std::optional<worker_answer>(walls);
}

answer_reader::taken answer_reader::take_progress(std::string_view payload) {
  if (payload.size() != 1) return wrong("a progress frame of " + number(payload.size()) + " bytes");
  int percent = static_cast<unsigned char>(payload[0]);
  if (percent > 100) return wrong("a progress of " + std::to_string(percent) + " percent");
  // As it rises with each frame, there are at most 101.
  if (percent <= percent_)
    return wrong("a progress of " + std::to_string(percent) + " percent after "
                 + std::to_string(percent_));
  percent_ = percent;
  return std::optional<worker_answer>(progress_answer{static_cast<unsigned>(percent)});
}

answer_reader::taken answer_reader::take_log(std::string_view payload) {
  if (++lines_ > job_log_lines_max)
    return wrong("more than " + number(job_log_lines_max) + " lines of a log");
  if (payload.empty() || payload.size() > worker_line_bytes_max)
    return wrong("a line of " + number(payload.size()) + " bytes");
  if (!is_utf8(payload)) return wrong("a line with NUL or that is not UTF-8");
  return std::optional<worker_answer>(log_answer{std::string(payload)});
}

answer_reader::taken answer_reader::take_result(std::string_view payload) {
  if (payload.size() != 4 + 8 * outputs_)
    return wrong("a result frame of " + number(payload.size()) + " bytes for " + number(outputs_)
                 + " outputs");
  text_bytes_ = read_number<std::uint32_t>(payload, 0);
  if (text_bytes_ == 0 || text_bytes_ > job_result_bytes_max)
    return wrong("a result of " + number(text_bytes_) + " bytes");
  for (std::size_t i = 0; i < outputs_; ++i) {
    written_.push_back(read_number<std::uint64_t>(payload, 4 + 8 * i));
    if (written_.back() > output_bytes_max_)
      return wrong(number(written_.back()) + " bytes in output " + number(i) + ", which may hold "
                   + number(output_bytes_max_));
  }
  state_ = state::in_result;
  return std::optional<worker_answer>();
}

answer_reader::taken answer_reader::take_result_text(std::string_view payload) {
  if (payload.empty()) return wrong("an empty part of a result");
  if (payload.size() > text_bytes_ - text_.size())
    return wrong("a result that is longer than it was to be");
  text_ += payload;
  if (text_.size() < text_bytes_) return std::optional<worker_answer>();
  auto parsed = parse_bounded_json(text_);
  if (!parsed) return wrong("a result that is refused: " + parsed.failure().message);
  state_ = state::idle;
  return std::optional<worker_answer>(
      result_answer{*std::move(parsed), std::exchange(written_, {})});
}

answer_reader::taken answer_reader::take_failure(std::string_view payload) {
  if (payload.size() < failure_fixed_bytes
      || payload.size() > failure_fixed_bytes + worker_line_bytes_max)
    return wrong("a failure frame of " + number(payload.size()) + " bytes");
  auto ending = static_cast<std::uint8_t>(payload[0]);
  bool starting = state_ == state::starting;
  if (!is_workers_to_say(ending)
      || (ending == static_cast<std::uint8_t>(job_ending::no_sandbox)) != starting)
    return wrong("a failure with the reason " + number(ending));
  if (payload[1] != 0 || payload[2] != 0 || payload[3] != 0)
    return wrong("a failure frame with bytes that are to be 0");
  failure_answer failure;
  failure.ending = static_cast<job_ending>(ending);
  failure.system_call = read_number<std::uint32_t>(payload, 4);
  if (failure.system_call != 0 && failure.ending != job_ending::forbidden_call)
    return wrong("a failure that names a system call for another reason");
  auto text = payload.substr(failure_fixed_bytes);
  if (!is_utf8(text)) return wrong("a failure whose text has NUL or is not UTF-8");
  failure.text = text;
  state_ = starting ? state::broken : state::idle;
  return std::optional<worker_answer>(std::move(failure));
}

}  // namespace podstudio
