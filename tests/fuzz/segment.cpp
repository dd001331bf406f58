#include "properties.hpp"

#include "events/log.hpp"
#include "events/segment.hpp"
#include "support/allocation_watch.hpp"
#include "support/memory_disk.hpp"
#include "support/small_log.hpp"

#include <cstring>
#include <optional>
#include <vector>

using namespace podstudio;

// The input: flags:u8 zeros:u8 first-size:u16, then the first segment (that many bytes) and, if
// anything follows, the second. The flags say what is made right, so that the fuzzer gets past
// checksums and hashes, and can still break each of them.
namespace fuzz {

namespace {

enum flag : unsigned {
  short_headers = 1,     ///< headers are their first 128 bytes; zeros are added
  header_checksums = 2,  ///< are made right
  frame_checksums = 4,   ///< and the sizes at the frames' ends
  hashes = 8,            ///< of previous frames, in frames and in the second header
  numbers = 16,          ///< epochs and sequences of frames; all that the second header continues
  synced = 32,           ///< each frame says that all before it was durable
  broken = 64,           ///< then the first frame's checksum is broken
};

constexpr std::size_t short_header_bytes = 128;
constexpr std::uint64_t most_events = 1 << 20;  // more than any input holds

// LOG_FORMAT.md has the offsets.
namespace header_at {
constexpr std::size_t log = 16, number = 32, first_sequence = 40, previous_sequence = 48,
                      previous_hash = 56, previous_end = 88, frames_before = 96, bytes_before = 104,
                      epoch = 112;
}
namespace frame_at {
constexpr std::size_t size = 4, epoch = 16, sequence = 24, synced_to = 32, previous_hash = 48;
}

std::uint64_t number_at(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;)
    value = value << 8 | static_cast<std::uint8_t>(bytes.at(at + i));
  return value;
}

/// A segment's bytes, and what its successor's header should say of it.
struct made_segment {
  std::string bytes;
  std::size_t end = segment_header_bytes;
  std::uint64_t frames = 0;
  log_head head;
};

/// A frame's size, if one may start at `at`.
std::size_t claimed_size(const std::string& bytes, std::size_t at) {
  if (bytes.size() < at + min_frame_bytes || bytes[at] == 0) return 0;
  auto size = number_at(bytes, at + frame_at::size, 4);
  bool possible =
      size >= min_frame_bytes && size % frame_alignment_bytes == 0 && size <= bytes.size() - at;
  return possible ? static_cast<std::size_t>(size) : 0;
}

void repair_frames(made_segment& made, unsigned flags) {
  auto epoch = number_at(made.bytes, header_at::epoch, 8);
  while (auto size = claimed_size(made.bytes, made.end)) {
    auto at = made.end;
    if (flags & numbers) {
      overwrite(made.bytes, at + frame_at::epoch, epoch);
      overwrite(made.bytes, at + frame_at::sequence, made.head.sequence + 1);
    }
    if (flags & synced) overwrite(made.bytes, at + frame_at::synced_to, std::uint64_t{at});
    if (flags & hashes)
      std::memcpy(made.bytes.data() + at + frame_at::previous_hash, made.head.hash.data(),
                  made.head.hash.size());
    if (flags & frame_checksums) repair_frame(made.bytes, at, size);
    auto whole = bytes_of(made.bytes).subspan(at, size);
    made.head = {read_frame_header(whole).last_sequence(), hash_frame(whole)};
    made.end += size;
    ++made.frames;
  }
  if (flags & broken && made.frames > 0) made.bytes[segment_header_bytes + 8] ^= 1;
}

made_segment make_segment(const_bytes input, unsigned flags, const made_segment* before) {
  made_segment made;
  made.bytes = text_of(input);
  if (flags & short_headers) {
    made.bytes = made.bytes.substr(0, short_header_bytes);
    made.bytes.resize(segment_header_bytes);
    made.bytes += text_of(input.subspan(std::min(input.size(), short_header_bytes)));
  }
  if (made.bytes.size() < segment_header_bytes) return made;
  if (before != nullptr && flags & numbers) {
    std::memcpy(made.bytes.data() + header_at::log, before->bytes.data() + header_at::log, 16);
    overwrite(made.bytes, header_at::number, std::uint64_t{2});
    overwrite(made.bytes, header_at::first_sequence, before->head.sequence + 1);
    overwrite(made.bytes, header_at::previous_sequence, before->head.sequence);
    overwrite(made.bytes, header_at::previous_end, std::uint64_t{before->end});
    overwrite(made.bytes, header_at::frames_before, before->frames);
    overwrite(made.bytes, header_at::bytes_before, std::uint64_t{before->end});
  }
  if (before != nullptr && flags & hashes)
    std::memcpy(made.bytes.data() + header_at::previous_hash, before->head.hash.data(),
                before->head.hash.size());
  if (flags & header_checksums) {
    auto header = made.bytes.substr(0, segment_header_bytes);
    repair_header(header);
    made.bytes.replace(0, segment_header_bytes, header);
  }
  if (before != nullptr) made.head = before->head;
  repair_frames(made, flags);
  return made;
}

/// A log in memory; the second segment's name is what its header says.
memory_disk make_disk(const_bytes input) {
  input_cursor cursor(input);
  unsigned flags = cursor.take_byte();
  auto zeros = std::size_t{cursor.take_byte()} * 16;
  auto first = make_segment(cursor.take(cursor.take_u16()), flags, nullptr);
  memory_disk disk;
  (void)disk.make_folder("/data");
  (void)disk.make_folder(log_folder);
  if (!cursor.rest().empty()) {
    auto second = make_segment(cursor.rest(), flags, &first);
    auto named = second.bytes.size() < segment_header_bytes
                     ? 0
                     : number_at(second.bytes, header_at::first_sequence, 8);
    second.bytes.append(zeros, '\0');
    disk.put(segment_path(log_folder, std::max<std::uint64_t>(named, 2)), std::move(second.bytes));
  }
  first.bytes.append(zeros, '\0');
  disk.put(segment_path(log_folder, 1), std::move(first.bytes));
  return disk;
}

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
  auto disk = make_disk(input);
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
