// SPDX-License-Identifier: MIT
#include "console/client.hpp"

#include "console/frames.hpp"
#include "console/protocol.hpp"
#include "platform/openssl_ptr.hpp"
#include "platform/text.hpp"
#include "platform/unique_fd.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

namespace podstudio {

namespace {

using clock = std::chrono::steady_clock;

using context_ptr = openssl_ptr<SSL_CTX, &SSL_CTX_free>;
using session_ptr = openssl_ptr<SSL, &SSL_free>;

/// While it lives, writing to a connection that has ended raises no SIGPIPE in this thread.
/// OpenSSL's writes do, and a command must be able to say what became of it.
class no_pipe_signal {
public:
  no_pipe_signal() {
    sigset_t waiting;
    was_pending_ = ::sigpending(&waiting) == 0 && sigismember(&waiting, SIGPIPE) == 1;
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  no_pipe_signal(const no_pipe_signal&) = delete;
  no_pipe_signal& operator=(const no_pipe_signal&) = delete;
  ~no_pipe_signal() {
    constexpr timespec now{};
    auto error_before = errno;
    if (!was_pending_) ::sigtimedwait(&pipe_, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error_before;
  }

private:
  sigset_t pipe_{}, before_{};
  bool was_pending_ = false;
};

/// Waits for `events` of the socket until the deadline; false when it has passed.
bool wait_for(const unique_fd& fd, short events, clock::time_point deadline) {
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting{fd.get(), events, 0};
    auto ready = ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left, INT_MAX)));
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;  // the call tells what is wrong
  }
}

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

constexpr int socket_flags = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

/// Where nothing is returned, `why` says why.
unique_fd connect_to_port(std::uint16_t port, clock::time_point deadline, int& why) {
  unique_fd fd{::socket(AF_INET, socket_flags, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  why =
      fd ? connect_until(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address, deadline)
         : errno;
  if (why != 0) return unique_fd{};
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

/// By way of its folder's descriptor, so that a path of any length will do.
unique_fd connect_to_socket(const data_folder& folder, clock::time_point deadline, int& why) {
  unique_fd run{::open(folder.run().c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!run) {
    why = errno;
    return unique_fd{};
  }
  unique_fd fd{::socket(AF_UNIX, socket_flags, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  auto path = "/proc/self/fd/" + std::to_string(run.get()) + "/" + console_socket_name;
  std::ranges::copy(path, address.sun_path);
  why =
      fd ? connect_until(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address, deadline)
         : errno;
  return why == 0 ? std::move(fd) : unique_fd{};
}

error no_answer(std::uint16_t port, const std::string& reason) {
  return {error_code::no_service, "no podstudio service answers on port " + std::to_string(port)
                                      + " (" + reason + "); start it with 'podstudio serve'"};
}

}  // namespace

/// Bytes to and from the service. It blocks until the deadline.
class console_client::stream {
public:
  enum class outcome { done, late, ended };

  explicit stream(unique_fd fd) : fd_(std::move(fd)) {}
  virtual ~stream() = default;

  outcome write(const void* bytes, std::size_t size, clock::time_point deadline) {
    return all(static_cast<char*>(const_cast<void*>(bytes)), size, deadline, &stream::write_some);
  }
  outcome read(void* into, std::size_t size, clock::time_point deadline) {
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
  outcome all(char* bytes, std::size_t size, clock::time_point deadline,
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
};

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

class console_client::tls_stream final : public stream {
public:
  /// Why it fails, or nothing.
  static std::string open(const credentials& pair, unique_fd fd, clock::time_point deadline,
                          std::unique_ptr<stream>& into) {
    ERR_clear_error();
    context_ptr context{SSL_CTX_new(TLS_client_method())};
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1
        || SSL_CTX_load_verify_file(context.get(), pair.certificate_file.c_str()) != 1
        || SSL_CTX_use_certificate_chain_file(context.get(), pair.certificate_file.c_str()) != 1
        || SSL_CTX_use_PrivateKey_file(context.get(), pair.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
      return "the console's key " + in_quotes(pair.key_file) + " cannot be used";
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    session_ptr session{SSL_new(context.get())};
    if (!session || SSL_set_fd(session.get(), fd.get()) != 1) return "no TLS session";
    std::unique_ptr<tls_stream> made(new tls_stream(std::move(fd), std::move(session)));
    no_pipe_signal quiet;
    for (;;) {
      auto tried = made->outcome_of(SSL_connect(made->session_.get()));
      if (tried.bytes > 0) break;
      if (tried.events == 0)
        return SSL_get_verify_result(made->session_.get()) == X509_V_OK
                   ? "the connection ended during the TLS handshake"
                   : "it does not hold this data folder's key";
      if (!wait_for(made->fd_, tried.events, deadline)) return "the TLS handshake timed out";
    }
    into = std::move(made);
    return {};
  }

private:
  tls_stream(unique_fd fd, session_ptr session)
      : stream(std::move(fd)), session_(std::move(session)) {}

  attempt write_some(char* bytes, std::size_t size) override {
    no_pipe_signal quiet;
    ERR_clear_error();
    return outcome_of(SSL_write(session_.get(), bytes, static_cast<int>(std::min(size, step))));
  }
  attempt read_some(char* into, std::size_t size) override {
    no_pipe_signal quiet;
    ERR_clear_error();
    return outcome_of(SSL_read(session_.get(), into, static_cast<int>(std::min(size, step))));
  }
  attempt outcome_of(int moved) const {
    if (moved > 0) return {static_cast<std::size_t>(moved), 0};
    switch (SSL_get_error(session_.get(), moved)) {
    case SSL_ERROR_WANT_READ:
      return {0, POLLIN};
    case SSL_ERROR_WANT_WRITE:
      return {0, POLLOUT};
    default:
      return {0, 0};
    }
  }

  static constexpr std::size_t step = frame_step_bytes;
  session_ptr session_;
};

console_client::console_client(std::unique_ptr<stream> open) : stream_(std::move(open)) {}
console_client::~console_client() = default;

result<std::unique_ptr<console_client>>
console_client::connect(const data_folder& folder, const console_address& address,
                        std::chrono::milliseconds time_limit) {
  auto deadline = clock::now() + time_limit;
  int why = 0;
  auto fd = connect_to_socket(folder, deadline, why);
  if (fd)
    return std::unique_ptr<console_client>{
        new console_client(std::make_unique<plain_stream>(std::move(fd)))};
  if (why == EAGAIN)
    return error{error_code::timed_out,
                 "the service is busy with other clients; try again, or close some of them"};
  auto pair = ensure_credentials(folder);
  if (!pair) return pair.failure();
  return connect(*pair, address.port,
                 std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()));
}

result<std::unique_ptr<console_client>>
console_client::connect(const credentials& pair, std::uint16_t port,
                        std::chrono::milliseconds time_limit) {
  auto deadline = clock::now() + time_limit;
  int refused = 0;
  auto fd = connect_to_port(port, deadline, refused);
  if (!fd) return no_answer(port, std::strerror(refused));
  std::unique_ptr<stream> open;
  if (auto why = tls_stream::open(pair, std::move(fd), deadline, open); !why.empty())
    return no_answer(port, why);
  return std::unique_ptr<console_client>{new console_client(std::move(open))};
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
