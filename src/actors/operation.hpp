// SPDX-License-Identifier: MIT
#pragma once

#include "actors/messages.hpp"
#include "actors/operation_finder.hpp"
#include "console/protocol.hpp"

#include <caf/typed_response_promise.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

/// What clients can ask for. The operations themselves are in src/api; the console is given them.
namespace podstudio {

struct console_state;

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
  /// The result is the text of a JSON document already.
  void with_text(const std::string& outcome) {
    promise_.deliver(R"({"ok":true,"result":)" + outcome + "}");
  }
  void operator()(const error& failure) { promise_.deliver(to_text(make_reply(failure))); }
  void operator()(const caf::error& failure) { (*this)(from_caf(failure)); }

  /// A handler that answers with the failure of a request.
  auto failing() const {
    return [reply = *this](const caf::error& failure) mutable { reply(failure); };
  }

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

/// Who an operation is for. Whoever has the data folder's key is an admin; nobody else gets in.
enum class role : std::uint8_t {
  viewer,   ///< looks
  curator,  ///< decides about assets and packs
  admin,    ///< decides what the engine does
};

struct operation {
  std::string_view name;
  role needs;
  std::string_view help;          ///< one line
  std::string_view example;       ///< as people type it
  nlohmann::json (*arguments)();  ///< their JSON Schema
  nlohmann::json (*outcome)();    ///< likewise, of the result
  /// Carries it out. Must answer at once or later, if only with an error.
  void (*start)(console_state&, const request&, answer);
};

}  // namespace podstudio
