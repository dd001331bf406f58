// SPDX-License-Identifier: MIT
#include "actors/messages.hpp"

namespace podstudio {

namespace {
constexpr auto category = caf::atom("podstudio");
}

caf::error to_caf(const error& failure) {
  return caf::error(static_cast<std::uint8_t>(failure.code), category,
                    caf::make_message(failure.message));
}

error engine_is_stopping() {
  return {error_code::stopping, "the engine is stopping; try again when it is running"};
}

error from_caf(const caf::error& failure) {
  if (failure.category() == category && failure.code() >= 1 && failure.code() <= error_code_count
      && failure.context().match_elements<std::string>())
    return {static_cast<error_code>(failure.code()), failure.context().get_as<std::string>(0)};
  if (failure == caf::sec::request_receiver_down || failure.category() == caf::atom("exit"))
    return engine_is_stopping();
  if (failure == caf::sec::request_timeout)
    return {error_code::timed_out, "the engine did not answer in time; see its log"};
  return {error_code::internal,
          "the engine failed: " + caf::to_string(failure) + "; see its log and report this"};
}

}  // namespace podstudio
