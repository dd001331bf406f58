// SPDX-License-Identifier: MIT
#include "events/frame.hpp"

#include "events/codec.hpp"
#include "events/crc32c.hpp"
#include "events/log.hpp"
#include "platform/text.hpp"
#include "sample_events.hpp"
#include "support/outcome.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace podstudio;

namespace {

std::span<std::uint8_t> bytes_of(std::string& text) {
  return {reinterpret_cast<std::uint8_t*>(text.data()), text.size()};
}

/// The header and the two frames that LOG_FORMAT.md takes apart.
std::string example_log() {
  segment_header header;
  for (std::uint8_t i = 0; i < 16; ++i)
    header.log[i] = static_cast<std::uint8_t>(0xa0 + i);
  header.epoch = 0x1122334455667788;
  header.created_us = 1'700'000'000'000'000;
  auto log = encode_segment_header(header);
  command approve{{1, 2, 3}, "console", "approve 1 asset", {asset_approved{42}}};
  command tag{{4, 5, 6}, "console", "tag", {asset_tagged{42, "cat"}, asset_untagged{42, "dog"}}};
  frame_link link{header.epoch, 1, segment_header_bytes, 1'700'000'000'500'000, {}};
  for (auto* each : {&approve, &tag}) {
    std::string frame;
    REQUIRE_OK(append_frame(*each, frame));
    seal_frame(bytes_of(frame), link);
    link.first_sequence += each->events.size();
    link.previous_hash = hash_frame(bytes_of(frame));
    link.synced_to += frame.size();
    log += frame;
  }
  return log;
}

const std::string every_event_path =
    PODSTUDIO_TEST_DATA "/events/every_event.v1/00000000000000000001.log";

std::string file_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A frame of a log, and the command in it.
struct golden_frame {
  std::string bytes;
  frame_link link;
  command what;

  /// Whether this build writes the command to the byte as it stands there.
  bool is_written_so() const {
    std::string again;
    REQUIRE_OK(append_frame(what, again));
    seal_frame(bytes_of(again), link);
    return again == bytes;
  }
};

std::vector<golden_frame> frames_of(std::string log) {
  std::vector<golden_frame> frames;
  for (std::size_t at = segment_header_bytes; at < log.size();) {
    auto size = frame_size(bytes_of(log).subspan(at));
    BOOST_REQUIRE(size);
    auto bytes = log.substr(at, *size);
    BOOST_REQUIRE(is_intact(bytes_of(bytes)));
    auto what = decode_frame(bytes_of(bytes), {"x", at, 1});
    REQUIRE_OK(what);
    auto link = read_frame_header(bytes_of(bytes)).link;
    frames.push_back({std::move(bytes), link, std::move(*what)});
    at += *size;
  }
  return frames;
}

/// The names of the event types that stand in the log as this build writes them.
std::set<std::string_view> pinned_types(const std::string& log) {
  std::set<std::string_view> names;
  for (auto& frame : frames_of(log))
    if (frame.is_written_so())
      for (auto& each : frame.what.events)
        names.insert(event_name(each));
  return names;
}

/// The log with one frame more for each type or version that is not in it yet; what is there stays
/// as it is.
std::string with_missing_types(std::string log) {
  auto header = decode_segment_header(bytes_of(log), {"x", 0, 1});
  REQUIRE_OK(header);
  auto pinned = pinned_types(log);
  counting_source source;
  for_each_event_type(source, [&](const event& what) {
    source = {};
    if (pinned.contains(event_name(what))) return;
    frame_link link{header->epoch, 1, log.size(), header->created_us, {}};
    if (auto before = frames_of(log); !before.empty()) {
      link.first_sequence = before.back().link.first_sequence + before.back().what.events.size();
      link.previous_hash = hash_frame(bytes_of(before.back().bytes));
    }
    std::string frame;
    REQUIRE_OK(append_frame({{9}, "engine", std::string(event_name(what)), {what}}, frame));
    seal_frame(bytes_of(frame), link);
    log += frame;
  });
  return log;
}

std::string sealed_frame(const command& what) {
  std::string frame;
  REQUIRE_OK(append_frame(what, frame));
  seal_frame(bytes_of(frame), {7, 1, segment_header_bytes, 0, {}});
  return frame;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(frames)

BOOST_AUTO_TEST_CASE(crc32c_gives_the_values_of_rfc_3720) {
  std::string zeros(32, '\0'), ones(32, '\xff'), digits = "123456789";
  for (auto* sum : {&crc32c, &crc32c_by_table}) {
    BOOST_TEST(sum(zeros.data(), 32, 0) == 0x8a9136aau);
    BOOST_TEST(sum(ones.data(), 32, 0) == 0x62a8ab43u);
    BOOST_TEST(sum(digits.data(), 9, 0) == 0xe3069283u);
    BOOST_TEST(sum(digits.data() + 4, 5, sum(digits.data(), 4, 0)) == 0xe3069283u);
  }
}

BOOST_AUTO_TEST_CASE(crc32c_is_the_same_by_instruction_and_by_table) {
  std::mt19937_64 random(3);
  std::string bytes(300, '\0');
  for (auto& byte : bytes)
    byte = static_cast<char>(random());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    BOOST_REQUIRE(crc32c(bytes.data() + size % 8, size - size % 8)
                  == crc32c_by_table(bytes.data() + size % 8, size - size % 8));
}

// PODSTUDIO_REGENERATE_GOLDEN=1 writes the file anew; a released format's is never to change.
BOOST_AUTO_TEST_CASE(the_example_log_of_the_format_page_is_written_to_the_byte) {
  const std::string path = PODSTUDIO_TEST_DATA "/events/log.v1/00000000000000000001.log";
  if (std::getenv("PODSTUDIO_REGENERATE_GOLDEN") != nullptr)
    std::ofstream(path, std::ios::binary) << example_log();
  BOOST_TEST((example_log() == file_bytes(path)));
}

// The golden files of the events pin their bodies; this pins them in the frames of a log. With
// PODSTUDIO_REGENERATE_GOLDEN=1 it grows by what it has not yet.
BOOST_AUTO_TEST_CASE(the_golden_log_of_every_event_is_written_to_the_byte) {
  if (std::getenv("PODSTUDIO_REGENERATE_GOLDEN") != nullptr) {
    auto log = file_bytes(every_event_path);
    if (log.empty()) log = example_log().substr(0, segment_header_bytes);
    auto grown = with_missing_types(log);
    std::ofstream(every_event_path, std::ios::binary) << grown;
  }
  auto golden = file_bytes(every_event_path);
  auto header = decode_segment_header(bytes_of(golden), {every_event_path, 0, 1});
  REQUIRE_OK(header);
  BOOST_TEST((encode_segment_header(*header) == golden.substr(0, segment_header_bytes)));
  auto pinned = pinned_types(golden);
  counting_source source;
  for_each_event_type(source,
                      [&](const event& what) { BOOST_TEST(pinned.contains(event_name(what))); });
}

BOOST_AUTO_TEST_CASE(a_segment_header_survives_a_round_trip) {
  segment_header header{make_uuid(), 3, 1001, {1000, {}}, 70'000, 77, 1'000'000, 99, 123'456};
  header.previous.hash[31] = 9;
  auto bytes = encode_segment_header(header);
  BOOST_TEST(bytes.size() == segment_header_bytes);
  auto back = decode_segment_header(bytes_of(bytes), {"x", 0, 1});
  REQUIRE_OK(back);
  BOOST_TEST((*back == header));
}

BOOST_AUTO_TEST_CASE(a_frame_survives_a_round_trip) {
  auto seed = std::random_device{}();
  BOOST_TEST_INFO_SCOPE("seed " << seed);
  random_source random{std::mt19937_64(seed)};
  for (int round = 0; round < 50; ++round) {
    command what{make_uuid(), "import", "é summary", {}};
    for_each_event_type(random, [&](const event& each) {
      if (random() % 3 == 0) what.events.push_back(each);
    });
    if (what.events.empty()) continue;
    frame_link link{random() | 1, random() | 1, segment_header_bytes, -5, {}};
    for (auto& byte : link.previous_hash)
      byte = static_cast<std::uint8_t>(random());
    std::string frame;
    REQUIRE_OK(append_frame(what, frame));
    seal_frame(bytes_of(frame), link);
    BOOST_TEST(frame.size() % frame_alignment_bytes == 0u);
    BOOST_TEST(frame_size(bytes_of(frame)).value_or(0) == frame.size());
    BOOST_TEST(is_intact(bytes_of(frame)));
    auto header = read_frame_header(bytes_of(frame));
    BOOST_TEST(header.link.epoch == link.epoch);
    BOOST_TEST(header.link.first_sequence == link.first_sequence);
    BOOST_TEST(header.link.at_us == link.at_us);
    BOOST_TEST((header.link.previous_hash == link.previous_hash));
    BOOST_TEST(header.event_count == what.events.size());
    auto back = decode_frame(bytes_of(frame), {"x", 0, 1});
    REQUIRE_OK(back);
    BOOST_TEST((*back == what));
  }
}

BOOST_AUTO_TEST_CASE(a_frame_of_a_time_that_has_no_timestamp_is_damaged) {
  constexpr auto least = std::numeric_limits<std::int64_t>::min(),
                 most = std::numeric_limits<std::int64_t>::max();
  const command what{make_uuid(), "import", "summary", {asset_approved{1}}};
  for (auto [at_us, good] : {std::pair{timestamp_us_min, true},
                             {timestamp_us_max, true},
                             {timestamp_us_min - 1, false},
                             {timestamp_us_max + 1, false},
                             {least, false},
                             {most, false}}) {
    std::string frame;
    REQUIRE_OK(append_frame(what, frame));
    seal_frame(bytes_of(frame), {1, 1, segment_header_bytes, at_us, {}});
    auto back = decode_frame(bytes_of(frame), {"x", 0, 1});
    auto checked = check_frame(bytes_of(frame), {"x", 0, 1});
    BOOST_TEST(bool(back) == good, at_us);
    BOOST_TEST(bool(checked) == good, at_us);
    if (good) {
      BOOST_TEST(parse_timestamp(to_timestamp(at_us)).value_or(0) == at_us);
      continue;
    }
    REQUIRE_FAILS(back, error_code::damaged);
    REQUIRE_FAILS(checked, error_code::damaged);
    BOOST_TEST(why(back).find(std::to_string(at_us)) != std::string::npos, why(back));
  }
}

BOOST_AUTO_TEST_CASE(commands_that_do_not_fit_are_refused_and_leave_no_bytes) {
  std::string out = "before";
  auto refused = [&](const command& what) {
    auto appended = append_frame(what, out);
    REQUIRE_FAILS(appended, error_code::invalid_argument);
    BOOST_TEST(out == "before");
  };
  event small = asset_approved{1};
  refused({{}, "o", "no events", {}});
  refused({{}, "o", "too many", std::vector<event>(max_events_per_command + 1, small)});
  refused({{}, "\xff", "bad origin", {small}});
  refused({{}, "o", "bad summary \xff", {small}});
  refused({{}, "o", std::string(70'000, 's'), {small}});
  refused({{}, "o", "bad event", {small, asset_tagged{1, "\xff"}}});
  event large = asset_tagged{1, std::string(64u << 10, 't')};
  refused({{}, "o", "above a frame", std::vector<event>(max_frame_bytes >> 16, large)});
}

BOOST_AUTO_TEST_CASE(the_largest_command_fits_a_frame) {
  command what{{}, "o", "many", std::vector<event>(max_events_per_command, asset_approved{1})};
  auto frame = sealed_frame(what);
  auto back = decode_frame(bytes_of(frame), {"x", 0, 1});
  REQUIRE_OK(back);
  BOOST_TEST((*back == what));
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_of_a_frame_breaks_a_checksum) {
  auto frame = sealed_frame(*sample_command(1, 2));
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    auto flipped = frame;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    auto size = frame_size(bytes_of(flipped));
    BOOST_REQUIRE(!size || *size != flipped.size() || !is_intact(bytes_of(flipped)));
  }
}

// Behind a right checksum only a defect or a forger puts these; the decoder must hold all the same.
BOOST_AUTO_TEST_CASE(flipped_bits_behind_recomputed_checksums_never_crash_the_decoder) {
  for (const auto& what : {sample_command(1, 2), asked_command(1, 2)}) {
    auto frame = sealed_frame(*what);
    for (std::size_t bit = frame_header_bytes * 8 - 64; bit < (frame.size() - 4) * 8; ++bit) {
      auto flipped = frame;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      seal_frame(bytes_of(flipped), {7, 1, segment_header_bytes, 0, {}});
      auto checked = check_frame(bytes_of(flipped), {"x", 0, 1});
      auto decoded = decode_frame(bytes_of(flipped), {"x", 0, 1});
      BOOST_REQUIRE(checked || !decoded);
      if (!decoded)
        BOOST_REQUIRE(decoded.failure().code == error_code::damaged
                      || decoded.failure().code == error_code::newer_version);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_frame_keeps_the_digest_of_its_request) {
  const auto asked = *asked_command(0xd1, 3);
  auto without = sealed_frame(*sample_command(0xd1, 3));
  auto with = sealed_frame(asked);
  BOOST_TEST(with.size() == without.size() + sizeof(digest));
  auto at = frame_header_bytes + asked.origin.size() + asked.summary.size();
  BOOST_TEST((with.substr(at, sizeof(digest)) == std::string(sizeof(digest), '\xd1')));
  BOOST_TEST((with.substr(at + sizeof(digest), 20) == without.substr(at, 20)));
  auto read = decode_frame(bytes_of(with), {"x", 0, 1});
  REQUIRE_OK(read);
  BOOST_TEST((*read == asked));
  BOOST_TEST(read_frame_header(bytes_of(with)).flags == has_request);
  BOOST_TEST(read_frame_header(bytes_of(without)).flags == 0u);
  BOOST_TEST(!decode_frame(bytes_of(without), {"x", 0, 1})->request);
  // The flag claims a digest that is not there.
  auto forged = without;
  forged[1] = 1;
  seal_frame(bytes_of(forged), {7, 1, segment_header_bytes, 0, {}});
  REQUIRE_FAILS(decode_frame(bytes_of(forged), {"x", 0, 1}), error_code::damaged);
}

BOOST_AUTO_TEST_CASE(frames_of_another_type_are_of_a_newer_build) {
  for (std::size_t byte : {0u, 1u, 3u}) {
    auto frame = sealed_frame(*sample_command(1));
    frame[byte] = 2;
    seal_frame(bytes_of(frame), {7, 1, segment_header_bytes, 0, {}});
    auto decoded = decode_frame(bytes_of(frame), {"x", 0, 1});
    REQUIRE_FAILS(decoded, error_code::newer_version);
  }
}

BOOST_AUTO_TEST_SUITE_END()
