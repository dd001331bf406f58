#include "console/transport.hpp"

#include <caf/detail/socket_guard.hpp>
#include <caf/io/all.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/doorman_impl.hpp>
#include <caf/io/network/interfaces.hpp>
#include <caf/io/network/stream_impl.hpp>
#include <caf/openssl/all.hpp>
#include <caf/openssl/session.hpp>

#include <spdlog/spdlog.h>

#include <deque>
#include <exception>
#include <memory>
#include <sys/socket.h>

namespace podstudio {

namespace {

namespace net = caf::io::network;

/// Tells when the handshake is over: until then nothing may be asked to be written.
struct handshake_listener {
  virtual void handshake_done() = 0;

protected:
  ~handshake_listener() = default;
};

/// How a stream reads and writes: through a TLS session. Incoming bytes alone drive the handshake.
/// (Our side of it is some 2 kB, which an empty socket buffer always takes, so it never waits to
/// write.)
class tls_policy {
public:
  tls_policy(caf::openssl::session_ptr session, handshake_listener& listener)
      : session_(std::move(session)), listener_(listener) {}

  net::rw_state read_some(size_t& size, net::native_socket fd, void* buffer, size_t capacity) {
    if (!established_) {
      // Reading nothing goes on with the handshake; "indeterminate" says that it is over.
      auto state = session_->read_some(size, fd, nullptr, 0);
      if (state != net::rw_state::indeterminate)
        return state;
      established_ = true;
      listener_.handshake_done();
    }
    return session_->read_some(size, fd, buffer, capacity);
  }

  net::rw_state write_some(size_t& size, net::native_socket fd, const void* buffer, size_t length) {
    return session_->write_some(size, fd, buffer, length);
  }

  bool must_read_more(net::native_socket fd, size_t threshold) {
    return session_->must_read_more(fd, threshold);
  }

private:
  caf::openssl::session_ptr session_;
  handshake_listener& listener_;
  bool established_ = false;
};

class console_scribe;

/// The connections whose handshake is not over, oldest first. Used in CAF's network thread only.
class waiting_room {
public:
  /// Ends the oldest connection if there is no room left.
  void enter(console_scribe* peer);
  void leave(console_scribe* peer) { std::erase(peers_, peer); }

private:
  std::deque<console_scribe*> peers_;
};

/// One accepted connection. It is CAF's own TLS connection but for `flush`, which waits for the end
/// of the handshake.
class console_scribe final : public caf::io::scribe, private handshake_listener {
public:
  console_scribe(net::default_multiplexer& multiplexer, net::native_socket fd,
                 caf::openssl::session_ptr session, std::shared_ptr<waiting_room> room)
      : scribe(net::conn_hdl_from_socket(fd)),
        stream_(multiplexer, fd, std::move(session), static_cast<handshake_listener&>(*this)),
        room_(std::move(room)) {
    room_->enter(this);
  }
  ~console_scribe() override { room_->leave(this); }

  /// Ends the connection; its socket then reads as closed, and CAF cleans up after it.
  void hang_up() { ::shutdown(stream_.fd(), SHUT_RDWR); }

  void configure_read(caf::io::receive_policy::config config) override {
    stream_.configure_read(config);
    if (launched_)
      return;
    launched_ = true;
    stream_.start(this);
  }
  void ack_writes(bool enable) override { stream_.ack_writes(enable); }
  std::vector<char>& wr_buf() override { return stream_.wr_buf(); }
  std::vector<char>& rd_buf() override { return stream_.rd_buf(); }
  void flush() override {
    if (established_)
      stream_.flush(this);
  }
  void graceful_shutdown() override {
    stream_.graceful_shutdown();
    detach(&stream_.backend(), false);
  }
  std::string addr() const override {
    auto address = net::remote_addr_of_fd(stream_.fd());
    return address ? *address : std::string{};
  }
  std::uint16_t port() const override {
    auto number = net::remote_port_of_fd(stream_.fd());
    return number ? *number : std::uint16_t{0};
  }
  void add_to_loop() override { stream_.activate(this); }
  void remove_from_loop() override { stream_.passivate(); }

private:
  void handshake_done() override {
    established_ = true;
    room_->leave(this);
    stream_.flush(this);
  }

  net::stream_impl<tls_policy> stream_;
  std::shared_ptr<waiting_room> room_;
  bool launched_ = false;
  bool established_ = false;
};

void waiting_room::enter(console_scribe* peer) {
  if (peers_.size() == waiting_peers_max) {
    peers_.front()->hang_up();
    peers_.pop_front();
  }
  peers_.push_back(peer);
}

class console_doorman final : public net::doorman_impl {
public:
  using doorman_impl::doorman_impl;

  bool new_connection() override {
    if (detached())
      return false;
    auto& multiplexer = acceptor_.backend();
    auto fd = acceptor_.accepted_socket();
    caf::detail::socket_guard guard{fd};
    net::nonblocking(fd, true);
    caf::openssl::session_ptr session;
    try {
      session = caf::openssl::make_session(parent()->system(), fd, true);
    } catch (const std::exception& failure) {
      spdlog::error("console: no TLS session for a new connection: {}", failure.what());
    }
    if (!session)
      return false;  // the guard closes the socket; later connections are not affected
    auto scribe = caf::make_counted<console_scribe>(multiplexer, fd, std::move(session), room_);
    guard.release();
    auto handle = scribe->hdl();
    parent()->add_scribe(std::move(scribe));
    return doorman::new_connection(&multiplexer, handle);
  }

private:
  std::shared_ptr<waiting_room> room_ = std::make_shared<waiting_room>();
};

}  // namespace

void configure_transport(caf::actor_system_config& config, const credentials& pair) {
  config.openssl_certificate = pair.certificate_file;
  config.openssl_key = pair.key_file;
  config.openssl_cafile = pair.certificate_file;
  config.load<caf::io::middleman>().load<caf::openssl::manager>();
}

result<std::uint16_t> publish_console(caf::actor_system& system, const console_actor& console,
                                      std::uint16_t port) {
  auto fd = net::new_tcp_acceptor_impl(port, "127.0.0.1", true);
  if (!fd)
    return error{error_code::io_failed, "cannot listen on 127.0.0.1, port " + std::to_string(port)
                                            + ": " + system.render(fd.error())
                                            + "; check that no other program uses it"};
  auto& multiplexer = static_cast<net::default_multiplexer&>(system.middleman().backend());
  caf::io::doorman_ptr doorman = caf::make_counted<console_doorman>(multiplexer, *fd);
  auto bound = doorman->port();
  auto broker = system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
  caf::anon_send(broker, caf::publish_atom_v, std::move(doorman), bound,
                 caf::actor_cast<caf::strong_actor_ptr>(console), system.message_types(console));
  return bound;
}

}  // namespace podstudio
