// SPDX-License-Identifier: MIT
#include "session.hpp"

#include "console/client.hpp"
#include "console/protocol.hpp"

namespace podstudio {

namespace {

class service_answerer final : public answerer {
public:
  explicit service_answerer(std::unique_ptr<console_client> client) : client_(std::move(client)) {}
  result<nlohmann::json> request(const nlohmann::json& asked,
                                 std::chrono::milliseconds time_limit) override {
    return client_->request(asked, time_limit);
  }

private:
  std::unique_ptr<console_client> client_;
};

}  // namespace

std::unique_ptr<answerer> answer_by(std::unique_ptr<console_client> service) {
  return std::make_unique<service_answerer>(std::move(service));
}

std::optional<console_address> running_service(const data_folder& folder) {
  auto address = read_console_address(folder);
  // The address of a service that crashed stays behind; then its process does not hold the lock.
  if (address && folder_lock::holder(folder) == address->pid) return address;
  return std::nullopt;
}

result<session> session::open(const context& where, need what, jobs run) {
  if (running_service(where.folder)) {
    auto client = console_client::connect_to_socket(where.folder, connect_limit);
    if (client) return session(answer_by(std::move(*client)), where.command_id);
    if (client.failure().code != error_code::no_service) return client.failure();
  }
  auto by = answer_without_socket(where, what, run);
  if (!by) return by.failure();
  return session(std::move(*by), where.command_id);
}

result<nlohmann::json> session::request(const std::string& command, nlohmann::json arguments,
                                        std::chrono::milliseconds time_limit) {
  auto asked = make_request(command, std::move(arguments));
  if (!command_id_.empty()) asked["id"] = command_id_;
  auto reply = by_->request(asked, time_limit);
  if (!reply && reply.failure().code == error_code::no_service && !command_id_.empty())
    return error{error_code::no_service, reply.failure().message
                                             + ", and the same --command-id makes it safe to give "
                                               "again: it takes effect once"};
  if (!reply) return reply.failure();
  return read_reply(std::move(*reply));
}

result<void> session::follow_log(std::chrono::milliseconds interval,
                                 const std::function<result<bool>()>& look) {
  // Get the log's position before each look, so that nothing logged during or after it is missed.
  // What was logged before is in the tables by then.
  auto log = request("log.wait", {{"after", 0}, {"timeout_ms", 0}, {"folded", true}});
  while (log) {
    auto done = look();
    if (!done) return done.failure();
    if (*done) return {};
    log = request(
        "log.wait",
        {{"after", (*log)["sequence"]}, {"timeout_ms", interval.count()}, {"folded", true}});
  }
  return log.failure();
}

result<nlohmann::json> session::status_with_jobs() {
  auto status = request("status", nlohmann::json::object());
  if (status && (*status)["workers"] == 0)
    return error{error_code::refused, std::string(no_workers)};
  return status;
}

result<nlohmann::json> ask(const context& where, session::need what, const std::string& command,
                           nlohmann::json arguments) {
  auto opened = session::open(where, what);
  if (!opened) return opened.failure();
  return opened->request(command, std::move(arguments));
}

}  // namespace podstudio
