// SPDX-License-Identifier: MIT
#include "actors/scrubber.hpp"

#include "events/file_system.hpp"

#include <chrono>

namespace podstudio {

namespace {

/// After each step it rests for so many times as long as the step took.
constexpr int rest_factor = 3;

result<std::unique_ptr<log_verifier>> check_sealed(const std::string& folder) {
  auto& files = posix_file_system();
  auto before = sealed_before(files, folder);
  if (!before) return before.failure();
  return log_verifier::open(files, folder, {.expect = {}, .before = *before});
}

}  // namespace

void scrubber_state::step() {
  if (!check) return;
  auto begun = std::chrono::steady_clock::now();
  auto more = check->step();
  const auto& report = check->report();
  status.bytes = report.bytes;
  status.sequence = report.head.sequence;
  if (more && *more) {
    auto took = std::chrono::steady_clock::now() - begun;
    self->delayed_send(self, took * rest_factor, step_atom::value);
    return;
  }
  check.reset();
  if (!more) return fail(more.failure());
  status.state = "intact";
  spdlog::info("the sealed segments of the log are intact up to sequence {}", status.sequence);
}

/// A check that could not be made says nothing of the log.
void scrubber_state::fail(const error& failure) {
  bool damaged = failure.code == error_code::damaged;
  status.state = damaged ? "damaged" : "failed";
  status.failure = failure.message;
  if (damaged)
    spdlog::critical("the log must be restored from a backup: {}", status.failure);
  else
    spdlog::error("the log cannot be scrubbed: {}", status.failure);
}

scrubber_actor::behavior_type scrubber(scrubber_actor::stateful_pointer<scrubber_state> self,
                                       std::string folder) {
  auto& state = self->state;
  state.self = self;
  if (auto check = check_sealed(folder)) {
    state.check = std::move(*check);
    state.status.state = "running";
    self->send(self, step_atom::value);
  } else {
    state.fail(check.failure());
  }
  return {
      [self](step_atom) { self->state.step(); },
      [self](status_atom) { return self->state.status; },
  };
}

}  // namespace podstudio
