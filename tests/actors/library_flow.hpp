// SPDX-License-Identifier: MIT
#pragma once

#include "actors/catalog.hpp"
#include "actors/hasher.hpp"
#include "actors/journal.hpp"
#include "actors/projector.hpp"
#include "actors/reader.hpp"
#include "media/preview_cache.hpp"
#include "platform/root_folder.hpp"
#include "schema/schema.hpp"
#include "support/must.hpp"
#include "support/temp_folder.hpp"

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
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
  bool held_up = false;                   ///< an append waits
  bool hold_sync = false;                 ///< syncs without an append, likewise
  std::deque<podstudio::error> refusals;  ///< the next appends fail so
  std::vector<std::size_t> groups;        ///< the sizes of the groups that were appended
  std::vector<podstudio::event> events;   ///< all that were appended

  void set_hold(bool on) {
    std::scoped_lock lock(mutex);
    hold = on;
    changed.notify_all();
  }
  void set_hold_sync(bool on) {
    std::scoped_lock lock(mutex);
    hold_sync = on;
    changed.notify_all();
  }
  bool is_held_up() {
    std::scoped_lock lock(mutex);
    return held_up;
  }
  /// Nothing of the next appends is taken.
  void refuse_next(const podstudio::error& failure, std::size_t count = 1) {
    std::scoped_lock lock(mutex);
    refusals.assign(count, failure);
  }
};

/// A log that waits, fails and remembers as the test wants; all else is up to the one within.
class controlled_log final : public podstudio::log_writer {
public:
  controlled_log(log_control& control, std::unique_ptr<log_writer> inner)
      : control_(control), inner_(std::move(inner)) {}

  podstudio::result<std::vector<podstudio::committed_command>>
  append(std::span<const std::shared_ptr<const podstudio::command>> group, std::int64_t at_us,
         bool sync) override {
    std::unique_lock hold(control_.mutex);
    control_.held_up = control_.hold;
    control_.changed.wait(hold, [&] { return !control_.hold; });
    control_.held_up = false;
    if (!control_.refusals.empty()) {
      auto refusal = std::move(control_.refusals.front());
      control_.refusals.pop_front();
      return refusal;
    }
    control_.groups.push_back(group.size());
    for (const auto& what : group)
      control_.events.insert(control_.events.end(), what->events.begin(), what->events.end());
    return inner_->append(group, at_us, sync);
  }
  podstudio::result<void> sync() override {
    std::unique_lock hold(control_.mutex);
    control_.changed.wait(hold, [&] { return !control_.hold_sync; });
    return inner_->sync();
  }
  podstudio::result<void> reserve(std::uint64_t bytes) override { return inner_->reserve(bytes); }
  std::uint64_t reserved_bytes() const noexcept override { return inner_->reserved_bytes(); }
  podstudio::log_head head() const noexcept override { return inner_->head(); }
  podstudio::log_head durable_head() const noexcept override { return inner_->durable_head(); }
  std::uint64_t segments() const noexcept override { return inner_->segments(); }
  std::uint64_t size_bytes() const noexcept override { return inner_->size_bytes(); }

private:
  log_control& control_;
  std::unique_ptr<log_writer> inner_;
};

/// A log in memory that numbers and links like the real one.
class memory_log final : public podstudio::log_writer {
public:
  podstudio::result<std::vector<podstudio::committed_command>>
  append(std::span<const std::shared_ptr<const podstudio::command>> group, std::int64_t at_us,
         bool sync) override {
    std::vector<podstudio::committed_command> committed;
    for (const auto& what : group) {
      committed.push_back({head_.sequence + 1, at_us, {}, what});
      head_.sequence = committed.back().last_sequence();
      head_.hash.fill(static_cast<std::uint8_t>(head_.sequence));
      committed.back().hash = head_.hash;
    }
    if (sync) durable_ = head_;
    return committed;
  }
  podstudio::result<void> sync() override {
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

/// What happens before a file is read, on the thread of the hasher. An error is what comes of
/// reading it. To be set while nothing is read.
struct reading_hook {
  std::function<std::optional<podstudio::error>(const std::string& path)> before;
};

/// A hasher with a hook.
inline podstudio::hasher_actor::behavior_type
hooked_hasher(podstudio::hasher_actor::stateful_pointer<podstudio::hasher_state> self,
              std::shared_ptr<const reading_hook> hook) {
  using namespace podstudio;
  self->state.digester.emplace();
  return {
      [self, hook](digest_atom, const digest_request& wanted) {
        digest_reply reply{std::make_shared<std::vector<result<file_content>>>()};
        last_root_folder root;
        for (auto i = wanted.begin; i < wanted.end; ++i) {
          const auto& file = (*wanted.files)[i];
          auto failure = hook->before ? hook->before(file.path) : std::nullopt;
          reply.outcomes->push_back(
              failure ? result<file_content>(*failure)
                      : self->state.digester->digest(root.at(file.root()), file.path));
        }
        return reply;
      },
  };
}

/// How a test wants its actors.
enum class flow_kind : std::uint8_t {
  real,
  hooked,     ///< a hook is called before a file is read
  simulated,  ///< all share the thread of the test, which runs them and makes time pass
};

/// Catalog, hasher, reader, journal and projector around a controlled log and real tables.
struct library_flow {
  temp_folder folder;
  log_control log;
  const bool simulated;
  caf::actor_system_config config;
  caf::actor_system system{configured(config, simulated)};
  std::shared_ptr<reading_hook> reading = std::make_shared<reading_hook>();  ///< where hooked
  std::shared_ptr<const podstudio::media::preview_cache> previews =
      std::make_shared<podstudio::media::preview_cache>(folder.path + "/cache", 1 << 20);
  podstudio::scan_count_ptr scans = std::make_shared<podstudio::scan_count>();
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
    return simulated ? system.spawn(arguments...) : system.spawn<caf::detached>(arguments...);
  }
  template <class Actor>
  void end(const Actor& whom) {
    self->send_exit(whom, caf::exit_reason::user_shutdown);
  }

  /// `unread` says which files are to be read.
  explicit library_flow(flow_kind kind = flow_kind::real,
                        podstudio::unread_media unread = podstudio::unread_media())
      : simulated(kind == flow_kind::simulated) {
    using namespace podstudio;
    auto tables = must(projection::open(database_path()));
    auto full = std::make_shared<std::atomic<bool>>(false);
    projector =
        start(podstudio::projector,
              std::make_shared<std::unique_ptr<projection>>(std::move(tables)), full, scans);
    std::unique_ptr<log_writer> writer =
        std::make_unique<controlled_log>(log, std::make_unique<memory_log>());
    journal =
        start(podstudio::journal, std::make_shared<std::unique_ptr<log_writer>>(std::move(writer)),
              projector, std::shared_ptr<const std::atomic<bool>>(full));
    hashers.push_back(kind == flow_kind::hooked
                          ? start(hooked_hasher, std::shared_ptr<const reading_hook>(reading))
                          : start(hasher, std::make_shared<const std::atomic<bool>>(false)));
    reader = start(podstudio::reader,
                   std::make_shared<std::unique_ptr<database>>(
                       std::make_unique<database>(must(open_tables_read_only(database_path())))),
                   previews, folder.path, given_up(), query_time_max);
    catalog = system.spawn(podstudio::catalog,
                           std::make_shared<library_model>(library_model{{}, {}, unread}),
                           std::make_shared<command_memory>(), journal, projector, reader, hashers,
                           recent_losses{}, scans);
  }

  ~library_flow() {
    hold(false);
    log.set_hold_sync(false);
    end(catalog);
    for (auto& each : hashers)
      end(each);
    end(reader);
    end(journal);
    end(projector);
    if (simulated) scheduler().run();
  }

  /// Of simulated actors.
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }

  void hold(bool on) { log.set_hold(on); }
  void refuse_next(const podstudio::error& failure, std::size_t count = 1) {
    log.refuse_next(failure, count);
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
  static caf::actor_system_config& configured(caf::actor_system_config& of, bool simulate) {
    if (simulate) of.set("scheduler.policy", caf::atom("testing"));
    return of;
  }
};
