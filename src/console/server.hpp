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

/// Where a service answers commands.
///
/// The owner's programs connect to a Unix socket in DATA/run, which says who they are; others to a
/// TLS port on the loopback interface, where they prove that they hold the data folder's key. Each
/// of the two has a thread of its own, so that strangers at the port hold up no command of the
/// owner. Both speak the frames of frames.hpp, and all that has been read of a peer before it is
/// let in is its credentials or its handshake.
///
/// Asio (Boost) and OpenSSL do the work. CAF's remote actors, which would do it in a few lines, are
/// not for this: their protocol trusts its peers. One message of theirs that is cut short, nested
/// deep or announces 4 GB ends or fills the process.
namespace podstudio {

/// Why a connection was ended by the service.
enum class refusal : std::uint8_t {
  stranger,   ///< another user at the Unix socket, or no proof of the key
  crowd,      ///< more of the same kind than there is room for
  slow,       ///< did not finish its handshake, its request or reading its reply in time
  malformed,  ///< sent something that is no frame, or one that is too long
};
inline constexpr std::size_t refusal_count = 4;
std::string_view to_string(refusal why) noexcept;

/// How the server is used; read by others while it runs.
struct console_use {
  std::atomic<std::uint64_t> connections{0};                        ///< now
  std::array<std::atomic<std::uint64_t>, refusal_count> refused{};  ///< since the start
};

/// The bounds of each of the two listeners.
struct console_limits {
  /// Peers that were let in. When so many are there, the one that has been idle the longest is
  /// ended; where all are being answered, at the Unix socket one more is let in and the next ones
  /// wait, and at the port they are refused.
  std::size_t peers_max = 256;
  /// Peers that are in the middle of their TLS handshake; of one address a half of these. One more
  /// ends the oldest. Each costs a descriptor and some 50 kB.
  std::size_t handshakes_max = 128;
  std::chrono::milliseconds handshake_max = std::chrono::seconds(5);
  /// From the first byte of a request to its last.
  std::chrono::milliseconds request_max = std::chrono::seconds(30);
  /// For each 64 KiB of a reply to be read.
  std::chrono::milliseconds reply_max = std::chrono::seconds(30);
  /// Between requests.
  std::chrono::milliseconds idle_max = std::chrono::minutes(10);
  /// Requests that are being received and replies that are being read, of all peers together.
  std::size_t bytes_max = std::size_t{512} << 20;
};

class console_server {
public:
  using take_reply = std::function<void(std::string reply)>;
  /// Has a request answered: later, once, on any thread. What it returns gives the request up, as
  /// its peer is gone; the reply may come nevertheless.
  using answer_request = std::function<std::function<void()>(std::string request, take_reply take)>;

  struct options {
    std::string socket;      ///< the path of the Unix socket; empty: none
    credentials pair;        ///< of the TLS port
    std::uint16_t port = 0;  ///< 0: any that is free
    answer_request answer;
    std::shared_ptr<console_use> use = std::make_shared<console_use>();
    console_limits limits{};
  };

  /// Listens from now on. Where the file system of the socket has none, there is the TLS port only,
  /// with a warning in the log. Errors: `io_failed` when the port cannot be had or the key not be
  /// used.
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
