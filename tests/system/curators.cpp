// SPDX-License-Identifier: MIT
#include "system/curators.hpp"

#include "support/temp_folder.hpp"
#include "system/log_bytes.hpp"
#include "system/tables.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <numeric>
#include <ostream>
#include <sstream>

namespace system_test {

namespace fs = std::filesystem;

std::ostream& operator<<(std::ostream& to, const curator::effect& what) {
  return to << what.events << " events up to " << what.last_sequence;
}

// --- curator ---

curator::outcome curator::step(console& to) {
  if (!is_waiting()) commands.push_back({next_command(), {}, {}});
  auto& command = commands.back();
  auto answer = to.give(command.what);
  if (!answer) return outcome::gone;
  if (!answer->done) {
    ++refused;
    refusal = std::move(*answer);
    return outcome::refused;
  }
  ++acknowledged;
  command.acknowledged = effect{answer->sequence, answer->result.at("changed")};
  return outcome::done;
}

bool curator::answers_again(console& to) {
  if (commands.empty()) return true;
  auto answer = to.give(commands.back().what);
  return answer && answer->done
         && effect{answer->sequence, answer->result.at("changed")} == commands.back().acknowledged;
}

console_command curator::next_command() {
  auto first = number_ * assets + 1;
  if (random_() % 4 == 0) {
    auto one = first + static_cast<int>(random_() % assets);
    bool approve = (approved_[one] = !approved_[one]);
    return {new_command_id(), approve ? "asset.approve" : "asset.unapprove", {{"ids", {one}}}};
  }
  constexpr std::size_t padding_max = 900;
  auto ids = nlohmann::json::array();
  auto theme = std::to_string(number_) + "." + std::to_string(commands.size())
               + std::string(random_() % padding_max, 't');
  for (auto left = 1 + random_() % assets; left > 0; --left) {
    auto id = first + static_cast<int>(left) - 1;
    ids.push_back(id);
    themes[id] = theme;
  }
  return {new_command_id(), "asset.set", {{"ids", ids}, {"theme", theme}}};
}

// --- library ---

curated_library::curated_library(library on, const std::string& media, std::mt19937_64& random)
    : podstudio(std::move(on)) {
  make_file(podstudio.data() + "/config.toml", "log_segment_bytes = 65536\n");
  for (int i = 0; i < curators * curator::assets; ++i)
    make_file(media + "/" + std::to_string(i) + ".png", "picture " + std::to_string(i));
  podstudio.must({"import", media});
  for (int i = 0; i < curators; ++i)
    people.emplace_back(i, random());
}

void curated_library::check() {
  words verify{"--json", "log", "verify"};
  if (!head_.empty()) verify.insert(verify.end(), {"--expect", head_});
  auto verified = podstudio(verify);
  BOOST_TEST_REQUIRE(verified.code == 0, verified);
  auto report = verified.json();
  BOOST_TEST(report["torn_tail"] == false);
  read_new_commands();
  for (std::size_t i = 0; i < people.size(); ++i)
    BOOST_TEST(found_[i] >= people[i].acknowledged, "of " << people[i].acknowledged
                                                          << " acknowledged commands the log has "
                                                          << found_[i]);
  auto compared = podstudio({"replay", "--check"});
  BOOST_TEST_REQUIRE(compared.code == 0, compared);
  head_ = std::to_string(report["head_sequence"].get<std::uint64_t>()) + ":"
          + report["head_hash"].get<std::string>();
}

void curated_library::check_complete() {
  check();
  for (std::size_t i = 0; i < people.size(); ++i) {
    BOOST_TEST(!people[i].is_waiting());
    BOOST_TEST(found_[i] == people[i].commands.size());
    for (const auto& [id, theme] : people[i].themes)
      BOOST_TEST(
          value(podstudio.database(), "SELECT theme FROM asset WHERE id = " + std::to_string(id))
          == theme);
  }
  auto all = std::to_string(found());
  BOOST_TEST(value(podstudio.database(), "SELECT count(*) || ' ' || count(DISTINCT id) FROM command"
                                         " WHERE origin = 'console' AND subject_id = 0")
             == all + " " + all);
}

void curated_library::read_new_commands() {
  auto shown = podstudio({"log", "show", "--from", std::to_string(read_to_ + 1)});
  BOOST_TEST_REQUIRE(shown.code == 0, shown);
  std::vector<std::pair<std::string, curator::effect>> commands;
  std::istringstream lines(shown.out);
  for (std::string line; std::getline(lines, line);) {
    auto event = nlohmann::json::parse(line);
    BOOST_TEST_REQUIRE(event["sequence"] == ++read_to_);
    bool is_curated = event["type"].get<std::string>().starts_with("asset.");
    if (event["origin"] != "console" || !is_curated) continue;
    auto id = event["command"].get<std::string>();
    if (commands.empty() || commands.back().first != id) commands.push_back({id, {}});
    commands.back().second = {read_to_, commands.back().second.events + 1};
  }
  for (const auto& [id, what] : commands)
    match(id, what);
  for (const auto& person : people)
    for (const auto& each : person.commands)
      if (each.acknowledged && each.logged)
        BOOST_TEST(*each.acknowledged == *each.logged, "command " << each.what.id);
}

/// A command in the log must be the next one of somebody; the head of the last check vouches that
/// what was read before is still there, once.
void curated_library::match(const std::string& id, const curator::effect& what) {
  for (std::size_t i = 0; i < people.size(); ++i) {
    auto& commands = people[i].commands;
    if (found_[i] == commands.size() || commands[found_[i]].what.id != id) continue;
    commands[found_[i]++].logged = what;
    return;
  }
  BOOST_ERROR("command " << id << " at " << what.last_sequence
                         << " was never given, or is out of order, or is there twice");
}

bool curated_library::tables_are_behind() const {
  temp_folder copy;
  for (auto suffix : {"", "-wal"})
    if (auto from = podstudio.database() + suffix; fs::exists(from))
      fs::copy_file(from, copy.path + "/tables" + suffix);
  auto tables = std::stoull(value(copy.path + "/tables", "SELECT sequence FROM checkpoint"));
  auto log = std::stoull(podstudio({"log", "head"}).out);
  BOOST_TEST(tables <= log);
  return tables < log;
}

std::size_t curated_library::acknowledged() const {
  return std::accumulate(people.begin(), people.end(), std::size_t{0},
                         [](auto sum, const auto& each) { return sum + each.acknowledged; });
}
std::size_t curated_library::found() const {
  return std::accumulate(found_.begin(), found_.end(), std::size_t{0});
}
std::size_t curated_library::segments() const { return segments_of(podstudio.data()).size(); }

}  // namespace system_test
