// SPDX-License-Identifier: MIT
#include "projections/compare.hpp"
#include "projections/projection.hpp"
#include "projections/rebuild.hpp"

#include "events/codec.hpp"
#include "events/file_system.hpp"
#include "events/log.hpp"
#include "schema/schema.hpp"
#include "support/dump.hpp"
#include "support/must.hpp"
#include "support/random_library.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <variant>
#include <vector>

using namespace podstudio;

namespace {

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* given = std::getenv(variable);
  return given ? std::strtoull(given, nullptr, 10) : otherwise;
}

/// PODSTUDIO_TEST_SEED repeats a failed run.
std::uint64_t first_seed() { return number_of("PODSTUDIO_TEST_SEED", 1); }

std::vector<committed_command> random_commands(std::uint64_t seed, std::size_t count) {
  random_library library(seed);
  std::vector<committed_command> commands;
  while (commands.size() < count)
    commands.push_back(library.next());
  return commands;
}

/// A log that is in memory.
class memory_log : public log_reader {
public:
  explicit memory_log(std::span<const committed_command> commands) : commands_(commands) {}

  result<std::optional<committed_command>> next() override {
    if (at_ == commands_.size()) return std::optional<committed_command>();
    return std::optional(commands_[at_++]);
  }
  const frame_location& location() const noexcept override { return location_; }

private:
  std::span<const committed_command> commands_;
  std::size_t at_ = 0;
  frame_location location_;
};

/// The tables after folding `group` commands at a time, as text; where `reopening`, every group
/// begins with what is in the file and nothing else.
std::string folded_dump(const std::string& path, std::span<const committed_command> commands,
                        std::size_t group, bool reopening = false) {
  auto tables = must(projection::open(path));
  while (!commands.empty()) {
    auto some = commands.first(std::min(group, commands.size()));
    must(tables->fold(some));
    commands = commands.subspan(some.size());
    if (reopening) {
      tables.reset();
      tables = must(projection::open(path));
    }
  }
  return dump_of(path);
}

/// In which way of folding these commands the tables are not those that were built live, one
/// command after the other; empty if in none.
std::string unlike(std::span<const committed_command> commands) {
  temp_folder folder;
  auto live = folded_dump(folder.path + "/live.db", commands, 1);
  for (std::size_t group : {7, 1'000})
    if (folded_dump(folder.path + "/" + std::to_string(group) + ".db", commands, group) != live)
      return "in groups of " + std::to_string(group);
  // Whatever follows a checkpoint begins with the file: so each of them is begun from.
  if (folded_dump(folder.path + "/checkpoints.db", commands, 1, true) != live)
    return "from every checkpoint";
  auto output = folder.path + "/rebuilt.db";
  memory_log log(commands);
  auto head = must(rebuild(posix_file_system(), log, output));
  bool ends = head == log_head{commands.back().last_sequence(), commands.back().hash};
  return ends && dump_of(output) == live ? "" : "by a rebuild";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(random_libraries)

BOOST_AUTO_TEST_CASE(every_event_type_of_the_catalogue_is_folded) {
  std::array<int, std::variant_size_v<event>> folded{};
  for (const auto& command : random_commands(first_seed(), 2'000))
    for (const auto& what : command.what->events)
      ++folded[what.index()];
  for (std::size_t i = 0; i < folded.size(); ++i)
    BOOST_TEST(folded[i] > 0, "no event of the type with index " << i);
}

/// PODSTUDIO_SEQUENCES=100000 is the long run.
BOOST_AUTO_TEST_CASE(how_commands_are_grouped_makes_no_difference) {
  auto count = number_of("PODSTUDIO_SEQUENCES", 40);
  for (auto seed = first_seed(); seed < first_seed() + count; ++seed) {
    // Mostly short ones, as those are quick and a failure's shortest beginning is short.
    auto commands = random_commands(seed, 1 + seed % (seed % 8 == 0 ? 61 : 16));
    if (unlike(commands).empty()) continue;
    // The shortest beginning that fails says most.
    std::size_t prefix = 1;
    std::string why;
    while (why.empty() && prefix <= commands.size())
      why = unlike(std::span(commands).first(prefix++));
    std::string last;
    for (const auto& what : commands[prefix - 2].what->events)
      last += to_json(what).dump() + "\n";
    BOOST_ERROR("PODSTUDIO_TEST_SEED=" << seed << ": " << why << " after " << prefix - 1
                                       << " commands, of which the last is\n"
                                       << last);
    return;
  }
  BOOST_TEST_MESSAGE(count << " sequences from PODSTUDIO_TEST_SEED=" << first_seed());
}

BOOST_AUTO_TEST_CASE(the_tables_are_sound_and_no_reference_dangles) {
  temp_folder folder;
  auto path = folder.path + "/podstudio.db";
  folded_dump(path, random_commands(first_seed() + 100, 2'000), 50);
  auto db = must(open_tables_read_only(path));
  BOOST_TEST(rows_of(db, "PRAGMA foreign_key_check") == "");
  BOOST_TEST(rows_of(db, "PRAGMA integrity_check") == "ok");
  BOOST_TEST(rows_of(db, "SELECT count(*) FROM asset WHERE path NOT LIKE '/%'") == "0");
  BOOST_TEST(rows_of(db, "SELECT id FROM asset EXCEPT SELECT asset_id FROM asset_file") == "");
  BOOST_TEST(rows_of(db, "SELECT id FROM pack WHERE asset_count <>"
                         " (SELECT count(*) FROM pack_asset WHERE pack_id = pack.id)")
             == "");
  BOOST_TEST(
      rows_of(db,
              "SELECT id FROM pack WHERE abs(total_size_mb * 1e6 - (SELECT total(size_bytes)"
              " FROM pack_asset JOIN asset_file USING (asset_id) WHERE pack_id = pack.id)) > 0.5")
      == "");
}

BOOST_AUTO_TEST_CASE(a_real_log_rebuilds_and_checks_as_identical) {
  temp_folder folder;
  auto log_folder = folder.path + "/log", path = folder.path + "/podstudio.db";
  recovery_report report;
  auto log = must(log_writer::open(posix_file_system(), log_folder, {}, {}, report));
  auto tables = must(projection::open(path));
  for (const auto& made : random_commands(first_seed() + 200, 300)) {
    must(tables->fold(must(log->append(std::vector{made.what}, made.at_us))));
  }
  auto checked = must(check_tables(posix_file_system(), log_folder, path, folder.path));
  BOOST_TEST(checked.differences.empty());
  BOOST_TEST((checked.head == log->head()));

  auto live = dump_of(path);
  auto output = folder.path + "/rebuilt.db";
  auto head = must(rebuild(posix_file_system(), log_folder, output));
  BOOST_TEST((head == log->head()));
  BOOST_TEST(dump_of(output) == live);
}

/// A recorded log, and what its tables were after each command.
BOOST_AUTO_TEST_CASE(the_tables_of_any_moment_are_those_of_that_moment) {
  struct moment {
    sequence_number sequence = 0;
    std::int64_t at_us = 0;
    std::size_t tables = 0;
  };
  temp_folder folder;
  auto log_folder = folder.path + "/log", path = folder.path + "/podstudio.db";
  recovery_report report;
  auto log = must(log_writer::open(posix_file_system(), log_folder, {}, {}, report));
  auto tables = must(projection::open(path));
  std::hash<std::string> hashed;
  std::vector<moment> moments{{0, 0, hashed(dump_of(path))}};
  for (const auto& made : random_commands(first_seed() + 300, 400)) {
    must(tables->fold(must(log->append(std::vector{made.what}, made.at_us))));
    moments.push_back({log->head().sequence, made.at_us, hashed(dump_of(path))});
  }
  std::mt19937_64 random(first_seed());
  auto output = folder.path + "/past.db";
  for (int i = 0; i < 200; ++i) {
    rebuild_bound until;
    auto expected = moments.begin();
    if (i % 2 == 0) {
      until.sequence = random() % (moments.back().sequence + 5);
      expected = std::ranges::upper_bound(moments, until.sequence, {}, &moment::sequence) - 1;
    } else {
      auto first = moments[1].at_us, last = moments.back().at_us;
      until.at_us = first - 500'000
                    + static_cast<std::int64_t>(
                        random() % static_cast<std::uint64_t>(last - first + 1'000'000));
      expected = std::ranges::upper_bound(moments, until.at_us, {}, &moment::at_us) - 1;
    }
    BOOST_TEST_CONTEXT("PODSTUDIO_TEST_SEED=" << first_seed() << ", until " << until.sequence
                                              << " or " << until.at_us) {
      auto head = must(rebuild(posix_file_system(), log_folder, output, until));
      BOOST_TEST(head.sequence == expected->sequence);
      BOOST_TEST(hashed(dump_of(output)) == expected->tables);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
