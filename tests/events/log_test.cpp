// SPDX-License-Identifier: MIT
#include "events/log.hpp"

#include "events/codec.hpp"
#include "log_fixture.hpp"
#include "support/must.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <set>
#include <thread>

using namespace podstudio;

namespace {

/// Counts the calls of some kinds.
struct call_counter {
  explicit call_counter(faulty_files& files) {
    files.fault = [this](file_call call) {
      ++counts[static_cast<std::size_t>(call)];
      return 0;
    };
  }
  std::uint64_t operator[](file_call call) const { return counts[static_cast<std::size_t>(call)]; }
  std::uint64_t counts[12] = {};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(event_log)

BOOST_AUTO_TEST_CASE(a_new_log_is_empty) {
  memory_disk disk;
  recovery_report report;
  auto log = open_log(disk, log_head{}, &report);
  REQUIRE_OK(log);
  BOOST_TEST(((*log)->head() == log_head{}));
  BOOST_TEST((*log)->segments() == 1u);
  BOOST_TEST((*log)->size_bytes() == segment_header_bytes);
  BOOST_TEST(report.frames == 0u);
  BOOST_TEST(report.segments == 1u);
  BOOST_TEST(!report.clean_stop);
  BOOST_TEST(count_prefix(disk) == 0u);
}

BOOST_AUTO_TEST_CASE(a_folder_without_segments_reads_as_empty_and_a_missing_one_is_not_found) {
  memory_disk disk;
  REQUIRE_FAILS(read_log(disk), error_code::not_found);
  REQUIRE_OK(disk.make_folder(log_folder));
  auto all = read_log(disk);
  REQUIRE_OK(all);
  BOOST_TEST(all->empty());
  auto verified = verify_log(disk, log_folder);
  REQUIRE_OK(verified);
  BOOST_TEST(verified->segments == 0u);
}

BOOST_AUTO_TEST_CASE(appended_commands_are_read_back_in_order) {
  memory_disk disk;
  auto log = open_log(disk);
  REQUIRE_OK(log);
  std::vector<std::shared_ptr<const command>> group{sample_command(1, 3), sample_command(2, 1),
                                                    sample_command(3, 2)};
  auto committed = (*log)->append(group, 12345);
  REQUIRE_OK(committed);
  BOOST_REQUIRE(committed->size() == 3u);
  BOOST_TEST((*committed)[0].first_sequence == 1u);
  BOOST_TEST((*committed)[1].first_sequence == 4u);
  BOOST_TEST((*committed)[2].first_sequence == 5u);
  BOOST_TEST((*committed)[2].last_sequence() == 6u);
  BOOST_TEST((*log)->head().sequence == 6u);
  BOOST_TEST(((*log)->head().hash == (*committed)[2].hash));
  auto all = read_log(disk);
  REQUIRE_OK(all);
  BOOST_REQUIRE(all->size() == 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    BOOST_TEST((*(*all)[i].what == *group[i]));
    BOOST_TEST((*all)[i].first_sequence == (*committed)[i].first_sequence);
    BOOST_TEST(((*all)[i].hash == (*committed)[i].hash));
    BOOST_TEST((*all)[i].at_us == 12345);
  }
}

BOOST_AUTO_TEST_CASE(a_time_that_has_no_timestamp_is_not_logged) {
  memory_disk disk;
  auto log = open_log(disk);
  REQUIRE_OK(log);
  std::vector<std::shared_ptr<const command>> group{sample_command(1)};
  for (auto at_us : {timestamp_us_min - 1, timestamp_us_max + 1})
    REQUIRE_FAILS((*log)->append(group, at_us), error_code::invalid_argument);
  for (auto at_us : {timestamp_us_min, timestamp_us_max})
    REQUIRE_OK((*log)->append(group, at_us));
  BOOST_TEST((*log)->head().sequence == 2u);
  REQUIRE_OK(read_log(disk));
}

BOOST_AUTO_TEST_CASE(every_event_type_goes_through_the_log) {
  memory_disk disk;
  auto seed = std::random_device{}();
  BOOST_TEST_INFO_SCOPE("seed " << seed);
  random_source random{std::mt19937_64(seed)};
  auto what = std::make_shared<command>();
  for_each_event_type(random, [&](const event& each) { what->events.push_back(each); });
  auto log = open_log(disk);
  REQUIRE_OK(log);
  std::shared_ptr<const command> shared = what;
  REQUIRE_OK((*log)->append({&shared, 1}, 1));
  auto all = read_log(disk);
  REQUIRE_OK(all);
  BOOST_REQUIRE(all->size() == 1u);
  BOOST_TEST((*all->front().what == *what));
}

BOOST_AUTO_TEST_CASE(a_reopened_log_goes_on_where_it_ended) {
  memory_disk disk;
  auto head = write_log(disk, 5);
  recovery_report report;
  auto log = open_log(disk, head, &report);
  REQUIRE_OK(log);
  BOOST_TEST(((*log)->head() == head));
  BOOST_TEST(report.frames == 5u);
  BOOST_TEST(report.truncated_bytes == 0u);
  BOOST_TEST(report.truncated_copy == "");
  REQUIRE_OK(append(**log, 6, 8));
  BOOST_TEST(count_prefix(disk) == 8u);
}

BOOST_AUTO_TEST_CASE(a_long_log_rolls_over_segments) {
  memory_disk disk;
  auto head = write_log(disk, 400, 3);
  recovery_report report;
  auto log = open_log(disk, head, &report);
  REQUIRE_OK(log);
  BOOST_TEST(report.segments > 5u);
  BOOST_TEST((*log)->segments() == report.segments);
  BOOST_TEST(report.frames == 400u);
  BOOST_TEST(count_prefix(disk, 3) == 400u);
  auto verified = verify_log(disk, log_folder);
  REQUIRE_OK(verified);
  BOOST_TEST((verified->head == head));
  BOOST_TEST(verified->frames == 400u);
  BOOST_TEST(verified->events == 1200u);
  BOOST_TEST(verified->segments == report.segments);
  BOOST_TEST(verified->bytes == (*log)->size_bytes());
  BOOST_TEST(!verified->torn_tail);
  for (auto& [path, bytes] : disk.files())
    BOOST_TEST(bytes.size() <= small_log.segment_size_bytes, path);
}

BOOST_AUTO_TEST_CASE(a_group_larger_than_a_segment_is_not_split) {
  memory_disk disk;
  auto log = open_log(disk);
  REQUIRE_OK(log);
  REQUIRE_OK(append(**log, 1, 2));
  std::vector<std::shared_ptr<const command>> group;
  for (std::uint64_t number = 3; number <= 300; ++number)
    group.push_back(sample_command(number));
  REQUIRE_OK((*log)->append(group, 1));
  REQUIRE_OK(append(**log, 301, 310));
  BOOST_TEST((*log)->segments() == 3u);
  BOOST_TEST(count_prefix(disk) == 310u);
  log->reset();
  REQUIRE_OK(open_log(disk));
  REQUIRE_OK(verify_log(disk, log_folder));
}

BOOST_AUTO_TEST_CASE(a_group_is_one_write_and_one_sync) {
  memory_disk disk;
  faulty_files files(disk);
  auto log = open_log(files);
  REQUIRE_OK(log);
  REQUIRE_OK((*log)->reserve(8192));
  call_counter calls(files);
  std::vector<std::shared_ptr<const command>> group;
  for (std::uint64_t number = 1; number <= 20; ++number)
    group.push_back(sample_command(number));
  REQUIRE_OK((*log)->append(group, 1));
  BOOST_TEST(calls[file_call::write] == 1u);
  BOOST_TEST(calls[file_call::sync] == 1u);
}

BOOST_AUTO_TEST_CASE(frames_that_may_be_lost_cause_no_sync) {
  memory_disk disk;
  faulty_files files(disk);
  auto log = open_log(files);
  REQUIRE_OK(log);
  REQUIRE_OK((*log)->reserve(8192));
  call_counter calls(files);
  REQUIRE_OK(append(**log, 1, 5, 1, false));
  BOOST_TEST(calls[file_call::sync] == 0u);
  REQUIRE_OK(append(**log, 6, 6));
  BOOST_TEST(calls[file_call::sync] == 1u);
  log->reset();
  disk.crash();
  BOOST_TEST(count_prefix(disk) == 6u);
}

BOOST_AUTO_TEST_CASE(commands_that_cannot_be_logged_are_refused_before_anything_is_written) {
  memory_disk disk;
  auto log = open_log(disk);
  REQUIRE_OK(log);
  auto before = disk.files();
  auto empty = std::make_shared<command>();
  auto bad = std::make_shared<command>(*sample_command(2));
  bad->events.push_back(asset_tagged{1, "\xff"});
  for (auto& refused : {empty, bad}) {
    std::vector<std::shared_ptr<const command>> group{sample_command(1), refused};
    REQUIRE_FAILS((*log)->append(group, 1), error_code::invalid_argument);
  }
  BOOST_TEST((disk.files() == before));
  REQUIRE_OK(append(**log, 1, 3));
  BOOST_TEST(count_prefix(disk) == 3u);
}

BOOST_AUTO_TEST_CASE(a_full_disk_refuses_and_the_log_goes_on_when_there_is_room) {
  memory_disk disk;
  auto log = open_log(disk);
  REQUIRE_OK(log);
  disk.capacity_bytes = disk.used_bytes() + 300;
  std::uint64_t number = 1;
  while (append(**log, number, number))
    ++number;
  auto before = disk.files();
  for (int i = 0; i < 3; ++i) {
    REQUIRE_FAILS(append(**log, number, number), error_code::disk_full);
    REQUIRE_FAILS((*log)->reserve(10'000), error_code::disk_full);
  }
  BOOST_TEST((disk.files() == before));
  BOOST_TEST(count_prefix(disk) == number - 1);
  disk.capacity_bytes = 1u << 20;
  REQUIRE_OK(append(**log, number, number + 300));
  BOOST_TEST(count_prefix(disk) == number + 300);
}

BOOST_AUTO_TEST_CASE(a_log_on_a_full_disk_opens_and_reads) {
  memory_disk disk;
  auto head = write_log(disk, 5);
  disk.capacity_bytes = disk.used_bytes();
  REQUIRE_OK(open_log(disk, head));
  BOOST_TEST(count_prefix(disk) == 5u);
}

BOOST_AUTO_TEST_CASE(reserved_space_is_enough_on_a_full_disk_even_over_a_segment_end) {
  for (std::uint64_t already : {0u, 1u, 20u, 50u, 60u, 62u, 65u}) {
    BOOST_TEST_INFO_SCOPE("after " << already << " commands");
    memory_disk disk;
    auto log = open_log(disk);
    REQUIRE_OK(log);
    REQUIRE_OK(append(**log, 1, already));
    REQUIRE_OK((*log)->reserve(8000));
    BOOST_TEST((*log)->reserved_bytes() >= 8000u);
    disk.capacity_bytes = disk.used_bytes();
    auto size_before = (*log)->size_bytes();
    auto frame_bytes = std::uint64_t{0};
    auto number = already;
    while (frame_bytes + 400 <= 8000) {
      ++number;
      REQUIRE_OK(append(**log, number, number));
      frame_bytes = (*log)->size_bytes() - size_before;
    }
    BOOST_TEST(count_prefix(disk) == number);
  }
}

BOOST_AUTO_TEST_CASE(more_than_a_segment_cannot_be_reserved) {
  memory_disk disk;
  auto log = open_log(disk);
  REQUIRE_OK(log);
  REQUIRE_FAILS((*log)->reserve(small_log.segment_size_bytes), error_code::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_failed_sync_or_write_poisons_the_writer_for_good) {
  for (auto kind : {file_call::write, file_call::sync}) {
    memory_disk disk;
    faulty_files files(disk);
    auto log = open_log(files);
    REQUIRE_OK(log);
    REQUIRE_OK(append(**log, 1, 2));
    auto head = (*log)->head();
    files.torn_writes = true;
    files.fail_once(kind, 1);
    REQUIRE_FAILS(append(**log, 3, 3), error_code::outcome_unknown);
    auto before = disk.files();
    REQUIRE_FAILS(append(**log, 4, 4), error_code::outcome_unknown);
    REQUIRE_FAILS((*log)->reserve(1), error_code::outcome_unknown);
    BOOST_TEST((*log)->reserved_bytes() == 0u);
    BOOST_TEST((disk.files() == before));
    BOOST_TEST(((*log)->head() == head));
    log->reset();
    REQUIRE_OK(open_log(files, head));
    BOOST_TEST(count_prefix(disk) >= 2u);
  }
}

BOOST_AUTO_TEST_CASE(a_full_disk_at_a_segment_change_is_only_a_refusal) {
  memory_disk disk;
  faulty_files files(disk);
  auto log = open_log(files);
  REQUIRE_OK(log);
  files.fail_once(file_call::rename, 1, ENOSPC);
  std::uint64_t number = 1;
  while (append(**log, number, number))
    ++number;
  BOOST_TEST((*log)->segments() == 1u);
  REQUIRE_OK(append(**log, number, number + 5));
  BOOST_TEST((*log)->segments() == 2u);
  BOOST_TEST(count_prefix(disk) == number + 5);
}

namespace {

/// A log whose next command needs a second segment.
struct full_segment {
  memory_disk disk;
  faulty_files files{disk};
  std::unique_ptr<log_writer> log = must(open_log(files));
  std::uint64_t next = first_of_second();

  full_segment() { must(append(*log, 1, next - 1)); }

private:
  /// The first command that goes into the second segment.
  static std::uint64_t first_of_second() {
    memory_disk other;
    auto filled = must(open_log(other));
    for (std::uint64_t number = 1;; ++number) {
      must(append(*filled, number, number));
      if (filled->segments() == 2) return number;
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_segment_that_others_took_away_gets_no_successor, full_segment) {
  disk.erase(first_segment());
  REQUIRE_FAILS(append(*log, next, next), error_code::outcome_unknown);
  BOOST_TEST(must(list_segments(disk, log_folder)).empty());
}

BOOST_FIXTURE_TEST_CASE(a_segment_that_others_take_away_while_its_successor_is_named_is_missed,
                        full_segment) {
  files.fault = [this](file_call call) {
    if (call == file_call::rename) disk.erase(first_segment());
    return 0;
  };
  REQUIRE_FAILS(append(*log, next, next), error_code::outcome_unknown);
}

BOOST_FIXTURE_TEST_CASE(what_others_put_in_place_of_the_prepared_segment_gets_no_name,
                        full_segment) {
  // More than the segment has left, so it is made ready in the next one.
  REQUIRE_OK(log->reserve(small_log.segment_size_bytes / 2));
  BOOST_TEST_REQUIRE(disk.exists(prepared_path(log_folder)));
  disk.put(prepared_path(log_folder), std::string(small_log.segment_size_bytes, 'x'));
  REQUIRE_FAILS(append(*log, next, next), error_code::io_failed);
  REQUIRE_OK(append(*log, next, next + 3));
  BOOST_TEST(log->segments() == 2u);
  log.reset();
  BOOST_TEST(count_prefix(disk) == next + 3);
}

BOOST_AUTO_TEST_CASE(a_clean_stop_is_seen_at_the_next_start) {
  memory_disk disk;
  {
    auto log = open_log(disk);
    REQUIRE_OK(log);
    REQUIRE_OK(append(**log, 1, 2));
    auto stop = std::make_shared<command>();
    stop->events.push_back(engine_stopped{1});
    std::shared_ptr<const command> shared = stop;
    REQUIRE_OK((*log)->append({&shared, 1}, 1));
  }
  recovery_report report;
  {
    auto log = open_log(disk, {}, &report);
    REQUIRE_OK(log);
    BOOST_TEST(report.clean_stop);
    REQUIRE_OK(append(**log, 3, 3));
  }
  REQUIRE_OK(open_log(disk, {}, &report));
  BOOST_TEST(!report.clean_stop);
}

BOOST_AUTO_TEST_CASE(a_reader_starts_at_any_sequence) {
  memory_disk disk;
  write_log(disk, 200, 3);
  for (sequence_number from : {1u, 2u, 3u, 4u, 299u, 300u, 301u, 598u, 600u}) {
    auto some = read_log(disk, from);
    REQUIRE_OK(some);
    BOOST_REQUIRE(!some->empty());
    BOOST_TEST(some->front().first_sequence <= from);
    BOOST_TEST(some->front().last_sequence() >= from);
    BOOST_TEST(some->back().last_sequence() == 600u);
  }
  for (sequence_number from : {601u, 100'000u}) {
    auto none = read_log(disk, from);
    REQUIRE_OK(none);
    BOOST_TEST(none->empty());
  }
}

BOOST_AUTO_TEST_CASE(a_reader_at_the_end_sees_what_comes_later) {
  memory_disk disk;
  auto log = open_log(disk);
  REQUIRE_OK(log);
  auto reader = log_reader::open(disk, log_folder);
  REQUIRE_OK(reader);
  for (std::uint64_t number = 1; number <= 300; ++number) {
    auto none = (*reader)->next();
    REQUIRE_OK(none);
    BOOST_REQUIRE(!*none);
    REQUIRE_OK(append(**log, number, number));
    auto one = (*reader)->next();
    REQUIRE_OK(one);
    BOOST_REQUIRE(*one);
    BOOST_REQUIRE(*(*one)->what == *sample_command(number));
    auto& place = (*reader)->location();
    auto bytes = disk.bytes(place.file).substr(place.offset, place.size_bytes);
    BOOST_REQUIRE(is_intact({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}));
  }
  BOOST_TEST((*log)->segments() > 2u);
}

BOOST_AUTO_TEST_CASE(a_half_written_frame_is_the_end_for_a_reader_until_it_is_whole) {
  memory_disk disk;
  write_log(disk, 3);
  auto whole = disk.bytes(first_segment());
  auto offsets = frame_offsets(whole);
  for (auto cut = offsets[2] + 1; cut < offsets[3]; cut += 7) {
    auto half = whole;
    std::fill(half.begin() + static_cast<std::ptrdiff_t>(cut), half.end(), '\0');
    disk.put(first_segment(), half);
    auto reader = log_reader::open(disk, log_folder);
    REQUIRE_OK(reader);
    for (bool expected : {true, true, false}) {
      auto next = (*reader)->next();
      REQUIRE_OK(next);
      BOOST_REQUIRE(next->has_value() == expected);
    }
    auto verified = verify_log(disk, log_folder);
    REQUIRE_OK(verified);
    // A cut within the zeros at a frame's end may leave it whole but for its size.
    BOOST_TEST(verified->torn_tail);
    BOOST_TEST(verified->frames == 2u);
  }
}

BOOST_AUTO_TEST_CASE(a_log_is_read_and_verified_while_it_is_written) {
  constexpr std::uint64_t commands = 3000;
  temp_folder temp;
  auto folder = temp.path + "/log";
  recovery_report report;
  auto log = log_writer::open(posix_file_system(), folder, {64u << 10, 8u << 10}, {}, report);
  REQUIRE_OK(log);
  std::atomic<bool> failed = false;
  std::thread writer([&] {
    for (std::uint64_t number = 1; number <= commands && !failed; ++number) {
      auto what = sample_command(number, 1 + number % 5);
      if (!(*log)->append({&what, 1}, 1, number % 8 == 0)) failed = true;
    }
  });
  auto reader = log_reader::open(posix_file_system(), folder);
  std::uint64_t read = 0;
  std::string complaint;
  while (read < commands && !failed && complaint.empty()) {
    auto next = (*reader)->next();
    if (!next) complaint = next.failure().message;
    if (!next || !*next) continue;
    ++read;
    if (*(*next)->what != *sample_command(read, 1 + read % 5)) complaint = "another command";
    if (read % 500 != 0) continue;
    auto verified = verify_log(posix_file_system(), folder);
    if (!verified) complaint = verified.failure().message;
  }
  if (!complaint.empty()) failed = true;
  writer.join();
  BOOST_TEST(complaint == "");
  BOOST_TEST(read == commands);
}

BOOST_AUTO_TEST_CASE(verification_reports_its_progress_up_to_the_end) {
  memory_disk disk;
  write_log(disk, 600);
  std::uint64_t calls = 0, last_done = 0, last_total = 0;
  auto verified = verify_log(disk, log_folder, {}, [&](std::uint64_t done, std::uint64_t total) {
    BOOST_TEST(done >= last_done);
    BOOST_TEST(done <= total);
    ++calls;
    last_done = done;
    last_total = total;
  });
  REQUIRE_OK(verified);
  BOOST_TEST(calls > 2u);
  BOOST_TEST(last_done == last_total);
}

BOOST_AUTO_TEST_CASE(a_step_of_verification_is_short_however_large_the_frames_are) {
  memory_disk disk;
  auto log = open_log(disk);
  REQUIRE_OK(log);
  REQUIRE_OK(append(**log, 1, 8, 10'000));
  REQUIRE_OK(append(**log, 9, 1000));
  auto frame_bytes = frame_offsets(disk.bytes(first_segment()))[1];
  BOOST_REQUIRE(frame_bytes > 200'000u);
  auto verifier = log_verifier::open(disk, log_folder);
  REQUIRE_OK(verifier);
  std::uint64_t steps = 0;
  for (verify_report before;; before = (*verifier)->report()) {
    auto more = (*verifier)->step();
    REQUIRE_OK(more);
    auto& after = (*verifier)->report();
    BOOST_TEST(after.frames - before.frames <= 256u);
    BOOST_TEST(after.bytes - before.bytes < (1u << 20) + frame_bytes);
    ++steps;
    if (!*more) break;
  }
  BOOST_TEST((*verifier)->report().frames == 1000u);
  BOOST_TEST(steps >= 5u);
}

BOOST_AUTO_TEST_CASE(the_golden_log_of_version_1_is_read) {
  const std::string folder = PODSTUDIO_TEST_DATA "/events/log.v1";
  auto reader = log_reader::open(posix_file_system(), folder);
  REQUIRE_OK(reader);
  auto first = (*reader)->next();
  REQUIRE_OK(first);
  BOOST_REQUIRE(*first);
  BOOST_TEST((*first)->what->summary == "approve 1 asset");
  BOOST_TEST(((*first)->what->events == std::vector<event>{asset_approved{42}}));
  auto second = (*reader)->next();
  REQUIRE_OK(second);
  BOOST_REQUIRE(*second);
  BOOST_TEST((*second)->first_sequence == 2u);
  BOOST_TEST(((*second)->what->events
              == std::vector<event>{asset_tagged{42, "cat"}, asset_untagged{42, "dog"}}));
  auto verified = verify_log(posix_file_system(), folder);
  REQUIRE_OK(verified);
  BOOST_TEST(verified->events == 3u);
  BOOST_TEST(!verified->torn_tail);
}

// Each type at least once, as frames that frame_test.cpp pins to the byte. The log goes on from a
// copy.
BOOST_AUTO_TEST_CASE(the_golden_log_of_every_event_is_read_verified_recovered_and_continued) {
  auto name = segment_name(1);
  std::ifstream in(PODSTUDIO_TEST_DATA "/events/every_event.v1/" + name, std::ios::binary);
  memory_disk disk;
  REQUIRE_OK(disk.make_folder("/data"));
  REQUIRE_OK(disk.make_folder(log_folder));
  disk.put(first_segment(), std::string(std::istreambuf_iterator<char>(in), {}));
  auto all = read_log(disk);
  REQUIRE_OK(all);
  std::set<std::size_t> types;
  counting_source source;
  for (auto& each : *all)
    for (auto& what : each.what->events)
      types.insert(what.index());
  for_each_event_type(source, [&](const event& what) {
    source = {};
    auto holds = [&](auto& each) { return each.what->events == std::vector<event>{what}; };
    BOOST_TEST_INFO_SCOPE(event_name(what));
    BOOST_TEST(std::ranges::any_of(*all, holds));
  });
  BOOST_TEST(types.size() == std::variant_size_v<event>);
  auto verified = verify_log(disk, log_folder);
  REQUIRE_OK(verified);
  BOOST_TEST(verified->frames == all->size());
  BOOST_TEST(!verified->torn_tail);
  recovery_report report;
  auto log = open_log(disk, verified->head, &report);
  REQUIRE_OK(log);
  BOOST_TEST(report.truncated_bytes == 0u);
  REQUIRE_OK(append(**log, 1, 3));
  auto longer = read_log(disk);
  REQUIRE_OK(longer);
  BOOST_TEST(longer->size() == all->size() + 3);
}

BOOST_AUTO_TEST_SUITE_END()
