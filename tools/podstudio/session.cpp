// SPDX-License-Identifier: MIT
#include "session.hpp"

#include "actors/engine.hpp"
#include "api/operations.hpp"
#include "console/client.hpp"
#include "console/protocol.hpp"
#include "platform/text.hpp"
#include "projections/tables_log.hpp"

#include <filesystem>

namespace podstudio {

namespace {

constexpr auto connect_limit = std::chrono::seconds(5);

}  // namespace

session::session() = default;
session::session(session&&) noexcept = default;

session::~session() {
  // Whatever was answered is durable; how the rest of the engine ends changes nothing of it.
  if (embedded_) static_cast<void>(embedded_->stop());
}

engine_options engine_options_of(const context& where) {
  engine_options options;
  options.operations = api::find_operation;
  options.folder = where.folder;
  options.log_level = where.configured.log_level;
  options.log_segment_bytes = where.configured.log_segment_bytes;
  options.poll_seconds = where.configured.poll_seconds;
  options.rescan_minutes = where.configured.rescan_minutes;
  options.preview_cache_bytes = where.configured.preview_cache_bytes;
  options.workers = where.configured.workers;
  return options;
}

result<session> session::open(const context& where, need what, jobs run) {
  const auto& folder = where.folder;
  std::error_code ignored;
  // The log makes a data folder; any other folder is left alone.
  if (what == need::folder && !std::filesystem::is_directory(folder.log(), ignored)) {
    if (auto lost = lost_log(folder)) return *lost;
    return error{error_code::not_found, "there is no data folder at " + in_quotes(folder.root)
                                            + "; make one with 'podstudio import PATH', or name "
                                              "another with --data"};
  }
  session opened;
  opened.command_id_ = where.command_id;
  auto address = read_console_address(folder);
  // The address of a service that crashed stays behind; then its process does not hold the lock.
  if (address && folder_lock::holder(folder) == address->pid) {
    auto client = console_client::connect(folder, *address, connect_limit);
    if (!client) return client.failure();
    opened.service_ = std::move(*client);
    return opened;
  }
  if (what == need::service)
    return error{error_code::no_service, "no service runs on " + in_quotes(folder.root)
                                             + "; start one with 'podstudio serve'"};
  auto options = engine_options_of(where);
  options.jobs = run == jobs::here_too;
  auto started = engine::start(std::move(options));
  if (!started) return started.failure();
  opened.embedded_ = std::move(*started);
  return opened;
}

result<nlohmann::json> session::request(const std::string& command, nlohmann::json arguments,
                                        std::chrono::milliseconds time_limit) {
  auto asked = make_request(command, std::move(arguments));
  if (!command_id_.empty()) asked["id"] = command_id_;
  if (!service_) return read_reply(embedded_->request(asked));
  auto reply = service_->request(asked, time_limit);
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
    return error{error_code::refused, "no jobs can run; check 'workers' in config.toml and that "
                                      "podstudio-worker is installed"};
  return status;
}

result<nlohmann::json> ask(const context& where, session::need what, const std::string& command,
                           nlohmann::json arguments) {
  auto opened = session::open(where, what);
  if (!opened) return opened.failure();
  return opened->request(command, std::move(arguments));
}

}  // namespace podstudio
