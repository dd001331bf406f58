// SPDX-License-Identifier: MIT
#include "console/protocol.hpp"

#include "console/frames.hpp"

#include <utility>

namespace podstudio {

namespace {

error_code code_of(const std::string& text) noexcept {
  for (std::size_t number = 1; number <= error_code_count; ++number)
    if (auto code = static_cast<error_code>(number); to_string(code) == text) return code;
  return error_code::internal;
}

}  // namespace

bool nests_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (in_string && c == '\\')
      ++i;
    else if (c == '"')
      in_string = !in_string;
    else if (!in_string && (c == '[' || c == '{') && ++depth > json_depth_max)
      return true;
    else if (!in_string && (c == ']' || c == '}'))
      --depth;
  }
  return false;
}

result<request> read_request(const std::string& text) {
  auto bad = [](const std::string& what) { return error{error_code::invalid_argument, what}; };
  if (text.size() > request_bytes_max) return bad("the request is too long; split it");
  if (nests_too_deep(text)) return bad("the request is nested too deeply");
  auto document = nlohmann::json::parse(text, nullptr, false);
  if (!document.is_object()) return bad("the request is not a JSON object");
  request parsed;
  auto command = document.find("command");
  if (command == document.end() || !command->is_string())
    return bad("the request has no 'command'");
  parsed.command = command->get<std::string>();
  auto arguments = document.find("arguments");
  parsed.arguments = arguments == document.end() ? nlohmann::json::object() : std::move(*arguments);
  if (!parsed.arguments.is_object()) return bad("the request's 'arguments' are not a JSON object");
  auto id = document.find("id");
  if (id == document.end())
    parsed.id = make_uuid();
  else if (!id->is_string() || !parse_uuid(id->get<std::string>(), parsed.id)
           || parsed.id == uuid{})
    return bad("the request's 'id' is not a UUID, or is the nil UUID");
  return parsed;
}

nlohmann::json make_request(const std::string& command, nlohmann::json arguments) {
  return {
      {"command", command}, {"arguments", std::move(arguments)}, {"id", to_string(make_uuid())}};
}

nlohmann::json make_reply(const error& failure) {
  return {{"ok", false},
          {"error", {{"code", to_string(failure.code)}, {"message", failure.message}}}};
}

result<nlohmann::json> read_reply(nlohmann::json reply) {
  const error malformed{
      error_code::internal,
      "the service sent a reply that this program does not understand; check that "
      "both are the same version"};
  auto ok = reply.is_object() ? reply.find("ok") : reply.end();
  if (ok == reply.end() || !ok->is_boolean()) return malformed;
  if (ok->get<bool>()) return std::move(reply["result"]);
  auto failure = reply.find("error");
  if (failure == reply.end() || !failure->is_object()) return malformed;
  auto text = [&](const char* key) {
    auto value = failure->find(key);
    return value != failure->end() && value->is_string() ? value->get<std::string>()
                                                         : std::string{};
  };
  return error{code_of(text("code")), text("message")};
}

std::string to_text(const nlohmann::json& document) {
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace podstudio
