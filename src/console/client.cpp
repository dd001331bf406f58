// SPDX-License-Identifier: MIT
#include "console/client.hpp"

#include "console/client_stream.hpp"
#include "console/frames.hpp"
#include "console/protocol.hpp"
#include "platform/text.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

namespace podstudio {

namespace {

using clock = std::chrono::steady_clock;

/// Connects without blocking, again and again where a queue is full; 0, or why not.
int connect_until(const unique_fd& fd, const sockaddr* address, socklen_t size,
                  clock::time_point deadline) {
  constexpr auto again_after = std::chrono::milliseconds(5);
  for (;;) {
    if (::connect(fd.get(), address, size) == 0 || errno == EISCONN) return 0;
    if (errno == EINPROGRESS || errno == EALREADY) {
      int failure = 0;
      socklen_t length = sizeof failure;
      if (!wait_for(fd, POLLOUT, deadline)) return ETIMEDOUT;
      if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failure, &length) != 0) return errno;
      return failure;
    }
    if (errno != EAGAIN && errno != EINTR) return errno;
    if (clock::now() >= deadline) return EAGAIN;
    std::this_thread::sleep_for(again_after);
  }
}

/// By way of its folder's descriptor, so that a path of any length will do.
unique_fd connect_to_socket(const data_folder& folder, clock::time_point deadline, int& why) {
  unique_fd run{::open(folder.run().c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!run) {
    why = errno;
    return unique_fd{};
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  auto path = "/proc/self/fd/" + std::to_string(run.get()) + "/" + console_socket_name;
  std::ranges::copy(path, address.sun_path);
  return connect_by(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address, deadline,
                    why);
}

}  // namespace

bool wait_for(const unique_fd& fd, short events, clock::time_point deadline) {
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting{fd.get(), events, 0};
    auto ready = ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left, INT_MAX)));
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;  // the call tells what is wrong
  }
}

unique_fd connect_by(int family, const sockaddr* address, socklen_t size,
                     clock::time_point deadline, int& why) {
  unique_fd fd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  why = fd ? connect_until(fd, address, size, deadline) : errno;
  return why == 0 ? std::move(fd) : unique_fd{};
}

console_client::stream::outcome
console_client::stream::all(char* bytes, std::size_t size, clock::time_point deadline,
                            attempt (stream::*one)(char*, std::size_t)) {
  while (size > 0) {
    auto tried = (this->*one)(bytes, size);
    if (tried.bytes == 0 && tried.events == 0) return outcome::ended;
    if (tried.bytes == 0 && !wait_for(fd_, tried.events, deadline)) return outcome::late;
    bytes += tried.bytes;
    size -= tried.bytes;
  }
  return outcome::done;
}

class console_client::plain_stream final : public stream {
public:
  using stream::stream;

private:
  attempt write_some(char* bytes, std::size_t size) override {
    return outcome_of(::send(fd_.get(), bytes, size, MSG_NOSIGNAL), POLLOUT);
  }
  attempt read_some(char* into, std::size_t size) override {
    return outcome_of(::recv(fd_.get(), into, size, 0), POLLIN);
  }
  static attempt outcome_of(ssize_t moved, short events) {
    if (moved > 0) return {static_cast<std::size_t>(moved), 0};
    bool again = moved < 0 && (errno == EAGAIN || errno == EINTR);
    return {0, again ? events : short{0}};
  }
};

console_client::console_client(std::unique_ptr<stream> open) : stream_(std::move(open)) {}
console_client::~console_client() = default;

result<std::unique_ptr<console_client>>
console_client::connect_to_socket(const data_folder& folder, std::chrono::milliseconds time_limit) {
  int why = 0;
  auto fd = podstudio::connect_to_socket(folder, clock::now() + time_limit, why);
  if (fd)
    return std::unique_ptr<console_client>{
        new console_client(std::make_unique<plain_stream>(std::move(fd)))};
  if (why == EAGAIN)
    return error{error_code::timed_out,
                 "the service is busy with other clients; try again, or close some of them"};
  return error{error_code::no_service,
               "no podstudio service answers at " + in_quotes(folder.console_socket()) + " ("
                   + std::strerror(why) + "); start it with 'podstudio serve'"};
}

result<nlohmann::json> console_client::request(const nlohmann::json& request,
                                               std::chrono::milliseconds time_limit) {
  using outcome = stream::outcome;
  auto deadline = clock::now() + time_limit;
  auto text = to_text(request);
  if (text.size() > request_bytes_max)
    return error{error_code::invalid_argument, "the request has " + std::to_string(text.size())
                                                   + " bytes, but the service accepts at most "
                                                   + std::to_string(request_bytes_max)
                                                   + "; split it"};
  std::scoped_lock mine(turn_);
  error gone{
      error_code::no_service,
      "the service stopped before it answered; start it again to see whether the command took "
      "effect"};
  if (!stream_) return gone;
  auto& to = *stream_;
  auto header = make_frame_header(text.size());
  auto became = to.write(header.data(), header.size(), deadline);
  if (became == outcome::done) became = to.write(text.data(), text.size(), deadline);
  // A request that is refused is answered even if it was not read completely.
  if (became != outcome::late) became = to.read(header.data(), header.size(), deadline);
  auto size_bytes = size_of_frame(header);
  const error foreign{
      error_code::internal,
      "the answer is not from a podstudio service of this version; restart the service"};
  if (became == outcome::done && size_bytes > reply_bytes_max) {
    stream_.reset();
    return foreign;
  }
  text.clear();
  while (became == outcome::done && text.size() < size_bytes) {
    auto have = text.size();
    text.resize(std::min(size_bytes, have + frame_step_bytes));
    became = to.read(text.data() + have, text.size() - have, deadline);
  }
  if (became == outcome::done) {
    if (nests_too_deep(text)) return foreign;
    return nlohmann::json::parse(text, nullptr, false);
  }
  stream_.reset();
  if (became == outcome::ended) return gone;
  return error{
      error_code::timed_out,
      "the service did not answer in time; see what it is doing with 'podstudio status' and "
      "try again"};
}

}  // namespace podstudio
