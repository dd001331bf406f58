// SPDX-License-Identifier: MIT
// What `podstudio-engine` does where `podstudio` goes on as that program: answer by an engine.
#include "with_engine.hpp"

#include "program.hpp"
#include "session.hpp"

#include "actors/engine.hpp"
#include "api/operations.hpp"
#include "console/client.hpp"
#include "platform/text.hpp"
#include "projections/tables_log.hpp"

#include <filesystem>

namespace podstudio {

namespace {

/// An engine in this process, which holds the data folder's lock.
class embedded_engine final : public answerer {
public:
  explicit embedded_engine(std::unique_ptr<engine> started) : engine_(std::move(started)) {}
  ~embedded_engine() override {
    // Whatever was answered is durable; how the rest of the engine ends changes nothing of it.
    static_cast<void>(engine_->stop());
  }
  embedded_engine(const embedded_engine&) = delete;
  embedded_engine& operator=(const embedded_engine&) = delete;
  result<nlohmann::json> request(const nlohmann::json& asked, std::chrono::milliseconds) override {
    return engine_->request(asked);
  }

private:
  std::unique_ptr<engine> engine_;
};

/// The log makes a data folder; any other folder is left alone. Errors: `not_found`, as `lost_log`.
result<void> check_data_folder(const data_folder& folder) {
  std::error_code ignored;
  if (std::filesystem::is_directory(folder.log(), ignored)) return {};
  if (auto lost = lost_log(folder)) return *lost;
  return error{error_code::not_found, "there is no data folder at " + in_quotes(folder.root)
                                          + "; make one with 'podstudio import PATH', or name "
                                            "another with --data"};
}

}  // namespace

result<void> go_on_with_engine(const char* const*) { return {}; }

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

result<std::unique_ptr<answerer>> answer_without_socket(const context& where, session::need what,
                                                        session::jobs run) {
  const auto& folder = where.folder;
  if (what == session::need::folder)
    if (auto is_one = check_data_folder(folder); !is_one) return is_one.failure();
  if (auto address = running_service(folder)) {
    auto client = console_client::connect(folder, *address, connect_limit);
    if (!client) return client.failure();
    return answer_by(std::move(*client));
  }
  if (what == session::need::service)
    return error{error_code::no_service, "no service runs on " + in_quotes(folder.root)
                                             + "; start one with 'podstudio serve'"};
  auto options = engine_options_of(where);
  options.jobs = run == session::jobs::here_too;
  auto started = engine::start(std::move(options));
  if (!started) return started.failure();
  return std::unique_ptr<answerer>(std::make_unique<embedded_engine>(std::move(*started)));
}

}  // namespace podstudio
