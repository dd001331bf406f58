#include "events/log.hpp"
#include "events/segment.hpp"

#include <algorithm>

namespace podstudio {

namespace {

using maybe_frame = std::optional<linked_frame>;

/// Walks the frames of a whole log, from segment to segment, beside a writer if there is one.
class log_walk {
public:
  log_walk(file_system& files, std::string folder, sequence_number from)
      : files_(files), folder_(std::move(folder)), from_(std::max<sequence_number>(from, 1)) {}

  /// Opens the segment that holds the first sequence asked for. A log without segments is one whose
  /// end is reached.
  result<void> start();

  /// The next frame, or nothing at the end of the log.
  result<maybe_frame> next();

  /// Null as long as the log has no segments.
  segment_cursor* segment() noexcept { return cursor_.get(); }

private:
  result<std::unique_ptr<segment_cursor>> find_successor();
  result<maybe_frame> next_at_end();

  file_system& files_;
  std::string folder_;
  sequence_number from_;
  std::unique_ptr<segment_cursor> cursor_;
  std::uint64_t checked_end_ = 0;  ///< the offset behind which nothing promised was found missing
};

result<void> log_walk::start() {
  auto firsts = list_segments(files_, folder_);
  if (!firsts) return firsts.failure();
  if (firsts->empty()) return {};
  auto after = std::ranges::upper_bound(*firsts, from_);
  if (after == firsts->begin())
    return damage({segment_path(folder_, *after), 0, *after},
                  "a segment that holds sequence " + std::to_string(from_),
                  "none before this one (a segment is missing)");
  auto opened = segment_cursor::open(files_, folder_, *std::prev(after), open_mode::read);
  if (!opened) return opened.failure();
  cursor_ = std::move(*opened);
  if (cursor_->header().first_sequence > 1) return {};
  return check_first(cursor_->header(), cursor_->path());
}

/// The next segment, if there is one.
result<std::unique_ptr<segment_cursor>> log_walk::find_successor() {
  auto firsts = list_segments(files_, folder_);
  if (!firsts) return firsts.failure();
  auto after = std::ranges::upper_bound(*firsts, cursor_->header().first_sequence);
  if (after == firsts->end()) return std::unique_ptr<segment_cursor>();
  auto opened = segment_cursor::open(files_, folder_, *after, open_mode::read);
  if (!opened) return opened;
  auto fits = check_succession(cursor_->header(), (*opened)->header(), (*opened)->path());
  if (!fits) return fits.failure();
  return opened;
}

result<maybe_frame> log_walk::next() {
  if (cursor_ == nullptr) {
    if (auto started = start(); !started) return started.failure();
    if (cursor_ == nullptr) return maybe_frame();
  }
  for (;;) {
    auto frame = cursor_->next();
    if (!frame || *frame) return frame;
    // No whole frame is here. What is there may since have been completed; and if another segment
    // has been started, all of this one was written before: so look for that first, then look
    // again.
    auto successor = find_successor();
    if (!successor) return successor.failure();
    cursor_->refresh();
    frame = cursor_->next();
    if (!frame || *frame) return frame;
    if (*successor == nullptr) return next_at_end();
    if (auto sealed = check_sealed_end(*cursor_, (*successor)->header()); !sealed)
      return sealed.failure();
    cursor_ = std::move(*successor);
    checked_end_ = 0;
  }
}

/// In the last segment a frame may be missing, or half written, unless it was promised durable.
result<maybe_frame> log_walk::next_at_end() {
  if (checked_end_ == cursor_->offset()) return maybe_frame();
  auto tail = cursor_->tail();
  if (!tail) return tail.failure();
  if (tail->promised_to <= tail->offset) {
    checked_end_ = cursor_->offset();
    return maybe_frame();
  }
  // Its writer may have completed it, and written what promises it, since we looked at it.
  cursor_->refresh();
  auto frame = cursor_->next();
  if (!frame || *frame) return frame;
  return lost_frame(*cursor_, *tail);
}

class reader final : public log_reader {
public:
  reader(file_system& files, const std::string& folder, sequence_number from)
      : walk_(files, folder, from), from_(from) {}

  result<void> start() { return walk_.start(); }

  result<std::optional<committed_command>> next() override {
    if (failure_) return *failure_;
    auto read = read_next();
    if (!read) failure_ = read.failure();
    return read;
  }

  const frame_location& location() const noexcept override { return location_; }

private:
  result<std::optional<committed_command>> read_next() {
    for (;;) {
      auto frame = walk_.next();
      if (!frame) return frame.failure();
      if (!*frame) return std::optional<committed_command>();
      auto& [offset, header, bytes, hash] = **frame;
      if (header.last_sequence() < from_) continue;
      location_ = {walk_.segment()->path(), offset, bytes.size()};
      auto what =
          decode_frame(bytes, {location_.file, location_.offset, header.link.first_sequence});
      if (!what) return what.failure();
      return std::optional<committed_command>({header.link.first_sequence, header.link.at_us, hash,
                                               std::make_shared<const command>(std::move(*what))});
    }
  }

  log_walk walk_;
  sequence_number from_;
  frame_location location_;
  std::optional<error> failure_;
};

/// The size of all segment files together, preallocated space included.
result<std::uint64_t> total_file_bytes(file_system& files, const std::string& folder) {
  auto firsts = list_segments(files, folder);
  if (!firsts) return firsts.failure();
  std::uint64_t total = 0;
  for (auto first : *firsts) {
    auto opened = files.open(segment_path(folder, first), open_mode::read);
    if (!opened) return opened.failure();
    auto size = (*opened)->size();
    if (!size) return size;
    total += *size;
  }
  return total;
}

/// What is behind the last frame; beside a running service, a frame that is just being written is
/// not taken for a torn one.
result<bool> is_torn(log_walk& walk) {
  auto tail = walk.segment()->tail();
  if (!tail) return tail.failure();
  if (tail->is_clean()) return false;
  walk.segment()->refresh();
  auto again = walk.segment()->tail();
  if (!again) return again.failure();
  return !again->is_clean() && again->end == tail->end && again->found == tail->found;
}

}  // namespace

result<std::unique_ptr<log_reader>> log_reader::open(file_system& files, const std::string& folder,
                                                     sequence_number from) {
  auto opened = std::make_unique<reader>(files, folder, from);
  if (auto started = opened->start(); !started) return started.failure();
  return std::unique_ptr<log_reader>(std::move(opened));
}

result<verify_report>
verify_log(file_system& files, const std::string& folder,
           const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  constexpr std::uint64_t frames_between_calls = 256;
  auto total = total_file_bytes(files, folder);
  if (!total) return total.failure();
  verify_report report;
  log_walk walk(files, folder, 1);
  for (;;) {
    auto frame = walk.next();
    if (!frame) return frame.failure();
    if (walk.segment() == nullptr) return report;  // a log without segments
    report.bytes = walk.segment()->header().bytes_before + walk.segment()->offset();
    if (!*frame) break;
    auto& [offset, header, bytes, hash] = **frame;
    auto what = decode_frame(bytes, {walk.segment()->path(), offset, header.link.first_sequence});
    if (!what) return what.failure();
    ++report.frames;
    report.events += header.event_count;
    if (progress && report.frames % frames_between_calls == 0)
      progress(report.bytes, std::max(*total, report.bytes));
  }
  report.head = walk.segment()->head();
  report.segments = walk.segment()->header().number;
  auto torn = is_torn(walk);
  if (!torn) return torn.failure();
  report.torn_tail = *torn;
  if (progress) progress(*total, *total);
  return report;
}

}  // namespace podstudio
