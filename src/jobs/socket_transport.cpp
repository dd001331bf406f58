// SPDX-License-Identifier: MIT
#include "jobs/socket_transport.hpp"

#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace podstudio {

namespace {

constexpr std::size_t buffer_bytes = worker_frame_bytes_max + 1;

/// Room for the descriptors beside one frame.
union control_room {
  cmsghdr alignment;
  char bytes[CMSG_SPACE(sizeof(int) * frame_descriptors_max)];
};

/// Takes the descriptors out of what was received; those that are not wanted are closed.
std::vector<unique_fd> take_descriptors(msghdr& message) {
  std::vector<unique_fd> taken;
  for (auto* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    auto count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(each) + i * sizeof(int), sizeof(int));
      taken.emplace_back(descriptor);
    }
  }
  return taken;
}

}  // namespace

socket_transport::socket_transport(unique_fd socket, takes what)
    : socket_(std::move(socket)), takes_(what), buffer_(std::make_unique<char[]>(buffer_bytes)) {}

result<std::pair<unique_fd, unique_fd>> socket_transport::make_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return system_error()("cannot make a socket for a worker");
  return std::pair(unique_fd(ends[0]), unique_fd(ends[1]));
}

result<void> socket_transport::send(std::string_view frame, std::span<const content> contents) {
  assert(frame.size() <= worker_frame_bytes_max && contents.size() <= frame_descriptors_max);
  iovec part{const_cast<char*>(frame.data()), frame.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  control_room control;
  if (!contents.empty()) {
    std::memset(&control, 0, sizeof control);
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * contents.size());
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * contents.size());
    for (std::size_t i = 0; i < contents.size(); ++i)
      std::memcpy(CMSG_DATA(header) + i * sizeof(int), &contents[i].descriptor, sizeof(int));
  }
  for (;;) {
    if (::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return {};
    if (errno == EINTR) continue;
    if (errno == EPIPE || errno == ECONNRESET)
      return error{error_code::no_service, "the other end of a worker's socket is gone"};
    // ETOOMANYREFS: too many descriptors of this user are on their way.
    if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS)
      return error{error_code::busy, "the other end of a worker's socket takes nothing"};
    return system_error()("cannot send to a worker's socket");
  }
}

result<received_frame> socket_transport::receive() {
  iovec part{buffer_.get(), buffer_bytes};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  control_room control;
  if (takes_ == takes::descriptors) {
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
  }
  ssize_t size = 0;
  // A reset says, once and before all that is queued, that the other end left something unread.
  do
    size = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (size < 0 && (errno == EINTR || errno == ECONNRESET));
  received_frame came;
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return came;
  // An empty packet, which no end of ours sends, looks the same.
  if (size == 0) {
    came.what = received_frame::state::closed;
    return came;
  }
  if (size < 0) return system_error()("cannot receive from a worker's socket");
  came.what = received_frame::state::frame;
  // A packet that is longer than the longest frame is cut to one byte more, which no frame has.
  came.bytes = {buffer_.get(), static_cast<std::size_t>(size)};
  came.descriptors = take_descriptors(message);
  // Where this end gives no room for descriptors, the kernel closes them and says so.
  if ((message.msg_flags & MSG_CTRUNC) != 0) came.refused = 1;
  return came;
}

}  // namespace podstudio
