// SPDX-License-Identifier: MIT
#include "actors/console.hpp"

#include "actors/operation.hpp"
#include "platform/text.hpp"

#include <utility>

namespace podstudio {

console_actor::behavior_type console(console_actor::stateful_pointer<console_state> self,
                                     console_peers peers, recovery_report recovery) {
  self->state.self = self;
  self->state.peers = std::move(peers);
  self->state.recovery = std::move(recovery);
  return {
      [self](const request_ptr& asked) {
        auto promise = self->make_response_promise<std::string>();
        answer reply(promise, self->state.answering);
        if (asked->gone && *asked->gone) {
          reply(error{error_code::stopping, "the client has gone"});
          return promise;
        }
        if (*self->state.answering > console_requests_max) {
          reply(error{error_code::busy, "the service is answering too many requests; try again"});
          return promise;
        }
        const auto& name = asked->command;
        if (const auto* found = self->state.peers.operations(name))
          found->start(self->state, *asked, reply);
        else
          reply(error{error_code::invalid_argument,
                      "the engine does not know the command " + in_quotes(name)
                          + "; check that the service is the same version"});
        return promise;
      },
  };
}

}  // namespace podstudio
