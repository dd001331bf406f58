// SPDX-License-Identifier: MIT
#include "log_fixture.hpp"
#include "support/exhaustive.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <iostream>
#include <map>
#include <random>

using namespace podstudio;

namespace {

using group_of_commands = std::vector<std::shared_ptr<const command>>;

/// How often it happened what the simulation is for.
struct simulated_counts {
  std::uint64_t crashes = 0;
  std::uint64_t failed_opens = 0;
  std::uint64_t failed_calls = 0;
  std::uint64_t torn_tails = 0;
  std::uint64_t rolls = 0;
  std::uint64_t refused_full = 0;
  std::uint64_t outcome_unknown = 0;
  std::uint64_t acknowledged = 0;

  simulated_counts& operator+=(const simulated_counts& other) {
    crashes += other.crashes;
    failed_opens += other.failed_opens;
    failed_calls += other.failed_calls;
    torn_tails += other.torn_tails;
    rolls += other.rolls;
    refused_full += other.refused_full;
    outcome_unknown += other.outcome_unknown;
    acknowledged += other.acknowledged;
    return *this;
  }
};

std::uint64_t frame_bytes(const group_of_commands& group) {
  std::string frames;
  for (auto& each : group)
    REQUIRE_OK(append_frame(*each, frames));
  return frames.size();
}

/// One log on a simulated disk, used and abused at random through some lives of its process. All
/// chance comes from the seed, so a seed stands for one run to the byte.
///
/// Whenever the log is opened, what it holds is an exact prefix of all that was ever handed to it,
/// with every acknowledged command. It may fail to open only where a call failed in that very
/// opening, and never finds itself damaged. Once open it can be appended to.
class simulation {
public:
  explicit simulation(std::uint64_t seed) : random_(seed) {
    options_.segment_size_bytes = 6144 + 512 * below(20);
    options_.allocation_bytes = 512 + 8 * below(400);
    options_.run_beside = [this](std::function<void()> work) { return beside(std::move(work)); };
    options_.new_uuid = [this] {
      uuid made;
      for (auto& byte : made)
        byte = static_cast<std::uint8_t>(random_());
      return made;
    };
    options_.clock_us = [this] { return now_us_ += static_cast<std::int64_t>(below(3)); };
    if (one_in(2)) disk_.garbage = random_choice(random_);
    files_.on_failed_sync = [this](file& of) { disk_.fail_sync(of, any_fate()); };
    REQUIRE_OK(disk_.make_folder("/data"));
    REQUIRE_OK(disk_.sync_folder(""));
  }

  void run() {
    for (auto lives = 2 + below(5); lives > 0; --lives)
      live();
    open_surely();
    for (int i = 0; i < 3; ++i)
      BOOST_REQUIRE(append(make_group(1 + below(5), 1), true));
    check_readers();
    open_surely();
  }

  const simulated_counts& counts() const noexcept { return counts_; }
  std::map<std::string, std::string> files() const { return disk_.files(); }

private:
  struct entry {
    std::shared_ptr<const command> what;
    log_head head;  ///< {0, zeros} while it is unknown
  };

  std::uint64_t below(std::uint64_t count) { return random_() % count; }
  bool one_in(std::uint64_t count) { return below(count) == 0; }

  // --- the world ---

  /// What becomes of that which was not synced: nothing stays, all of it, or any part.
  choice any_fate() {
    switch (below(4)) {
    case 0:
      return [](std::size_t) { return std::size_t{0}; };
    case 1:
      return [](std::size_t count) { return count - 1; };
    default:
      return random_choice(random_);
    }
  }

  /// The next segment is prepared at once, or when it is waited for, or at some moment before.
  std::future<void> beside(std::function<void()> work) {
    auto once = std::make_shared<std::function<void()>>(std::move(work));
    auto run_once = [once] {
      if (*once) std::exchange(*once, nullptr)();
    };
    switch (below(3)) {
    case 0: {
      run_once();
      std::promise<void> done;
      done.set_value();
      return done.get_future();
    }
    case 1:
      in_between_ = run_once;
      break;
    default:
      break;
    }
    return std::async(std::launch::deferred, run_once);
  }

  /// A call fails, or all from one on do.
  void inject_failure() {
    static constexpr file_call kinds[] = {
        file_call::write, file_call::write,       file_call::sync,       file_call::sync,
        file_call::sync,  file_call::allocate,    file_call::read,       file_call::rename,
        file_call::open,  file_call::sync_folder, file_call::truncate,   file_call::remove,
        file_call::list,  file_call::size,        file_call::make_folder};
    auto errno_value = one_in(2) ? EIO : ENOSPC;
    files_.torn_writes = one_in(2);
    switch (below(4)) {
    case 0:
      return files_.fail_call(1 + below(80), errno_value);
    case 1:
      return files_.fail_from(1 + below(120), errno_value);
    default:
      return files_.fail_once(kinds[below(std::size(kinds))], 1 + below(10), errno_value);
    }
  }
  void inject_kill(std::uint64_t calls_at_most) {
    files_.torn_writes = one_in(2);
    files_.kill_at(1 + below(calls_at_most));
  }
  bool something_failed_since(std::uint64_t failures) const {
    return files_.failures != failures || files_.killed();
  }

  void close() {
    in_between_ = nullptr;
    log_.reset();
    poisoned_ = false;
    disk_.capacity_bytes = UINT64_MAX;
  }
  void crash() {
    close();
    disk_.crash(any_fate());
    files_.heal();
    ++counts_.crashes;
  }

  // --- what a process does ---

  void live() {
    if (one_in(3)) inject_failure();
    for (auto deep = 0; !open() && deep < 3; ++deep) {
      if (files_.killed() || one_in(2)) crash();
      files_.heal();
      if (!one_in(3)) inject_kill(40);
    }
    if (log_ == nullptr || files_.killed()) {
      if (files_.killed() || one_in(2)) crash();
      open_surely();
    }
    if (!files_.fault && one_in(2)) inject_failure();
    if (!files_.fault && one_in(2)) inject_kill(60);
    for (auto steps = below(25); steps > 0 && !files_.killed(); --steps)
      step();
    auto dead = files_.killed();
    if (dead || one_in(2)) crash();
    close();
    files_.heal();
    // Where recovery is killed as well.
    for (auto deep = below(4); deep > 0; --deep) {
      inject_kill(30);
      if (open() && !files_.killed()) break;
      if (files_.killed()) crash();
    }
    close();
    files_.heal();
  }

  void step() {
    if (in_between_ && one_in(4)) std::exchange(in_between_, nullptr)();
    switch (below(14)) {
    case 0:
      return reserve();
    case 1:
      return sync();
    case 2:
      return poisoned_ ? check_poisoned() : check_readers();
    case 3:
      return fill_the_disk();
    case 4:
      (void)append(make_group(1 + below(50), 1), one_in(2));
      return;
    case 5:
      (void)append(make_group(1, 1 + below(90)), !one_in(3));
      return;
    default:
      (void)append(make_group(1 + below(4), 1 + below(3)), !one_in(3));
      return;
    }
  }

  group_of_commands make_group(std::uint64_t size, std::size_t events_each) {
    group_of_commands group;
    for (; size > 0; --size, ++made_)
      group.push_back(made_ % 4 == 3 ? asked_command(made_ + 1, events_each)
                                     : sample_command(made_ + 1, events_each));
    return group;
  }

  /// Whether the log opened.
  bool open() {
    close();
    auto failures = files_.failures;
    recovery_report report;
    auto opened = open_log(files_, any_checkpoint(), &report, options_);
    counts_.failed_calls += files_.failures - failures;
    if (!opened) {
      auto code = opened.failure().code;
      BOOST_REQUIRE_MESSAGE(something_failed_since(failures) && code != error_code::damaged
                                && code != error_code::newer_version,
                            opened.failure().message);
      ++counts_.failed_opens;
      return false;
    }
    log_ = std::move(*opened);
    counts_.torn_tails += report.truncated_bytes > 0;
    BOOST_REQUIRE((report.truncated_bytes > 0) == disk_.exists(report.truncated_copy));
    take_what_is_read();
    BOOST_REQUIRE(log_->head() == head());
    BOOST_REQUIRE(log_->durable_head() == head());
    BOOST_REQUIRE(report.frames == history_.size());
    acknowledged_ = history_.size();  // what was recovered is durable
    return true;
  }

  void open_surely() {
    files_.heal();
    refuse_a_foreign_checkpoint();
    BOOST_REQUIRE(open());
  }

  void refuse_a_foreign_checkpoint() {
    if (acknowledged_ == 0 || !one_in(8)) return;
    close();
    auto foreign = history_[below(acknowledged_)].head;
    foreign.hash[below(foreign.hash.size())] ^= 1;
    auto changes = disk_.changes();
    REQUIRE_FAILS(open_log(files_, foreign, nullptr, options_), error_code::damaged);
    BOOST_REQUIRE(disk_.changes() == changes);
  }

  std::optional<log_head> any_checkpoint() {
    if (acknowledged_ == 0 || one_in(3)) return std::nullopt;
    return history_[one_in(2) ? acknowledged_ - 1 : below(acknowledged_)].head;
  }
  log_head head() const { return history_.empty() ? log_head{} : history_.back().head; }

  /// The oracle: a prefix of the history with all that was acknowledged; it is the history now.
  void take_what_is_read() {
    auto read = read_log(disk_);
    REQUIRE_OK(read);
    BOOST_REQUIRE_GE(read->size(), acknowledged_);
    BOOST_REQUIRE_LE(read->size(), history_.size());
    history_.resize(read->size());
    sequence_number sequence = 0;
    bool exact = true;
    for (std::size_t i = 0; i < read->size(); ++i) {
      auto& each = (*read)[i];
      log_head found{each.last_sequence(), each.hash};
      auto& known = history_[i];
      exact = exact && *each.what == *known.what && each.first_sequence == sequence + 1
              && (known.head == log_head{} || known.head == found);
      known.head = found;
      sequence = found.sequence;
    }
    BOOST_REQUIRE(exact);
  }

  /// Whether the group was appended.
  bool append(const group_of_commands& group, bool sync) {
    auto failures = files_.failures;
    auto segments = log_->segments();
    auto head_before = log_->head();
    auto committed = log_->append(group, ++now_us_, sync);
    counts_.failed_calls += files_.failures - failures;
    counts_.rolls += log_->segments() - segments;
    if (committed) {
      BOOST_REQUIRE(!poisoned_);
      BOOST_REQUIRE(committed->size() == group.size());
      bool follows = true;
      for (auto& each : *committed) {
        follows = follows && each.first_sequence == head().sequence + 1;
        history_.push_back({each.what, {each.last_sequence(), each.hash}});
      }
      BOOST_REQUIRE(follows);
      BOOST_REQUIRE(log_->head() == head());
      if (sync) BOOST_REQUIRE(log_->durable_head() == head());
      note_durable();
      return true;
    }
    note_durable();
    if (committed.failure().code == error_code::outcome_unknown) {
      note_poisoned(failures);
      for (auto& each : group)
        history_.push_back({each, {}});
      return false;
    }
    bool full = disk_.capacity_bytes != UINT64_MAX;
    BOOST_REQUIRE_MESSAGE(full || something_failed_since(failures), committed.failure().message);
    BOOST_REQUIRE(log_->head() == head_before);
    counts_.refused_full += committed.failure().code == error_code::disk_full;
    return false;
  }

  void sync() {
    auto failures = files_.failures;
    auto synced = log_->sync();
    counts_.failed_calls += files_.failures - failures;
    if (!synced) return note_poisoned(failures);
    BOOST_REQUIRE(log_->durable_head() == head());
    note_durable();
  }

  /// What the writer calls durable is acknowledged.
  void note_durable() {
    auto durable = log_->durable_head();
    while (acknowledged_ < history_.size()
           && history_[acknowledged_].head.sequence <= durable.sequence
           && history_[acknowledged_].head != log_head{}) {
      ++acknowledged_;
      ++counts_.acknowledged;
    }
    BOOST_REQUIRE(durable == (acknowledged_ == 0 ? log_head{} : history_[acknowledged_ - 1].head));
  }

  /// By a call that failed since, or by one before.
  void note_poisoned(std::uint64_t failures) {
    BOOST_REQUIRE(poisoned_ || something_failed_since(failures));
    if (!std::exchange(poisoned_, true)) ++counts_.outcome_unknown;
    check_poisoned();
  }

  /// Once an outcome is unknown the writer touches nothing and refuses everything.
  void check_poisoned() {
    auto calls = files_.calls;
    auto group = make_group(1, 1);
    REQUIRE_FAILS(log_->append(group, 1), error_code::outcome_unknown);
    REQUIRE_FAILS(log_->sync(), error_code::outcome_unknown);
    REQUIRE_FAILS(log_->reserve(8), error_code::outcome_unknown);
    BOOST_REQUIRE(log_->reserved_bytes() == 0);
    BOOST_REQUIRE(log_->head() == log_->durable_head());
    BOOST_REQUIRE(files_.calls == calls);
  }

  /// What was reserved is there on a full disk, whatever the segments.
  void reserve() {
    auto failures = files_.failures;
    auto wanted = 8 + below(options_.segment_size_bytes - segment_header_bytes - 8);
    auto reserved = log_->reserve(wanted);
    counts_.failed_calls += files_.failures - failures;
    if (!reserved) {
      if (reserved.failure().code == error_code::outcome_unknown) return note_poisoned(failures);
      BOOST_REQUIRE_MESSAGE(something_failed_since(failures), reserved.failure().message);
      return;
    }
    BOOST_REQUIRE(log_->reserved_bytes() >= wanted);
    if (files_.fault) return;
    disk_.capacity_bytes = disk_.used_bytes();
    for (;;) {
      auto group = make_group(1 + below(3), 1 + below(3));
      auto size = frame_bytes(group);
      if (size > wanted) break;
      wanted -= size;
      BOOST_REQUIRE(append(group, one_in(2)));
    }
    disk_.capacity_bytes = UINT64_MAX;
  }

  /// A command that a full disk refused is accepted by the same writer when there is room.
  void fill_the_disk() {
    disk_.capacity_bytes = disk_.used_bytes() + below(2 * options_.segment_size_bytes);
    for (auto tries = 1 + below(8); tries > 0; --tries) {
      auto group = make_group(1 + below(12), 1 + below(8));
      if (append(group, one_in(2)) || poisoned_) continue;
      disk_.capacity_bytes = UINT64_MAX;
      if (!files_.fault) BOOST_REQUIRE(append(group, true));
      break;
    }
    disk_.capacity_bytes = UINT64_MAX;
  }

  /// Readers beside the writer see all of it, forwards, backwards, and with every acknowledged
  /// head. The head that they are told is there after a crash.
  void check_readers() {
    auto forwards = read_log(disk_);
    REQUIRE_OK(forwards);
    BOOST_REQUIRE(forwards->size() == history_.size());
    verify_options expected;
    expected.expect = any_checkpoint();
    auto looked_at = disk_.clone();  // being told a head makes it durable
    auto verified = verify_log(looked_at, log_folder, expected);
    REQUIRE_OK(verified);
    BOOST_REQUIRE(verified->head == head());
    BOOST_REQUIRE(!verified->torn_tail);
    looked_at.crash(any_fate());
    REQUIRE_OK(verify_log(looked_at, log_folder, {.expect = verified->head}));
    auto to = below(head().sequence + 3);
    auto backwards = open_backwards(disk_, log_folder, to);
    REQUIRE_OK(backwards);
    auto last =
        std::ranges::find_if(*forwards, [&](auto& each) { return each.first_sequence > to; });
    for (auto each = last; each != forwards->begin();) {
      auto before = (*backwards)->next();
      REQUIRE_OK(before);
      BOOST_REQUIRE(*before);
      --each;
      BOOST_REQUIRE((*before)->hash == each->hash);
    }
    auto none = (*backwards)->next();
    REQUIRE_OK(none);
    BOOST_REQUIRE(!*none);
  }

  std::mt19937_64 random_;
  memory_disk disk_;
  faulty_files files_{disk_};
  log_options options_;
  std::int64_t now_us_ = 1'700'000'000'000'000;
  std::function<void()> in_between_;  ///< a preparation that waits for its moment
  std::unique_ptr<log_writer> log_;
  bool poisoned_ = false;
  std::uint64_t made_ = 0;      ///< commands, all different
  std::vector<entry> history_;  ///< what was handed to the log, but for what it surely has not
  std::size_t acknowledged_ = 0;
  simulated_counts counts_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(log_simulation)

BOOST_AUTO_TEST_CASE(whatever_fails_the_log_is_a_prefix_with_every_acknowledged_command) {
  seed_range seeds(300, 100'000);
  simulated_counts all;
  for (std::uint64_t i = 0; i < seeds.count; ++i) {
    auto seed = seeds.first + i;
    BOOST_TEST_INFO_SCOPE("PODSTUDIO_SEED=" << seed);
    simulation run(seed);
    run.run();
    all += run.counts();
    if (exhaustive() && (i + 1) % 10'000 == 0)
      std::cout << i + 1 << " seeds from " << seeds.first << ", 0 violations: " << all.crashes
                << " crashes, " << all.failed_opens << " openings failed or killed, "
                << all.failed_calls << " calls failed, " << all.torn_tails << " torn tails, "
                << all.rolls << " new segments, " << all.refused_full
                << " refusals of a full disk, " << all.outcome_unknown << " unknown outcomes, "
                << all.acknowledged << " commands acknowledged" << std::endl;
  }
  if (seeds.count == 1) return;
  // What is simulated does happen.
  for (auto often : {all.crashes, all.failed_opens, all.failed_calls, all.torn_tails, all.rolls,
                     all.refused_full, all.outcome_unknown, all.acknowledged})
    BOOST_TEST(often > 10u);
}

BOOST_AUTO_TEST_CASE(a_seed_stands_for_one_run_to_the_byte) {
  seed_range seeds(20, 1'000);
  for (std::uint64_t i = 0; i < seeds.count; ++i) {
    auto seed = seeds.first + i;
    BOOST_TEST_INFO_SCOPE("PODSTUDIO_SEED=" << seed);
    simulation first(seed), second(seed);
    first.run();
    second.run();
    BOOST_REQUIRE(first.files() == second.files());
  }
}

BOOST_AUTO_TEST_SUITE_END()
