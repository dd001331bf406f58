// SPDX-License-Identifier: MIT
// What `podstudio` does where it takes an engine: it goes on as `podstudio-engine`.
#include "program.hpp"
#include "session.hpp"

#include "platform/files.hpp"
#include "platform/text.hpp"

#include <unistd.h>

namespace podstudio {

namespace {

/// A command of the other program. If more follows its name, that is a usage error here, which is
/// for the other program, too.
action with_engine() {
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

action declare_backup(CLI::App&) { return with_engine(); }
action declare_completion(CLI::App&) { return with_engine(); }
action declare_log(CLI::App&) { return with_engine(); }
action declare_manual(CLI::App&) { return with_engine(); }
action declare_pack_verify(CLI::App&) { return with_engine(); }
action declare_replay(CLI::App&) { return with_engine(); }
action declare_restore(CLI::App&) { return with_engine(); }
action declare_schema(CLI::App&) { return with_engine(); }
action declare_serve(CLI::App&) { return with_engine(); }

}  // namespace podstudio
