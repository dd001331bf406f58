// SPDX-License-Identifier: MIT
#include "events/recovery.hpp"

#include "events/head_check.hpp"

#include <algorithm>

namespace podstudio {

namespace {

constexpr std::string_view rebuild_remedy =
    "; restore the library from a backup, or, if the log is known to be complete, rebuild the "
    "tables from it with 'podstudio replay --force'";

/// The head that the tables say they hold.
class checkpoint_check {
public:
  explicit checkpoint_check(const log_head& checkpoint)
      : check_(checkpoint, "what the tables were folded from") {}

  result<void> see(const log_head& head, const log_place& place) {
    auto fits = check_.see(head, place);
    return fits ? fits : with_remedy(fits.failure());
  }
  bool seen() const noexcept { return check_.seen(); }
  error mismatch(const log_place& place, const std::string& found) const {
    return with_remedy(check_.mismatch(place, found));
  }

private:
  static error with_remedy(error failure) {
    failure.message += rebuild_remedy;
    return failure;
  }

  head_check check_;
};

/// Finds the checkpoint in a sealed segment: at its end, which its successor's header tells, or by
/// walking it.
result<void> check_in_sealed(file_system& files, const std::string& folder,
                             const std::vector<segment_header>& headers,
                             const log_head& checkpoint) {
  auto next = std::ranges::find_if(headers, [&](const segment_header& header) {
    return header.previous.sequence >= checkpoint.sequence;
  });
  if (next == headers.end()) return {};  // it is in the last segment, or nowhere
  checkpoint_check check(checkpoint);
  if (next->previous.sequence == checkpoint.sequence)
    return check.see(next->previous,
                     {segment_path(folder, next->first_sequence), 0, next->first_sequence});
  auto first = std::prev(next)->first_sequence;
  auto cursor = segment_cursor::open(files, folder, first, open_mode::read);
  if (!cursor) return cursor.failure();
  while (!check.seen()) {
    auto place = (*cursor)->place();
    auto frame = (*cursor)->next();
    if (!frame) return frame.failure();
    if (!*frame) return check_sealed_end(**cursor, *next);
    if (auto fits = check.see((*cursor)->head(), place); !fits) return fits;
  }
  return {};
}

/// Walks the last segment to the end of its last whole frame.
result<void> scan_last(segment_cursor& last, const std::optional<log_head>& checkpoint,
                       recovery_report& report) {
  auto start = last.head();
  bool in_sealed = !checkpoint || checkpoint->sequence < start.sequence;
  checkpoint_check check(in_sealed ? start : *checkpoint);
  if (auto fits = check.see(last.head(), last.place()); !fits) return fits;
  for (;;) {
    auto place = last.place();
    auto frame = last.next();
    if (!frame) return frame.failure();
    if (!*frame) break;
    report.clean_stop = last_event_name((*frame)->bytes) == engine_stopped::name;
    if (auto fits = check.see(last.head(), place); !fits) return fits;
  }
  if (check.seen()) return {};
  // A frame that is damaged says more than that none follows.
  if (auto tail = last.tail(); tail && tail->promised_to > tail->offset)
    return lost_frame(last, *tail);
  return check.mismatch(last.place(),
                        "that the log ends with sequence " + std::to_string(last.head().sequence));
}

result<void> copy_bytes(file_window& from, std::uint64_t begin, std::uint64_t end, file& to) {
  constexpr std::uint64_t piece_bytes = 256u << 10;
  for (auto at = begin; at < end;) {
    auto piece = from.view(at, static_cast<std::size_t>(std::min(piece_bytes, end - at)));
    if (!piece) return piece.failure();
    if (piece->empty()) break;
    if (auto written = to.write_at(at - begin, *piece); !written) return written;
    at += piece->size();
  }
  return {};
}

/// A new file in the folder of torn tails; earlier copies are never overwritten.
result<std::unique_ptr<file>> create_torn_copy(file_system& files, const std::string& folder,
                                               const segment_cursor& last, std::int64_t at_us,
                                               std::string& path) {
  constexpr unsigned attempts = 100;  // more copies within a microsecond than any clock allows
  auto made = files.make_folder(torn_folder(folder));
  if (!made) return made.failure();
  if (*made)
    if (auto synced = files.sync_folder(folder); !synced) return synced.failure();
  for (unsigned attempt = 0;; ++attempt) {
    path = torn_path(folder, last.header().first_sequence, last.offset(), at_us, attempt);
    auto created = files.open(path, open_mode::create);
    if (created || attempt == attempts) return created;
  }
}

/// Sets a copy of the torn tail aside, durable before the tail is touched.
result<std::string> set_aside(file_system& files, const std::string& folder, segment_cursor& last,
                              const segment_tail& tail, std::int64_t at_us) {
  std::string path;
  auto copy = create_torn_copy(files, folder, last, at_us, path);
  if (!copy) return copy.failure();
  auto copied = copy_bytes(last.window(), tail.offset, tail.end, **copy);
  if (copied) copied = (*copy)->sync_all();
  if (!copied) {  // a copy that is not whole is worthless, and every start would leave another
    copy->reset();
    (void)files.remove(path);
    return copied.failure();
  }
  if (auto synced = files.sync_folder(torn_folder(folder)); !synced) return synced.failure();
  return path;
}

/// Cuts the torn tail off. The cut is one step for the file system, so a crash leaves all of the
/// tail or none; and space taken again behind it reads as zeros, so what was cut cannot come back.
result<void> cut_torn_tail(file_system& files, const std::string& folder, segment_cursor& last,
                           const segment_tail& tail, std::int64_t at_us, recovery_report& report) {
  auto copy = set_aside(files, folder, last, tail, at_us);
  if (!copy) return copy.failure();
  if (auto cut = last.segment().truncate(tail.offset); !cut) return cut;
  if (auto synced = last.segment().sync_all(); !synced) return synced;
  last.refresh();
  report.truncated_bytes = tail.end - tail.offset;
  report.truncated_copy = *copy;
  return {};
}

/// Writes the frames that no sync is known to have covered once more, as they are, and syncs them.
/// A sync that failed before may have left pages that read well and will never reach the disk.
result<void> make_durable(segment_cursor& last) {
  constexpr std::uint64_t piece_bytes = 256u << 10;
  for (auto at = last.promised_to(); at < last.offset();) {
    auto size = std::min(piece_bytes, last.offset() - at);
    auto piece = last.window().view(at, static_cast<std::size_t>(size));
    if (!piece) return piece.failure();
    if (piece->size() < size)
      return error{error_code::io_failed, "'" + last.path() + "' shrank while it was recovered"};
    if (auto written = last.segment().write_at(at, *piece); !written) return written;
    at += size;
  }
  return last.segment().sync_data();
}

/// The space behind the last frame, without holes (a copied file may have some), so that a write in
/// it cannot meet a full disk. If there is no room for that, it is not counted as space.
result<std::uint64_t> usable_size(segment_cursor& last) {
  auto size = last.segment().size();
  if (!size || *size <= last.offset()) return size;
  auto filled = last.segment().allocate(last.offset(), *size - last.offset());
  if (filled) return size;
  if (filled.failure().code == error_code::disk_full) return last.offset();
  return filled.failure();
}

}  // namespace

result<recovered_log> recover_log(file_system& files, const std::string& folder,
                                  const std::optional<log_head>& checkpoint, std::int64_t at_us,
                                  recovery_report& report) {
  report = {};
  auto firsts = list_segments(files, folder);
  if (!firsts) return firsts.failure();
  if (firsts->empty()) {
    if (checkpoint.value_or(log_head{}) != log_head{})
      return checkpoint_check(*checkpoint).mismatch({folder, 0, 1}, "an empty log");
    return recovered_log{};
  }
  auto headers = read_headers(files, folder, *firsts);
  if (!headers) return headers.failure();
  if (checkpoint)
    if (auto fits = check_in_sealed(files, folder, *headers, *checkpoint); !fits)
      return fits.failure();

  auto opened = segment_cursor::open(files, folder, firsts->back(), open_mode::write);
  if (!opened) return opened.failure();
  auto& last = **opened;
  // What is read back must be durable before anything is built on it.
  if (auto synced = last.segment().sync_all(); !synced) return synced.failure();
  if (auto synced = files.sync_folder(folder); !synced) return synced.failure();
  if (auto scanned = scan_last(last, checkpoint, report); !scanned) return scanned.failure();
  auto tail = last.tail();
  if (!tail) return tail.failure();
  if (tail->promised_to > tail->offset) return lost_frame(last, *tail);
  // Every check has passed: from here on the log is written to.
  if (!tail->is_clean())
    if (auto cut = cut_torn_tail(files, folder, last, *tail, at_us, report); !cut)
      return cut.failure();
  if (auto durable = make_durable(last); !durable) return durable.failure();
  auto size = usable_size(last);
  if (!size) return size.failure();
  report.segments = headers->size();
  report.frames = last.header().frames_before + last.frames();
  recovered_log log{nullptr, last.header(), last.offset(), *size, last.frames(), last.head()};
  log.last = last.release();
  return log;
}

}  // namespace podstudio
