// SPDX-License-Identifier: MIT
#include "console/server.hpp"

#include "console/connection.hpp"
#include "platform/text.hpp"
#include "platform/unique_fd.hpp"

#include <boost/asio/ssl.hpp>

#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <exception>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace podstudio {

namespace {

using namespace console_detail;
namespace ssl = asio::ssl;
using local = asio::local::stream_protocol;
using tcp = asio::ip::tcp;

/// How long nobody is accepted once there is no descriptor or memory for it.
constexpr auto accept_again_after = std::chrono::milliseconds(100);
/// Of the chain of certificates that a peer sends, in bytes; ours has some 500.
constexpr long certificates_bytes_max = 8192;

/// Accepts connections of one kind.
template <class Protocol>
class accepting : public listener, public std::enable_shared_from_this<accepting<Protocol>> {
public:
  using listener::listener;

  void accept() override {
    acceptor.async_accept([this](const asio_error& why, typename Protocol::socket socket) {
      if (why == asio::error::operation_aborted || !acceptor.is_open()) return;
      if (why) return pause();  // there is no descriptor, say
      try {
        on_accept(std::move(socket));
      } catch (const std::exception& failure) {
        spdlog::error("console: a connection was not accepted: {}", failure.what());
        return pause();
      }
      next();
    });
  }
  void stop_accepting() override {
    asio_error ignored;  // it is closed whatever is said
    acceptor.close(ignored);
    again_.cancel();
  }

  typename Protocol::acceptor acceptor{io};

protected:
  virtual void on_accept(typename Protocol::socket socket) = 0;
  virtual void next() { accept(); }

private:
  void pause() {
    again_.expires_after(accept_again_after);
    again_.async_wait([this](const asio_error& cancelled) {
      if (!cancelled && acceptor.is_open()) accept();
    });
  }

  asio::steady_timer again_{io};
};

/// The owner's programs.
class local_listener final : public accepting<local> {
public:
  using accepting::accepting;

  void remove(const peer& one) override {
    listener::remove(one);
    all_left();
    if (full_ && acceptor.is_open()) next();
  }
  void on_idle() override {
    if (full_) static_cast<void>(evict_idle());
  }

private:
  void on_accept(local::socket socket) override {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0
        || (who.uid != ::geteuid() && who.uid != 0))
      return refused(refusal::unauthenticated);
    static_cast<void>(evict_idle());  // where none is idle, `next` accepts nobody after it
    auto one = std::make_shared<connection<local::socket>>(shared_from_this(), std::move(socket));
    add(one);
    one->begin();
  }

  /// Where all are being answered the next ones wait in the kernel's queue: they are the owner's.
  void next() override {
    full_ = peers() > limits.peers_max;
    if (!full_) accept();
  }

  bool full_ = false;
};

/// Who proves that they hold the key.
class tls_listener final : public accepting<tcp> {
public:
  using tls_connection = connection<ssl::stream<tcp::socket>>;

  explicit tls_listener(const console_server::options& what) : accepting(what) {}

  /// Uses the key and accepts nobody but who has the same.
  result<void> configure(const credentials& pair) {
    asio_error failure;
    context_.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, failure);
    if (!failure) context_.load_verify_file(pair.certificate_file, failure);
    if (!failure) context_.use_certificate_chain_file(pair.certificate_file, failure);
    if (!failure) context_.use_private_key_file(pair.key_file, ssl::context::pem, failure);
    auto raw = context_.native_handle();
    if (failure || SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION) != 1)
      return error{error_code::io_failed,
                   "cannot use the console's key " + in_quotes(pair.key_file) + ": "
                       + failure.message()
                       + "; stop the service and remove the key's folder: the next start makes a "
                         "new key"};
    // Nobody resumes, so nothing is kept of those that left.
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(raw, 0);
    SSL_CTX_set_max_cert_list(raw, certificates_bytes_max);
    SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
    return {};
  }

  void remove(const peer& one) override {
    std::erase_if(handshakes_, [&](const auto& each) { return each.get() == &one; });
    listener::remove(one);
    all_left();
  }

private:
  void on_accept(tcp::socket socket) override {
    if (handshakes_.size() >= limits.handshakes_max) {
      refused(refusal::over_limit);
      auto oldest = handshakes_.front();
      oldest->end();
    }
    asio_error ignored;  // it only makes small replies quicker
    socket.set_option(tcp::no_delay(true), ignored);
    auto one = std::make_shared<tls_connection>(shared_from_this(), std::move(socket), context_);
    handshakes_.push_back(one);
    one->allow(limits.handshake_max);
    one->stream().async_handshake(ssl::stream_base::server, [this, one](const asio_error& why) {
      one->guarded([&] { on_handshake(one, why); });
    });
  }

  void on_handshake(const std::shared_ptr<tls_connection>& one, const asio_error& why) {
    if (std::erase(handshakes_, one) == 0) return;  // it was ended meanwhile, and counted
    if (why || !evict_idle()) {
      refused(why ? refusal::unauthenticated : refusal::over_limit);
      return one->end();
    }
    add(one);
    one->begin();
  }

  void end_all() override {
    for (const auto& each : std::vector(handshakes_.begin(), handshakes_.end()))
      each->end();
    listener::end_all();
  }

  ssl::context context_{ssl::context::tls_server};
  std::deque<std::shared_ptr<tls_connection>> handshakes_;  ///< oldest first
};

/// The name of a socket that was made. It is removed at the end, unless another file has it by
/// then.
struct bound_socket {
  unique_fd folder;  ///< where it is, also when that has been moved
  std::string name;
  std::pair<dev_t, ino_t> file{};

  bound_socket() = default;
  bound_socket(bound_socket&&) = default;
  bound_socket& operator=(bound_socket&&) = default;
  ~bound_socket() {
    struct stat facts {};
    if (folder && ::fstatat(folder.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0
        && S_ISSOCK(facts.st_mode) && std::pair(facts.st_dev, facts.st_ino) == file)
      ::unlinkat(folder.get(), name.c_str(), 0);
  }
};

/// Binds the socket in place of what a service that was killed left behind. A path of any length
/// will do: it is bound by way of its folder's descriptor.
result<bound_socket> listen_at(const std::string& path, local::acceptor& acceptor) {
  auto failed = [&](const asio_error& why) {
    return system_error(why.value())("cannot make the socket " + in_quotes(path));
  };
  auto slash = path.rfind('/');
  unique_fd folder{
      ::open(path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!folder) return system_error()("cannot make the socket " + in_quotes(path));
  auto name = path.substr(slash + 1);
  struct stat facts {};
  if (::fstatat(folder.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0) {
    if (!S_ISSOCK(facts.st_mode))
      return error{error_code::refused,
                   in_quotes(path) + " is not the socket of an earlier service; move it elsewhere"};
    if (::unlinkat(folder.get(), name.c_str(), 0) != 0)
      return system_error()("cannot replace the socket " + in_quotes(path));
  }
  local::endpoint at("/proc/self/fd/" + std::to_string(folder.get()) + "/" + name);
  asio_error failure;
  acceptor.open(at.protocol(), failure);
  if (failure) return failed(failure);
  if (::fchmod(acceptor.native_handle(), 0600) != 0)
    return system_error()("cannot make the socket " + in_quotes(path));
  acceptor.bind(at, failure);
  if (!failure) acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (!failure) {
    bound_socket bound;
    if (::fstatat(folder.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0)
      bound.file = {facts.st_dev, facts.st_ino};
    bound.folder = std::move(folder);
    bound.name = std::move(name);
    return bound;
  }
  asio_error ignored;  // the first failure counts
  acceptor.close(ignored);
  return failed(failure);
}

result<void> listen_at(std::uint16_t port, tcp::acceptor& acceptor) {
  tcp::endpoint at(asio::ip::address_v4::loopback(), port);
  asio_error failure;
  acceptor.open(at.protocol(), failure);
  if (!failure) acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  if (!failure) acceptor.bind(at, failure);
  if (!failure) acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (!failure) return {};
  return error{error_code::io_failed, "cannot listen on 127.0.0.1, port " + std::to_string(port)
                                          + ": " + failure.message()
                                          + "; check that no other program uses it"};
}

}  // namespace

std::string_view to_string(refusal why) noexcept {
  switch (why) {
  case refusal::unauthenticated:
    return "unauthenticated";
  case refusal::over_limit:
    return "over_limit";
  case refusal::timed_out:
    return "timed_out";
  case refusal::malformed:
    return "malformed";
  }
  return "unknown";
}

/// The listeners and their threads.
struct console_server::parts {
  std::vector<std::pair<std::shared_ptr<listener>, std::thread>> running;
  std::uint16_t port = 0;
  std::optional<bound_socket> socket;

  ~parts() {
    for (const auto& [each, thread] : running)
      each->close();
    for (auto& [each, thread] : running)
      thread.join();
  }

  /// `nice` is of its thread, as in setpriority(2).
  result<void> start(const std::shared_ptr<listener>& one, int nice) {
    one->accept();
    try {
      running.emplace_back(one, std::thread([one, nice] {
                             if (nice != 0) ::setpriority(PRIO_PROCESS, 0, nice);
                             one->run();
                           }));
    } catch (const std::system_error& failure) {
      return system_error(failure.code().value())("cannot start a thread for the console");
    }
    return {};
  }
};

console_server::console_server(std::unique_ptr<parts> made) : parts_(std::move(made)) {}
console_server::~console_server() = default;
std::uint16_t console_server::port() const { return parts_->port; }

result<std::unique_ptr<console_server>> console_server::open(options what) try {
  auto made = std::make_unique<parts>();
  auto tls = std::make_shared<tls_listener>(what);
  if (auto configured = tls->configure(what.pair); !configured) return configured.failure();
  if (auto listens = listen_at(what.port, tls->acceptor); !listens) return listens.failure();
  made->port = tls->acceptor.local_endpoint().port();
  auto endpoints = std::make_shared<console_endpoints>();
  endpoints->port = made->port;
  if (!what.socket.empty()) {
    auto owner = std::make_shared<local_listener>(what);
    auto bound = listen_at(what.socket, owner->acceptor);
    if (!bound) {
      spdlog::warn("console: {}; commands use the port instead", bound.failure().message);
      endpoints->socket_failure = bound.failure().message;
    } else {
      made->socket = std::move(*bound);
      endpoints->socket = what.socket;
      if (auto started = made->start(owner, 0); !started) return started.failure();
    }
  }
  // The owner's commands go before the handshakes of others.
  if (auto started = made->start(tls, made->socket ? 5 : 0); !started) return started.failure();
  what.use->endpoints = std::move(endpoints);
  return std::unique_ptr<console_server>(new console_server(std::move(made)));
} catch (const boost::system::system_error& failure) {
  return system_error(failure.code().value())("cannot start the console");
}

}  // namespace podstudio
