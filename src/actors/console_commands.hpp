#pragma once

#include "actors/console.hpp"
#include "console/protocol.hpp"

#include <map>
#include <string>

/// INTERNAL to the console's files: what they make of a request.
namespace podstudio {

/// The answer to one request. Copies are the same answer.
class answer {
public:
  explicit answer(caf::typed_response_promise<std::string> promise)
      : promise_(std::move(promise)) {}

  void operator()(const nlohmann::json& outcome, sequence_number sequence = 0) {
    nlohmann::json reply{{"ok", true}, {"result", outcome}};
    if (sequence != 0) reply["sequence"] = sequence;
    promise_.deliver(to_text(reply));
  }
  void operator()(const error& failure) { promise_.deliver(to_text(make_reply(failure))); }
  void operator()(const caf::error& failure) { (*this)(from_caf(failure)); }

private:
  caf::typed_response_promise<std::string> promise_;
};

/// A request that is well formed.
struct request {
  std::string command;
  nlohmann::json arguments;
  uuid id{};
  caf::strong_actor_ptr asker;  ///< null where nobody waits for the reply
};

using command_function = void (*)(console_state&, const request&, answer);
using command_table = std::map<std::string, command_function>;

/// The commands that change assets and packs: console_changes.cpp.
const command_table& change_commands();

}  // namespace podstudio
