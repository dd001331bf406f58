// SPDX-License-Identifier: MIT
#include "properties.hpp"

#include "jobs/answers.hpp"
#include "jobs/bounded_json.hpp"
#include "platform/text.hpp"
#include "support/allocation_watch.hpp"

using namespace podstudio;

namespace fuzz {

namespace {

constexpr std::uint64_t output_bytes_max = 1000;
constexpr std::size_t message_bytes_max = 512;

/// Whether a document stays within its bounds, and how many values it holds.
std::size_t count_values(const nlohmann::json& document, std::size_t depth) {
  require(!document.is_structured() || depth <= job_json_depth_max, "a result nests too deeply");
  std::size_t count = 1;
  if (document.is_string())
    require(is_utf8(document.get_ref<const std::string&>()), "a result has a text that is none");
  if (document.is_structured())
    for (const auto& [key, value] : document.items()) {
      if (document.is_object()) require(is_utf8(key), "a result has a key that is no text");
      count += count_values(value, depth + 1);
    }
  return count;
}

/// What an answer must be, whoever sent it; the frame that it is made of again, if it is one.
struct check_answer {
  std::uint64_t job;
  std::size_t outputs;

  std::string operator()(const walls_report& walls) const { return make_ready(walls); }
  std::string operator()(const progress_answer& progress) const {
    require(progress.percent <= 100, "more is done than all");
    return make_progress(job, progress.percent);
  }
  std::string operator()(const log_answer& log) const {
    require(is_utf8(log.line) && !log.line.empty() && log.line.size() <= worker_line_bytes_max,
            "a line is none");
    require(as_worker_line(log.line).size() <= worker_line_bytes_max, "a line is too long");
    return make_log(job, log.line);
  }
  std::string operator()(const failure_answer& failure) const {
    require(is_utf8(failure.text) && failure.text.size() <= worker_line_bytes_max,
            "a failure has a text that is none");
    require(to_string(failure.ending) != "unknown", "a failure has no known reason");
    return make_failure(failure.ending == job_ending::no_sandbox ? 0 : job, failure);
  }
  std::string operator()(const result_answer& done) const {
    require(done.result.is_object(), "a result is no object");
    require(count_values(done.result, 1) <= job_json_values_max, "a result holds too much");
    require(done.written.size() == outputs, "a result has other outputs");
    for (auto bytes : done.written)
      require(bytes <= output_bytes_max, "an output is longer than it may be");
    require(!done.result.dump().empty(), "a result cannot be printed");
    return {};
  }
};

/// The next packet: as it is, or with a header that fits.
std::string take_packet(input_cursor& cursor, std::uint64_t job) {
  auto type = cursor.take_byte();
  std::string payload(text_of(cursor.take(cursor.take_u16())));
  if (type == 0) return payload;
  payload.resize(std::min(payload.size(), worker_payload_bytes_max));
  auto header = pack({static_cast<std::uint32_t>(payload.size()), static_cast<worker_frame>(type),
                      0, type == static_cast<std::uint8_t>(worker_frame::ready) ? 0 : job});
  return std::string(header.data(), header.size()) + payload;
}

}  // namespace

bool worker_answer(const_bytes input) {
  input_cursor cursor(input);
  const std::size_t outputs = cursor.take_byte() % 4;
  answer_reader reader;
  std::uint64_t job = 0;
  bool some_ended = false;
  allocation_watch watch;
  while (!cursor.rest().empty()) {
    if (reader.is_idle()) reader.expect(++job, outputs, output_bytes_max);
    auto packet = take_packet(cursor, job);
    bool started = !reader.is_starting();
    auto taken = reader.take(packet);
    // A value of JSON is written with two bytes, and takes 16 in a vector that doubles.
    require(watch.largest_bytes() <= allowed_allocation(input.size()) + 32 * input.size(),
            "reading allocates more than the answers hold");
    if (!taken) {
      require(taken.failure().code == error_code::damaged,
              "an answer is refused with another error");
      require(is_utf8(taken.failure().message)
                  && taken.failure().message.size() < message_bytes_max,
              "a refusal is no line");
      require(reader.is_broken() && !reader.take(packet), "a reader goes on after a refusal");
      return false;
    }
    if (!*taken) continue;
    auto again = std::visit(check_answer{job, outputs}, **taken);
    require(again.empty() || again == packet, "an answer has two encodings");
    bool ends = std::holds_alternative<result_answer>(**taken)
                || std::holds_alternative<failure_answer>(**taken);
    require(started ? reader.is_idle() == ends : reader.is_idle() != ends,
            "a job ends otherwise than by its end");
    some_ended = some_ended || ends;
    if (reader.is_broken()) return false;
  }
  return some_ended;
}

}  // namespace fuzz
