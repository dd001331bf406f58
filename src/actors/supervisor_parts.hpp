// SPDX-License-Identifier: MIT
#pragma once

#include "actors/supervisor.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

/// What the files of the supervisor share: supervisor.cpp starts the actors and watches over them,
/// supervisor_stop.cpp ends them, supervisor_roots.cpp and supervisor_imports.cpp answer requests.
namespace podstudio {

struct root_move;

using supervisor_pointer = supervisor_actor::stateful_pointer<supervisor_state>;

/// How long a watcher or import that is at work, or hangs in a dead file system, holds up a status.
inline constexpr std::chrono::milliseconds status_time_max{50};
/// A watcher that has not answered, or an import that has not come out of a system call, for this
/// long is reported as silent.
inline constexpr std::chrono::seconds silent_after{2};

/// The system refused a thread for an actor.
error no_thread(const std::system_error& failure);

// Watch roots.
caf::typed_response_promise<change_outcome> change_roots(supervisor_pointer self,
                                                         const watch_request& wanted);
/// Ends the watcher of a root, which is to be at another path, and then tells the catalog.
caf::typed_response_promise<root_outcome> move_root(supervisor_pointer self,
                                                    const root_request& wanted);
caf::typed_response_promise<bool> confirm(supervisor_pointer self, const std::string& path);
caf::typed_response_promise<sequence_number> sync(supervisor_pointer self);
caf::typed_response_promise<supervisor_status> tell_status(supervisor_pointer self);

// Imports.
/// The import looks at the paths itself, as a look may take for ever where a disk hangs.
caf::result<std::uint64_t> start_import(supervisor_pointer self, std::vector<std::string> paths,
                                        std::optional<root_move> move);
caf::result<std::uint64_t> start_move(supervisor_pointer self, const move_request& wanted);
/// The timer is the supervisor's: one of the import's own would keep its thread until it runs out.
caf::typed_response_promise<import_progress>
wait_for_import(supervisor_pointer self, std::uint64_t number, std::chrono::milliseconds time_max);
std::vector<import_status> statuses_of_imports(const supervisor_state& s);

}  // namespace podstudio
