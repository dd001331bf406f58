// SPDX-License-Identifier: MIT
#include "jobs/protocol.hpp"

#include "platform/text.hpp"

#include <cassert>

namespace podstudio {

std::string_view to_string(job_ending ending) noexcept {
  switch (ending) {
  case job_ending::completed:
    return "completed";
  case job_ending::cancelled:
    return "cancelled";
  case job_ending::bad_parameters:
    return "bad_parameters";
  case job_ending::unknown_kind:
    return "unknown_kind";
  case job_ending::bad_input:
    return "bad_input";
  case job_ending::unsupported:
    return "unsupported";
  case job_ending::out_of_memory:
    return "out_of_memory";
  case job_ending::output_full:
    return "output_full";
  case job_ending::io_failed:
    return "io_failed";
  case job_ending::forbidden_call:
    return "forbidden_call";
  case job_ending::no_sandbox:
    return "no_sandbox";
  case job_ending::defect:
    return "defect";
  case job_ending::not_started:
    return "not_started";
  case job_ending::timed_out:
    return "timed_out";
  case job_ending::cpu_limit:
    return "cpu_limit";
  case job_ending::crashed:
    return "crashed";
  case job_ending::killed:
    return "killed";
  case job_ending::exited:
    return "exited";
  case job_ending::bad_answer:
    return "bad_answer";
  }
  return "unknown";
}

std::array<char, worker_frame_header_bytes> pack(const worker_frame_header& header) noexcept {
  std::array<char, worker_frame_header_bytes> bytes{};
  write_number(bytes.data(), header.payload_bytes);
  bytes[4] = static_cast<char>(header.type);
  write_number(bytes.data() + 6, header.descriptors);
  write_number(bytes.data() + 8, header.job);
  return bytes;
}

std::optional<worker_frame_header> unpack(std::string_view frame) noexcept {
  if (frame.size() < worker_frame_header_bytes || frame.size() > worker_frame_bytes_max)
    return std::nullopt;
  worker_frame_header header;
  header.payload_bytes = read_number<std::uint32_t>(frame, 0);
  header.type = static_cast<worker_frame>(frame[4]);
  header.descriptors = read_number<std::uint16_t>(frame, 6);
  header.job = read_number<std::uint64_t>(frame, 8);
  if (header.payload_bytes != frame.size() - worker_frame_header_bytes || frame[5] != 0)
    return std::nullopt;
  return header;
}

bool is_kind_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > kind_name_bytes_max) return false;
  for (char c : name)
    if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_') return false;
  return true;
}

namespace {

std::string make_frame(worker_frame type, std::uint64_t job, std::string_view payload,
                       std::size_t descriptors = 0) {
  assert(payload.size() <= worker_payload_bytes_max);
  auto header = pack({static_cast<std::uint32_t>(payload.size()), type,
                      static_cast<std::uint16_t>(descriptors), job});
  std::string frame(header.data(), header.size());
  frame += payload;
  return frame;
}

}  // namespace

std::string make_order(std::uint64_t job, const order_header& order) {
  assert(is_kind_name(order.kind));
  std::string payload;
  append_number(payload, order.inputs);
  append_number(payload, order.outputs);
  append_number(payload, order.parameters_bytes);
  payload += order.kind;
  return make_frame(worker_frame::order, job, payload);
}

std::string make_descriptors(std::uint64_t job, std::size_t count) {
  assert(count > 0 && count <= frame_descriptors_max);
  return make_frame(worker_frame::descriptors, job, {}, count);
}

std::string make_cancel(std::uint64_t job) { return make_frame(worker_frame::cancel, job, {}); }

std::string make_text(worker_frame type, std::uint64_t job, std::string_view part) {
  return make_frame(type, job, part);
}

std::string make_ready(const walls_report& walls) {
  std::string payload;
  append_number(payload, worker_protocol_version);
  payload += static_cast<char>(walls.landlock);
  payload += static_cast<char>(walls.filter ? 1 : 0);
  return make_frame(worker_frame::ready, 0, payload);
}

std::string make_progress(std::uint64_t job, unsigned percent) {
  assert(percent <= 100);
  return make_frame(worker_frame::progress, job, std::string(1, static_cast<char>(percent)));
}

std::string make_log(std::uint64_t job, std::string_view line) {
  assert(!line.empty() && line.size() <= worker_line_bytes_max);
  return make_frame(worker_frame::log, job, line);
}

std::string make_result(std::uint64_t job, std::uint32_t text_bytes,
                        std::span<const std::uint64_t> written) {
  std::string payload;
  append_number(payload, text_bytes);
  for (auto bytes : written)
    append_number(payload, bytes);
  return make_frame(worker_frame::result, job, payload);
}

std::string make_failure(std::uint64_t job, const failure_body& failure) {
  assert(failure.text.size() <= worker_line_bytes_max);
  std::string payload(1, static_cast<char>(failure.ending));
  payload.append(3, '\0');
  append_number(payload, failure.system_call);
  payload += failure.text;
  return make_frame(worker_frame::failure, job, payload);
}

std::string as_worker_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.remove_suffix(1);
  // Escaping makes a text longer, never shorter: what is cut here would be cut below.
  return std::string(
      cut_text(for_terminal(text.substr(0, worker_line_bytes_max)), worker_line_bytes_max));
}

}  // namespace podstudio
