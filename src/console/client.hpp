#pragma once

#include "console/credentials.hpp"
#include "platform/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace podstudio {

/// A connection to the console of a running service.
class console_client {
public:
  /// Connects to 127.0.0.1:`port` over mutual TLS, within `time_limit`. Error: `no_service` when
  /// nobody answers there who holds the same key.
  static result<std::unique_ptr<console_client>>
  connect(const credentials& pair, std::uint16_t port, std::chrono::milliseconds time_limit);

  ~console_client();
  console_client(const console_client&) = delete;
  console_client& operator=(const console_client&) = delete;

  /// Sends a request of the console's protocol and waits for its reply. Errors (of the connection;
  /// those of the command are in the reply): `timed_out`, `no_service` when the service went away.
  result<nlohmann::json> request(const nlohmann::json& request,
                                 std::chrono::milliseconds time_limit);

private:
  struct connection;
  explicit console_client(std::unique_ptr<connection> open);
  std::unique_ptr<connection> connection_;
};

}  // namespace podstudio
