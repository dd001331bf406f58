// SPDX-License-Identifier: MIT
#include "events/log.hpp"

#include "events/crc32c.hpp"
#include "log_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>

using namespace podstudio;

namespace {

/// A damaged log is to be refused, and not one byte of it changed.
void require_stop(memory_disk& disk, error_code code,
                  const std::optional<log_head>& checkpoint = {}) {
  auto before = disk.files();
  auto opened = open_log(disk, checkpoint);
  REQUIRE_FAILS(opened, code);
  BOOST_REQUIRE(disk.files() == before);
}

/// Damage names the place and what to do.
void require_damage_named(memory_disk& disk, const std::string& file, std::uint64_t offset,
                          sequence_number sequence) {
  auto opened = open_log(disk);
  REQUIRE_FAILS(opened, error_code::damaged);
  auto& message = opened.failure().message;
  for (auto& part : {"'" + file + "'", "offset " + std::to_string(offset) + ",",
                     "sequence " + std::to_string(sequence) + ":", std::string("expected "),
                     std::string("found "), std::string("backup")})
    BOOST_TEST(message.find(part) != std::string::npos, message << " lacks " << part);
}

/// A small log and what its first segment holds.
struct sample_log {
  explicit sample_log(std::uint64_t count, std::size_t events_each = 1)
      : head(write_log(disk, count, events_each)), bytes(disk.bytes(first_segment())),
        offsets(frame_offsets(bytes)) {}

  /// A disk with other bytes in the first segment.
  memory_disk with(std::string other) const {
    auto copy = disk.clone();
    copy.put(first_segment(), std::move(other));
    return copy;
  }
  std::string frame(std::size_t i) const {
    return bytes.substr(offsets[i], offsets[i + 1] - offsets[i]);
  }

  memory_disk disk;
  log_head head;
  std::string bytes;
  std::vector<std::uint64_t> offsets;
};

std::string set_aside_bytes(const memory_disk& disk, const recovery_report& report) {
  return disk.bytes(report.truncated_copy);
}

std::string without_trailing_zeros(std::string bytes) {
  auto last = bytes.find_last_not_of('\0');
  bytes.resize(last == std::string::npos ? 0 : last + 1);
  return bytes;
}

/// Seals the frame in `bytes` anew with another link: a forgery with right checksums.
std::string resealed(std::string frame, const frame_link& link) {
  seal_frame({reinterpret_cast<std::uint8_t*>(frame.data()), frame.size()}, link);
  return frame;
}

frame_link link_of(const std::string& frame) {
  return read_frame_header({reinterpret_cast<const std::uint8_t*>(frame.data()), frame.size()})
      .link;
}

/// The second segment's first sequence, of a log long enough to have one.
sequence_number second_segment(memory_disk& disk) {
  auto firsts = list_segments(disk, log_folder);
  REQUIRE_OK(firsts);
  BOOST_REQUIRE(firsts->size() >= 3);
  return (*firsts)[1];
}

}  // namespace

BOOST_AUTO_TEST_SUITE(recovery)

BOOST_AUTO_TEST_CASE(a_log_cut_at_any_byte_recovers_the_whole_frames_before_the_cut) {
  sample_log log(12);
  for (std::size_t size = 0; size < log.bytes.size(); ++size) {
    auto disk = log.with(log.bytes.substr(0, size));
    if (size < segment_header_bytes) {
      require_stop(disk, error_code::damaged);
      continue;
    }
    recovery_report report;
    auto opened = open_log(disk, {}, &report);
    REQUIRE_OK(opened);
    auto whole = static_cast<std::uint64_t>(std::ranges::upper_bound(log.offsets, size)
                                            - log.offsets.begin() - 1);
    BOOST_REQUIRE(count_prefix(disk) == whole);
    auto torn = without_trailing_zeros(log.bytes.substr(0, size).substr(log.offsets[whole]));
    BOOST_REQUIRE(report.truncated_bytes == torn.size());
    if (!torn.empty()) BOOST_REQUIRE(set_aside_bytes(disk, report) == torn);
    REQUIRE_OK(append(**opened, whole + 1, whole + 2));
    BOOST_REQUIRE(count_prefix(disk) == whole + 2);
  }
}

BOOST_AUTO_TEST_CASE(a_log_cut_before_the_checkpoint_stops_at_any_byte) {
  sample_log log(6);
  for (auto size = log.offsets[5]; size < log.offsets[6] - 4; ++size) {
    auto disk = log.with(log.bytes.substr(0, size));
    require_stop(disk, error_code::damaged, log.head);
  }
}

// The last frame is the only one that no later frame promises to be durable.
BOOST_AUTO_TEST_CASE(a_flipped_bit_stops_or_leaves_all_frames_but_the_last) {
  constexpr std::uint64_t frames = 5;
  sample_log log(frames);
  std::uint64_t stops = 0;
  for (std::size_t byte = 0; byte < log.bytes.size(); ++byte)
    for (int bit = 0; bit < 8; ++bit) {
      auto flipped = log.bytes;
      flipped[byte] = static_cast<char>(flipped[byte] ^ (1 << bit));
      auto disk = log.with(flipped);
      if (byte < log.offsets[frames - 1]) {
        require_stop(disk, error_code::damaged);
        REQUIRE_FAILS(read_log(disk), error_code::damaged);
        ++stops;
        continue;
      }
      recovery_report report;
      REQUIRE_OK(open_log(disk, {}, &report));
      BOOST_REQUIRE(count_prefix(disk) == (byte < log.offsets[frames] ? frames - 1 : frames));
      BOOST_REQUIRE(set_aside_bytes(disk, report)
                    == without_trailing_zeros(flipped.substr(
                        log.offsets[byte < log.offsets[frames] ? frames - 1 : frames])));
      // With a checkpoint there is nothing left that may be lost.
      if (byte < log.offsets[frames]) {
        auto checked = log.with(flipped);
        require_stop(checked, error_code::damaged, log.head);
      }
    }
  BOOST_TEST(stops == log.offsets[frames - 1] * 8);
}

// A lost sector that takes the last frame with it leaves nothing that promises the frames before it
// but the checkpoint.
BOOST_AUTO_TEST_CASE(a_zeroed_sector_stops_unless_it_reaches_into_the_last_frame) {
  constexpr std::uint64_t frames = 20;
  sample_log log(frames);
  for (std::size_t at = 0; at < log.offsets[frames]; at += memory_disk::sector_bytes) {
    auto zeroed = log.bytes;
    std::fill_n(zeroed.begin() + static_cast<std::ptrdiff_t>(at), memory_disk::sector_bytes, '\0');
    if (zeroed == log.bytes) continue;
    auto disk = log.with(zeroed);
    require_stop(disk, error_code::damaged, log.head);
    if (at + memory_disk::sector_bytes <= log.offsets[frames - 1]) {
      require_stop(disk, error_code::damaged);
      continue;
    }
    REQUIRE_OK(open_log(disk));
    auto before = std::ranges::upper_bound(log.offsets, at) - log.offsets.begin() - 1;
    BOOST_REQUIRE(count_prefix(disk) == static_cast<std::uint64_t>(before));
  }
}

BOOST_AUTO_TEST_CASE(damage_before_what_was_promised_durable_names_its_place) {
  sample_log log(5);
  auto damaged = log.bytes;
  damaged[log.offsets[2] + 30] ^= 1;
  auto disk = log.with(damaged);
  require_damage_named(disk, first_segment(), log.offsets[2], 3);
}

BOOST_AUTO_TEST_CASE(a_torn_group_is_cut_off_whole_where_nothing_of_it_was_promised) {
  memory_disk disk;
  {
    auto log = open_log(disk);
    REQUIRE_OK(log);
    REQUIRE_OK((*log)->reserve(8000));
    REQUIRE_OK(append(**log, 1, 2));
    std::vector<std::shared_ptr<const command>> group;
    for (std::uint64_t number = 3; number <= 9; ++number)
      group.push_back(sample_command(number));
    REQUIRE_OK((*log)->append(group, 1));
  }
  auto bytes = disk.bytes(first_segment());
  auto offsets = frame_offsets(bytes);
  BOOST_REQUIRE(offsets.size() == 10u);
  // The first frame of the group is torn; the whole ones behind it were written by the same call.
  bytes[offsets[2] + 40] ^= 1;
  disk.put(first_segment(), bytes);
  recovery_report report;
  auto log = open_log(disk, {}, &report);
  REQUIRE_OK(log);
  BOOST_TEST(count_prefix(disk) == 2u);
  BOOST_TEST(report.truncated_bytes == offsets[9] - offsets[2]);
  BOOST_TEST(set_aside_bytes(disk, report) == bytes.substr(offsets[2], offsets[9] - offsets[2]));
  // What was cut off does not come back when the space is used again.
  REQUIRE_OK(append(**log, 3, 3));
  BOOST_TEST(count_prefix(disk) == 3u);
  log->reset();
  REQUIRE_OK(open_log(disk));
  BOOST_TEST(count_prefix(disk) == 3u);
  BOOST_TEST(disk.exists(report.truncated_copy));
}

BOOST_AUTO_TEST_CASE(a_zeroed_frame_before_later_ones_of_its_own_group_is_a_torn_tail) {
  memory_disk disk;
  {
    auto log = open_log(disk);
    REQUIRE_OK(log);
    std::vector<std::shared_ptr<const command>> group{sample_command(1), sample_command(2)};
    REQUIRE_OK((*log)->append(group, 1));
  }
  auto bytes = disk.bytes(first_segment());
  auto offsets = frame_offsets(bytes);
  std::fill(bytes.begin() + segment_header_bytes,
            bytes.begin() + static_cast<std::ptrdiff_t>(offsets[1]), '\0');
  disk.put(first_segment(), bytes);
  recovery_report report;
  REQUIRE_OK(open_log(disk, {}, &report));
  BOOST_TEST(count_prefix(disk) == 0u);
  BOOST_TEST(report.truncated_bytes == offsets[2] - offsets[0]);
}

BOOST_AUTO_TEST_CASE(swapped_duplicated_and_removed_frames_stop) {
  sample_log log(6);
  auto rebuilt = [&](std::initializer_list<std::size_t> order) {
    auto bytes = log.bytes.substr(0, segment_header_bytes);
    for (auto i : order)
      bytes += log.frame(i);
    bytes.resize(std::max(bytes.size(), log.bytes.size()));
    return log.with(bytes);
  };
  for (auto order : {std::initializer_list<std::size_t>{0, 2, 1, 3, 4, 5},
                     {0, 1, 2, 3, 4, 5, 5},
                     {0, 0, 1, 2, 3, 4, 5},
                     {0, 1, 3, 4, 5},
                     {1, 2, 3, 4, 5},
                     {0, 1, 2, 3, 5}}) {
    auto disk = rebuilt(order);
    require_stop(disk, error_code::damaged);
    REQUIRE_FAILS(read_log(disk), error_code::damaged);
    REQUIRE_FAILS(verify_log(disk, log_folder), error_code::damaged);
  }
}

BOOST_AUTO_TEST_CASE(a_frame_of_another_place_stops_although_its_checksums_are_right) {
  sample_log log(4);
  auto link = link_of(log.frame(3));
  auto forged = [&](auto change) {
    auto other = link;
    change(other);
    auto bytes = log.bytes;
    bytes.replace(log.offsets[3], log.frame(3).size(), resealed(log.frame(3), other));
    auto disk = log.with(bytes);
    require_stop(disk, error_code::damaged);
    require_damage_named(disk, first_segment(), log.offsets[3], 4);
  };
  forged([](frame_link& other) { ++other.epoch; });
  forged([](frame_link& other) { ++other.first_sequence; });
  forged([](frame_link& other) { --other.first_sequence; });
  forged([](frame_link& other) { other.previous_hash[5] ^= 1; });
  forged([&](frame_link& other) { other.synced_to = log.offsets[3] + 8; });
}

BOOST_AUTO_TEST_CASE(a_frame_of_another_epoch_behind_a_torn_one_stops) {
  sample_log log(4), other(8);
  auto bytes = log.bytes;
  bytes[log.offsets[3] + 40] ^= 1;
  bytes.replace(log.offsets[4], other.frame(6).size(), other.frame(6));
  auto disk = log.with(bytes);
  require_stop(disk, error_code::damaged);
}

BOOST_AUTO_TEST_CASE(damage_in_a_sealed_segment_stops_its_readers) {
  memory_disk disk;
  write_log(disk, 400);
  auto bytes = disk.bytes(first_segment());
  auto offsets = frame_offsets(bytes);
  for (auto at :
       {offsets[0] + 40, offsets[3] + 1, offsets[offsets.size() - 2] + 20, offsets.back() + 3}) {
    auto copy = disk.clone();
    auto damaged = bytes;
    damaged[at] ^= 1;
    copy.put(first_segment(), damaged);
    REQUIRE_FAILS(read_log(copy), error_code::damaged);
    REQUIRE_FAILS(verify_log(copy, log_folder), error_code::damaged);
  }
  for (auto size : {offsets.back() - 1, offsets[5], std::uint64_t{100}}) {
    auto copy = disk.clone();
    copy.put(first_segment(), bytes.substr(0, size));
    REQUIRE_FAILS(verify_log(copy, log_folder), error_code::damaged);
    require_stop(copy, error_code::damaged);
  }
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_of_any_segment_header_stops) {
  memory_disk disk;
  write_log(disk, 200);
  auto firsts = list_segments(disk, log_folder);
  REQUIRE_OK(firsts);
  for (auto first : *firsts)
    for (std::size_t bit = 0; bit < 130 * 8; ++bit) {
      auto path = segment_path(log_folder, first);
      auto bytes = disk.bytes(path);
      auto damaged = bytes;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      disk.put(path, damaged);
      require_stop(disk, error_code::damaged);
      disk.put(path, bytes);
    }
}

BOOST_AUTO_TEST_CASE(a_missing_or_foreign_segment_stops) {
  memory_disk disk;
  write_log(disk, 400);
  auto second = second_segment(disk);
  auto stops = [&](auto change) {
    auto copy = disk.clone();
    change(copy);
    require_stop(copy, error_code::damaged);
    REQUIRE_FAILS(verify_log(copy, log_folder), error_code::damaged);
  };
  auto second_path = segment_path(log_folder, second);
  stops([&](memory_disk& copy) { copy.erase(first_segment()); });
  stops([&](memory_disk& copy) { copy.erase(second_path); });
  stops([&](memory_disk& copy) { copy.put(second_path, disk.bytes(first_segment())); });
  stops([&](memory_disk& copy) { copy.put(first_segment(), disk.bytes(second_path)); });
  stops([&](memory_disk& copy) {
    memory_disk other;
    write_log(other, 400);
    copy.put(second_path, other.bytes(second_path));
  });
  stops([&](memory_disk& copy) {
    copy.put(segment_path(log_folder, 7), disk.bytes(first_segment()));
  });
  stops([&](memory_disk& copy) {
    copy.put(segment_path(log_folder, 90'000), disk.bytes(first_segment()));
  });
}

BOOST_AUTO_TEST_CASE(a_checkpoint_ahead_of_the_log_stops) {
  sample_log log(5);
  auto ahead = log.head;
  ++ahead.sequence;
  auto disk = log.disk.clone();
  require_stop(disk, error_code::damaged, ahead);
  memory_disk nothing;
  require_stop(nothing, error_code::damaged, log.head);
  auto rolled = memory_disk();
  auto head = write_log(rolled, 300);
  head.sequence += 1000;
  require_stop(rolled, error_code::damaged, head);
}

BOOST_AUTO_TEST_CASE(any_committed_command_is_a_checkpoint_and_another_hash_or_sequence_is_not) {
  memory_disk disk;
  write_log(disk, 150, 3);
  auto all = read_log(disk);
  REQUIRE_OK(all);
  for (auto& each : *all) {
    log_head head{each.last_sequence(), each.hash};
    REQUIRE_OK(open_log(disk, head));
    auto other_hash = head;
    other_hash.hash[0] ^= 1;
    require_stop(disk, error_code::damaged, other_hash);
    auto within = head;
    --within.sequence;
    require_stop(disk, error_code::damaged, within);
  }
  REQUIRE_OK(open_log(disk, log_head{}));
  require_stop(disk, error_code::damaged, log_head{0, all->front().hash});
}

BOOST_AUTO_TEST_CASE(a_log_of_a_newer_format_is_refused_untouched) {
  sample_log log(3);
  auto header = log.bytes.substr(0, segment_header_bytes);
  header[8] = 2;
  auto sum = crc32c(header.data(), segment_header_bytes - 4);
  for (std::size_t i = 0; i < 4; ++i)
    header[segment_header_bytes - 4 + i] = static_cast<char>(sum >> (8 * i));
  auto disk = log.with(header + log.bytes.substr(segment_header_bytes));
  require_stop(disk, error_code::newer_version);
  REQUIRE_FAILS(read_log(disk), error_code::newer_version);
}

BOOST_AUTO_TEST_CASE(a_log_with_an_unknown_event_type_or_version_is_refused_untouched) {
  sample_log log(4);
  auto name = log.frame(2).find("asset.tagged");
  BOOST_REQUIRE(name != std::string::npos);
  for (auto& [at, to] : {std::pair{name + 6, 'j'}, std::pair{name + 12, '\2'}}) {
    auto frame = log.frame(2);
    frame[at] = to;
    auto bytes = log.bytes;
    bytes.replace(log.offsets[2], frame.size(), resealed(frame, link_of(frame)));
    // A torn tail behind it must not be touched either.
    bytes[log.offsets[3] + 20] ^= 1;
    auto disk = log.with(bytes);
    require_stop(disk, error_code::newer_version);
    REQUIRE_FAILS(read_log(disk), error_code::newer_version);
  }
}

BOOST_AUTO_TEST_CASE(a_read_error_is_no_torn_tail) {
  sample_log log(5);
  for (std::uint64_t nth = 1; nth < 6; ++nth) {
    auto disk = log.disk.clone();
    faulty_files files(disk);
    files.fail_once(file_call::read, nth);
    auto opened = open_log(files);
    if (!opened) BOOST_TEST((opened.failure().code == error_code::io_failed));
    BOOST_TEST((disk.files() == log.disk.files()));
  }
}

BOOST_AUTO_TEST_CASE(a_torn_tail_that_cannot_be_set_aside_is_left_as_it_is) {
  sample_log log(5);
  auto bytes = log.bytes;
  bytes[log.offsets[4] + 30] ^= 1;
  auto disk = log.with(bytes);
  disk.capacity_bytes = disk.used_bytes();
  REQUIRE_FAILS(open_log(disk), error_code::disk_full);
  BOOST_TEST((disk.bytes(first_segment()) == bytes));
  BOOST_TEST(disk.list(torn_folder(log_folder))->empty());
  disk.capacity_bytes = 1u << 20;
  REQUIRE_OK(open_log(disk));
  BOOST_TEST(count_prefix(disk) == 4u);
}

BOOST_AUTO_TEST_CASE(a_second_torn_tail_keeps_the_copy_of_the_first) {
  sample_log log(5);
  auto bytes = log.bytes;
  bytes[log.offsets[4] + 30] ^= 1;
  auto disk = log.with(bytes);
  recovery_report first, second;
  REQUIRE_OK(open_log(disk, {}, &first));
  disk.put(first_segment(), bytes);
  REQUIRE_OK(open_log(disk, {}, &second));
  BOOST_TEST(first.truncated_copy != second.truncated_copy);
  BOOST_TEST(set_aside_bytes(disk, first) == set_aside_bytes(disk, second));
}

// The frames of the last group may have been read from pages that a failed sync left clean but
// never wrote. Writing them again is what makes them durable.
BOOST_AUTO_TEST_CASE(recovery_writes_again_what_no_sync_is_known_to_have_covered) {
  sample_log log(5);
  auto disk = log.disk.clone();
  faulty_files files(disk);
  std::uint64_t writes = 0, syncs_after_write = 0;
  files.fault = [&](file_call call) {
    writes += call == file_call::write;
    syncs_after_write += call == file_call::sync && writes > 0;
    return 0;
  };
  REQUIRE_OK(open_log(files));
  BOOST_TEST(writes == 1u);
  BOOST_TEST(syncs_after_write == 1u);
  BOOST_TEST((disk.files() == log.disk.files()));
}

// A kill at every call the log makes, then the loss of any subset of what was not synced; recovery
// is killed as well. What is recovered is always a prefix that has every acknowledged command.
BOOST_AUTO_TEST_CASE(after_a_crash_at_any_call_every_acknowledged_command_is_there) {
  auto seed = std::random_device{}();
  BOOST_TEST_INFO_SCOPE("seed " << seed);
  std::mt19937_64 random(seed);
  std::uint64_t runs = 0, recovered_runs = 0;
  for (std::uint64_t kill_at = 1; kill_at < 400; ++kill_at) {
    BOOST_TEST_INFO_SCOPE("killed at call " << kill_at);
    memory_disk disk;
    REQUIRE_OK(disk.make_folder("/data"));
    std::uint64_t acknowledged = 0, sent = 0;
    log_head head;
    {
      faulty_files files(disk);
      files.torn_writes = random() % 2 == 0;
      files.fail_from(kill_at);
      auto log = open_log(files);
      while (log && sent < 400) {
        std::vector<std::shared_ptr<const command>> group;
        for (auto count = 1 + random() % 8; count > 0; --count)
          group.push_back(sample_command(++sent));
        bool sync = random() % 4 != 0;
        if (!(*log)->append(group, 1, sync)) break;
        if (!sync) continue;
        acknowledged = sent;
        head = (*log)->head();
      }
    }
    if (random() % 4 == 0)
      disk.crash();
    else
      disk.crash(random);
    // Crashes during recovery, up to three deep.
    for (auto depth = random() % 4; depth > 0; --depth) {
      faulty_files files(disk);
      files.torn_writes = true;
      files.fail_from(1 + random() % 30);
      (void)open_log(files, head);
      disk.crash(random);
    }
    auto checkpoint = random() % 2 == 0 ? std::optional(head) : std::nullopt;
    auto log = open_log(disk, checkpoint);
    REQUIRE_OK(log);
    auto count = count_prefix(disk);
    BOOST_REQUIRE(count >= acknowledged);
    BOOST_REQUIRE(count <= sent);
    REQUIRE_OK(append(**log, count + 1, count + 3));
    disk.crash();
    BOOST_REQUIRE(count_prefix(disk) == count + 3);
    auto verified = verify_log(disk, log_folder);
    REQUIRE_OK(verified);
    BOOST_REQUIRE(!verified->torn_tail);
    ++runs;
    recovered_runs += acknowledged > 0;
  }
  BOOST_TEST(runs == 399u);
  BOOST_TEST(recovered_runs > 300u);
}

BOOST_AUTO_TEST_CASE(a_failed_sync_followed_by_good_ones_loses_nothing_acknowledged) {
  for (std::uint64_t nth = 1; nth < 30; ++nth) {
    memory_disk disk;
    REQUIRE_OK(disk.make_folder("/data"));
    faulty_files files(disk);
    auto log = open_log(files);
    REQUIRE_OK(log);
    files.fail_once(file_call::sync, nth);
    std::uint64_t number = 0;
    while (append(**log, number + 1, number + 1))
      ++number;
    log->reset();
    REQUIRE_OK(open_log(files));
    disk.crash();
    BOOST_REQUIRE(count_prefix(disk) >= number);
  }
}

BOOST_AUTO_TEST_SUITE_END()
