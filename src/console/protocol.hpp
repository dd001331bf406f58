#pragma once

#include "platform/error.hpp"

#include <nlohmann/json.hpp>

#include <string>

/// What the command line and the console say to each other: one JSON text each way.
///
///   request  {"command": "asset.list", "arguments": {...}, "id": "<uuid of the command>"}
///   reply    {"ok": true, "result": ..., "sequence": N}     sequence: of the last event, if any
///   came
///            {"ok": false, "error": {"code": "refused", "message": "..."}}
///
/// `code` is `to_string` of an `error_code`. A command sent again with the same id has one effect.
namespace podstudio {

/// A request under a new id.
nlohmann::json make_request(const std::string& command, nlohmann::json arguments);

nlohmann::json make_reply(const error& failure);

/// The result of a reply, or the error it carries. A reply that is none is an `internal` error.
result<nlohmann::json> read_reply(nlohmann::json reply);

/// The text that crosses the connection; bytes that are no UTF-8 (a defect of ours) are replaced.
std::string to_text(const nlohmann::json& document);

}  // namespace podstudio
