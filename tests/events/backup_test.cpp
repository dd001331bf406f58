// SPDX-License-Identifier: MIT
#include "events/backup.hpp"

#include "events/backup_manifest.hpp"
#include "log_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <functional>
#include <random>

using namespace podstudio;

namespace {

const std::string backup_folder = "/backup";
const std::string restored_folder = "/restored/log";
/// Some of it in each of three segments.
constexpr std::uint64_t many_commands = 200;

/// A log of the commands 1 to `count`, continued where there is one.
log_head grow_log(memory_disk& disk, std::uint64_t first, std::uint64_t last) {
  auto log = open_log(disk);
  REQUIRE_OK(log);
  REQUIRE_OK(append(**log, first, last));
  return (*log)->head();
}

result<backup_report> back_up_to(file_system& files, const log_head& until) {
  return back_up(files, log_folder, backup_folder, until);
}

result<backup_report> restore(file_system& files) {
  auto report = stage_restore(files, backup_folder, restored_folder);
  if (!report) return report;
  if (auto done = finish_restore(files, restored_folder); !done) return done.failure();
  return report;
}

log_head head_of(file_system& files, const std::string& folder) {
  auto report = verify_log(files, folder);
  REQUIRE_OK(report);
  return report->head;
}

/// What a restore of a copy of the disk gives: an exact prefix of the log, or nothing.
std::optional<log_head> restorable(const memory_disk& disk) {
  auto copy = disk.clone();
  auto report = restore(copy);
  if (!report) return std::nullopt;
  auto verified = verify_log(copy, restored_folder, {.expect = report->head});
  REQUIRE_OK(verified);
  BOOST_REQUIRE(verified->head == report->head);
  BOOST_REQUIRE(verified->frames == report->commands);
  BOOST_REQUIRE(verified->segments == report->segments);
  BOOST_REQUIRE(verified->bytes == report->bytes);
  return report->head;
}

std::map<std::string, std::string> files_below(const memory_disk& disk, const std::string& folder) {
  auto files = disk.files();
  std::erase_if(files, [&](auto& file) { return !file.first.starts_with(folder + "/"); });
  return files;
}

/// A refusal, of which the backup keeps every byte.
void require_refused(memory_disk& disk, const log_head& until, error_code code,
                     const std::string& named) {
  auto before = files_below(disk, backup_folder);
  auto copied = back_up_to(disk, until);
  REQUIRE_FAILS(copied, code);
  auto& message = copied.failure().message;
  BOOST_TEST(message.find(named) != std::string::npos, message << " does not name " << named);
  BOOST_REQUIRE(files_below(disk, backup_folder) == before);
}

void replace(memory_disk& disk, const std::string& path, const std::string& from,
             const std::string& to) {
  auto bytes = disk.bytes(path);
  auto at = bytes.find(from);
  BOOST_REQUIRE_MESSAGE(at != std::string::npos, path << " lacks " << from);
  disk.put(path, bytes.replace(at, from.size(), to));
}

void flip(memory_disk& disk, const std::string& path, std::size_t at) {
  auto bytes = disk.bytes(path);
  bytes.at(at) = static_cast<char>(bytes[at] ^ 0x10);
  disk.put(path, bytes);
}

/// A log, a backup of its first half, and more in the log.
struct half_saved {
  memory_disk disk;
  log_head saved, head;

  half_saved() {
    saved = grow_log(disk, 1, many_commands / 2);
    REQUIRE_OK(back_up_to(disk, saved));
    head = grow_log(disk, many_commands / 2 + 1, many_commands);
  }
};

std::vector<std::string> paths_of_segments(memory_disk& disk, const std::string& folder) {
  auto firsts = list_segments(disk, folder);
  REQUIRE_OK(firsts);
  std::vector<std::string> paths;
  for (auto first : *firsts)
    paths.push_back(segment_path(folder, first));
  return paths;
}

/// The same disk with another log; the paths of its segments matter only in their names.
memory_disk with_log(const memory_disk& disk, const std::map<std::string, std::string>& segments) {
  auto changed = disk.clone();
  for (auto& path : paths_of_segments(changed, log_folder))
    changed.erase(path);
  for (auto& [path, bytes] : segments)
    changed.put(log_folder + path.substr(path.find_last_of('/')), bytes);
  return changed;
}

/// Stops the run at each of its calls in turn, by `stop`; then `check`s the disk. The last run is
/// the one that nothing stopped.
void stop_at_every_call(const memory_disk& start,
                        const std::function<result<void>(file_system&)>& run,
                        const std::function<void(faulty_files&, std::uint64_t)>& stop,
                        const std::function<void(memory_disk&, bool)>& check) {
  for (std::uint64_t call = 1;; ++call) {
    auto disk = start.clone();
    faulty_files files(disk);
    files.torn_writes = true;
    stop(files, call);
    auto done = run(files);
    bool stopped = files.calls >= call;
    BOOST_REQUIRE(!done || !stopped);
    check(disk, bool(done));
    if (!stopped) return;
  }
}

void crash_at(faulty_files& files, std::uint64_t call) { files.fail_from(call); }

void fail_at(faulty_files& files, std::uint64_t call) {
  files.fault = [&files, call](file_call) {
    return files.calls == call ? (call % 2 == 0 ? ENOSPC : EIO) : 0;
  };
}

result<void> without_value(const result<backup_report>& outcome) {
  return outcome ? result<void>() : outcome.failure();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(backup)

BOOST_AUTO_TEST_CASE(a_backup_is_the_log_and_a_restore_is_the_backup) {
  memory_disk disk;
  auto head = grow_log(disk, 1, many_commands);
  auto report = back_up_to(disk, head);
  REQUIRE_OK(report);
  BOOST_TEST(report->commands == many_commands);
  BOOST_TEST(report->segments >= 3u);
  BOOST_TEST(report->copied_bytes == report->bytes);
  BOOST_TEST(report->held_bytes() == 0u);
  BOOST_REQUIRE(head_of(disk, backup_log_folder(backup_folder)) == head);
  BOOST_REQUIRE(restorable(disk) == head);
  REQUIRE_OK(restore(disk));
  // The same to the byte, save for the space behind.
  auto originals = paths_of_segments(disk, log_folder);
  auto copies = paths_of_segments(disk, restored_folder);
  BOOST_REQUIRE(copies.size() == originals.size());
  for (std::size_t i = 0; i < copies.size(); ++i) {
    auto copy = disk.bytes(copies[i]), original = disk.bytes(originals[i]);
    BOOST_REQUIRE(original.starts_with(copy));
    BOOST_REQUIRE(original.find_first_not_of('\0', copy.size()) == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_restored_log_is_written_on) {
  memory_disk disk;
  REQUIRE_OK(back_up_to(disk, grow_log(disk, 1, many_commands)));
  REQUIRE_OK(restore(disk));
  recovery_report ignored;
  auto log = log_writer::open(disk, restored_folder, small_log, {}, ignored);
  REQUIRE_OK(log);
  REQUIRE_OK(append(**log, many_commands + 1, 2 * many_commands));
  auto head = (*log)->head();
  BOOST_REQUIRE(head_of(disk, restored_folder) == head);
  // And the backup goes on with it.
  REQUIRE_OK(back_up(disk, restored_folder, backup_folder, head));
  BOOST_REQUIRE(head_of(disk, backup_log_folder(backup_folder)) == head);
}

BOOST_AUTO_TEST_CASE(only_what_is_new_is_copied_wherever_the_last_backup_ended) {
  memory_disk disk;
  std::uint64_t held = 0;
  for (std::uint64_t last = 1; last <= many_commands; ++last) {
    auto head = grow_log(disk, last, last);
    auto report = back_up_to(disk, head);
    REQUIRE_OK(report);
    BOOST_REQUIRE(report->held_bytes() == held);
    held = report->bytes;
    if (last % 16 == 1) BOOST_REQUIRE(restorable(disk) == head);
  }
  auto again = back_up_to(disk, head_of(disk, log_folder));
  REQUIRE_OK(again);
  BOOST_TEST(again->copied_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(a_backup_ends_with_the_head_it_was_asked_for) {
  memory_disk disk;
  grow_log(disk, 1, many_commands);
  auto all = read_log(disk);
  REQUIRE_OK(all);
  for (std::size_t i = 0; i < all->size(); i += 7) {
    log_head until{(*all)[i].last_sequence(), (*all)[i].hash};
    auto report = back_up_to(disk, until);
    REQUIRE_OK(report);
    BOOST_REQUIRE(report->head == until);
    BOOST_REQUIRE(restorable(disk) == until);
  }
}

BOOST_AUTO_TEST_CASE(a_head_that_the_log_never_had_is_damage_and_leaves_the_backup) {
  half_saved there;
  auto wrong = there.head;
  wrong.hash[3] ^= 1;
  REQUIRE_FAILS(back_up_to(there.disk, wrong), error_code::damaged);
  REQUIRE_FAILS(back_up_to(there.disk, {there.head.sequence + 1, {}}), error_code::damaged);
  BOOST_REQUIRE(restorable(there.disk) == there.saved);
  REQUIRE_OK(back_up_to(there.disk, there.head));
  BOOST_REQUIRE(restorable(there.disk) == there.head);
}

BOOST_AUTO_TEST_CASE(a_first_backup_can_be_cut_off_at_any_call) {
  memory_disk start;
  auto head = grow_log(start, 1, many_commands);
  std::mt19937_64 random(1);
  auto run = [&](file_system& files) { return without_value(back_up_to(files, head)); };
  stop_at_every_call(start, run, crash_at, [&](memory_disk& disk, bool done) {
    auto lost = disk.clone(), mixed = disk.clone();
    lost.crash();
    mixed.crash(random);
    for (auto* after : {&disk, &lost, &mixed}) {
      auto saved = restorable(*after);
      BOOST_REQUIRE(done ? saved == head : (!saved || saved == head));
      REQUIRE_OK(back_up_to(*after, head));
      BOOST_REQUIRE(restorable(*after) == head);
      BOOST_REQUIRE(head_of(*after, backup_log_folder(backup_folder)) == head);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_later_backup_cut_off_at_any_call_leaves_the_old_one_or_the_new) {
  half_saved start;
  std::mt19937_64 random(2);
  auto run = [&](file_system& files) { return without_value(back_up_to(files, start.head)); };
  stop_at_every_call(start.disk, run, crash_at, [&](memory_disk& disk, bool done) {
    auto lost = disk.clone(), mixed = disk.clone();
    lost.crash();
    mixed.crash(random);
    for (auto* after : {&disk, &lost, &mixed}) {
      auto saved = restorable(*after);
      BOOST_REQUIRE(saved == start.head || (!done && saved == start.saved));
      REQUIRE_OK(back_up_to(*after, start.head));
      BOOST_REQUIRE(restorable(*after) == start.head);
      BOOST_REQUIRE(head_of(*after, backup_log_folder(backup_folder)) == start.head);
    }
  });
}

BOOST_AUTO_TEST_CASE(an_error_at_any_call_of_a_backup_is_reported_and_the_next_one_succeeds) {
  half_saved start;
  auto run = [&](file_system& files) { return without_value(back_up_to(files, start.head)); };
  stop_at_every_call(start.disk, run, fail_at, [&](memory_disk& disk, bool) {
    auto saved = restorable(disk);
    BOOST_REQUIRE(saved == start.saved || saved == start.head);
    REQUIRE_OK(back_up_to(disk, start.head));
    BOOST_REQUIRE(restorable(disk) == start.head);
  });
}

BOOST_AUTO_TEST_CASE(a_restore_cut_off_at_any_call_leaves_no_log_or_the_whole_one) {
  half_saved start;
  REQUIRE_OK(back_up_to(start.disk, start.head));
  std::mt19937_64 random(3);
  auto run = [&](file_system& files) { return without_value(restore(files)); };
  for (auto& stop : {crash_at, fail_at})
    stop_at_every_call(start.disk, run, stop, [&](memory_disk& disk, bool done) {
      auto lost = disk.clone(), mixed = disk.clone();
      lost.crash();
      mixed.crash(random);
      for (auto* after : {&disk, &lost, &mixed}) {
        bool there = after->exists(restored_folder);
        BOOST_REQUIRE(there || !done);
        if (!there) REQUIRE_OK(restore(*after));
        BOOST_REQUIRE(head_of(*after, restored_folder) == start.head);
      }
    });
}

BOOST_AUTO_TEST_CASE(a_restore_never_replaces_a_log) {
  half_saved there;
  for (auto& file : {"/00000000000000000001.log", "/anything"}) {
    auto disk = there.disk.clone();
    REQUIRE_OK(disk.make_folder(restored_folder));
    disk.put(restored_folder + file, "something");
    auto before = disk.files();
    REQUIRE_FAILS(restore(disk), error_code::refused);
    BOOST_REQUIRE(disk.files() == before);
  }
}

BOOST_AUTO_TEST_CASE(what_an_interrupted_run_left_is_overwritten) {
  half_saved there;
  auto log = backup_log_folder(backup_folder);
  auto last = paths_of_segments(there.disk, log).back();
  there.disk.put(last, there.disk.bytes(last) + std::string(3000, 'x'));
  for (auto& original : paths_of_segments(there.disk, log_folder))
    if (auto copy = log + original.substr(log_folder.size()); !there.disk.exists(copy))
      there.disk.put(copy, "not a segment");
  there.disk.put(backup_manifest_path(backup_folder) + ".tmp", "{");
  BOOST_REQUIRE(restorable(there.disk) == there.saved);
  REQUIRE_OK(back_up_to(there.disk, there.head));
  BOOST_REQUIRE(head_of(there.disk, log) == there.head);
  BOOST_TEST(!there.disk.exists(backup_manifest_path(backup_folder) + ".tmp"));
}

BOOST_AUTO_TEST_CASE(a_folder_with_something_else_in_it_is_refused) {
  memory_disk disk;
  auto head = grow_log(disk, 1, 3);
  REQUIRE_OK(disk.make_folder(backup_folder));
  disk.put(backup_folder + "/photo.png", "a photo");
  require_refused(disk, head, error_code::refused, backup_folder);
  REQUIRE_FAILS(restore(disk), error_code::not_found);
  disk.erase(backup_folder + "/photo.png");
  REQUIRE_OK(back_up_to(disk, head));
}

BOOST_AUTO_TEST_CASE(a_log_without_events_is_no_reason_for_a_backup) {
  memory_disk disk;
  REQUIRE_OK(disk.make_folder(log_folder));
  require_refused(disk, {}, error_code::refused, log_folder);
  BOOST_TEST(!disk.exists(backup_folder));
}

BOOST_AUTO_TEST_CASE(a_backup_of_another_log_or_ahead_of_it_or_of_another_past_is_refused) {
  half_saved there;
  auto ahead = there.disk.clone();
  REQUIRE_OK(back_up_to(ahead, there.head));
  require_refused(ahead, there.saved, error_code::refused, "ahead");

  auto other = with_log(there.disk, {});
  require_refused(other, grow_log(other, 1, many_commands), error_code::refused, "another library");

  // The same log, gone another way since: in the last segment, and in one before.
  auto all = read_log(there.disk);
  REQUIRE_OK(all);
  for (auto shared : {many_commands / 2 - 1, many_commands / 8}) {
    memory_disk past = there.disk.clone();
    for (auto& [path, bytes] : files_below(past, backup_folder))
      past.erase(path);
    past.erase(backup_log_folder(backup_folder));
    REQUIRE_OK(back_up_to(past, {(*all)[shared - 1].last_sequence(), (*all)[shared - 1].hash}));
    auto diverged = with_log(there.disk, files_below(past, backup_log_folder(backup_folder)));
    auto head = grow_log(diverged, shared + 2, many_commands + 2);
    require_refused(diverged, head, error_code::refused, "diverged");
  }
}

BOOST_AUTO_TEST_CASE(a_manifest_that_is_none_is_damage_and_named) {
  half_saved there;
  auto path = backup_manifest_path(backup_folder);
  auto hash = to_hex(there.saved.hash);
  std::pair<std::string, std::string> changes[] = {
      {"{", "["},
      {"}", ""},
      {"\"format\": 1", "\"format\": 0"},
      {"\"format\": 1", "\"format\": \"1\""},
      {"\"format\": 1", "\"format\": -1"},
      {"\"head_sequence\"", "\"sequence\""},
      {"\"head_sequence\": ", "\"head_sequence\": 99999999999999999999"},
      {"\"head_sequence\": ", "\"head_sequence\": 1"},
      {hash, hash.substr(1)},
      {hash, std::string(64, '0')},
      {"\"last_segment_bytes\": ", "\"last_segment_bytes\": 1"},
      {"\"last_segment_bytes\": ", "\"last_segment_bytes\": [],\"x\": "},
      {"\"log\": \"", "\"log\": \"z"},
      {"\"at\": \"", "\"at\": \"soon "},
      {"{", "{" + std::string(5000, ' ')},
      {"{", "{\"x\":" + std::string(3000, '[') + std::string(3000, ']') + ","},
  };
  for (auto& [from, to] : changes) {
    auto disk = there.disk.clone();
    replace(disk, path, from, to);
    auto before = files_below(disk, backup_folder);
    auto copied = back_up_to(disk, there.head);
    BOOST_REQUIRE_MESSAGE(!copied, from << " -> " << to);
    BOOST_TEST_INFO(from << " -> " << to.substr(0, 40) << ": " << copied.failure().message);
    BOOST_TEST((copied.failure().code == error_code::damaged
                || copied.failure().message.find("ahead") != std::string::npos));
    BOOST_REQUIRE(files_below(disk, backup_folder) == before);
    if (from != "\"last_segment_bytes\": ") REQUIRE_FAILS(restore(disk), error_code::damaged);
  }
  for (auto text : {"", "null", "\"\"", "[]", "{}", "\xff\xfe", "{\"format\":1}"}) {
    auto disk = there.disk.clone();
    disk.put(path, text);
    require_refused(disk, there.head, error_code::damaged, path);
    REQUIRE_FAILS(restore(disk), error_code::damaged);
  }
  replace(there.disk, path, "\"format\": 1", "\"format\": 2");
  require_refused(there.disk, there.head, error_code::newer_version, path);
  REQUIRE_FAILS(restore(there.disk), error_code::newer_version);
}

BOOST_AUTO_TEST_CASE(a_backup_that_lacks_a_segment_or_a_part_of_one_is_damage) {
  half_saved there;
  REQUIRE_OK(back_up_to(there.disk, there.head));
  auto paths = paths_of_segments(there.disk, backup_log_folder(backup_folder));
  for (auto& path : paths) {
    auto without = there.disk.clone(), shorter = there.disk.clone();
    without.erase(path);
    auto bytes = shorter.bytes(path);
    shorter.put(path, bytes.substr(0, bytes.size() - 1));
    for (auto* disk : {&without, &shorter}) {
      require_refused(*disk, there.head, error_code::damaged, backup_folder);
      auto restored = restore(*disk);
      REQUIRE_FAILS(restored, error_code::damaged);
      BOOST_TEST(restored.failure().message.find("offset") != std::string::npos);
      BOOST_TEST(restored.failure().message.find("this is a backup") != std::string::npos);
      BOOST_TEST(files_below(*disk, "/restored").empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_backup_is_read_again_and_damage_of_it_is_damage_of_a_backup) {
  half_saved there;
  REQUIRE_OK(back_up_to(there.disk, there.head));
  REQUIRE_OK(verify_backup(there.disk, backup_folder, there.head));
  auto other = there.head;
  ++other.sequence;
  REQUIRE_FAILS(verify_backup(there.disk, backup_folder, other), error_code::damaged);
  flip(there.disk, paths_of_segments(there.disk, backup_log_folder(backup_folder)).front(), 5000);
  auto verified = verify_backup(there.disk, backup_folder, there.head);
  REQUIRE_FAILS(verified, error_code::damaged);
  BOOST_TEST(verified.failure().message.find("this is a backup") != std::string::npos);
  BOOST_TEST(verified.failure().message.find(damage_remedy) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_anywhere_is_noticed_or_does_no_harm) {
  memory_disk small;
  auto head = grow_log(small, 1, 4);
  REQUIRE_OK(back_up_to(small, head));
  for (auto& [path, bytes] : files_below(small, backup_folder)) {
    bool in_log = path.ends_with(".log");
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      if (in_log && at > 200 && at < 4000 && at % 97 != 0) continue;  // zeros, all alike
      auto disk = small.clone();
      flip(disk, path, at);
      auto before = files_below(disk, backup_folder);
      auto restored = restorable(disk);
      BOOST_REQUIRE(in_log ? !restored : (!restored || restored == head));
      if (!back_up_to(disk, head)) BOOST_REQUIRE(files_below(disk, backup_folder) == before);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_log_that_is_damaged_behind_the_backup_is_found_and_the_backup_kept) {
  half_saved there;
  auto paths = paths_of_segments(there.disk, log_folder);
  auto end = frame_offsets(there.disk.bytes(paths.back()));
  flip(there.disk, paths.back(), end[end.size() - 3] + 40);
  auto copied = back_up_to(there.disk, there.head);
  REQUIRE_FAILS(copied, error_code::damaged);
  BOOST_TEST(copied.failure().message.find(paths.back()) != std::string::npos);
  BOOST_TEST(copied.failure().message.find("this is a backup") == std::string::npos);
  BOOST_REQUIRE(restorable(there.disk) == there.saved);
}

BOOST_AUTO_TEST_CASE(sealed_segments_that_are_there_are_not_written_nor_read_again) {
  half_saved there;
  REQUIRE_OK(back_up_to(there.disk, there.head));
  auto head = grow_log(there.disk, many_commands + 1, many_commands + 1);
  faulty_files files(there.disk);
  std::uint64_t reads = 0, writes = 0;
  files.fault = [&](file_call call) {
    reads += call == file_call::read ? 1 : 0;
    writes += call == file_call::write ? 1 : 0;
    return 0;
  };
  REQUIRE_OK(back_up_to(files, head));
  BOOST_TEST(writes == 2u);  // the frame, the manifest
  auto segments = paths_of_segments(there.disk, log_folder).size();
  BOOST_TEST(reads <= 2 * segments + 8);  // a header each, on both sides, and the last segment
}

BOOST_AUTO_TEST_SUITE_END()
