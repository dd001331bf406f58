// SPDX-License-Identifier: MIT
#include "actors/engine.hpp"

#include "actors/startup.hpp"
#include "console/protocol.hpp"
#include "console/server.hpp"
#include "platform/text.hpp"
#include "platform/unique_fd.hpp"
#include "projections/projection.hpp"
#include "schema/sqlite.hpp"

#include <spdlog/spdlog.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <future>
#include <mutex>

namespace podstudio {

namespace {

using nlohmann::json;

/// A service stops within this time; what has not ended then is cut off by the process's end, which
/// loses nothing that was acknowledged. A command that started the engine for itself waits for the
/// disk.
constexpr auto stop_time_max = std::chrono::seconds(8);
constexpr auto failure_check_interval = std::chrono::milliseconds(100);

/// Why the engine cannot go on. The actors that tell may outlive the engine.
class engine_failure {
public:
  /// Readable once there is one.
  int fd() const noexcept { return told_.get(); }
  std::optional<error> why() const {
    std::scoped_lock hold(mutex_);
    return why_;
  }
  /// The first one counts.
  void tell(const error& why) {
    {
      std::scoped_lock hold(mutex_);
      if (!why_) why_ = why;
    }
    constexpr std::uint64_t once = 1;
    [[maybe_unused]] auto written = ::write(told_.get(), &once, sizeof once);
  }

private:
  unique_fd told_{::eventfd(0, EFD_CLOEXEC)};
  mutable std::mutex mutex_;
  std::optional<error> why_;
};

class running_engine final : public engine {
public:
  running_engine(engine_options options, folder_lock lock)
      : options_(std::move(options)), lock_(std::move(lock)) {}

  ~running_engine() override {
    if (system_) (void)stop();
  }

  result<void> run() {
    if (failed_->fd() < 0) return system_error()("cannot start");
    auto parts = make_ready(options_);
    if (!parts) return parts.failure();
    parts->on_failure = [failed = failed_](const error& why) { failed->tell(why); };
    config_.set("scheduler.max-threads", std::size_t{2});
    // Workers that steal from each other poll, also when there is nothing to do for days.
    config_.set("scheduler.policy", caf::atom("sharing"));
    if (options_.service) parts->server = use_;
    system_ = std::make_unique<caf::actor_system>(config_);
    // The engine waits for its own actors only, and in bounded time; see `stop`.
    system_->await_actors_before_shutdown(false);
    supervisor_ = system_->spawn<caf::detached>(supervisor,
                                                std::make_shared<engine_parts>(std::move(*parts)));
    caf::scoped_actor self{*system_};
    std::optional<error> trouble;
    self->request(supervisor_, caf::infinite, get_atom::value)
        .receive([this](const console_actor& found) { console_ = found; },
                 [&](const caf::error& failure) { trouble = from_caf(failure); });
    if (trouble) return *trouble;
    // Without one of these two nobody could tell of anything, nor be asked to stop.
    end_with(caf::actor_cast<caf::actor>(supervisor_), "the supervisor");
    end_with(caf::actor_cast<caf::actor>(console_), "the console");
    for (const auto& root : options_.watch)
      if (auto watched = watch(root); !watched) return watched;
    return options_.service ? serve() : result<void>{};
  }

  json request(const json& request) override {
    auto reply = std::make_shared<std::promise<json>>();
    auto arrives = reply->get_future();
    ask(to_text(request), nullptr,
        [reply](const std::string& text) { reply->set_value(json::parse(text, nullptr, false)); });
    // An engine that fails may never answer.
    while (arrives.wait_for(failure_check_interval) != std::future_status::ready)
      if (auto why = failed_->why()) return make_reply(*why);
    return arrives.get();
  }

  result<void> wait(int stop_fd) override {
    pollfd waits[2] = {{stop_fd, POLLIN, 0}, {failed_->fd(), POLLIN, 0}};
    while (::poll(waits, 2, -1) < 0)
      if (errno != EINTR) return system_error()("cannot wait for the stop signal");
    if (auto why = failed_->why()) return *why;
    return {};
  }

  result<void> stop() override {
    if (!system_) return {};
    const auto why = failed_->why();
    if (options_.service) remove_console_address(options_.folder);
    std::optional<error> trouble;
    {
      caf::scoped_actor self{*system_};
      auto time_max = options_.service || failed_->why() ? caf::duration(stop_time_max)
                                                         : caf::duration(caf::infinite);
      self->request(supervisor_, time_max, stop_atom::value)
          .receive([](bool) {}, [&](const caf::error& failure) { trouble = from_caf(failure); });
      self->send_exit(supervisor_, caf::exit_reason::user_shutdown);
    }
    server_.reset();  // everything has its answer
    console_ = nullptr;
    supervisor_ = nullptr;
    if (trouble) {
      spdlog::error("the engine did not stop cleanly: {}", trouble->message);
      spdlog::default_logger()->flush();
      // Threads that hang (a dead network disk, say) would keep the process for ever.
      // Neither can they be ended where the supervisor, which knows them, is gone.
      std::fflush(stdout);
      std::fprintf(stderr, "podstudio: %s\n", for_terminal(why.value_or(*trouble).message).c_str());
      ::_exit(1);
    }
    if (thread_was_refused) {  // all is down, and the system would not end
      if (why) std::fprintf(stderr, "podstudio: %s\n", for_terminal(why->message).c_str());
      spdlog::default_logger()->flush();
      std::fflush(stdout);
      ::_exit(why ? 1 : 0);
    }
    system_.reset();
    return {};
  }

private:
  result<void> watch(const std::string& root) {
    auto reply = read_reply(request(make_request("watch.add", {{"path", root}})));
    if (!reply) return reply.failure();
    return {};
  }

  /// Sends this request to the console from an actor of its own. It is always answered.
  void ask(const std::string& text, given_up gone, console_server::take_reply take) {
    auto parsed = read_request(text);
    if (!parsed) return take(to_text(make_reply(parsed.failure())));
    parsed->gone = std::move(gone);
    system_->spawn(
        [take = std::move(take), console = console_](caf::event_based_actor* self,
                                                     const request_ptr& asked) {
          self->request(console, caf::infinite, asked)
              .then([take](std::string& reply) { take(std::move(reply)); },
                    [take](const caf::error& failure) {
                      take(to_text(make_reply(from_caf(failure))));
                    });
        },
        // An argument, as CAF binds a reference to nothing without any: undefined behaviour.
        std::make_shared<const podstudio::request>(std::move(*parsed)));
  }

  result<void> serve() {
    auto pair = ensure_credentials(options_.folder);
    if (!pair) return pair.failure();
    console_server::options listening{options_.folder.console_socket(), *pair};
    listening.use = use_;
    listening.answer = [this](const std::string& text, given_up gone,
                              console_server::take_reply take) {
      ask(text, std::move(gone), std::move(take));
    };
    auto server = console_server::open(std::move(listening));
    if (!server) return server.failure();
    server_ = std::move(*server);
    spdlog::info("ready: version {}, pid {}, console on 127.0.0.1:{}", PODSTUDIO_VERSION,
                 ::getpid(), server_->port());
    return write_console_address(options_.folder, {server_->port(), ::getpid()});
  }

  /// The engine ends when the actor does, unless it was asked to.
  void end_with(const caf::actor& whom, const std::string& name) {
    whom->attach_functor([failed = failed_, name](const caf::error& reason) {
      if (reason == caf::exit_reason::user_shutdown) return;
      failed->tell({error_code::internal,
                    name + " ended" + (reason ? ": " + from_caf(reason).message : "")});
    });
  }

  engine_options options_;
  folder_lock lock_;  // given back last, when all else is down
  std::shared_ptr<engine_failure> failed_ = std::make_shared<engine_failure>();
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  supervisor_actor supervisor_;
  console_actor console_;
  std::shared_ptr<console_use> use_ = std::make_shared<console_use>();
  std::unique_ptr<console_server> server_;
};

}  // namespace

result<std::unique_ptr<engine>> engine::start(engine_options options) {
  if (auto free = check_no_backup(options.folder); !free) return free.failure();
  if (auto there = check_log_is_there(options.folder); !there) return there.failure();
  if (auto made = create(options.folder); !made) return made.failure();
  auto lock = options.service ? folder_lock::acquire_for_service(options.folder)
                              : folder_lock::acquire(options.folder);
  if (!lock) return lock.failure();
  if (auto opened = open_service_log(options); !opened) return opened.failure();
  // Where SQLite sorts what does not fit into memory: on the library's disk, not in /var/tmp. No
  // other thread of ours runs yet.
  ::setenv("SQLITE_TMPDIR", options.folder.cache().c_str(), 1);
  auto started = std::make_unique<running_engine>(std::move(options), std::move(*lock));
  if (auto run = started->run(); !run) return run.failure();
  return std::unique_ptr<engine>(std::move(started));
}

}  // namespace podstudio
