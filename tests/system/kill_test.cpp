#define BOOST_TEST_MODULE kill
#include "system/console.hpp"
#include "system/process.hpp"
#include "system/tables.hpp"
#include "system/traced.hpp"
#include "system/workspace.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <functional>
#include <iomanip>
#include <iterator>
#include <random>
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

/// One who curates assets of their own, one command after the other.
class curator {
public:
  struct given {
    console_command what;
    std::optional<console_answer> first;  ///< acknowledged so
  };

  curator(int number, std::uint64_t seed) : number_(number), random_(seed) {}

  static constexpr int assets = 3;

  /// Until the service is gone, or `most` commands are done.
  void work(console& to, int most) {
    for (int i = 0; i < most; ++i) {
      commands_.push_back({next_command(), std::nullopt});
      if (!acknowledge(commands_.back(), to)) return;
    }
  }

  /// Gives what was not acknowledged once more; false where the service went away again.
  bool repeat(console& to) {
    if (commands_.empty() || commands_.back().first) return true;
    return acknowledge(commands_.back(), to);
  }

  /// Gives the last command, which was acknowledged, once more.
  void check_repeats_answer(console& to) {
    if (commands_.empty()) return;
    auto again = to.give(commands_.back().what);
    if (again) BOOST_TEST(*again == *commands_.back().first);
  }

  const std::vector<given>& commands() const { return commands_; }
  std::size_t acknowledged() const { return acknowledged_; }
  /// Why a command was refused, which none should be. (Boost's checks are for the main thread.)
  const std::string& refusal() const { return refusal_; }
  /// The theme each of the assets has once all commands are done.
  const std::map<std::int64_t, std::string>& themes() const { return themes_; }

private:
  bool acknowledge(given& command, console& to) {
    auto answer = to.give(command.what);
    if (!answer) return false;
    if (!answer->done) {
      refusal_ = command.what.name + " is refused: " + answer->message;
      return false;
    }
    ++acknowledged_;
    command.first = std::move(answer);
    return true;
  }

  /// Always one that changes something: a theme that was never there, or the other approval.
  console_command next_command() {
    auto first = number_ * assets + 1;
    nlohmann::json ids = nlohmann::json::array();
    auto count = 1 + random_() % assets;
    for (std::uint64_t i = 0; i < count; ++i)
      ids.push_back(first + static_cast<int>(i));
    if (random_() % 4 == 0) {
      auto one = first + static_cast<int>(random_() % assets);
      bool approve = (approved_[one] = !approved_[one]);
      return {new_command_id(), approve ? "asset.approve" : "asset.unapprove", {{"ids", {one}}}};
    }
    auto theme = std::to_string(number_) + "." + std::to_string(commands_.size())
                 + std::string(random_() % 900, 't');
    for (const auto& id : ids)
      themes_[id] = theme;
    return {new_command_id(), "asset.set", {{"ids", ids}, {"theme", theme}}};
  }

  int number_;
  std::mt19937_64 random_;
  std::vector<given> commands_;
  std::size_t acknowledged_ = 0;
  std::string refusal_;
  std::map<std::int64_t, std::string> themes_;
  std::map<std::int64_t, bool> approved_;
};

/// A library whose service is killed again and again, with a log of many small segments.
class killed_library {
public:
  static constexpr int curators = 3;

  explicit killed_library(std::mt19937_64& random) : random_(random) {
    make_file(space_.data + "/config.toml", "log_segment_bytes = 65536\n");
    for (int i = 0; i < curators * curator::assets; ++i)
      make_file(space_.root + "/" + std::to_string(i) + ".png", "picture " + std::to_string(i));
    podstudio.must({"import", space_.root});
    for (int i = 0; i < curators; ++i)
      people.emplace_back(i, random_());
  }

  const std::string& data() const { return space_.data; }
  launch serve() const { return podstudio.call({"serve"}); }

  /// Everything that must hold while a service runs on what a kill has left.
  void check() {
    auto verified = podstudio(expected_head_.empty()
                                  ? words{"--json", "log", "verify"}
                                  : words{"--json", "log", "verify", "--expect", expected_head_});
    BOOST_TEST_REQUIRE(verified.code == 0, verified);
    auto report = verified.json();
    BOOST_TEST(report["torn_tail"] == false);
    read_new_commands();
    for (std::size_t i = 0; i < people.size(); ++i) {
      BOOST_TEST(people[i].refusal().empty(), people[i].refusal());
      BOOST_TEST(found_[i] >= people[i].acknowledged(),
                 "of " << people[i].acknowledged() << " acknowledged commands the log has "
                       << found_[i]);
    }
    auto compared = podstudio({"replay", "--check"});
    BOOST_TEST_REQUIRE(compared.code == 0, compared);
    expected_head_ = std::to_string(report["head_sequence"].get<std::uint64_t>()) + ":"
                     + report["head_hash"].get<std::string>();
  }

  /// All that was ever given is done, once.
  void check_complete() {
    std::size_t given = 0;
    for (std::size_t i = 0; i < people.size(); ++i) {
      BOOST_TEST(found_[i] == people[i].commands().size());
      given += found_[i];
      for (const auto& [id, theme] : people[i].themes())
        BOOST_TEST(
            value(podstudio.database(), "SELECT theme FROM asset WHERE id = " + std::to_string(id))
            == theme);
    }
    BOOST_TEST(value(podstudio.database(),
                     "SELECT count(DISTINCT id) || ' ' || count(*) FROM command"
                     " WHERE origin = 'console'")
               == std::to_string(given) + " " + std::to_string(given));
  }

  std::size_t acknowledged() const {
    std::size_t count = 0;
    for (const auto& each : people)
      count += each.acknowledged();
    return count;
  }
  std::size_t found() const { return found_[0] + found_[1] + found_[2]; }

  /// Whether the log holds more than the tables; asked of a copy, as a kill left the originals.
  bool tables_are_behind() const {
    temp_folder copy;
    for (auto suffix : {"", "-wal"}) {
      auto from = podstudio.database() + suffix;
      if (std::filesystem::exists(from))
        std::filesystem::copy_file(from, copy.path + "/tables" + suffix);
    }
    auto tables = std::stoull(value(copy.path + "/tables", "SELECT sequence FROM checkpoint"));
    auto log = std::stoull(podstudio({"log", "head"}).out);
    BOOST_TEST(tables <= log);
    return tables < log;
  }

  std::size_t segments() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(std::filesystem::directory_iterator(space_.data + "/log"),
                              [](const auto& e) { return e.path().extension() == ".log"; }));
  }

private:
  struct logged {
    std::uint64_t last_sequence = 0, events = 0;
  };

  /// What the log has of a curator must be what was given, in order, without a gap, each once and
  /// as it was answered. The head noted at the last check vouches for what was read before.
  void read_new_commands() {
    auto shown = podstudio({"log", "show", "--from", std::to_string(read_to_ + 1)});
    BOOST_TEST_REQUIRE(shown.code == 0, shown);
    std::vector<std::pair<std::string, logged>> commands;
    std::istringstream lines(shown.out);
    for (std::string line; std::getline(lines, line);) {
      auto event = nlohmann::json::parse(line);
      BOOST_TEST_REQUIRE(event["sequence"] == ++read_to_);
      if (event["origin"] != "console") continue;
      auto id = event["command"].get<std::string>();
      if (commands.empty() || commands.back().first != id) commands.emplace_back(id, logged{});
      commands.back().second = {read_to_, commands.back().second.events + 1};
    }
    for (const auto& [id, what] : commands)
      check_next(id, what);
  }

  void check_next(const std::string& id, const logged& what) {
    for (std::size_t i = 0; i < people.size(); ++i) {
      auto& commands = people[i].commands();
      if (found_[i] == commands.size() || commands[found_[i]].what.id != id) continue;
      const auto& first = commands[found_[i]++].first;
      if (!first) return;
      BOOST_TEST(first->sequence == what.last_sequence);
      BOOST_TEST(first->result["changed"] == what.events);
      return;
    }
    BOOST_ERROR("command " << id << " at " << what.last_sequence
                           << " was never given, or is out of order, or is there twice");
  }

  workspace space_;
  std::mt19937_64& random_;

public:
  library podstudio{space_.data};
  std::vector<curator> people;

private:
  std::uint64_t read_to_ = 0;
  std::size_t found_[curators] = {};
  std::string expected_head_;
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
    auto hit = [kinds = kinds_, data = of.data(), kind](const system_call& call) {
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
    auto kind = kind_of(*call, kinds_, of.data());
    torn_ = kind == &kinds_[0] && when == moment::half_way;
    ++counts.kills;
    ++counts.calls[kind->name];
    ++counts.moments[moment_names[static_cast<std::size_t>(when)]];
    counts.starting += ready ? 0 : 1;
    counts.tables_behind += of.tables_are_behind() ? 1 : 0;
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
      traced_process service(of.serve(), point);
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
      BOOST_TEST_REQUIRE(person.repeat(first));
      person.check_repeats_answer(second);
    }
    if (last) {
      of.check();
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
            [&, i] { of.people[i].work(i % 2 == 0 ? first : second, commands_max); });
    }
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
