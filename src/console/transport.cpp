#include "console/transport.hpp"

#include "platform/files.hpp"

#include <caf/all.hpp>
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

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <openssl/err.h>
#include <set>
#include <sys/socket.h>
#include <sys/time.h>

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
///
/// OpenSSL tells "wait for more" from failure by looking at the thread's queue of errors, and CAF
/// never empties it: without the calls of ERR_clear_error here, a connection that ends badly would
/// take others of the same thread down with it.
class tls_policy {
public:
  tls_policy(caf::openssl::session_ptr session, handshake_listener& listener)
      : session_(std::move(session)), listener_(listener) {}

  net::rw_state read_some(size_t& size, net::native_socket fd, void* buffer, size_t capacity) {
    ERR_clear_error();
    if (!established_) {
      // Reading nothing goes on with the handshake; "indeterminate" says that it is over.
      auto state = session_->read_some(size, fd, nullptr, 0);
      if (state != net::rw_state::indeterminate) return state;
      established_ = true;
      listener_.handshake_done();
    }
    return session_->read_some(size, fd, buffer, capacity);
  }

  net::rw_state write_some(size_t& size, net::native_socket fd, const void* buffer, size_t length) {
    ERR_clear_error();
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

/// A session on a connected socket, or null. CAF throws where it lacks descriptors or memory.
caf::openssl::session_ptr make_session(caf::actor_system& system, net::native_socket fd,
                                       bool accepted) {
  ERR_clear_error();
  net::nonblocking(fd, true);
  try {
    return caf::openssl::make_session(system, fd, accepted);
  } catch (const std::exception& failure) {
    spdlog::error("console: no TLS session for a new connection: {}", failure.what());
    return nullptr;
  }
}

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

/// One connection, of either side. It is CAF's own TLS connection but for `flush`, which waits for
/// the end of the handshake.
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
    if (launched_) return;
    launched_ = true;
    stream_.start(this);
  }
  void ack_writes(bool enable) override { stream_.ack_writes(enable); }
  std::vector<char>& wr_buf() override { return stream_.wr_buf(); }
  std::vector<char>& rd_buf() override { return stream_.rd_buf(); }
  void flush() override {
    if (established_) stream_.flush(this);
  }
  void graceful_shutdown() override {
    if (!established_) hang_up();  // what waits to be written never will be
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
    if (detached()) return false;
    auto& multiplexer = acceptor_.backend();
    auto fd = acceptor_.accepted_socket();
    caf::detail::socket_guard guard{fd};
    auto session = make_session(parent()->system(), fd, true);
    if (!session) return false;  // the guard closes the socket; later connections are not affected
    auto scribe = caf::make_counted<console_scribe>(multiplexer, fd, std::move(session), room_);
    guard.release();
    auto handle = scribe->hdl();
    parent()->add_scribe(std::move(scribe));
    return doorman::new_connection(&multiplexer, handle);
  }

private:
  std::shared_ptr<waiting_room> room_ = std::make_shared<waiting_room>();
};

net::default_multiplexer& multiplexer_of(caf::actor_system& system) {
  return static_cast<net::default_multiplexer&>(system.middleman().backend());
}

/// The actor that speaks CAF's protocol on all connections.
caf::actor broker_of(caf::actor_system& system) {
  return system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
}

/// A socket connected to 127.0.0.1; where none is returned, errno says why.
unique_fd connect_socket(std::uint16_t port, std::chrono::milliseconds time_limit) {
  unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time_limit);
  timeval limit{
      seconds.count(),
      std::chrono::duration_cast<std::chrono::microseconds>(time_limit - seconds).count()};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd && ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0
      && ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return fd;
  return unique_fd{};
}

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
  caf::io::doorman_ptr doorman = caf::make_counted<console_doorman>(multiplexer_of(system), *fd);
  auto bound = doorman->port();
  caf::anon_send(broker_of(system), caf::publish_atom_v, std::move(doorman), bound,
                 caf::actor_cast<caf::strong_actor_ptr>(console), system.message_types(console));
  return bound;
}

result<console_actor> connect_console(caf::actor_system& system, std::uint16_t port,
                                      std::chrono::milliseconds time_limit) {
  auto failed = [&](const std::string& reason) {
    return error{error_code::no_service, "no podstudio service answers on port "
                                             + std::to_string(port) + " (" + reason
                                             + "); start it with 'podstudio serve'"};
  };
  auto fd = connect_socket(port, time_limit);
  if (!fd) return failed(std::strerror(errno));
  auto session = make_session(system, fd.get(), false);
  if (!session) return failed("no TLS session");
  auto scribe = caf::make_counted<console_scribe>(
      multiplexer_of(system), fd.get(), std::move(session), std::make_shared<waiting_room>());
  fd.release();
  console_actor console;
  std::string reason;
  caf::scoped_actor self{system};
  self->request(broker_of(system), time_limit, caf::connect_atom_v, caf::io::scribe_ptr{scribe},
                port)
      .receive(
          [&](const caf::node_id&, const caf::strong_actor_ptr& remote,
              const std::set<std::string>& types) {
            if (remote && system.assignable(types, system.message_types(console)))
              console = caf::actor_cast<console_actor>(remote);
            else
              reason = "it offers another interface";
          },
          [&](const caf::error& failure) { reason = system.render(failure); });
  if (console) return console;
  scribe->hang_up();
  return failed(reason);
}

}  // namespace podstudio
