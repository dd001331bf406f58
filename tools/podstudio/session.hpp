// SPDX-License-Identifier: MIT
#pragma once

#include "command.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace podstudio {

class console_client;

/// What answers the requests of a session.
class answerer {
public:
  virtual ~answerer() = default;
  /// The reply to a request of the console's protocol. Errors: of the connection.
  virtual result<nlohmann::json> request(const nlohmann::json& asked,
                                         std::chrono::milliseconds time_limit) = 0;
};

/// Why jobs wait where an engine runs none, and what to do about it.
inline constexpr std::string_view no_workers = "no jobs can run; check 'workers' in config.toml (0 "
                                               "turns them off) and that podstudio-worker is "
                                               "installed";

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

  /// Errors: as `console_client::connect_to_socket` and `answer_without_socket`.
  static result<session> open(const context& where, need what, jobs run = jobs::service_only);

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
  session(std::unique_ptr<answerer> by, std::string command_id)
      : by_(std::move(by)), command_id_(std::move(command_id)) {}
  std::unique_ptr<answerer> by_;
  std::string command_id_;  ///< of the requests; empty: each has its own
};

/// How long a command waits to be connected.
inline constexpr std::chrono::seconds connect_limit{5};

/// Where a service of this folder answers; nothing where none runs.
std::optional<console_address> running_service(const data_folder& folder);

std::unique_ptr<answerer> answer_by(std::unique_ptr<console_client> service);

/// Who answers where no service does at its socket. In `podstudio-engine`: a service at its port,
/// or an engine in this process. `podstudio` goes on as that program, so this returns errors only.
result<std::unique_ptr<answerer>> answer_without_socket(const context& where, session::need what,
                                                        session::jobs run);

/// Opens a session, sends one request and returns its result.
result<nlohmann::json> ask(const context& where, session::need what, const std::string& command,
                           nlohmann::json arguments);

}  // namespace podstudio
