// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"
#include "platform/types.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

/// The protocol between the command line and the console: one JSON text each way.
///
///   request  {"command": "asset.list", "arguments": {...}, "id": "<uuid of the command>"}
///   reply    {"ok": true, "result": ..., "sequence": N}
///            {"ok": false, "error": {"code": "refused", "message": "..."}}
///
/// `sequence` is that of the last event, if there is one. `code` is `to_string` of an `error_code`.
/// A command that is sent again with the same id takes effect once.
namespace podstudio {

/// A well-formed request.
struct request {
  /// Set once nobody waits for the answer any more; null where somebody always does. It is the
  /// first member, as it is let go of when the others are.
  std::shared_ptr<std::atomic<bool>> gone{};
  std::string command{};
  nlohmann::json arguments{};  ///< an object
  uuid id{};
};

/// Errors: `invalid_argument`.
result<request> read_request(const std::string& text);

/// A request under a new id.
nlohmann::json make_request(const std::string& command, nlohmann::json arguments);

nlohmann::json make_reply(const error& failure);

/// The result of a reply, or the error it carries. A reply that is none is an `internal` error.
result<nlohmann::json> read_reply(nlohmann::json reply);

/// The deepest document anybody needs has 8 levels. Copying and printing JSON recurse, so the depth
/// of what comes from outside is checked before it is parsed.
inline constexpr int json_depth_max = 64;
bool nests_too_deep(std::string_view text);

/// The text that crosses the connection; bytes that are no UTF-8 (a defect of ours) are replaced.
std::string to_text(const nlohmann::json& document);

}  // namespace podstudio
