#include "console/server.hpp"

#include "console/frames.hpp"
#include "console/protocol.hpp"
#include "platform/text.hpp"
#include "platform/unique_fd.hpp"

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>

#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
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

namespace asio = boost::asio;
namespace ssl = asio::ssl;
using asio_error = boost::system::error_code;
using local = asio::local::stream_protocol;
using tcp = asio::ip::tcp;
using clock = std::chrono::steady_clock;

/// Refusals are logged once in a while, so that a flood of them fills no disk.
constexpr auto log_refusals_every = std::chrono::minutes(1);
/// How long nobody is accepted once there is no descriptor or memory for it.
constexpr auto accept_again_after = std::chrono::milliseconds(100);
/// How long the last replies may take when the server closes.
constexpr auto drain_max = std::chrono::seconds(1);
/// Of the chain of certificates that a peer sends, in bytes; ours has some 500.
constexpr long certificates_bytes_max = 8192;
/// What a request costs in memory once it is parsed, for each byte of its text: `[],[],...` is the
/// worst of JSON.
constexpr std::size_t parsed_bytes_per_byte = 16;

/// A connection, as its listener knows it. Used in the listener's thread only.
class peer {
public:
  virtual ~peer() = default;
  /// Closes the connection; what waits for it is told so.
  virtual void end() = 0;
  /// No more requests; ends it once it has been answered.
  virtual void end_when_idle() = 0;
  /// Since when it has asked for nothing; nothing where it is being answered.
  std::optional<clock::time_point> idle_since() const { return idle_since_; }

protected:
  std::optional<clock::time_point> idle_since_;
};

/// From a request of so many bytes on what it leaves behind is given back to the system.
constexpr std::size_t trim_bytes_min = std::size_t{16} << 20;

/// How many bytes requests and replies take up. Used by any thread.
class byte_budget {
public:
  explicit byte_budget(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// Changes a part of it from `before` bytes to `after`; false, and no change, where that would be
  /// too much.
  bool reserve(std::size_t before, std::size_t after) {
    if (after <= before) {
      used_ -= before - after;
      return true;
    }
    auto more = after - before;
    if (used_.fetch_add(more) + more <= bytes_max_) return true;
    used_ -= more;
    return false;
  }

private:
  const std::size_t bytes_max_;
  std::atomic<std::size_t> used_{0};
};

/// A request that is being answered. It takes up memory until nobody has it any more, also where
/// its peer has gone long since.
struct pending_request {
  pending_request(std::shared_ptr<byte_budget> from, std::size_t size_bytes)
      : budget(std::move(from)), bytes(size_bytes) {}
  pending_request(const pending_request&) = delete;
  pending_request& operator=(const pending_request&) = delete;
  ~pending_request() {
    budget->reserve(bytes, 0);
    if (bytes >= trim_bytes_min) ::malloc_trim(0);
  }

  std::atomic<bool> gone{false};
  const std::shared_ptr<byte_budget> budget;
  const std::size_t bytes;
};

/// What the connections of one listener share. Used in its thread only, but for `io`, `use` and
/// `budget`.
class listener {
public:
  explicit listener(const console_server::options& what)
      : limits(what.limits), answer(what.answer), use(what.use) {}
  virtual ~listener() = default;

  asio::io_context io{1};
  const console_limits limits;
  const console_server::answer_request answer;
  const std::shared_ptr<console_use> use;
  const std::shared_ptr<byte_budget> budget = std::make_shared<byte_budget>(limits.bytes_max);

  void refused(refusal why) {
    ++use->refused[static_cast<std::size_t>(why)];
    ++unlogged_;
    auto now = clock::now();
    if (logged_ && now - *logged_ < log_refusals_every) return;
    logged_ = now;
    spdlog::warn("console: refused {} connections, the latest as {}", std::exchange(unlogged_, 0),
                 to_string(why));
  }

  /// Whether there is room for one more; ends the peer that has been idle the longest if need be.
  bool evict_idle() {
    if (peers_.size() < limits.peers_max) return true;
    std::shared_ptr<peer> oldest;
    for (const auto& each : peers_)
      if (each->idle_since() && (!oldest || *each->idle_since() < *oldest->idle_since()))
        oldest = each;
    if (oldest) oldest->end();
    return oldest != nullptr;
  }
  void add(std::shared_ptr<peer> one) {
    peers_.push_back(std::move(one));
    ++use->connections;
  }
  virtual void remove(const peer& one) {
    use->connections -= std::erase_if(peers_, [&](const auto& each) { return each.get() == &one; });
  }

  virtual void accept() = 0;
  virtual void stop_accepting() = 0;
  /// A peer has been answered.
  virtual void on_idle() {}

  /// Answers until it is closed; in a thread of its own.
  void run() {
    for (;;)
      try {
        io.run();
        return;
      } catch (const std::exception& failure) {
        spdlog::error("console: {}", failure.what());
      }
  }

  /// Lets those that are being answered take their replies. From any thread.
  void close() {
    asio::post(io, [this] {
      closing_ = true;
      drain_.expires_after(drain_max);
      drain_.async_wait([this](const asio_error&) {
        end_all();
        work_.reset();
      });
      stop_accepting();
      for (const auto& each : std::vector(peers_))
        each->end_when_idle();
      all_left();
    });
  }

protected:
  virtual void end_all() {
    for (const auto& each : std::vector(peers_))
      each->end();
  }
  void all_left() {
    if (closing_ && peers_.empty()) drain_.cancel();
  }
  std::size_t peers() const { return peers_.size(); }

private:
  std::vector<std::shared_ptr<peer>> peers_;  ///< that were let in
  /// Also while nothing is being waited for.
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io);
  std::uint64_t unlogged_ = 0;
  std::optional<clock::time_point> logged_;
  asio::steady_timer drain_{io};
  bool closing_ = false;
};

/// The conversation with a peer that was let in: a request, its reply, the next request.
template <class Stream>
class connection final : public peer, public std::enable_shared_from_this<connection<Stream>> {
public:
  template <class... Arguments>
  explicit connection(std::shared_ptr<listener> at, Arguments&&... stream)
      : at_(std::move(at)), stream_(std::forward<Arguments>(stream)...) {}

  Stream& stream() { return stream_; }

  /// Ends it as refused unless this is called again, or `end`, within the time.
  void allow(std::chrono::milliseconds time) {
    deadline_.expires_after(time);
    deadline_.async_wait([self = this->shared_from_this()](const asio_error& cancelled) {
      // The timer may have been set anew after this was queued.
      if (cancelled || self->deadline_.expiry() > clock::now()) return;
      if (!self->idle_since_) self->at_->refused(refusal::timed_out);
      self->end();
    });
  }

  void begin() {
    rest();
    await_request();
  }

  /// Has `work` done; where memory fails it, that costs the connection.
  template <class Work>
  void guarded(Work work) {
    try {
      work();
    } catch (const std::exception& failure) {
      spdlog::error("console: a connection was ended: {}", failure.what());
      end();
    }
  }

  void end() override {
    if (std::exchange(ended_, true)) return;
    deadline_.cancel();
    asio_error ignored;  // there is nothing to be done about it
    stream_.lowest_layer().close(ignored);
    if (auto pending = pending_.lock()) pending->gone = true;
    reserve(0);
    at_->remove(*this);
  }
  void end_when_idle() override {
    last_ = true;
    if (idle_since_) end();
  }

private:
  bool failed(const asio_error& why) {
    if (why) end();
    return why || ended_;
  }
  bool reserve(std::size_t size_bytes) {
    if (!at_->budget->reserve(reserved_, size_bytes)) return false;
    reserved_ = size_bytes;
    return true;
  }
  void refuse(refusal why) {
    at_->refused(why);
    end();
  }

  void rest() {
    idle_since_ = clock::now();
    allow(at_->limits.idle_max);
  }

  /// Also while a request is being answered, as only this tells that the peer has gone. Who sends
  /// more before the reply speaks another protocol.
  void await_request() {
    asio::async_read(stream_, asio::buffer(header_, 1),
                     [self = this->shared_from_this()](const asio_error& why, std::size_t) {
                       self->guarded([&] {
                         if (self->failed(why)) return;
                         if (!self->idle_since_) return self->refuse(refusal::malformed);
                         self->read_header();
                       });
                     });
  }

  void read_header() {
    idle_since_.reset();
    allow(at_->limits.request_max);
    asio::async_read(stream_, asio::buffer(header_) + 1,
                     [self = this->shared_from_this()](const asio_error& why, std::size_t) {
                       self->guarded([&] {
                         if (self->failed(why)) return;
                         auto size_bytes = size_of_frame(self->header_);
                         if (size_bytes == 0 || size_bytes > request_bytes_max)
                           self->refuse_request(size_bytes);
                         else
                           self->read_request(size_bytes);
                       });
                     });
  }

  void refuse_request(std::size_t size_bytes) {
    at_->refused(refusal::malformed);
    last_ = true;  // what follows cannot be told from it
    send(to_text(make_reply({error_code::invalid_argument,
                             "the request has " + std::to_string(size_bytes) + " bytes; send 1 to "
                                 + std::to_string(request_bytes_max)})));
  }

  void read_request(std::size_t size_bytes) {
    auto have = request_.size();
    if (have == size_bytes) return have_answered();
    auto next = std::min(size_bytes, have + frame_step_bytes);
    if (!reserve(next)) return refuse(refusal::over_limit);
    request_.resize(next);
    asio::async_read(
        stream_, asio::buffer(request_.data() + have, next - have),
        [self = this->shared_from_this(), size_bytes](const asio_error& why, std::size_t) {
          self->guarded([&] {
            if (!self->failed(why)) self->read_request(size_bytes);
          });
        });
  }

  void have_answered() {
    auto size_bytes = request_.size() * parsed_bytes_per_byte;
    if (!reserve(size_bytes)) return refuse(refusal::over_limit);
    auto pending = std::make_shared<pending_request>(at_->budget, size_bytes);
    reserved_ = 0;  // it is the request's from now on
    pending_ = pending;
    await_request();
    at_->answer(std::exchange(request_, {}), {pending, &pending->gone}, take_reply());
    // No deadline while it is answered. The reply comes later, if only to this thread.
    deadline_.expires_at(clock::time_point::max());
  }

  /// Takes the reply, from any thread. Where all copies of it are let go of without one, as memory
  /// failed somebody, the connection ends.
  console_server::take_reply take_reply() {
    struct expected {
      std::shared_ptr<listener> at;
      std::weak_ptr<connection> to;
      std::atomic<bool> came{false};
      ~expected() {
        if (!came)
          asio::post(at->io, [weak = to] {
            if (auto self = weak.lock()) self->end();
          });
      }
    };
    auto reply = std::make_shared<expected>();
    reply->at = at_;
    reply->to = this->weak_from_this();
    return [reply](std::string text) {
      // What is posted holds nothing of the listener's, which may be gone before it runs.
      asio::post(reply->at->io, [weak = reply->to, taken = std::move(text)]() mutable {
        if (auto self = weak.lock(); self && !self->ended_)
          self->guarded([&] { self->send(std::move(taken)); });
      });
      reply->came = true;
    };
  }

  void send(std::string reply) {
    pending_.reset();
    if (reply.size() > reply_bytes_max)
      reply = to_text(make_reply(
          {error_code::refused, "the answer is too long to be sent; ask for fewer at a time"}));
    if (!reserve(reply.size())) return refuse(refusal::over_limit);
    reply_ = std::move(reply);
    reply_header_ = make_frame_header(reply_.size());
    allow(at_->limits.reply_max
          + std::chrono::seconds(reply_.size() / at_->limits.reply_bytes_a_second_min));
    const std::array both{asio::buffer(reply_header_), asio::buffer(reply_)};
    asio::async_write(stream_, both,
                      [self = this->shared_from_this()](const asio_error& why, std::size_t) {
                        self->guarded([&] {
                          if (!self->failed(why)) self->replied();
                        });
                      });
  }

  void replied() {
    std::string().swap(reply_);
    reserve(0);
    if (last_) return end();
    rest();
    at_->on_idle();
  }

  std::shared_ptr<listener> at_;
  Stream stream_;
  asio::steady_timer deadline_{at_->io};
  frame_header header_{}, reply_header_{};
  std::string request_, reply_;
  std::size_t reserved_ = 0;  ///< bytes
  std::weak_ptr<pending_request> pending_;
  bool last_ = false;  ///< there will be no further request
  bool ended_ = false;
};

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
    static_cast<void>(evict_idle());  // where there is none, it is the last for now
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
                   "the console's key " + in_quotes(pair.key_file) + " cannot be used ("
                       + failure.message()
                       + "); stop the service and remove its folder, and a new one is made"};
    // Nobody resumes, so nothing is kept of those that left.
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(raw, 0);
    SSL_CTX_set_max_cert_list(raw, certificates_bytes_max);
    SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
    return {};
  }

  void remove(const peer& one) override {
    std::erase_if(handshakes_, [&](const handshake& each) { return each.with.get() == &one; });
    listener::remove(one);
    all_left();
  }

private:
  struct handshake {
    asio::ip::address from;
    std::shared_ptr<tls_connection> with;
  };

  /// All of the loopback network is one machine, which could be anywhere in it.
  static asio::ip::address origin(const tcp::socket& socket) {
    asio_error gone;  // then it is nobody's
    auto address = socket.remote_endpoint(gone).address();
    return address.is_loopback() ? asio::ip::address(asio::ip::address_v4::loopback()) : address;
  }

  void on_accept(tcp::socket socket) override {
    auto from = origin(socket);
    auto is_same = [&](const handshake& each) { return each.from == from; };
    auto oldest = handshakes_.end();
    if (std::ranges::count_if(handshakes_, is_same)
        >= static_cast<std::ptrdiff_t>(limits.handshakes_max / 2))
      oldest = std::ranges::find_if(handshakes_, is_same);
    else if (handshakes_.size() >= limits.handshakes_max)
      oldest = handshakes_.begin();
    if (oldest != handshakes_.end()) {
      refused(refusal::over_limit);
      auto ending = oldest->with;
      ending->end();
    }
    asio_error ignored;  // it only makes small replies quicker
    socket.set_option(tcp::no_delay(true), ignored);
    auto one = std::make_shared<tls_connection>(shared_from_this(), std::move(socket), context_);
    handshakes_.push_back({from, one});
    one->allow(limits.handshake_max);
    one->stream().async_handshake(ssl::stream_base::server, [this, one](const asio_error& why) {
      one->guarded([&] { on_handshake(one, why); });
    });
  }

  void on_handshake(const std::shared_ptr<tls_connection>& one, const asio_error& why) {
    auto waits = std::ranges::find(handshakes_, one, &handshake::with);
    if (waits == handshakes_.end()) return;  // it was ended meanwhile, and counted
    handshakes_.erase(waits);
    if (why || !evict_idle()) {
      refused(why ? refusal::unauthenticated : refusal::over_limit);
      return one->end();
    }
    add(one);
    one->begin();
  }

  void end_all() override {
    for (const auto& each : std::vector(handshakes_.begin(), handshakes_.end()))
      each.with->end();
    listener::end_all();
  }

  ssl::context context_{ssl::context::tls_server};
  std::deque<handshake> handshakes_;  ///< oldest first
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
  auto name = path.substr(slash + 1);
  struct stat facts {};
  if (!folder) return system_error()("cannot make the socket " + in_quotes(path));
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
  if (!what.socket.empty()) {
    auto owner = std::make_shared<local_listener>(what);
    auto bound = listen_at(what.socket, owner->acceptor);
    if (!bound) {
      spdlog::warn("console: {}; commands go to the port instead", bound.failure().message);
    } else {
      made->socket = std::move(*bound);
      if (auto started = made->start(owner, 0); !started) return started.failure();
    }
  }
  // The owner's commands go before the handshakes of others.
  if (auto started = made->start(tls, made->socket ? 5 : 0); !started) return started.failure();
  return std::unique_ptr<console_server>(new console_server(std::move(made)));
} catch (const boost::system::system_error& failure) {
  return system_error(failure.code().value())("cannot start the console");
}

}  // namespace podstudio
