// SPDX-License-Identifier: MIT
#pragma once

#include "command.hpp"

#include "events/log.hpp"

/// The subcommands of `podstudio log`, each in a file of its own, and what they share.
namespace podstudio {

action declare_log_show(CLI::App& command);
action declare_log_verify(CLI::App& command);
action declare_log_head(CLI::App& command);
action declare_log_stats(CLI::App& command);

/// Errors where the data folder has no log: `damaged` if its tables hold events, else `not_found`.
result<void> check_log_exists(const context& where);

/// Calls `each` with the commands of a reader until it returns false or there are no more.
template <class Each>
result<void> each_command(log_reader& reader, Each each) {
  for (;;) {
    auto committed = reader.next();
    if (!committed) return committed.failure();
    if (!*committed || !each(**committed)) return {};
  }
}

}  // namespace podstudio
