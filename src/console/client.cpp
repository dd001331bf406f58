#include "console/client.hpp"

#include "console/protocol.hpp"
#include "console/transport.hpp"

#include <caf/io/middleman_actor.hpp>
#include <caf/openssl/manager.hpp>

#include <set>

namespace podstudio {

namespace {

/// Small and quick to start: one thread for actors, none for reading messages of the network.
struct client_config : caf::actor_system_config {
  explicit client_config(const credentials& pair) {
    configure_transport(*this, pair);
    set("scheduler.max-threads", std::size_t{1});
    set("middleman.workers", std::size_t{0});
  }
};

}  // namespace

struct console_client::connection {
  explicit connection(const credentials& pair) : config(pair), system(config), self(system) {}

  client_config config;
  caf::actor_system system;
  caf::scoped_actor self;
  console_actor console;
};

console_client::console_client(std::unique_ptr<connection> open) : connection_(std::move(open)) {}
console_client::~console_client() = default;

result<std::unique_ptr<console_client>>
console_client::connect(const credentials& pair, std::uint16_t port,
                        std::chrono::milliseconds time_limit) {
  auto open = std::make_unique<connection>(pair);
  std::string reason;
  // Asked of the network manager itself rather than through caf::openssl::remote_actor, which waits
  // without a limit for a peer that accepts and stays silent.
  open->self
      ->request(open->system.openssl_manager().actor_handle(), time_limit, caf::connect_atom_v,
                std::string{"127.0.0.1"}, port)
      .receive(
          [&](const caf::node_id&, const caf::strong_actor_ptr& remote,
              const std::set<std::string>& types) {
            if (remote && open->system.assignable(types, open->system.message_types(open->console)))
              open->console = caf::actor_cast<console_actor>(remote);
            else
              reason = "it offers another interface";
          },
          [&](const caf::error& failure) { reason = open->system.render(failure); });
  if (!open->console)
    return error{error_code::no_service, "no podstudio service answers on port "
                                             + std::to_string(port) + " (" + reason
                                             + "); start it again with 'podstudio serve'"};
  return std::unique_ptr<console_client>{new console_client(std::move(open))};
}

result<nlohmann::json> console_client::request(const nlohmann::json& request,
                                               std::chrono::milliseconds time_limit) {
  std::string text;
  std::optional<error> failed;
  connection_->self->request(connection_->console, time_limit, to_text(request))
      .receive([&](std::string& reply) { text = std::move(reply); },
               [&](const caf::error& failure) {
                 if (failure == caf::sec::request_timeout)
                   failed = error{error_code::timed_out,
                                  "the service did not answer in time; see whether it is busy with "
                                  "'podstudio status' and try again"};
                 else
                   failed =
                       error{error_code::no_service,
                             "the service went away before it answered ("
                                 + connection_->system.render(failure)
                                 + "); whether the command took effect shows once it runs again"};
               });
  if (failed)
    return *failed;
  return nlohmann::json::parse(text, nullptr, false);
}

}  // namespace podstudio
