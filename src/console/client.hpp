// SPDX-License-Identifier: MIT
#pragma once

#include "console/credentials.hpp"
#include "platform/data_folder.hpp"
#include "platform/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>

namespace podstudio {

/// A connection to the console of a running service. Threads may share it; their requests take
/// turns.
class console_client {
public:
  /// Connects to the service of a data folder within `time_limit`: at its Unix socket, or where the
  /// file system has none, at its port. Errors: `no_service` when nobody answers there; of the
  /// folder's credentials.
  static result<std::unique_ptr<console_client>> connect(const data_folder& folder,
                                                         const console_address& address,
                                                         std::chrono::milliseconds time_limit);

  /// Connects to the Unix socket of a data folder's service within `time_limit`. Errors:
  /// `no_service` when nobody answers there; `timed_out` when too many others are connected.
  static result<std::unique_ptr<console_client>>
  connect_to_socket(const data_folder& folder, std::chrono::milliseconds time_limit);

  /// Connects to 127.0.0.1:`port` over mutual TLS. Error: `no_service` when nobody answers there
  /// who holds the same key.
  static result<std::unique_ptr<console_client>>
  connect(const credentials& pair, std::uint16_t port, std::chrono::milliseconds time_limit);

  ~console_client();
  console_client(const console_client&) = delete;
  console_client& operator=(const console_client&) = delete;

  /// Sends a request of the console's protocol and waits for its reply. Errors (of the connection;
  /// those of the command are in the reply): `invalid_argument` for one that is too long,
  /// `timed_out`, `no_service` when the service went away. After these two the connection is of no
  /// more use.
  result<nlohmann::json> request(const nlohmann::json& request,
                                 std::chrono::milliseconds time_limit);

private:
  class stream;
  class plain_stream;
  class tls_stream;
  explicit console_client(std::unique_ptr<stream> open);
  std::mutex turn_;
  std::unique_ptr<stream> stream_;
};

}  // namespace podstudio
