#pragma once

#include "actors/interfaces.hpp"
#include "console/credentials.hpp"
#include "platform/error.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

/// The console's network side: CAF's remote actors over mutual TLS, on the loopback interface.
///
/// CAF 0.17.6 has `caf::openssl::publish` and `remote_actor` for this. They are replaced here, with
/// the same sessions underneath, because of their defects:
/// - A peer that does not finish its handshake makes the other side spin on a core: the first
/// message
///   waits to be written, and the socket is always writable.
/// - A connection that ends badly can end others (see `tls_policy`): of clients that come at the
/// same
///   time, some never get their answer.
/// - A server out of descriptors ends with an exception.
/// - A client waits without limit for a server that accepts and stays silent.
namespace podstudio {

/// Prepares `config` for both ends: loads CAF's network and TLS modules with the pair as own
/// identity and as the only trusted one. Without it nothing is ever sent or taken in the clear.
void configure_transport(caf::actor_system_config& config, const credentials& pair);

/// Lets peers that hold the key reach `console` on 127.0.0.1 and returns the port (`port` 0: any
/// free one). Everything else that connects is refused without harm to others: peers that are
/// silent, slow or not ours cost one descriptor each, of which there are at most
/// `waiting_peers_max`. Error: `io_failed` when the port cannot be had.
result<std::uint16_t> publish_console(caf::actor_system& system, const console_actor& console,
                                      std::uint16_t port = 0);

/// The console published on 127.0.0.1:`port` by a system of the same credentials. `system` is a
/// configured one too. Error: `no_service` when nobody who holds the key answers within the time.
result<console_actor> connect_console(caf::actor_system& system, std::uint16_t port,
                                      std::chrono::milliseconds time_limit);

/// How many peers may be in the middle of their handshake; one more ends the oldest. As many as
/// scripts start at once, with room to spare; each costs a descriptor and a TLS session.
inline constexpr std::size_t waiting_peers_max = 256;

}  // namespace podstudio
