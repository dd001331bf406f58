// SPDX-License-Identifier: MIT
#pragma once

#include "console/credentials.hpp"
#include "platform/error.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

/// Where a service answers requests.
///
/// The owner's programs connect to a Unix socket in DATA/run, where the kernel identifies them.
/// Others connect to a TLS port on the loopback interface, where they prove that they hold the data
/// folder's key. Each of the two has its own thread, so connections at the port cannot delay the
/// owner's requests. Both use the messages of frames.hpp. Until a peer is authenticated, only its
/// credentials or its handshake are read.
///
/// Boost.Asio and OpenSSL do the work. CAF's remote actors are not used because their protocol
/// trusts its peers: a truncated, deeply nested or 4 GB message can crash the process or exhaust
/// its memory.
namespace podstudio {

/// Why a connection was ended by the service.
enum class refusal : std::uint8_t {
  unauthenticated,  ///< another user at the Unix socket, or no proof of the key
  over_limit,       ///< more connections or bytes than the limits allow
  timed_out,        ///< a handshake, a request or the reading of a reply took too long
  malformed,        ///< bytes that are not a frame, or a frame that is too long
};
inline constexpr std::size_t refusal_count = 4;
std::string_view to_string(refusal why) noexcept;

/// Where a service listens.
struct console_endpoints {
  std::string socket;          ///< the path of the Unix socket; empty: none
  std::string socket_failure;  ///< why there is none, although there should be
  std::uint16_t port = 0;      ///< on 127.0.0.1, over TLS
};

/// Usage counters. Any thread may read them.
struct console_use {
  std::atomic<std::uint64_t> connections{0};                          ///< now
  std::array<std::atomic<std::uint64_t>, refusal_count> refused{};    ///< since the start
  std::atomic<std::shared_ptr<const console_endpoints>> endpoints{};  ///< null until it listens
};

/// What a request may need in memory once it is parsed, for each byte of its text. Of `{},{},...`,
/// the worst that was found, it is 28.
inline constexpr std::size_t parsed_bytes_per_byte = 32;

/// The limits of each of the two listeners.
struct console_limits {
  /// Authenticated peers. When so many are there, the one that has been idle the longest is ended;
  /// where all are being answered, the Unix socket lets one more in and the next ones wait, and the
  /// port refuses them.
  std::size_t peers_max = 256;
  /// Peers in the middle of their TLS handshake. One more ends the oldest. Each costs a descriptor
  /// and some 90 kB. All of them come from the loopback network, which is one address.
  std::size_t handshakes_max = 64;
  std::chrono::milliseconds handshake_max = std::chrono::seconds(5);
  /// From the first byte of a request to its last.
  std::chrono::milliseconds request_max = std::chrono::seconds(30);
  /// For a reply to be read, in addition to the time it takes at the rate below.
  std::chrono::milliseconds reply_max = std::chrono::seconds(30);
  std::size_t reply_bytes_a_second_min = std::size_t{1} << 20;
  /// Between requests.
  std::chrono::milliseconds idle_max = std::chrono::minutes(10);
  /// The memory that requests and replies of all peers take: their text, and until a request is
  /// answered what it may need once it is parsed. The largest request needs 128 MiB.
  std::size_t bytes_max = std::size_t{512} << 20;
};

class console_server {
public:
  using take_reply = std::function<void(std::string reply)>;
  /// Has a request answered, once, on any thread. `gone` is set once its peer has gone; what it
  /// points to is kept for as long as the request takes up memory.
  using answer_request = std::function<void(
      const std::string& request, std::shared_ptr<std::atomic<bool>> gone, take_reply take)>;

  struct options {
    std::string socket;      ///< the path of the Unix socket; empty: none
    credentials pair;        ///< of the TLS port
    std::uint16_t port = 0;  ///< 0: any that is free
    answer_request answer;
    std::shared_ptr<console_use> use = std::make_shared<console_use>();
    console_limits limits{};
  };

  /// Listens from now on. Where the socket cannot be made, there is the TLS port only, with a
  /// warning in the log and the reason in `console_use`. Errors: `io_failed` when the port cannot
  /// be had or the key not be used; as `system_error`.
  static result<std::unique_ptr<console_server>> open(options what);

  /// Ends all connections; replies that were given by then are sent first, for a second at most.
  ~console_server();
  console_server(const console_server&) = delete;
  console_server& operator=(const console_server&) = delete;

  std::uint16_t port() const;

private:
  struct parts;
  explicit console_server(std::unique_ptr<parts> made);
  std::unique_ptr<parts> parts_;
};

}  // namespace podstudio
