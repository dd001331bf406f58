// SPDX-License-Identifier: MIT
// What `podstudio` does where it takes an engine: it goes on as `podstudio-engine`.
#include "program.hpp"
#include "session.hpp"

#include "platform/files.hpp"
#include "platform/text.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <unistd.h>

namespace podstudio {

namespace {

action with_engine(CLI::App& command) {
  // Whatever follows is for the other program.
  command.set_help_flag();
  command.prefix_command();
  return {[](const context& where) { return go_on_with_engine(where.arguments); },
          [] { return false; }};
}

}  // namespace

result<void> go_on_with_engine(const char* const* arguments) {
  auto path = program_beside("/proc/self/exe", engine_program_name);
  if (!path) return path.failure();
  ::execv(path->c_str(), const_cast<char* const*>(arguments));
  return system_error()("cannot execute " + in_quotes(*path));
}

result<std::unique_ptr<answerer>> answer_without_socket(const context& where, session::need,
                                                        session::jobs) {
  return go_on_with_engine(where.arguments).failure();
}

action declare_backup(CLI::App& command) { return with_engine(command); }
action declare_completion(CLI::App& command) { return with_engine(command); }
action declare_log(CLI::App& command) { return with_engine(command); }
action declare_manual(CLI::App& command) { return with_engine(command); }
action declare_pack_verify(CLI::App& command) { return with_engine(command); }
action declare_replay(CLI::App& command) { return with_engine(command); }
action declare_restore(CLI::App& command) { return with_engine(command); }
action declare_schema(CLI::App& command) { return with_engine(command); }
action declare_serve(CLI::App& command) { return with_engine(command); }

}  // namespace podstudio
