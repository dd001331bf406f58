#pragma once

#include "actors/interfaces.hpp"
#include "console/credentials.hpp"
#include "platform/error.hpp"

#include <cstdint>

/// The console's network side: CAF's remote actors over mutual TLS, on the loopback interface.
namespace podstudio {

/// Prepares `config` for both ends: loads CAF's network and TLS modules with the pair as own
/// identity and as the only trusted one. Without it nothing is ever sent or taken in the clear.
void configure_transport(caf::actor_system_config& config, const credentials& pair);

/// Lets peers that hold the key reach `console` on 127.0.0.1 and returns the port (`port` 0: any
/// free one). Everything else that connects is refused without harm to others: peers that are
/// silent, slow or not ours cost one descriptor each, of which there are at most
/// `waiting_peers_max`. Errors: `in_use` when the port is taken, `io_failed`.
///
/// This replaces `caf::openssl::publish`, which CAF 0.17.6 has, because of two defects there. A
/// peer that connects and does not finish the handshake makes it spin: the server's first message
/// waits to be written, the socket stays writable, and a core is burnt until the peer leaves. And
/// when a connection cannot get a TLS session (out of descriptors, say), an exception ends the
/// process.
result<std::uint16_t> publish_console(caf::actor_system& system, const console_actor& console,
                                      std::uint16_t port = 0);

/// How many peers may be in the middle of their handshake; one more ends the oldest.
inline constexpr std::size_t waiting_peers_max = 32;

}  // namespace podstudio
