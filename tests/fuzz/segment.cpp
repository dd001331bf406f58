// SPDX-License-Identifier: MIT
#include "made_log.hpp"
#include "properties.hpp"

#include "events/log.hpp"
#include "events/segment.hpp"
#include "support/allocation_watch.hpp"
#include "support/memory_disk.hpp"
#include "support/small_log.hpp"

#include <optional>
#include <vector>

using namespace podstudio;

namespace fuzz {

namespace {

constexpr std::uint64_t most_events = 1 << 20;  // more than any input holds

bool is_stop(error_code code) {
  return code == error_code::damaged || code == error_code::newer_version;
}

/// What a reader gives until its end or its error.
struct reading {
  std::vector<committed_command> commands;
  std::optional<error> failure;
};

reading read_all(result<std::unique_ptr<log_reader>> reader) {
  reading all;
  if (!reader) {
    all.failure = reader.failure();
  } else {
    for (;;) {
      auto next = (*reader)->next();
      if (!next) all.failure = next.failure();
      if (!next || !*next) break;
      all.commands.push_back(**next);
      require(all.commands.size() < most_events, "a reader does not end");
    }
  }
  if (all.failure)
    require(is_stop(all.failure->code),
            "reading stops with another error: " + all.failure->message);
  return all;
}

reading read_forward(file_system& files) { return read_all(log_reader::open(files, log_folder)); }

void require_same(const std::vector<committed_command>& one,
                  const std::vector<committed_command>& other, const std::string& what) {
  require(std::ranges::equal(one, other,
                             [](auto& a, auto& b) {
                               return a.first_sequence == b.first_sequence && a.at_us == b.at_us
                                      && a.hash == b.hash && *a.what == *b.what;
                             }),
          what);
}

result<std::unique_ptr<log_writer>>
recover(memory_disk& disk, const std::optional<log_head>& checkpoint, recovery_report& report) {
  auto before = disk.files();
  auto opened = log_writer::open(disk, log_folder, small_log, checkpoint, report);
  if (!opened) {
    require(is_stop(opened.failure().code),
            "recovery stops with another error: " + opened.failure().message);
    require(disk.files() == before, "a stop changed bytes: " + opened.failure().message);
  }
  return opened;
}

/// What recovery takes can be continued, survives a crash, and is read as before.
void check_recovered(memory_disk& disk, const reading& before, std::unique_ptr<log_writer> log) {
  auto what = std::make_shared<const command>(
      command{{1}, "console", "go on", {asset_approved{1}, asset_tagged{1, "tag"}}});
  auto head = log->head();
  auto appended = log->append({&what, 1}, 5);
  require(bool(appended), "a recovered log cannot be appended to");
  require((*appended)[0].first_sequence == head.sequence + 1, "the sequence does not go on");
  head = log->head();
  log.reset();
  disk.crash();
  recovery_report report;
  auto again = recover(disk, head, report);
  require(bool(again), "a recovered log does not open again");
  require((*again)->head() == head && report.truncated_bytes == 0,
          "an acknowledged command is lost");
  auto after = read_forward(disk);
  if (before.failure) {  // recovery reads neither sealed frames nor bodies
    require(after.failure.has_value(), "recovery hides damage");
    require_same(before.commands, after.commands, "recovery changes what is before damage");
    return;
  }
  require(!after.failure, "a recovered log cannot be read");
  require(!after.commands.empty() && *after.commands.back().what == *what,
          "the appended command is not the last one");
  after.commands.pop_back();
  require_same(before.commands, after.commands, "recovery changes the log");
}

/// What is read backwards before a stop is the log's end, without a gap; and the same forwards,
/// where nothing before it in its first segment is damaged.
void require_end(file_system& files, const std::vector<committed_command>& read) {
  if (read.empty()) return;
  auto head = read_head(files, log_folder);
  require(bool(head) && *head == log_head{read.back().last_sequence(), read.back().hash},
          "backwards it starts before its end");
  for (auto each = read.begin(); each + 1 != read.end(); ++each)
    require(each->last_sequence() + 1 == (each + 1)->first_sequence, "backwards it has a gap");
  auto forward = read_all(log_reader::open(files, log_folder, read.front().first_sequence));
  if (!forward.failure) require_same(forward.commands, read, "backwards it is another log");
}

void check_reading(memory_disk& disk, const reading& forward,
                   const result<verify_report>& verified) {
  require(bool(verified) == !forward.failure, "reading and verifying do not agree");
  auto backward = read_all(open_backwards(disk, log_folder, UINT64_MAX));
  require(bool(verified) == !backward.failure, "reading backwards and verifying do not agree");
  std::ranges::reverse(backward.commands);
  if (!verified) {
    require_end(disk, backward.commands);
    require(is_stop(verified.failure().code),
            "verification stops with another error: " + verified.failure().message);
    return;
  }
  require(verified->frames == forward.commands.size(), "verification counts other frames");
  if (!forward.commands.empty())
    require(verified->head.sequence == forward.commands.back().last_sequence()
                && verified->head.hash == forward.commands.back().hash,
            "verification ends elsewhere");
  require_same(forward.commands, backward.commands, "backwards it is another log");
}

}  // namespace

bool segment(const_bytes input) {
  memory_disk disk;
  (void)disk.make_folder("/data");
  make_log(input, disk, log_folder);
  auto bytes = disk.used_bytes();
  allocation_watch watch;
  auto forward = read_forward(disk);
  auto verified = verify_log(disk, log_folder);
  check_reading(disk, forward, verified);
  recovery_report report;
  auto recovered_disk = disk.clone();
  auto recovered = recover(recovered_disk, {}, report);
  constexpr std::size_t window_bytes = 512u << 10;
  require(watch.largest_bytes() <= allowed_allocation(bytes, window_bytes),
          "reading or recovery allocates more than the files hold");
  if (verified) {
    require(bool(recovered), "recovery stops on a log that is whole");
    require((*recovered)->head() == verified->head, "recovery ends elsewhere");
    require(report.truncated_bytes == 0 || verified->torn_tail, "recovery cuts what is no tail");
    auto checkpoint = verified->head;
    auto copy = disk.clone();
    require(bool(recover(copy, checkpoint, report)), "recovery refuses the log's own head");
    ++checkpoint.sequence;
    copy = disk.clone();
    require(!recover(copy, checkpoint, report), "recovery takes a checkpoint ahead of the log");
  }
  if (!recovered) return false;
  check_recovered(recovered_disk, forward, std::move(*recovered));
  return true;
}

}  // namespace fuzz
