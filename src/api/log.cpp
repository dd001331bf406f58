// SPDX-License-Identifier: MIT
#include "api/declare.hpp"
#include "api/families.hpp"
#include "api/parts.hpp"

#include <chrono>

namespace podstudio::api {

namespace {

struct log_wait {
  static constexpr std::string_view name = "log.wait",
                                    help = "Wait until the log holds more durable events",
                                    example = "podstudio log show --follow";
  static constexpr auto needs = role::viewer;
  sequence_number after = 0;  ///< what the caller has seen
  std::uint64_t timeout_ms = 0;
  bool folded = false;  ///< only once the tables hold them, too

  static void declare(auto& add) {
    add("after", &log_wait::after, any_number);
    add("timeout_ms", &log_wait::timeout_ms, long_poll_ms);
    add.if_present("folded", &log_wait::folded, flag{});
  }
  static json outcome() { return shape::object({{"sequence", shape::count()}}); }
  /// Answers when the log holds more durable events than the caller has seen, or when the time is
  /// up.
  void start(console_state& s, const request&, answer reply) const {
    s.self
        ->request(s.peers.journal, std::chrono::milliseconds(timeout_ms), wait_atom::value, after,
                  timeout_ms)
        .then(
            [&s, reply, folded = folded](sequence_number durable) mutable {
              if (!folded) return reply(json{{"sequence", durable}});
              s.self->request(s.peers.projector, caf::infinite, wait_atom::value, durable, false)
                  .then(
                      [reply, durable](sequence_number) mutable {
                        reply(json{{"sequence", durable}});
                      },
                      reply.failing());
            },
            [reply, seen = after](const caf::error& failure) mutable {
              if (failure == caf::sec::request_timeout) return reply(json{{"sequence", seen}});
              reply(failure);
            });
  }
};

}  // namespace

std::vector<operation> log_operations() { return rows_of<log_wait>(); }

}  // namespace podstudio::api
