#include "projections/compare.hpp"
#include "projections/projection.hpp"
#include "projections/rebuild.hpp"

#include "events/file_system.hpp"
#include "events/log.hpp"
#include "schema/schema.hpp"
#include "support/dump.hpp"
#include "support/must.hpp"
#include "support/random_library.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdlib>
#include <span>
#include <string>
#include <variant>
#include <vector>

using namespace podstudio;

namespace {

/// PODSTUDIO_TEST_SEED repeats a failed run.
std::uint64_t first_seed() {
  const char* given = std::getenv("PODSTUDIO_TEST_SEED");
  return given ? std::strtoull(given, nullptr, 10) : 1;
}

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
  explicit memory_log(const std::vector<committed_command>& commands) : commands_(commands) {}

  result<std::optional<committed_command>> next() override {
    if (at_ == commands_.size()) return std::optional<committed_command>();
    return std::optional(commands_[at_++]);
  }
  const frame_location& location() const noexcept override { return location_; }

private:
  const std::vector<committed_command>& commands_;
  std::size_t at_ = 0;
  frame_location location_;
};

/// The tables after folding `group` commands at a time, as text.
std::string folded_dump(const std::string& path, std::span<const committed_command> commands,
                        std::size_t group) {
  auto tables = must(projection::open(path));
  while (!commands.empty()) {
    auto some = commands.first(std::min(group, commands.size()));
    must(tables->fold(some));
    commands = commands.subspan(some.size());
  }
  return dump_of(path);
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

BOOST_AUTO_TEST_CASE(how_commands_are_grouped_makes_no_difference) {
  for (auto seed = first_seed(); seed < first_seed() + 8; ++seed) {
    BOOST_TEST_CONTEXT("PODSTUDIO_TEST_SEED=" << seed) {
      temp_folder folder;
      auto commands = random_commands(seed, 300);
      auto one_by_one = folded_dump(folder.path + "/1.db", commands, 1);
      BOOST_TEST(folded_dump(folder.path + "/7.db", commands, 7) == one_by_one);
      BOOST_TEST(folded_dump(folder.path + "/all.db", commands, commands.size()) == one_by_one);
      auto output = folder.path + "/rebuilt.db";
      memory_log log(commands);
      auto head = must(rebuild(posix_file_system(), log, output));
      BOOST_TEST((head == log_head{commands.back().last_sequence(), commands.back().hash}));
      BOOST_TEST(dump_of(output) == one_by_one);
    }
  }
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

BOOST_AUTO_TEST_SUITE_END()
