// SPDX-License-Identifier: MIT
#include "log_fixture.hpp"
#include "support/exhaustive.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <map>
#include <random>
#include <span>

using namespace podstudio;

namespace {

/// Answers every question in each possible way, one way after the other.
class every_choice {
public:
  choice answers() {
    at_ = 0;
    return [this](std::size_t count) {
      if (at_ == asked_.size()) asked_.push_back({count, 0});
      return asked_[at_++].answer;
    };
  }
  /// Whether there is another way.
  bool advance() {
    while (!asked_.empty() && asked_.back().answer + 1 == asked_.back().count)
      asked_.pop_back();
    if (asked_.empty()) return false;
    ++asked_.back().answer;
    return true;
  }

private:
  struct question {
    std::size_t count = 0;
    std::size_t answer = 0;
  };
  std::vector<question> asked_;
  std::size_t at_ = 0;
};

std::vector<std::shared_ptr<const command>> group_of(std::uint64_t first, std::uint64_t last,
                                                     std::size_t events_each = 1) {
  std::vector<std::shared_ptr<const command>> group;
  for (auto number = first; number <= last; ++number)
    group.push_back(sample_command(number, events_each));
  return group;
}

/// A log that is killed in a call of one kind, and what it was doing.
struct crash_scenario {
  const char* name;
  std::uint64_t acknowledged;  ///< commands, each a group
  std::uint64_t reserved_bytes;
  std::vector<std::pair<std::uint64_t, std::size_t>> groups;  ///< commands, events of each
  bool riders;                                                ///< all groups but the last
  file_call killed_in;
  std::uint64_t nth_call;
};

const crash_scenario crash_scenarios[] = {
    {"several frames at a segment's start", 0, 8000, {{36, 1}}, false, file_call::sync, 1},
    {"several frames that share a sector with an acknowledged one",
     3,
     6000,
     {{30, 1}},
     false,
     file_call::sync,
     1},
    {"one frame over many sectors", 0, 8000, {{1, 150}}, false, file_call::sync, 1},
    {"one frame over many sectors behind an acknowledged one",
     1,
     6000,
     {{1, 140}},
     false,
     file_call::sync,
     1},
    {"frames of several sectors", 2, 8000, {{4, 32}}, false, file_call::sync, 1},
    {"frames without a sync, then a group",
     1,
     6000,
     {{1, 1}, {1, 1}, {2, 4}, {6, 1}},
     true,
     file_call::sync,
     1},
    {"space that grows", 5, 0, {{16, 1}}, false, file_call::sync, 1},
    {"a new segment's space", 60, 0, {{24, 1}}, false, file_call::sync, 1},
    {"a new segment's name", 60, 0, {{24, 1}}, false, file_call::sync_folder, 1},
    {"a new segment's first group", 60, 8000, {{34, 1}}, false, file_call::sync, 2},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(log_crash)

// Every subset of the sectors, sizes and names that were not synced; once with what was there
// before in the place of the others, and once with garbage in some of them.
BOOST_AUTO_TEST_CASE(
    whatever_a_crash_leaves_every_acknowledged_command_is_there_and_nothing_stops) {
  auto seed = seed_range(1, 1).first;
  for (auto& scenario : crash_scenarios) {
    memory_disk disk;
    REQUIRE_OK(disk.make_folder("/data"));
    REQUIRE_OK(disk.sync_folder(""));
    faulty_files files(disk);
    auto sent = group_of(1, scenario.acknowledged);
    auto log = open_log(files);
    REQUIRE_OK(log);
    REQUIRE_OK(append(**log, 1, scenario.acknowledged));
    auto head = (*log)->head();
    if (scenario.reserved_bytes > 0) REQUIRE_OK((*log)->reserve(scenario.reserved_bytes));
    files.fault = [&, left = scenario.nth_call](file_call call) mutable {
      if (left > 0 && call == scenario.killed_in) --left;
      return left == 0 ? EIO : 0;
    };
    for (auto& [size, events_each] : scenario.groups) {
      bool last = &scenario.groups.back().first == &size;
      auto group = group_of(sent.size() + 1, sent.size() + size, events_each);
      auto appended = (*log)->append(group, 1, last || !scenario.riders);
      BOOST_REQUIRE(bool(appended) == (scenario.riders && !last));
      sent.insert(sent.end(), group.begin(), group.end());
    }
    log->reset();

    every_choice subsets;
    std::mt19937_64 random(seed);
    std::uint64_t tried = 0;
    std::map<std::uint64_t, std::uint64_t> recovered;
    do {
      for (bool garbage : {false, true}) {
        auto crashed = disk.clone();
        if (garbage) crashed.garbage = random_choice(random);
        crashed.crash(subsets.answers());
        recovery_report report;
        auto opened = open_log(crashed, head, &report);
        BOOST_TEST_INFO_SCOPE(scenario.name << ", subset " << tried << ", PODSTUDIO_SEED=" << seed);
        REQUIRE_OK(opened);
        BOOST_REQUIRE(report.frames >= scenario.acknowledged);
        BOOST_REQUIRE(report.frames <= sent.size());
        auto all = read_log(crashed);
        REQUIRE_OK(all);
        BOOST_REQUIRE(all->size() == report.frames);
        BOOST_REQUIRE(
            std::ranges::equal(*all, std::span(sent).first(all->size()),
                               [](auto& found, auto& made) { return *found.what == *made; }));
        ++recovered[report.frames];
      }
      ++tried;
    } while (subsets.advance());
    BOOST_TEST(tried >= 2u, scenario.name);
    if (exhaustive()) {
      std::cout << std::setw(6) << tried << " outcomes of a crash: " << scenario.name
                << "; frames recovered of " << sent.size() << ", " << scenario.acknowledged
                << " acknowledged:";
      for (auto& [count, times] : recovered)
        std::cout << ' ' << count << 'x' << times;
      std::cout << std::endl;
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
