// SPDX-License-Identifier: MIT
#pragma once

#include "actors/catalog.hpp"
#include "actors/hasher.hpp"
#include "actors/journal.hpp"
#include "actors/projector.hpp"
#include "actors/reader.hpp"
#include "media/preview_cache.hpp"
#include "schema/schema.hpp"
#include "support/must.hpp"
#include "support/temp_folder.hpp"

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Longer than any answer takes on a busy machine; a test that waits for it has found a hang.
inline constexpr std::chrono::seconds answer_max{30};

/// What a test tells the log to do, and what it sees of it.
struct log_control {
  std::mutex mutex;
  std::condition_variable changed;
  bool hold = false;                      ///< appends wait until this is false
  bool hold_sync = false;                 ///< syncs without an append, likewise
  std::deque<podstudio::error> refusals;  ///< the next appends fail so
  std::vector<std::size_t> groups;        ///< the sizes of the groups that were appended
  std::vector<podstudio::event> events;   ///< all that were appended
};

/// A log in memory that numbers and links like the real one, and fails on demand.
class controlled_log final : public podstudio::log_writer {
public:
  explicit controlled_log(log_control& control) : control_(control) {}

  podstudio::result<std::vector<podstudio::committed_command>>
  append(std::span<const std::shared_ptr<const podstudio::command>> group, std::int64_t at_us,
         bool sync) override {
    std::unique_lock hold(control_.mutex);
    control_.changed.wait(hold, [&] { return !control_.hold; });
    if (!control_.refusals.empty()) {
      auto refusal = std::move(control_.refusals.front());
      control_.refusals.pop_front();
      return refusal;
    }
    control_.groups.push_back(group.size());
    std::vector<podstudio::committed_command> committed;
    for (const auto& what : group) {
      committed.push_back({head_.sequence + 1, at_us, {}, what});
      head_.sequence = committed.back().last_sequence();
      head_.hash.fill(static_cast<std::uint8_t>(head_.sequence));
      committed.back().hash = head_.hash;
      control_.events.insert(control_.events.end(), what->events.begin(), what->events.end());
    }
    if (sync) durable_ = head_;
    return committed;
  }
  podstudio::result<void> sync() override {
    std::unique_lock hold(control_.mutex);
    control_.changed.wait(hold, [&] { return !control_.hold_sync; });
    durable_ = head_;
    return {};
  }
  podstudio::result<void> reserve(std::uint64_t) override { return {}; }
  std::uint64_t reserved_bytes() const noexcept override { return 0; }
  podstudio::log_head head() const noexcept override { return head_; }
  podstudio::log_head durable_head() const noexcept override { return durable_; }
  std::uint64_t segments() const noexcept override { return 1; }
  std::uint64_t size_bytes() const noexcept override { return 0; }

private:
  log_control& control_;
  podstudio::log_head head_, durable_;
};

/// Sends a request and takes its answer.
template <class Answer, class Actor, class... Question>
podstudio::result<Answer> ask(caf::scoped_actor& self, const Actor& whom,
                              const Question&... question) {
  std::optional<podstudio::result<Answer>> outcome;
  self->request(whom, answer_max, question...)
      .receive([&](const Answer& got) { outcome = podstudio::result<Answer>(got); },
               [&](const caf::error& e) {
                 outcome = podstudio::result<Answer>(podstudio::from_caf(e));
               });
  return *outcome;
}

/// How a test wants its actors.
struct flow_options {
  /// All of them share the thread of the test, which has to run them (`scheduler`), and their
  /// time is the one that the test gives them.
  bool simulated = false;
  /// Makes the only hasher; null: a real one.
  std::function<podstudio::hasher_actor(caf::actor_system&)> make_hasher{};
};

/// Catalog, hasher, reader, journal and projector around a controlled log and real tables.
struct library_flow {
  temp_folder folder;
  log_control log;
  const flow_options how;
  caf::actor_system_config config;
  caf::actor_system system{configured(config, how)};
  std::shared_ptr<const podstudio::media::preview_cache> previews =
      std::make_shared<podstudio::media::preview_cache>(folder.path + "/cache", 1 << 20);
  podstudio::projector_actor projector;
  podstudio::journal_actor journal;
  podstudio::reader_actor reader;
  std::vector<podstudio::hasher_actor> hashers;
  podstudio::catalog_actor catalog;
  caf::scoped_actor self{system};

  std::string database_path() const { return folder.path + "/podstudio.db"; }

  /// Starts an actor that has a thread of its own, unless all share one.
  template <class... Arguments>
  auto start(const Arguments&... arguments) {
    return how.simulated ? system.spawn(arguments...) : system.spawn<caf::detached>(arguments...);
  }
  template <class Actor>
  void end(const Actor& whom) {
    self->send_exit(whom, caf::exit_reason::user_shutdown);
  }

  explicit library_flow(flow_options options = {}) : how(std::move(options)) {
    using namespace podstudio;
    auto tables = must(projection::open(database_path()));
    auto full = std::make_shared<std::atomic<bool>>(false);
    projector = start(podstudio::projector,
                      std::make_shared<std::unique_ptr<projection>>(std::move(tables)), full);
    std::unique_ptr<log_writer> writer = std::make_unique<controlled_log>(log);
    journal =
        start(podstudio::journal, std::make_shared<std::unique_ptr<log_writer>>(std::move(writer)),
              projector, std::shared_ptr<const std::atomic<bool>>(full));
    hashers.push_back(how.make_hasher
                          ? how.make_hasher(system)
                          : start(hasher, std::make_shared<const std::atomic<bool>>(false)));
    reader = start(podstudio::reader,
                   std::make_shared<std::unique_ptr<database>>(
                       std::make_unique<database>(must(open_tables_read_only(database_path())))),
                   previews, given_up(), query_time_max);
    catalog = system.spawn(podstudio::catalog, std::make_shared<library_model>(),
                           std::make_shared<command_memory>(), journal, projector, reader, hashers,
                           recent_losses{});
  }

  ~library_flow() {
    hold(false);
    hold_sync(false);
    end(catalog);
    for (auto& each : hashers)
      end(each);
    end(reader);
    end(journal);
    end(projector);
    if (how.simulated) scheduler().run();
  }

  /// Where the actors are simulated.
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }

  void hold(bool on) {
    std::scoped_lock lock(log.mutex);
    log.hold = on;
    log.changed.notify_all();
  }
  void hold_sync(bool on) {
    std::scoped_lock lock(log.mutex);
    log.hold_sync = on;
    log.changed.notify_all();
  }
  /// The log takes nothing of its next appends.
  void refuse_next(const podstudio::error& failure, std::size_t count = 1) {
    std::scoped_lock lock(log.mutex);
    log.refusals.assign(count, failure);
  }

  podstudio::seen_file file(const std::string& name, const std::string& bytes) {
    using namespace podstudio;
    auto path = folder.path + "/" + name;
    std::ofstream(path) << bytes;
    findings found;
    path_keyer key_of;
    look(root_folder(folder.path), path, found, key_of);
    return found.files.at(0);
  }

  /// The first column of the only row of a query on the tables.
  template <class T, class... Values>
  T in_tables(const std::string& sql, const Values&... values) const {
    return must(must(podstudio::open_tables_read_only(database_path())).value<T>(sql, values...));
  }

private:
  static caf::actor_system_config& configured(caf::actor_system_config& config,
                                              const flow_options& how) {
    if (how.simulated) config.set("scheduler.policy", caf::atom("testing"));
    return config;
  }
};
