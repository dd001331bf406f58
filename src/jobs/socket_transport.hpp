// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/transport.hpp"

#include <memory>
#include <utility>

namespace podstudio {

/// A worker on this machine: one packet of an AF_UNIX socket (SOCK_SEQPACKET) is one frame, and
/// contents are passed as the descriptors that they are (SCM_RIGHTS), so no byte of theirs is
/// copied. A packet arrives whole or not at all: a worker that dies within an answer leaves none
/// that is half there, threads of a worker may send beside each other, and a signal handler may
/// too. Rejected: SOCK_STREAM, where all three would take code, and where the kernel says only
/// roughly which bytes a descriptor belongs to.
class socket_transport : public transport {
public:
  enum class takes : bool { no_descriptors, descriptors };

  /// `takes`: a worker takes descriptors; a service takes none, so that a worker cannot fill its
  /// table of open files.
  socket_transport(unique_fd socket, takes what);

  result<void> send(std::string_view frame, std::span<const content> contents = {}) override;
  result<received_frame> receive() override;
  int poll_descriptor() const noexcept override { return socket_.get(); }

  /// Two ends that are connected; neither survives exec.
  static result<std::pair<unique_fd, unique_fd>> make_pair();

private:
  unique_fd socket_;
  takes takes_;
  std::unique_ptr<char[]> buffer_;  ///< of one byte more than the longest frame
};

}  // namespace podstudio
