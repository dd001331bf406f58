// SPDX-License-Identifier: MIT
#pragma once

#include "console/client.hpp"
#include "platform/unique_fd.hpp"

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <utility>

/// What a client's connections have in common, whatever crosses them.
namespace podstudio {

/// Waits for `events` (poll(2)) of the socket until the deadline; false when it has passed.
bool wait_for(const unique_fd& fd, short events, std::chrono::steady_clock::time_point deadline);

/// A stream socket of this family, connected by the deadline. Where none is returned, `why` is the
/// errno that tells why not.
unique_fd connect_by(int family, const sockaddr* address, socklen_t size,
                     std::chrono::steady_clock::time_point deadline, int& why);

/// Bytes to and from the service. It blocks until the deadline.
class console_client::stream {
public:
  enum class outcome { done, late, ended };

  explicit stream(unique_fd fd) : fd_(std::move(fd)) {}
  virtual ~stream() = default;

  outcome write(const void* bytes, std::size_t size,
                std::chrono::steady_clock::time_point deadline) {
    return all(static_cast<char*>(const_cast<void*>(bytes)), size, deadline, &stream::write_some);
  }
  outcome read(void* into, std::size_t size, std::chrono::steady_clock::time_point deadline) {
    return all(static_cast<char*>(into), size, deadline, &stream::read_some);
  }

protected:
  /// What became of a try: so many bytes, or what is to be waited for.
  struct attempt {
    std::size_t bytes = 0;
    short events = 0;  ///< as of poll(2); 0 with no bytes: the connection has ended
  };
  virtual attempt write_some(char* bytes, std::size_t size) = 0;
  virtual attempt read_some(char* into, std::size_t size) = 0;

  unique_fd fd_;

private:
  outcome all(char* bytes, std::size_t size, std::chrono::steady_clock::time_point deadline,
              attempt (stream::*one)(char*, std::size_t));
};

}  // namespace podstudio
