// SPDX-License-Identifier: MIT
#pragma once

#include "console/frames.hpp"
#include "console/protocol.hpp"
#include "console/server.hpp"

#include <boost/asio.hpp>

#include <spdlog/spdlog.h>

#include <malloc.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

/// INTERNAL to server.cpp: a connection of the console, and what the connections of one listener
/// share.
namespace podstudio::console_detail {

namespace asio = boost::asio;
using asio_error = boost::system::error_code;
using clock = std::chrono::steady_clock;

/// Refusals are logged once in a while, so that a flood of them fills no disk.
inline constexpr auto log_refusals_every = std::chrono::minutes(1);
/// How long the last replies may take when the server closes.
inline constexpr auto drain_max = std::chrono::seconds(1);
/// From a request that takes so many bytes on what it leaves behind is given back to the system.
inline constexpr std::size_t trim_bytes_min = std::size_t{16} << 20;

/// A connection, as seen by its listener. Used only in the listener's thread.
class peer {
public:
  virtual ~peer() = default;
  /// Closes the connection; what waits for it is told so.
  virtual void end() = 0;
  /// No more requests; ends it once it has been answered.
  virtual void end_when_idle() = 0;
  /// Since when it has asked for nothing; nothing where it is being answered.
  std::optional<clock::time_point> idle_since() const { return idle_since_; }
  /// Whether its first request may still be on its way.
  bool is_new() const {
    return !has_asked_ && idle_since_ && clock::now() - *idle_since_ < first_request_after;
  }

protected:
  std::optional<clock::time_point> idle_since_;
  bool has_asked_ = false;

private:
  /// So long a peer that was let in is not taken for one that asks for nothing.
  static constexpr auto first_request_after = std::chrono::seconds(1);
};

/// The memory that requests and replies occupy. Thread-safe.
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

/// A request that is being answered. It occupies memory until the last reference to it is gone,
/// even if its peer left long ago.
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

/// What the connections of one listener share. Used only in its thread, except for `io`, `use` and
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

  /// Whether there is room for one more; ends the peer that has been idle the longest if need be, a
  /// new one only where there is no other.
  bool evict_idle() {
    if (peers_.size() < limits.peers_max) return true;
    std::shared_ptr<peer> oldest;
    auto goes_before = [](const peer& one, const peer& other) {
      if (one.is_new() != other.is_new()) return other.is_new();
      return *one.idle_since() < *other.idle_since();
    };
    for (const auto& each : peers_)
      if (each->idle_since() && (!oldest || goes_before(*each, *oldest))) oldest = each;
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

/// The exchange with a peer that was let in: a request, its reply, the next request.
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
    // Before the peer can see that it ended.
    if (auto pending = pending_.lock()) pending->gone = true;
    reserve(0);
    asio_error ignored;  // there is nothing to be done about it
    stream_.lowest_layer().close(ignored);
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
    has_asked_ = true;
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
          {error_code::refused, "the answer is too long to send; ask for fewer at a time"}));
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

}  // namespace podstudio::console_detail
