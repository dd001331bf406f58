// SPDX-License-Identifier: MIT
#include "console/client_stream.hpp"
#include "console/frames.hpp"
#include "platform/openssl_ptr.hpp"
#include "platform/text.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
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

/// Where nothing is returned, `why` says why.
unique_fd connect_to_port(std::uint16_t port, clock::time_point deadline, int& why) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto fd = connect_by(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address,
                       deadline, why);
  int on = 1;
  if (fd) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

error no_answer(std::uint16_t port, const std::string& reason) {
  return {error_code::no_service, "no podstudio service answers on port " + std::to_string(port)
                                      + " (" + reason + "); start it with 'podstudio serve'"};
}

}  // namespace

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

result<std::unique_ptr<console_client>>
console_client::connect(const data_folder& folder, const console_address& address,
                        std::chrono::milliseconds time_limit) {
  auto deadline = clock::now() + time_limit;
  auto at_socket = connect_to_socket(folder, time_limit);
  if (at_socket || at_socket.failure().code != error_code::no_service) return at_socket;
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

}  // namespace podstudio
