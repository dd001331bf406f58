#include "console/client.hpp"

#include "console/protocol.hpp"
#include "console/transport.hpp"

#include <caf/all.hpp>

#include <future>
#include <string>
#include <utility>

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
  explicit connection(const credentials& pair) : config(pair), system(config) {}

  client_config config;
  caf::actor_system system;
  console_actor console;
};

console_client::console_client(std::unique_ptr<connection> open) : connection_(std::move(open)) {}
console_client::~console_client() = default;

result<std::unique_ptr<console_client>>
console_client::connect(const credentials& pair, std::uint16_t port,
                        std::chrono::milliseconds time_limit) {
  auto open = std::make_unique<connection>(pair);
  auto console = connect_console(open->system, port, time_limit);
  if (!console) return console.failure();
  open->console = std::move(*console);
  return std::unique_ptr<console_client>{new console_client(std::move(open))};
}

result<nlohmann::json> console_client::request(const nlohmann::json& request,
                                               std::chrono::milliseconds time_limit) {
  using outcome = result<std::string>;
  auto done = std::make_shared<std::promise<outcome>>();
  auto waiting = done->get_future();
  // An actor of its own, because only the death of the other side tells that a reply will never
  // come: CAF drops requests to an actor whose connection is lost.
  connection_->system.spawn(
      [=, console = connection_->console](caf::event_based_actor* self, const std::string& text) {
        auto finish = [=](outcome what) {
          done->set_value(std::move(what));
          self->quit();
        };
        self->set_down_handler([=](const caf::down_msg&) {
          finish(error{error_code::no_service,
                       "the service went away before it answered; whether the command took effect "
                       "shows once it runs again"});
        });
        self->monitor(console);
        self->request(console, time_limit, text)
            .then([=](std::string& reply) { finish(std::move(reply)); },
                  [=](const caf::error& failure) {
                    finish(failure == caf::sec::request_timeout
                               ? error{error_code::timed_out,
                                       "the service did not answer in time; see what it does with "
                                       "'podstudio status' and try again"}
                               : error{error_code::internal, "the service's console failed: "
                                                                 + self->system().render(failure)});
                  });
      },
      // An argument, as CAF binds a reference to nothing without any: undefined behaviour.
      to_text(request));
  auto reply = waiting.get();
  if (!reply) return reply.failure();
  return nlohmann::json::parse(*reply, nullptr, false);
}

}  // namespace podstudio
