// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/protocol.hpp"
#include "platform/error.hpp"
#include "platform/unique_fd.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// How frames and the content that they speak of come from one end to the other.
namespace podstudio {

enum class content_role : std::uint8_t { input, output };

/// Content that a job reads or writes; the descriptor is the caller's.
struct content {
  int descriptor = -1;
  content_role role = content_role::input;
};

/// A frame as it came.
struct received_frame {
  enum class state : std::uint8_t {
    frame,    ///< `bytes` holds one
    nothing,  ///< none is there yet
    closed,   ///< the other end is gone, and all that it sent was received
  };
  state what = state::nothing;
  std::string_view bytes{};  ///< valid until the next call; may be anything, its length but bounded
  /// What came beside it, in the order sent. A service is never given any, see `refused`.
  std::vector<unique_fd> descriptors{};
  std::size_t refused = 0;  ///< how many descriptors came that this end does not take; at least 1
};

/// Carries frames whole and in order. What a job reads and writes is named by descriptors at both
/// ends: an input reads there as it does here, and what the worker wrote to an output is in the
/// service's descriptor before the frame that ends the job is received. So a worker on another
/// machine needs nothing but a transport which sends the bytes of inputs before the frame that
/// brings them, keeps them in files of its own, and sends outputs back; neither the frames nor the
/// kinds change. One thread at a time, but for `poll_descriptor`.
class transport {
public:
  transport() = default;
  transport(const transport&) = delete;
  transport& operator=(const transport&) = delete;
  virtual ~transport() = default;

  /// Sends a frame, at most worker_frame_bytes_max bytes, with at most frame_descriptors_max
  /// contents. Errors: `no_service` when the other end is gone; `busy` when it has not taken what
  /// was sent before for so long that there is no room; `io_failed`.
  virtual result<void> send(std::string_view frame, std::span<const content> contents = {}) = 0;

  /// What came next, without waiting. Errors: `io_failed`.
  virtual result<received_frame> receive() = 0;

  /// Becomes readable when there is something to receive or the other end is gone; -1: never.
  virtual int poll_descriptor() const noexcept = 0;
};

}  // namespace podstudio
