// SPDX-License-Identifier: MIT
#include "log_fixture.hpp"
#include "support/must.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <deque>
#include <future>
#include <new>
#include <system_error>

using namespace podstudio;

namespace {

std::vector<committed_command> read_backwards(file_system& files, sequence_number to) {
  auto reader = open_backwards(files, log_folder, to);
  REQUIRE_OK(reader);
  std::vector<committed_command> all;
  for (;;) {
    auto next = (*reader)->next();
    REQUIRE_OK(next);
    if (!*next) return all;
    all.push_back(**next);
  }
}

/// Why reading a log backwards from its end fails; nothing when it does not.
std::optional<error> backwards_failure(file_system& files) {
  auto reader = open_backwards(files, log_folder, UINT64_MAX);
  if (!reader) return reader.failure();
  for (;;) {
    auto next = (*reader)->next();
    if (!next) return next.failure();
    if (!*next) return std::nullopt;
  }
}

/// Runs what a writer wants to run beside itself only when the test says so.
struct beside {
  std::deque<std::packaged_task<void()>> tasks;

  log_options options() {
    auto with = small_log;
    with.run_beside = [this](std::function<void()> work) {
      tasks.emplace_back(std::move(work));
      return tasks.back().get_future();
    };
    return with;
  }
  void run() {
    for (auto& each : tasks)
      each();
    tasks.clear();
  }
};

/// Appends one command, the one after `number`.
void append_next(log_writer& log, std::uint64_t& number) {
  REQUIRE_OK(append(log, number + 1, number + 1));
  ++number;
}

result<std::unique_ptr<log_writer>> open_with(file_system& files, const log_options& options) {
  return open_log(files, {}, nullptr, options);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(log_history)

BOOST_AUTO_TEST_CASE(a_log_is_read_backwards_from_any_sequence_over_segments) {
  memory_disk disk;
  write_log(disk, 220, 3);
  BOOST_REQUIRE(list_segments(disk, log_folder)->size() >= 4u);
  auto forwards = read_log(disk);
  REQUIRE_OK(forwards);
  auto head = forwards->back().last_sequence();
  for (sequence_number to = 0; to <= head + 2; to += to < 20 ? 1 : 7) {
    auto backwards = read_backwards(disk, to);
    std::ranges::reverse(backwards);
    auto end = std::ranges::find_if(
        *forwards, [&](const committed_command& each) { return each.first_sequence > to; });
    BOOST_TEST_INFO_SCOPE("from sequence " << to);
    BOOST_REQUIRE(backwards.size() == static_cast<std::size_t>(end - forwards->begin()));
    for (std::size_t i = 0; i < backwards.size(); ++i) {
      BOOST_REQUIRE(backwards[i].first_sequence == (*forwards)[i].first_sequence);
      BOOST_REQUIRE(backwards[i].hash == (*forwards)[i].hash);
      BOOST_REQUIRE(*backwards[i].what == *(*forwards)[i].what);
    }
  }
}

BOOST_AUTO_TEST_CASE(segments_that_a_writer_adds_meanwhile_are_read_backwards_as_well) {
  memory_disk disk;
  auto log = open_log(disk);
  REQUIRE_OK(log);
  REQUIRE_OK(append(**log, 1, 90));
  auto segments = (*log)->segments();
  faulty_files files(disk);
  std::uint64_t last = 90;
  files.fault = [&](file_call call) {
    // The segments are listed by now.
    if (call != file_call::open || last > 90) return 0;
    while ((*log)->segments() < segments + 3)
      append_next(**log, last);
    return 0;
  };
  auto backwards = read_backwards(files, UINT64_MAX);
  BOOST_REQUIRE(backwards.size() == last);
  for (auto& each : backwards)
    BOOST_REQUIRE(each.first_sequence == last--);
}

BOOST_AUTO_TEST_CASE(an_empty_log_is_read_backwards_as_nothing) {
  memory_disk disk;
  BOOST_REQUIRE(open_log(disk));
  BOOST_TEST(read_backwards(disk, UINT64_MAX).empty());
  BOOST_TEST((*read_head(disk, log_folder) == log_head{}));
}

BOOST_AUTO_TEST_CASE(a_log_that_is_taken_away_while_it_is_opened_is_read_backwards_as_nothing) {
  for (std::uint64_t at = 1; at < 12; ++at) {
    memory_disk disk;
    write_log(disk, 220);
    faulty_files files(disk);
    files.fault = [&](file_call) {
      if (files.calls == at)
        for (const auto& [path, bytes] : disk.files())
          must(disk.remove(path));
      return 0;
    };
    // An error, or what could be read before: it ends, and does not crash.
    auto reader = open_backwards(files, log_folder, UINT64_MAX);
    while (reader) {
      auto next = (*reader)->next();
      if (!next || !*next) break;
    }
  }
}

BOOST_AUTO_TEST_CASE(damage_anywhere_stops_reading_backwards) {
  memory_disk disk;
  write_log(disk, 220);
  auto firsts = list_segments(disk, log_folder);
  REQUIRE_OK(firsts);
  for (auto first : *firsts) {
    auto path = segment_path(log_folder, first);
    auto bytes = disk.bytes(path);
    auto offsets = frame_offsets(bytes);
    bool last = first == firsts->back();
    // The last frame of a log may be torn: what is before it is read.
    auto end = last ? offsets[offsets.size() - 2] : bytes.size();
    for (std::uint64_t at = segment_header_bytes; at < end; at += 37) {
      auto damaged = bytes;
      damaged[at] ^= 1;
      auto copy = disk.clone();
      copy.put(path, damaged);
      auto failure = backwards_failure(copy);
      BOOST_TEST_INFO_SCOPE("offset " << at << " of the segment from sequence " << first);
      BOOST_REQUIRE(failure.has_value());
      BOOST_REQUIRE(failure->code == error_code::damaged);
      BOOST_REQUIRE(failure->message.find("'" + path + "'") != std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_head_is_where_the_log_ends) {
  memory_disk disk;
  auto head = write_log(disk, 150, 2);
  BOOST_TEST((*read_head(disk, log_folder) == head));
}

BOOST_AUTO_TEST_CASE(a_head_that_was_told_is_there_after_a_crash) {
  for (bool verified : {false, true}) {
    memory_disk disk;
    REQUIRE_OK(disk.make_folder("/data"));
    REQUIRE_OK(disk.sync_folder(""));
    auto log = open_log(disk);
    REQUIRE_OK(log);
    REQUIRE_OK(append(**log, 1, 90));
    REQUIRE_OK(append(**log, 91, 93, 1, false));
    BOOST_TEST(((*log)->head() != (*log)->durable_head()));
    log_head told;
    if (verified) {
      auto report = verify_log(disk, log_folder);
      REQUIRE_OK(report);
      told = report->head;
    } else {
      auto head = read_head(disk, log_folder);
      REQUIRE_OK(head);
      told = *head;
    }
    BOOST_TEST((told == (*log)->head()));
    disk.crash();
    REQUIRE_OK(verify_log(disk, log_folder, {.expect = told}));
  }
}

BOOST_AUTO_TEST_CASE(a_head_that_cannot_be_made_durable_is_not_told) {
  memory_disk disk;
  write_log(disk, 20);
  faulty_files files(disk);
  files.fail_once(file_call::sync, 1);
  REQUIRE_FAILS(read_head(files, log_folder), error_code::io_failed);
  files.fail_once(file_call::sync, 1);
  REQUIRE_FAILS(verify_log(files, log_folder), error_code::io_failed);
}

BOOST_AUTO_TEST_CASE(a_log_extends_every_head_it_had_and_no_other) {
  memory_disk disk;
  write_log(disk, 120, 2);
  auto all = read_log(disk);
  REQUIRE_OK(all);
  for (auto& each : *all) {
    log_head had{each.last_sequence(), each.hash};
    REQUIRE_OK(verify_log(disk, log_folder, {.expect = had}));
    auto other = had;
    other.hash[31] ^= 1;
    REQUIRE_FAILS(verify_log(disk, log_folder, {.expect = other}), error_code::damaged);
    other = had;
    --other.sequence;
    REQUIRE_FAILS(verify_log(disk, log_folder, {.expect = other}), error_code::damaged);
  }
  REQUIRE_OK(verify_log(disk, log_folder, {.expect = log_head{}}));
  REQUIRE_FAILS(verify_log(disk, log_folder, {.expect = log_head{0, all->front().hash}}),
                error_code::damaged);
}

// Whole frames and whole segments taken off the end leave a log that is right in itself.
BOOST_AUTO_TEST_CASE(a_removed_suffix_is_caught_by_a_head_noted_earlier) {
  memory_disk disk;
  auto head = write_log(disk, 150);
  auto firsts = list_segments(disk, log_folder);
  REQUIRE_OK(firsts);
  auto last = segment_path(log_folder, firsts->back());
  auto bytes = disk.bytes(last);
  auto offsets = frame_offsets(bytes);
  for (std::size_t keep = 0; keep + 1 < offsets.size(); ++keep) {
    auto copy = disk.clone();
    copy.put(last, bytes.substr(0, offsets[keep]));
    REQUIRE_OK(verify_log(copy, log_folder));
    REQUIRE_FAILS(verify_log(copy, log_folder, {.expect = head}), error_code::damaged);
  }
  disk.erase(last);
  REQUIRE_OK(verify_log(disk, log_folder));
  REQUIRE_FAILS(verify_log(disk, log_folder, {.expect = head}), error_code::damaged);
}

BOOST_AUTO_TEST_CASE(a_log_written_anew_is_caught_by_a_head_noted_earlier) {
  memory_disk disk, anew;
  auto head = write_log(disk, 50);
  write_log(anew, 60);
  REQUIRE_OK(verify_log(anew, log_folder));
  REQUIRE_FAILS(verify_log(anew, log_folder, {.expect = head}), error_code::damaged);
}

BOOST_AUTO_TEST_CASE(a_check_of_the_sealed_segments_leaves_the_last_one_alone) {
  memory_disk disk;
  write_log(disk, 220);
  auto before = sealed_before(disk, log_folder);
  REQUIRE_OK(before);
  BOOST_REQUIRE(*before > 1);
  auto check = [&](memory_disk& files) {
    return verify_log(files, log_folder, {.expect = {}, .before = *before});
  };
  auto report = check(disk);
  REQUIRE_OK(report);
  BOOST_TEST(report->head.sequence == *before - 1);
  auto damage_first_frame = [&](sequence_number first) {
    auto copy = disk.clone();
    auto path = segment_path(log_folder, first);
    auto bytes = disk.bytes(path);
    bytes[bytes.size() / 2] ^= 1;
    copy.put(path, bytes);
    return copy;
  };
  auto in_last = damage_first_frame(*before);
  REQUIRE_OK(check(in_last));
  auto in_first = damage_first_frame(1);
  REQUIRE_FAILS(check(in_first), error_code::damaged);
}

BOOST_AUTO_TEST_CASE(a_subscription_gives_the_past_then_the_present_and_nothing_undurable) {
  memory_disk disk;
  auto log = open_log(disk);
  REQUIRE_OK(log);
  REQUIRE_OK(append(**log, 1, 100));
  std::uint64_t waits = 0;
  auto events = log_subscription::open(disk, log_folder, 41, [&](sequence_number after) {
    ++waits;
    BOOST_REQUIRE(after >= 40);
    return result<sequence_number>((*log)->durable_head().sequence);
  });
  REQUIRE_OK(events);
  auto take = [&]() -> sequence_number {
    auto next = events->next();
    REQUIRE_OK(next);
    return *next ? (*next)->first_sequence : 0;
  };
  for (sequence_number expected = 41; expected <= 100; ++expected)
    BOOST_REQUIRE(take() == expected);
  BOOST_TEST(waits == 1u);
  BOOST_TEST(take() == 0u);
  // Written is not durable.
  REQUIRE_OK(append(**log, 101, 102, 1, false));
  BOOST_TEST(take() == 0u);
  REQUIRE_OK((*log)->sync());
  BOOST_TEST(take() == 101u);
  REQUIRE_OK(append(**log, 103, 103));
  BOOST_TEST(take() == 102u);
  BOOST_TEST(take() == 103u);
  BOOST_TEST(take() == 0u);
}

BOOST_AUTO_TEST_CASE(a_prepared_segment_is_entered_without_any_allocation) {
  memory_disk disk;
  faulty_files files(disk);
  beside tasks;
  auto log = open_with(files, tasks.options());
  REQUIRE_OK(log);
  std::uint64_t number = 0;
  while (tasks.tasks.empty()) {
    ++number;
    REQUIRE_OK(append(**log, number, number));
  }
  BOOST_TEST(!disk.exists(prepared_path(log_folder)));
  tasks.run();
  BOOST_TEST(disk.bytes(prepared_path(log_folder))
             == std::string(small_log.segment_size_bytes, '\0'));
  auto segments = (*log)->segments();
  std::uint64_t allocations = 0;
  while ((*log)->segments() == segments) {
    files.fault = [&](file_call call) {
      allocations += call == file_call::allocate;
      return 0;
    };
    ++number;
    REQUIRE_OK(append(**log, number, number));
  }
  // Where the current segment's own space ended, the prepared one was entered instead.
  BOOST_TEST(allocations == 0u);
  BOOST_TEST(count_prefix(disk) == number);
}

BOOST_AUTO_TEST_CASE(a_writer_that_needs_the_next_segment_waits_for_its_preparation) {
  memory_disk disk;
  auto options = small_log;
  options.run_beside = [](std::function<void()> work) {
    return std::async(std::launch::deferred, std::move(work));
  };
  auto log = open_with(disk, options);
  REQUIRE_OK(log);
  REQUIRE_OK(append(**log, 1, 300));
  BOOST_TEST((*log)->segments() >= 3u);
  BOOST_TEST(count_prefix(disk) == 300u);
}

BOOST_AUTO_TEST_CASE(without_room_for_a_whole_segment_a_smaller_one_is_made) {
  memory_disk disk;
  faulty_files files(disk);
  beside tasks;
  auto log = open_with(files, tasks.options());
  REQUIRE_OK(log);
  std::uint64_t number = 0;
  auto step = [&] {
    ++number;
    return append(**log, number, number);
  };
  while (tasks.tasks.empty())
    REQUIRE_OK(step());
  disk.capacity_bytes = disk.used_bytes() + small_log.segment_size_bytes - 1;
  files.fault = [&](file_call call) {
    // Nothing is written before all of the space is there.
    BOOST_TEST((call != file_call::write));
    return 0;
  };
  tasks.run();
  files.heal();
  BOOST_TEST(!disk.exists(prepared_path(log_folder)));
  while ((*log)->segments() == 1)
    REQUIRE_OK(step());
  BOOST_TEST(count_prefix(disk) == number);
}

BOOST_AUTO_TEST_CASE(a_failed_preparation_costs_nothing_and_the_writer_goes_on) {
  for (auto kind : {file_call::remove, file_call::open, file_call::allocate, file_call::write,
                    file_call::sync}) {
    memory_disk disk;
    faulty_files files(disk);
    beside tasks;
    auto log = open_with(files, tasks.options());
    REQUIRE_OK(log);
    std::uint64_t number = 0;
    while (tasks.tasks.empty())
      append_next(**log, number);
    files.fail_once(kind, 1);
    tasks.run();
    BOOST_TEST(files.failures == 1u);
    while ((*log)->segments() == 1)
      append_next(**log, number);
    log->reset();
    REQUIRE_OK(open_log(files));
    BOOST_TEST(count_prefix(disk) == number);
  }
}

BOOST_AUTO_TEST_CASE(a_segment_that_cannot_be_made_is_a_refusal_until_it_can_be) {
  for (auto kind : {file_call::remove, file_call::open, file_call::allocate, file_call::write,
                    file_call::sync}) {
    memory_disk disk;
    faulty_files files(disk);
    auto log = open_log(files);
    REQUIRE_OK(log);
    files.fault = [&](file_call call) {
      return call == kind && files.path == prepared_path(log_folder) ? EIO : 0;
    };
    std::uint64_t number = 0;
    result<void> appended;
    while ((appended = append(**log, number + 1, number + 1)))
      ++number;
    for (int again = 0; again < 3; ++again) {
      REQUIRE_FAILS(appended, error_code::io_failed);
      BOOST_TEST((*log)->segments() == 1u);
      BOOST_TEST((*log)->durable_head().sequence == number);
      appended = append(**log, number + 1, number + 1);
    }
    files.heal();
    append_next(**log, number);
    BOOST_TEST((*log)->segments() == 2u);
    BOOST_TEST(count_prefix(disk) == number);
  }
}

BOOST_AUTO_TEST_CASE(without_a_thread_beside_it_a_writer_goes_on) {
  std::uint64_t tries = 0;
  auto no_thread = [&](std::function<void()>) -> std::future<void> {
    ++tries;
    throw std::system_error(EAGAIN, std::generic_category());
  };
  auto given_up = [&](std::function<void()> work) {
    ++tries;
    return std::packaged_task<void()>(std::move(work)).get_future();
  };
  auto failed = [&](std::function<void()>) {
    ++tries;
    return std::async(std::launch::deferred, [] { throw std::bad_alloc(); });
  };
  for (decltype(log_options::run_beside) run :
       {decltype(log_options::run_beside)(no_thread), {given_up}, {failed}}) {
    memory_disk disk;
    auto options = small_log;
    options.run_beside = run;
    auto log = open_with(disk, options);
    REQUIRE_OK(log);
    tries = 0;
    REQUIRE_OK(append(**log, 1, 300));
    BOOST_TEST((*log)->segments() >= 3u);
    BOOST_TEST(tries >= 2u);
    BOOST_TEST(count_prefix(disk) == 300u);
  }
}

BOOST_AUTO_TEST_CASE(what_a_failed_preparation_left_behind_is_not_in_the_way_of_the_next) {
  memory_disk disk;
  faulty_files files(disk);
  beside tasks;
  auto log = open_with(files, tasks.options());
  REQUIRE_OK(log);
  std::uint64_t number = 0;
  while (tasks.tasks.empty())
    append_next(**log, number);
  files.fault = [full = false](file_call call) mutable {
    full = full || call == file_call::write;
    return full ? ENOSPC : 0;
  };
  tasks.run();
  files.heal();
  BOOST_REQUIRE(disk.exists(prepared_path(log_folder)));
  while ((*log)->segments() == 1)
    append_next(**log, number);
  BOOST_TEST(count_prefix(disk) == number);
}

BOOST_AUTO_TEST_CASE(a_log_that_is_closed_does_not_wait_for_a_preparation_nobody_began) {
  memory_disk disk;
  beside tasks;
  {
    auto log = open_with(disk, tasks.options());
    REQUIRE_OK(log);
    std::uint64_t number = 0;
    while (tasks.tasks.empty())
      append_next(**log, number);
    tasks.tasks.clear();  // its promise is broken, as that of a thread that could not be started
  }
  REQUIRE_OK(open_log(disk));
}

BOOST_AUTO_TEST_SUITE_END()
