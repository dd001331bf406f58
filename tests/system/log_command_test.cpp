// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE log_command
#include "system/console.hpp"
#include "system/log_bytes.hpp"
#include "system/process.hpp"
#include "system/workspace.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <future>
#include <numeric>
#include <optional>
#include <sstream>

using namespace system_test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> lines;
  std::istringstream from(text);
  for (std::string line; std::getline(from, line);)
    lines.push_back(json::parse(line, nullptr, false));
  return lines;
}

std::vector<std::uint64_t> sequences_of(const std::string& text) {
  std::vector<std::uint64_t> sequences;
  for (const auto& event : lines_of(text))
    sequences.push_back(event.at("sequence"));
  return sequences;
}

/// A log of some small segments: 4 files, then themes that fill a segment with 8 commands.
struct logged_library : workspace {
  library podstudio{data};

  explicit logged_library(int themes = 0) {
    make_file(data + "/config.toml", "log_segment_bytes = 65536\nworkers = 0\n");
    for (int i = 0; i < 4; ++i)
      make_file(root + "/" + std::to_string(i) + ".png", "picture " + std::to_string(i));
    podstudio.must({"import", root});
    for (int i = 0; i < themes; ++i)
      set_theme(i);
  }
  void set_theme(int number) const {
    auto theme = std::to_string(number) + std::string(1'000, 't');
    podstudio.must({"asset", "set", "1", "2", "3", "4", "--theme", theme});
  }
  std::string head() const {
    auto text = podstudio({"log", "head"}).out;
    return text.substr(0, text.find('\n'));
  }
};

struct small_library : logged_library {
  small_library() {
    podstudio.must({"asset", "approve", "1", "2"});
    podstudio.must({"asset", "unapprove", "1"});
    podstudio.must({"watch", "add", root});
  }
};

struct long_library : logged_library {
  long_library() : logged_library(20) {}
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_head_is_a_sequence_and_a_hash, small_library) {
  auto text = podstudio({"log", "head"});
  BOOST_TEST(text.code == 0, text);
  auto verified = podstudio.json({"log", "verify"});
  auto hash = verified["head_hash"].get<std::string>();
  BOOST_TEST(text.out == "8:" + hash + "\n");
  BOOST_TEST(podstudio.json({"log", "head"}) == (json{{"head_sequence", 8}, {"head_hash", hash}}));
  BOOST_TEST(library(path + "/nowhere")({"log", "head"}).code == 1);
}

BOOST_FIXTURE_TEST_CASE(a_log_is_verified_against_a_head_that_was_noted, small_library) {
  auto noted = head();
  podstudio.must({"asset", "approve", "3"});
  auto hash = noted.substr(noted.find(':') + 1);
  auto other = hash;
  other[0] = other[0] == '0' ? '1' : '0';
  struct expectation {
    std::string head;
    int code;
  };
  for (const auto& [expected, code] : {expectation{noted, 0},
                                       {head(), 0},
                                       {"8:" + other, 4},
                                       {"7:" + hash, 4},
                                       {"9:" + hash, 4},
                                       {"1000:" + hash, 4},
                                       {"8", 2},
                                       {":" + hash, 2},
                                       {"8:" + hash + "00", 2},
                                       {"8:" + hash.substr(1), 2},
                                       {"-8:" + hash, 2},
                                       {" 8:" + hash, 2},
                                       {"8 :" + hash, 2},
                                       {"99999999999999999999:" + hash, 2},
                                       {"8:" + std::string(64, 'x'), 2},
                                       {"garbage", 2}}) {
    auto verified = podstudio({"log", "verify", "--expect", expected});
    BOOST_TEST(verified.code == code, expected << ": " << verified);
    BOOST_TEST(verified.out.empty() == (code != 0), expected << ": " << verified);
    BOOST_TEST(std::ranges::count(verified.err, '\n') == (code == 0 ? 0 : 1),
               expected << ": " << verified);
  }
}

BOOST_FIXTURE_TEST_CASE(a_log_that_lost_its_end_fails_against_its_head, small_library) {
  auto noted = head();
  auto segment = segments_of(data).at(0);
  auto bytes = read_file(segment);
  auto frames = frames_of(bytes);
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(frames.at(frames.size() - 2)), bytes.end(),
            '\0');
  write_file(segment, bytes);
  BOOST_TEST(podstudio({"log", "verify"}).code == 4);  // the tables hold more
  std::filesystem::remove(podstudio.database());
  BOOST_TEST(podstudio({"log", "verify"}).code == 0);  // nothing in it tells
  auto verified = podstudio({"log", "verify", "--expect", noted});
  BOOST_TEST(verified.code == 4, verified);
}

BOOST_FIXTURE_TEST_CASE(shown_events_are_those_that_the_options_name, small_library) {
  // 1-4 registered, 5-6 approved, 7 approval withdrawn, 8 watch root added.
  auto all = lines_of(podstudio({"log", "show"}).out);
  BOOST_TEST_REQUIRE(all.size() == 8u);
  auto at = [&](std::size_t sequence) { return all[sequence - 1]["at"].get<std::string>(); };
  auto approve = all[4]["command"].get<std::string>();
  struct expectation {
    words options;
    std::vector<std::uint64_t> sequences;
  };
  for (const auto& [options, sequences] : {
           expectation{{}, {1, 2, 3, 4, 5, 6, 7, 8}},
           {{"--reverse"}, {8, 7, 6, 5, 4, 3, 2, 1}},
           {{"--from", "6"}, {6, 7, 8}},
           {{"--to", "2"}, {1, 2}},
           {{"--from", "2", "--to", "3"}, {2, 3}},
           {{"--from", "2", "--to", "3", "--reverse"}, {3, 2}},
           {{"--from", "9"}, {}},
           {{"--from", "3", "--to", "2"}, {}},
           {{"--type", "asset.approved"}, {5, 6}},
           {{"--type", "asset.approved", "--reverse", "--limit", "1"}, {6}},
           {{"--type", "no.such.event"}, {}},
           {{"--command", approve}, {5, 6}},
           {{"--command", approve, "--from", "6"}, {6}},
           {{"--since", at(7)}, {7, 8}},
           {{"--until", at(6)}, {1, 2, 3, 4, 5, 6}},
           {{"--since", at(5), "--until", at(7), "--reverse"}, {7, 6, 5}},
           {{"--limit", "3"}, {1, 2, 3}},
           {{"--limit", "3", "--reverse"}, {8, 7, 6}},
           {{"--limit", "0"}, {}},
       }) {
    auto shown = podstudio([&, chosen = options] {
      auto line = chosen;
      line.insert(line.begin(), {"log", "show"});
      return line;
    }());
    auto line = json(options).dump();
    BOOST_TEST_CONTEXT(line) {
      BOOST_TEST(shown.code == 0, shown);
      BOOST_TEST(sequences_of(shown.out) == sequences, boost::test_tools::per_element());
    }
  }
  for (const words& wrong : {words{"--command", "7"},
                             {"--since", "yesterday"},
                             {"--until", "1"},
                             {"--limit", "-1"},
                             {"--from", "x"},
                             {"--from", "-1"},
                             {"--to", "-1"},
                             {"--follow", "--reverse"}}) {
    auto line = wrong;
    line.insert(line.begin(), {"log", "show"});
    auto refused = podstudio(line);
    BOOST_TEST(refused.code == 2, json(wrong).dump() << ": " << refused);
  }
}

BOOST_FIXTURE_TEST_CASE(followed_events_come_from_the_past_and_then_as_they_happen,
                        logged_library) {
  for (bool with_service : {true, false}) {
    std::optional<service> running;
    if (with_service) running.emplace(podstudio);
    auto before = std::stoull(head());
    process follower(podstudio.call({"log", "show", "--follow"}));
    auto has = [&](std::uint64_t last) {
      return eventually([&] {
        auto out = follower.out();
        return static_cast<std::uint64_t>(std::ranges::count(out, '\n')) >= last;
      });
    };
    BOOST_TEST(has(before), follower.out());
    for (int i = 0; i < 3; ++i) {
      auto approve = std::to_string(with_service ? 1 : 2);
      podstudio.must({"asset", i % 2 == 0 ? "approve" : "unapprove", approve});
      BOOST_TEST(has(before + static_cast<std::uint64_t>(i) + 1), follower.out());
    }
    // It goes on when the service ends, with what that wrote last.
    if (running) {
      running->stop();
      BOOST_TEST(has(std::stoull(head())), follower.out());
      podstudio.must({"asset", "approve", "3"});
      BOOST_TEST(has(std::stoull(head())), follower.out());
    }
    follower.signal(SIGINT);
    auto sequences = sequences_of(follower.finish().out);
    std::vector<std::uint64_t> expected(std::stoull(head()));
    std::iota(expected.begin(), expected.end(), 1u);
    BOOST_TEST(sequences == expected, boost::test_tools::per_element());
  }
}

BOOST_FIXTURE_TEST_CASE(a_follower_ends_by_itself_where_its_options_say_so, small_library) {
  service running(podstudio);
  for (const words& options : {words{"--to", "3"}, {"--limit", "3"}}) {
    auto line = options;
    line.insert(line.begin(), {"log", "show", "--follow"});
    auto shown = podstudio(line);
    BOOST_TEST(shown.code == 0, shown);
    BOOST_TEST(sequences_of(shown.out) == (std::vector<std::uint64_t>{1, 2, 3}),
               boost::test_tools::per_element());
  }
}

BOOST_FIXTURE_TEST_CASE(a_client_that_waits_for_events_is_told_of_them_or_that_none_came,
                        logged_library) {
  service running(podstudio);
  podstudio.must({"asset", "approve", "1"});
  auto last = std::stoull(head());
  console to(podstudio);
  auto wait = [&](std::uint64_t after, int timeout_ms) {
    auto answer =
        to.give({new_command_id(), "log.wait", {{"after", after}, {"timeout_ms", timeout_ms}}});
    return answer.value().result.at("sequence").get<std::uint64_t>();
  };
  constexpr int long_ms = 30'000;
  BOOST_TEST(wait(last, 50) == last);
  BOOST_TEST(wait(last - 1, long_ms) == last);
  auto waiting = std::async(std::launch::async, [&] { return wait(last, long_ms); });
  podstudio.must({"asset", "approve", "2"});
  BOOST_TEST(waiting.get() == last + 1);
}

BOOST_FIXTURE_TEST_CASE(the_statistics_count_what_the_log_holds, long_library) {
  auto stats = podstudio.json({"log", "stats"});
  auto verified = podstudio.json({"log", "verify"});
  BOOST_TEST(stats["events"] == verified["events"]);
  BOOST_TEST(stats["commands"] == verified["frames"]);
  BOOST_TEST(stats["segments"] == verified["segments"]);
  BOOST_TEST(stats["segments"].get<int>() >= 3);
  BOOST_TEST(stats["types"] == (json{{"asset.registered", 4}, {"asset.theme_set", 80}}));
  BOOST_TEST(stats["origins"] == (json{{"console", 80}, {"import", 4}}));
  auto first = lines_of(podstudio({"log", "show", "--limit", "1"}).out).at(0);
  BOOST_TEST(stats["first_at"] == first["at"]);
  auto shown = podstudio({"log", "stats"});
  BOOST_TEST(shown.code == 0, shown);
  BOOST_TEST(shown.out.find("asset.theme_set") != std::string::npos, shown);
}

BOOST_FIXTURE_TEST_CASE(damage_in_a_sealed_segment_is_found_by_the_running_service, long_library) {
  auto scrubbed = [&] {
    json scrub;
    eventually([&] {
      scrub = podstudio.json({"status"})["log"]["scrub"];
      return scrub["state"] != "running";
    });
    return scrub;
  };
  {
    service running(podstudio);
    auto scrub = scrubbed();
    BOOST_TEST(scrub["state"] == "intact", scrub);
    BOOST_TEST(scrub["failure"].is_null());
    BOOST_TEST(scrub["sequence"].get<int>() > 0);
    running.stop();
  }
  BOOST_TEST(podstudio.json({"status"})["log"]["scrub"]["state"] == "off");
  auto segment = segments_of(data).at(0);
  auto bytes = read_file(segment);
  auto frame = frames_of(bytes).at(3);
  bytes[frame + 200] = static_cast<char>(bytes[frame + 200] ^ 1);
  write_file(segment, bytes);
  service running(podstudio);
  auto scrub = scrubbed();
  BOOST_TEST(scrub["state"] == "damaged", scrub);
  auto failure = scrub["failure"].get<std::string>();
  auto verified = podstudio({"log", "verify"});
  BOOST_TEST(verified.code == 4, verified);
  auto place = std::to_string(frame);
  for (const auto& text : {fs::path(segment).filename().string(), place, std::string("sequence")}) {
    BOOST_TEST(failure.find(text) != std::string::npos, failure << " does not name " << text);
    BOOST_TEST(verified.err.find(text) != std::string::npos, verified << " does not name " << text);
  }
  podstudio.must({"asset", "approve", "1"});  // it goes on: what is damaged is the past
}

BOOST_FIXTURE_TEST_CASE(what_recovery_found_is_in_the_status, small_library) {
  auto recovery_of = [&] { return podstudio.json({"status"})["log"]["recovery"]; };
  {
    service running(podstudio);
    running.stop();
  }
  {
    service running(podstudio);
    auto recovery = recovery_of();
    BOOST_TEST(recovery["clean_stop"] == true, recovery);
    BOOST_TEST(recovery["torn_bytes"] == 0);
    BOOST_TEST(recovery["torn_copy"].is_null());
    running.kill();
  }
  // The last write, torn in two: its beginning is there.
  auto segment = segments_of(data).back();
  auto bytes = read_file(segment);
  auto end = frames_of(bytes).back();
  constexpr std::size_t torn_bytes = 40;
  auto torn = bytes.substr(header_bytes, torn_bytes - 1) + "!";
  bytes.replace(end, torn.size(), torn);
  write_file(segment, bytes);
  service running(podstudio);
  auto recovery = recovery_of();
  BOOST_TEST(recovery["clean_stop"] == false, recovery);
  BOOST_TEST(recovery["torn_bytes"] == torn_bytes, recovery);
  BOOST_TEST_REQUIRE(recovery["torn_copy"].is_string(), recovery);
  BOOST_TEST(read_file(recovery["torn_copy"]) == torn);
  BOOST_TEST(podstudio.json({"log", "verify"})["torn_tail"] == false);
}
