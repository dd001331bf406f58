#include "console/protocol.hpp"

#include "platform/types.hpp"

#include <utility>

namespace podstudio {

namespace {

error_code code_of(const std::string& text) noexcept {
  for (std::size_t number = 1; number <= error_code_count; ++number)
    if (auto code = static_cast<error_code>(number); to_string(code) == text) return code;
  return error_code::internal;
}

}  // namespace

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
      "both are of the same version"};
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
