// SPDX-License-Identifier: MIT
#include "system/console.hpp"

#include "console/client.hpp"
#include "platform/types.hpp"

#include <ostream>
#include <stdexcept>

namespace system_test {

namespace {

template <class T>
T must(podstudio::result<T> outcome) {
  if (!outcome) throw std::runtime_error(outcome.failure().message);
  return std::move(*outcome);
}

std::unique_ptr<podstudio::console_client> connect(const library& of) {
  auto folder = must(podstudio::resolve_data_folder(of.data(), ""));
  auto address = podstudio::read_console_address(folder);
  if (!address) throw std::runtime_error("no service has an address in " + of.data());
  return must(podstudio::console_client::connect(folder, *address, long_enough));
}

}  // namespace

std::ostream& operator<<(std::ostream& to, const console_answer& what) {
  if (what.done) return to << what.result << " at sequence " << what.sequence;
  return to << what.code << ": " << what.message;
}

console::console(const library& of) : client_(connect(of)) {}
console::~console() = default;

std::optional<console_answer> console::give(const console_command& command) {
  auto reply = client_->request(
      {{"command", command.name}, {"arguments", command.arguments}, {"id", command.id}},
      long_enough);
  if (!reply) {
    if (reply.failure().code == podstudio::error_code::no_service) return std::nullopt;
    throw std::runtime_error(command.name + ": " + reply.failure().message);
  }
  console_answer answer;
  answer.done = reply->at("ok");
  answer.sequence = reply->value("sequence", std::uint64_t{0});
  if (answer.done) {
    answer.result = reply->at("result");
  } else {
    answer.code = reply->at("error").at("code");
    answer.message = reply->at("error").at("message");
  }
  return answer;
}

std::string new_command_id() { return podstudio::to_string(podstudio::make_uuid()); }

}  // namespace system_test
