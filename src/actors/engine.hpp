// SPDX-License-Identifier: MIT
#pragma once

#include "actors/operation_finder.hpp"
#include "platform/data_folder.hpp"
#include "platform/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace podstudio {

struct engine_options {
  data_folder folder;
  operation_finder operations = nullptr;  ///< what the console can be asked for; needed
  std::vector<std::string> watch;         ///< roots to watch besides the remembered ones; absolute
  bool service = false;            ///< publish the console, watch the roots, write the service log
  std::string log_level = "info";  ///< of the service log
  bool build_anew = false;         ///< the tables are not to be trusted, however they look
  std::uint64_t log_segment_bytes = 64u << 20;  ///< where a segment of the event log is closed
  std::uint32_t poll_seconds = 30;              ///< see `settings`
  std::uint32_t rescan_minutes = 24 * 60;       ///< see `settings`
  std::uint64_t preview_cache_bytes = std::uint64_t{4} << 30;  ///< see `settings`
  bool jobs = false;                                           ///< run jobs; a service always does
  std::optional<std::uint32_t> workers;                        ///< see `settings`
};

/// The engine of one data folder, within this process.
class engine {
public:
  /// Takes the folder's lock, recovers the log, brings the tables up to date and starts the actors.
  /// A folder that does not exist is created. Errors: `in_use` names the process that holds the
  /// folder; `damaged`, `newer_version`; as `system_error`.
  static result<std::unique_ptr<engine>> start(engine_options options);
  virtual ~engine() = default;

  /// Answers one request of the console's protocol; blocks for the reply.
  virtual nlohmann::json request(const nlohmann::json& request) = 0;

  /// Runs as a service until `stop_fd` is readable, or the engine fails and says why.
  virtual result<void> wait(int stop_fd) = 0;

  /// Stops in order; everything acknowledged is durable. Called once.
  virtual result<void> stop() = 0;
};

}  // namespace podstudio
