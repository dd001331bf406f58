// SPDX-License-Identifier: MIT
#pragma once

#include "actors/console.hpp"
#include "console/protocol.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

/// INTERNAL to the console's files: the handlers of requests.
namespace podstudio {

/// The answer to one request. Copies share it. The request counts as being answered as long as a
/// copy exists.
class answer {
public:
  answer(caf::typed_response_promise<std::string> promise, std::shared_ptr<std::size_t> count)
      : promise_(std::move(promise)), counted_(std::make_shared<counted>(std::move(count))) {}

  void operator()(const nlohmann::json& outcome, sequence_number sequence = 0) {
    nlohmann::json reply{{"ok", true}, {"result", outcome}};
    if (sequence != 0) reply["sequence"] = sequence;
    promise_.deliver(to_text(reply));
  }
  void operator()(const error& failure) { promise_.deliver(to_text(make_reply(failure))); }
  void operator()(const caf::error& failure) { (*this)(from_caf(failure)); }

private:
  struct counted {
    explicit counted(std::shared_ptr<std::size_t> in) : count(std::move(in)) { ++*count; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --*count; }
    std::shared_ptr<std::size_t> count;
  };

  caf::typed_response_promise<std::string> promise_;
  std::shared_ptr<counted> counted_;
};

using command_function = void (*)(console_state&, const request&, answer);
using command_table = std::map<std::string, command_function>;

/// The commands that change assets and packs: console_changes.cpp.
const command_table& change_commands();
/// The commands about jobs: console_jobs.cpp.
const command_table& job_commands();

using take_assets = std::function<void(asset_ids ids, const std::string& which)>;
/// The assets that the arguments `ids` or `filter` name, of which there must be exactly one, and
/// how a summary names them. Answers where that fails.
void choose_assets(console_state& s, const request& what, answer reply, take_assets then);

}  // namespace podstudio
