// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE kill
#include "system/console.hpp"
#include "system/curators.hpp"
#include "system/process.hpp"
#include "system/traced.hpp"
#include "system/workspace.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <functional>
#include <iomanip>
#include <random>
#include <span>
#include <sstream>
#include <sys/syscall.h>
#include <thread>

using namespace system_test;

namespace {

/// When the calls of a kind are made.
enum class phase : std::uint8_t {
  work,   ///< while commands come
  start,  ///< only while a service starts
  rest,   ///< some time after the last command
};

/// A kind of call at which a service is killed.
struct call_kind {
  const char* name;
  long number;
  const char* file;  ///< how its path ends; behind the data folder's where it begins with a slash
  phase made = phase::work;
  std::uint64_t most = 2;  ///< how many are surely made before the last command
};

constexpr call_kind log_calls[] = {
    {"write frames", SYS_pwrite64, ".log", phase::work, 20},
    {"sync frames", SYS_fdatasync, ".log", phase::work, 20},
    {"allocate the next segment", SYS_fallocate, "next.tmp"},
    {"write the next segment", SYS_pwrite64, "next.tmp", phase::work, 4},
    {"sync the next segment's zeros", SYS_fdatasync, "next.tmp"},
    {"sync the next segment's header", SYS_fsync, "next.tmp"},
    {"name the next segment", SYS_rename, ".log"},
    {"sync the log's folder", SYS_fsync, "/log"},
    {"sync a segment that is recovered", SYS_fsync, ".log", phase::start},
    {"allocate in a segment", SYS_fallocate, ".log", phase::start},
    {"remove a prepared segment", SYS_unlink, "next.tmp", phase::start},
    {"write a torn tail's copy", SYS_pwrite64, ".torn", phase::start},
    {"sync a torn tail's copy", SYS_fsync, ".torn", phase::start},
    {"sync the folder of torn tails", SYS_fsync, "/log/torn", phase::start},
    {"cut a torn tail off", SYS_ftruncate, ".log", phase::start},
};

constexpr call_kind table_calls[] = {
    {"write the tables' WAL", SYS_pwrite64, "/podstudio.db-wal", phase::work, 300},
    {"sync the tables' WAL", SYS_fdatasync, "/podstudio.db-wal", phase::rest, 1},
    {"write the tables", SYS_pwrite64, "/podstudio.db", phase::rest, 5},
    {"sync the tables", SYS_fdatasync, "/podstudio.db", phase::rest, 1},
    {"make room in the WAL's index", SYS_pwrite64, "/podstudio.db-shm", phase::start},
    {"cut the WAL's index", SYS_ftruncate, "/podstudio.db-shm", phase::start},
};

using call_kinds = std::span<const call_kind>;
using moment = kill_point::moment;
constexpr const char* moment_names[] = {"before", "half way", "after"};

const call_kind* kind_of(const system_call& call, call_kinds kinds, const std::string& data) {
  auto matches = [&](const call_kind& kind) {
    std::string file = kind.file;
    return call.number == kind.number
           && (file[0] == '/' ? call.path == data + file
                              : call.path.ends_with(file) && call.path.starts_with(data + "/log/"));
  };
  auto found = std::ranges::find_if(kinds, matches);
  return found == kinds.end() ? nullptr : &*found;
}

/// In a folder of its own.
struct killed_library : workspace, curated_library {
  explicit killed_library(std::mt19937_64& random)
      : curated_library(library(workspace::data), root, random) {}
};

/// Counts for people.
struct tally {
  std::map<std::string, std::size_t> calls, moments;  ///< at which it was killed
  std::size_t kills = 0;                              ///< at a chosen call
  std::size_t starting = 0;                           ///< of them, before the service was ready
  std::size_t deepest = 0;                            ///< most of these in a row
  std::size_t tables_behind = 0;                      ///< of them, with less in the tables
  std::size_t others = 0;                             ///< as the chosen call was never made
  std::size_t acknowledged = 0, found = 0, segments = 0;

  void print(std::uint64_t seed) const {
    std::ostringstream text;
    text << "seed " << seed << ": " << kills << " kills at a chosen call, and " << others
         << " after the last command\n";
    for (const auto* counts : {&calls, &moments})
      for (const auto& [name, count] : *counts)
        text << std::setw(8) << count << "  " << name << '\n';
    text << std::setw(8) << starting << "  while the service started, up to " << deepest
         << " in a row\n"
         << std::setw(8) << tables_behind << "  with the tables behind the log\n"
         << "commands: " << acknowledged << " acknowledged, " << found << " found in the log of "
         << segments << " segments, " << acknowledged - std::min(acknowledged, found) << " lost";
    BOOST_TEST_MESSAGE(text.str());
  }
};

/// Kills the services of one library after the other, in work and up to three times in a row at
/// the start.
class killer {
public:
  killer(std::uint64_t seed, call_kinds kinds) : random_(seed), kinds_(kinds) {}

  /// Until enough kills are counted.
  void run(const std::size_t& counted, std::size_t wanted) {
    while (counted < wanted) {
      auto end = std::min(wanted, counted + kills_a_library);
      run_library([&] { return counted >= end; });
    }
  }

  tally counts;

private:
  static constexpr std::size_t kills_a_library = 40;
  static constexpr std::size_t depth_max = 3;

  bool one_in(std::uint64_t several) { return random_() % several == 0; }
  std::uint64_t one_to(std::uint64_t most) { return 1 + random_() % most; }

  /// At a call of one kind, or of any.
  kill_point at(const killed_library& of, const call_kind* kind, std::uint64_t nth) {
    auto hit = [kinds = kinds_, data = of.data, kind](const system_call& call) {
      auto found = kind_of(call, kinds, data);
      return found != nullptr && (kind == nullptr || found == kind);
    };
    return {hit, nth, static_cast<moment>(random_() % 3), random_()};
  }
  const call_kind& a_kind(phase made) {
    for (;;)
      if (const auto& kind = kinds_[random_() % kinds_.size()]; kind.made == made) return kind;
  }
  kill_point at_start(const killed_library& of) {
    constexpr std::uint64_t calls_of_a_start = 10;
    if (!torn_ && one_in(2)) return at(of, nullptr, one_to(calls_of_a_start));
    return at(of, &a_kind(phase::start), 1);
  }
  /// Each kind about as often as any other, however rare its calls are; but most begin with the
  /// first.
  kill_point in_work(const killed_library& of, phase& made) {
    constexpr std::uint64_t rests_one_in = 10;  // they take a second each
    bool may_rest = std::ranges::any_of(kinds_, [](auto& k) { return k.made == phase::rest; });
    made = may_rest && one_in(rests_one_in) ? phase::rest : phase::work;
    const auto& kind = made == phase::work && one_in(3) ? kinds_[0] : a_kind(made);
    auto point = at(of, &kind, one_to(kind.most));
    if (&kind == &kinds_[0] && one_in(2)) point.when = moment::half_way;
    return point;
  }

  void count(const killed_library& of, traced_process& service, moment when, bool ready) {
    auto ended = service.running().finish();
    BOOST_TEST_REQUIRE(ended.code == -SIGKILL, "the service ended by itself: " << ended);
    auto call = service.killed_at();
    torn_ = false;
    if (!call) {
      ++counts.others;
      return;
    }
    auto kind = kind_of(*call, kinds_, of.data);
    torn_ = kind == &kinds_[0] && when == moment::half_way;
    ++counts.kills;
    ++counts.calls[kind->name];
    ++counts.moments[moment_names[static_cast<std::size_t>(when)]];
    counts.starting += ready ? 0 : 1;
    counts.tables_behind += of.tables_are_behind() ? 1 : 0;
  }

  static curator::outcome work(curator& person, console& to, int commands) {
    auto last = curator::outcome::done;
    for (; commands > 0 && last == curator::outcome::done; --commands)
      last = person.step(to);
    return last;
  }

  static bool is_ready(traced_process& service) {
    bool ready = false;
    eventually([&] {
      ready = service.running().err().ends_with("ready\n");
      return ready || !service.running().runs();
    });
    return ready;
  }

  void run_library(const std::function<bool()>& enough) {
    killed_library of(random_);
    for (std::size_t depth = random_() % (depth_max + 1), deep = 0;;) {
      std::optional<kill_point> point;
      if (deep < depth && !enough()) point = at_start(of);
      traced_process service(of.podstudio.call({"serve"}), point);
      bool ready = is_ready(service);
      if (!ready || !service.disarm()) {
        count(of, service, point ? point->when : moment::before, ready);
        counts.deepest = std::max(counts.deepest, ++deep);
        continue;
      }
      if (!go_on(of, service, enough())) break;
      depth = random_() % (depth_max + 1);
      deep = 0;
    }
    counts.acknowledged += of.acknowledged();
    counts.found += of.found();
    counts.segments += of.segments();
  }

  /// Checks what the kills before have left, and has people work until the next; false at the end.
  bool go_on(killed_library& of, traced_process& service, bool last) {
    of.check();
    console first(of.podstudio), second(of.podstudio);
    for (auto& person : of.people) {
      if (person.is_waiting())
        BOOST_TEST_REQUIRE((work(person, first, 1) == curator::outcome::done));
      BOOST_TEST(person.answers_again(second));
    }
    if (last) {
      of.check_complete();
      return false;
    }
    phase made{};
    auto point = in_work(of, made);
    service.arm(point);
    {
      constexpr int commands_max = 40;
      std::vector<std::jthread> working;
      for (std::size_t i = 0; i < of.people.size(); ++i)
        working.emplace_back(
            [&, i] { work(of.people[i], i % 2 == 0 ? first : second, commands_max); });
    }
    for (const auto& person : of.people)
      BOOST_TEST(person.refused == 0, person.refusal);
    constexpr milliseconds rest_begins_within = 3s;
    if (made == phase::rest)
      eventually([&] { return !service.running().runs(); }, rest_begins_within);
    if (service.disarm()) service.running().signal(SIGKILL);
    count(of, service, point.when, true);
    return true;
  }

  std::mt19937_64 random_;
  call_kinds kinds_;
  bool torn_ = false;  ///< the last kill tore a write in two
};

/// Until so many kills, or so many with the tables behind the log.
void kill_at(call_kinds kinds, std::size_t tally::*counted, std::size_t wanted) {
  if (skip_unless(may_trace(), "tracing is not permitted here")) return;
  auto seed = number_from_env("PODSTUDIO_TEST_SEED", std::random_device{}());
  BOOST_TEST_MESSAGE("seed " << seed << "; PODSTUDIO_TEST_SEED=" << seed << " runs it again");
  killer all(seed, kinds);
  all.run(all.counts.*counted, wanted);
  all.counts.print(seed);
}

}  // namespace

BOOST_AUTO_TEST_CASE(kills_at_every_call_of_the_log_lose_nothing_acknowledged) {
  kill_at(log_calls, &tally::kills, number_from_env("PODSTUDIO_LOG_KILLS", 40));
}

BOOST_AUTO_TEST_CASE(kills_between_the_logs_sync_and_the_tables_commit_fold_each_event_once) {
  kill_at(table_calls, &tally::tables_behind, number_from_env("PODSTUDIO_TABLE_KILLS", 25));
}
