// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/protocol.hpp"
#include "platform/error.hpp"
#include "platform/unique_fd.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a service says, as the worker reads it. The service is trusted, but a defect of it must not
/// make a worker do a job other than the one that was meant.
namespace podstudio {

/// A job that arrived whole.
struct arrived_job {
  std::uint64_t number = 0;
  std::string kind{};
  nlohmann::json parameters{};  ///< an object
  std::vector<unique_fd> inputs{}, outputs{};
};

/// Puts a job together from its frames: an order, then all its descriptors, then all its
/// parameters. A cancel may stand between any two of them, or come alone.
class order_reader {
public:
  /// The number of the job that arrives; 0 while none does.
  std::uint64_t arriving() const noexcept { return job_.number; }

  /// Takes a frame other than a cancel. Nothing: the job is not complete. Error: `damaged`.
  result<std::optional<arrived_job>> take(std::string_view frame,
                                          std::vector<unique_fd> descriptors);

private:
  result<void> take_order(const worker_frame_header& header, std::string_view payload);
  result<void> take_descriptors(std::vector<unique_fd> descriptors);

  arrived_job job_{};
  order_header order_{};
  std::string parameters_{};
};

/// The job that a frame cancels, if it is a cancel.
std::optional<std::uint64_t> cancelled_job(std::string_view frame) noexcept;

}  // namespace podstudio
