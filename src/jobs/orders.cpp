// SPDX-License-Identifier: MIT
#include "jobs/orders.hpp"

#include "jobs/bounded_json.hpp"

#include <utility>

namespace podstudio {

namespace {

error wrong(const std::string& what) { return {error_code::damaged, what}; }

}  // namespace

std::optional<std::uint64_t> cancelled_job(std::string_view frame) noexcept {
  auto header = unpack(frame);
  if (!header || header->type != worker_frame::cancel || header->payload_bytes != 0)
    return std::nullopt;
  return header->job;
}

result<void> order_reader::take_order(const worker_frame_header& header, std::string_view payload) {
  constexpr std::size_t fixed_bytes = 8;
  if (header.job == 0 || payload.size() <= fixed_bytes) return wrong("an order without a kind");
  order_.inputs = read_number<std::uint16_t>(payload, 0);
  order_.outputs = read_number<std::uint16_t>(payload, 2);
  order_.parameters_bytes = read_number<std::uint32_t>(payload, 4);
  order_.kind = payload.substr(fixed_bytes);
  if (!is_kind_name(order_.kind) || order_.inputs > job_inputs_max
      || order_.outputs > job_outputs_max || order_.parameters_bytes == 0
      || order_.parameters_bytes > job_parameters_bytes_max)
    return wrong("an order beyond its bounds");
  job_.number = header.job;
  job_.kind = order_.kind;
  return {};
}

result<void> order_reader::take_descriptors(std::vector<unique_fd> descriptors) {
  for (auto& each : descriptors) {
    auto& list = job_.inputs.size() < order_.inputs ? job_.inputs : job_.outputs;
    if (&list == &job_.outputs && list.size() == order_.outputs)
      return wrong("more descriptors than were announced");
    list.push_back(std::move(each));
  }
  return {};
}

result<std::optional<arrived_job>> order_reader::take(std::string_view frame,
                                                      std::vector<unique_fd> descriptors) {
  auto header = unpack(frame);
  if (!header) return wrong("a frame whose header is not one");
  if (descriptors.size() != header->descriptors) return wrong("descriptors that did not arrive");
  auto payload = frame.substr(worker_frame_header_bytes);
  bool here = job_.inputs.size() == order_.inputs && job_.outputs.size() == order_.outputs;
  if (header->job != job_.number && job_.number != 0) return wrong("a job within another one");
  if (header->type == worker_frame::order && job_.number == 0 && descriptors.empty()) {
    if (auto taken = take_order(*header, payload); !taken) return taken.failure();
  } else if (header->type == worker_frame::descriptors && job_.number != 0 && payload.empty()) {
    if (auto taken = take_descriptors(std::move(descriptors)); !taken) return taken.failure();
  } else if (header->type == worker_frame::parameters && job_.number != 0 && here
             && descriptors.empty()
             && payload.size() <= order_.parameters_bytes - parameters_.size()) {
    parameters_ += payload;
  } else {
    return wrong("a frame where none may come");
  }
  if (parameters_.size() < order_.parameters_bytes) return std::optional<arrived_job>();
  auto parsed = parse_bounded_json(parameters_);
  if (!parsed) return parsed.failure();
  job_.parameters = *std::move(parsed);
  parameters_ = {};
  order_ = {};
  return std::optional(std::exchange(job_, {}));
}

}  // namespace podstudio
