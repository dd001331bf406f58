// SPDX-License-Identifier: MIT
#pragma once

#include "actors/interfaces.hpp"
#include "actors/operation_finder.hpp"
#include "console/server.hpp"
#include "events/log.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <optional>

namespace podstudio {

/// The actors that the console sends requests to.
struct console_peers {
  journal_actor journal;
  projector_actor projector;
  catalog_actor catalog;
  reader_actor reader;  ///< the pool
  historian_actor historian;
  undo_actor undo;
  jobs_actor jobs;
  scrubber_actor scrubber;  ///< null but in a service
  supervisor_actor supervisor;
  std::shared_ptr<const console_use> server;  ///< null but in a service, as the scrubber is
  std::size_t workers = 0;                    ///< how many jobs run at once
  operation_finder operations = nullptr;      ///< what can be asked for; never null
};

/// An actor's last known status, for requests that arrive while it is busy.
template <class Status>
struct last_status {
  std::optional<Status> known;
  bool asking = false;  ///< the next one is on its way
};

struct console_state {
  console_actor::pointer self = nullptr;
  console_peers peers;
  recovery_report recovery;
  /// How many requests are being answered, see `console_requests_max`.
  std::shared_ptr<std::size_t> answering = std::make_shared<std::size_t>(0);
  last_status<journal_status> log;
  last_status<scrub_status> scrub;
  last_status<supervisor_status> sources;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  static inline const char* name = "console";
};

/// How many requests are answered at the same time; one more is refused as `busy`. Those of clients
/// that have gone count until they are done, as each of them waits somewhere.
inline constexpr std::size_t console_requests_max = 4096;

/// The console; `recovery` is what opening the log found. Without a server it works for a single
/// subcommand.
console_actor::behavior_type console(console_actor::stateful_pointer<console_state> self,
                                     console_peers peers, recovery_report recovery);

}  // namespace podstudio

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::console_peers)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(podstudio::recovery_report)
