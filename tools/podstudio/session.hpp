// SPDX-License-Identifier: MIT
#pragma once

#include "command.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace podstudio {

class console_client;
class engine;
struct engine_options;

/// The engine that the command line and the settings ask for: no service, and no folder to watch.
engine_options engine_options_of(const context& where);

/// Somebody who answers the console's requests: the running service, or else an engine in this
/// process, which holds the data folder's lock for as long as the session lasts.
class session {
public:
  /// What a command asks of the data folder.
  enum class need : std::uint8_t {
    folder,      ///< that it is there
    new_folder,  ///< nothing: it is made
    service,     ///< that a service runs on it
  };

  /// Who may run jobs: only a service, or also an engine in this process.
  enum class jobs : bool { service_only, here_too };

  /// Errors: `not_found` (no data folder), `no_service`, `in_use` (by a process that is no
  /// service); as `engine::start`, `ensure_credentials` and `console_client::connect`.
  static result<session> open(const context& where, need what, jobs run = jobs::service_only);

  session(session&&) noexcept;
  ~session();

  /// The result of a command, or its error. The limit is for a service that hangs; one that ends is
  /// noticed at once.
  result<nlohmann::json> request(const std::string& command, nlohmann::json arguments,
                                 std::chrono::milliseconds time_limit = std::chrono::minutes(10));

  /// Calls `look` at once, then whenever the log has grown and at least every `interval`, until it
  /// returns true or an error.
  result<void> follow_log(std::chrono::milliseconds interval,
                          const std::function<result<bool>()>& look);

  /// The engine's status. Error: `refused` if it runs no jobs.
  result<nlohmann::json> status_with_jobs();

private:
  session();
  std::unique_ptr<console_client> service_;
  std::unique_ptr<engine> embedded_;
  std::string command_id_;  ///< of the requests; empty: each has its own
};

/// Opens a session, sends one request and returns its result.
result<nlohmann::json> ask(const context& where, session::need what, const std::string& command,
                           nlohmann::json arguments);

}  // namespace podstudio
