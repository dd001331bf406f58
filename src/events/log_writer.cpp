// SPDX-License-Identifier: MIT
#include "events/log.hpp"
#include "events/preparation.hpp"
#include "events/recovery.hpp"
#include "events/segment.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <utility>

namespace podstudio {

namespace {

/// The first segment starts with little space, so that a new log is there at once.
constexpr std::uint64_t first_allocation_bytes = 64u << 10;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) noexcept {
  return (value + unit - 1) / unit * unit;
}

/// How much of the end of what is durable is compared with the disk, before more is acknowledged.
constexpr std::size_t tail_bytes = 32;

std::span<const std::uint8_t> as_bytes(const std::string& text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string parent_of(const std::string& folder) {
  auto slash = folder.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : folder.substr(0, slash);
}

std::uint64_t epoch_from(const uuid& random) {
  std::uint64_t epoch = 0;
  std::memcpy(&epoch, random.data(), sizeof epoch);
  return epoch | 1;  // never 0, which stands for "none"
}

struct open_segment {
  std::unique_ptr<file> source;
  segment_header header;
  std::uint64_t end = 0;        ///< behind the last frame
  std::uint64_t synced_to = 0;  ///< durable up to here
  std::uint64_t space_to = 0;   ///< allocated, zero-filled and synced up to here
  std::uint64_t frames = 0;
  std::string synced_tail{};  ///< the bytes before `synced_to`, at most tail_bytes
  std::string tail{};         ///< those before `end`

  /// Free space that needs no allocation, up to the size at which segments are closed.
  std::uint64_t space(std::uint64_t segment_size) const noexcept {
    auto limit = std::min(space_to, segment_size);
    return limit > end ? limit - end : 0;
  }
};

class writer final : public log_writer {
public:
  writer(file_system& files, std::string folder, const log_options& options,
         std::unique_ptr<folder_claim> claim)
      : files_(files), folder_(std::move(folder)), options_(options), claim_(std::move(claim)) {}

  result<void> start(recovered_log&& log);

  result<std::vector<committed_command>>
  append(std::span<const std::shared_ptr<const command>> group, std::int64_t at_us,
         bool sync) override;
  result<void> sync() override;
  result<void> reserve(std::uint64_t bytes) override;
  std::uint64_t reserved_bytes() const noexcept override {
    return poisoned_ ? 0 : std::max(space_here(), prepared_.space());
  }
  log_head head() const noexcept override { return head_; }
  log_head durable_head() const noexcept override { return durable_; }
  std::uint64_t segments() const noexcept override { return current_.header.number; }
  std::uint64_t size_bytes() const noexcept override {
    return current_.header.bytes_before + current_.end;
  }

private:
  result<void> create_first();
  result<void> build_group(std::span<const std::shared_ptr<const command>> group);
  void prepare_ahead();
  result<void> make_room(std::uint64_t bytes);
  result<void> extend_current(std::uint64_t bytes);
  result<void> extend_prepared(std::uint64_t bytes);
  using failure_handler = error (writer::*)(const error& cause);
  result<void> extend(file& to, std::uint64_t& space_to, std::uint64_t needed_to,
                      failure_handler failed);
  result<void> roll();
  segment_header next_header() const;
  result<void> name_segment(file& source, const segment_header& header);
  void enter(std::unique_ptr<file> source, std::uint64_t space_to, const segment_header& header);
  std::vector<committed_command> seal_group(std::span<const std::shared_ptr<const command>> group,
                                            std::int64_t at_us, log_head& head);
  result<void> write_group();
  result<void> check_undisturbed();
  bool belongs_here(std::uint64_t bytes) const noexcept;
  std::uint64_t space_here() const noexcept { return current_.space(options_.segment_size_bytes); }
  error poison(const error& cause);
  error drop_prepared(const error& cause);

  file_system& files_;
  std::string folder_;
  log_options options_;
  std::unique_ptr<folder_claim> claim_;
  open_segment current_;
  prepared_segment prepared_;
  std::unique_ptr<preparation> preparing_;
  bool prepared_ahead_ = false;  ///< it was tried for the current segment
  log_head head_;
  log_head durable_;
  std::string buffer_;               ///< the frames of one group
  std::vector<std::size_t> starts_;  ///< where each frame starts in it
  std::optional<error> poisoned_;
};

/// A new segment goes on where a recovered one ends, or is the log's first.
result<void> writer::start(recovered_log&& log) {
  // A prepared segment that a crash left behind holds nothing.
  if (auto removed = remove_if_there(files_, prepared_path(folder_)); !removed) return removed;
  if (log.last == nullptr) return create_first();
  head_ = durable_ = log.head;
  auto space_to = std::max(log.file_size, log.end);
  current_ = {std::move(log.last), log.header, log.end, log.end, space_to, log.frames};
  std::array<std::uint8_t, tail_bytes> tail;
  auto read = current_.source->read_at(log.end - tail.size(), tail);
  if (!read) return read.failure();
  current_.tail = current_.synced_tail = {tail.begin(), tail.begin() + *read};
  return {};
}

result<void> writer::create_first() {
  if (auto synced = files_.sync_folder(parent_of(folder_)); !synced) return synced;
  auto size = segment_header_bytes + std::min(first_allocation_bytes, options_.allocation_bytes);
  auto created = create_prepared(files_, prepared_path(folder_));
  if (!created) return created.failure();
  if (auto filled = fill(**created, 0, size); !filled) return filled;
  segment_header header;
  header.log = options_.new_uuid();
  header.epoch = epoch_from(options_.new_uuid());
  header.created_us = options_.clock_us();
  if (auto named = name_segment(**created, header); !named) return named;
  if (auto synced = files_.sync_folder(folder_); !synced) return synced;
  enter(std::move(*created), size, header);
  return {};
}

/// Whether a group goes into the current segment. A group is never split over two, so that it is
/// one write and one sync; one that is larger than a segment makes its segment larger. Where only
/// the prepared segment has room for it that needs no allocation, it goes there: that room was
/// promised.
bool writer::belongs_here(std::uint64_t bytes) const noexcept {
  if (current_.frames == 0) return true;
  if (current_.end + bytes > options_.segment_size_bytes) return false;
  return space_here() >= bytes || prepared_.space() < bytes;
}

/// Takes space up to `needed_to`, and if the disk has it, a whole allocation at once. On a full
/// disk nothing changes; another failure is for `failed`.
result<void> writer::extend(file& to, std::uint64_t& space_to, std::uint64_t needed_to,
                            failure_handler failed) {
  auto generous = std::max(needed_to, std::min(round_up(needed_to, options_.allocation_bytes),
                                               options_.segment_size_bytes));
  auto filled = fill(to, space_to, generous);
  auto target = generous;
  if (!filled && filled.failure().code == error_code::disk_full && needed_to < generous) {
    target = needed_to;
    filled = fill(to, space_to, target);
  }
  if (!filled) {
    if (filled.failure().code != error_code::disk_full) return (this->*failed)(filled.failure());
    // Gives back what was taken in vain. Should that fail, what remains are zeros nobody counts on.
    (void)to.truncate(space_to);
    return filled;
  }
  if (auto synced = to.sync_data(); !synced) return (this->*failed)(synced.failure());
  space_to = target;
  return {};
}

result<void> writer::extend_current(std::uint64_t bytes) {
  if (current_.end + bytes <= current_.space_to) return {};
  return extend(*current_.source, current_.space_to, current_.end + bytes, &writer::poison);
}

result<void> writer::extend_prepared(std::uint64_t bytes) {
  if (prepared_.space() >= bytes) return {};
  if (prepared_.source == nullptr) {
    auto created = create_prepared(files_, prepared_path(folder_));
    if (!created) return created.failure();
    prepared_.source = std::move(*created);
  }
  return extend(*prepared_.source, prepared_.space_to, segment_header_bytes + bytes,
                &writer::drop_prepared);
}

/// Has the next segment made while the current one still has half of its room; once for a segment.
void writer::prepare_ahead() {
  if (prepared_ahead_ || prepared_.source || current_.end < options_.segment_size_bytes / 2) return;
  prepared_ahead_ = true;
  preparing_ = std::make_unique<preparation>(files_, prepared_path(folder_), options_);
}

result<void> writer::make_room(std::uint64_t bytes) {
  if (preparing_ && (preparing_->is_done() || !belongs_here(bytes))) {
    prepared_ = preparing_->take();
    preparing_.reset();
  }
  return belongs_here(bytes) ? extend_current(bytes) : extend_prepared(bytes);
}

result<void> writer::reserve(std::uint64_t bytes) {
  if (poisoned_) return *poisoned_;
  if (bytes > options_.segment_size_bytes - segment_header_bytes)
    return error{error_code::invalid_argument,
                 "cannot reserve " + std::to_string(bytes)
                     + " bytes of the log: that is more than a segment holds"};
  // Groups of that many bytes in all fit where this much is free in one piece: those that the
  // current segment cannot take go to the next, and what they leave unused here does not count
  // there.
  if (reserved_bytes() >= bytes) return {};
  return make_room(bytes);
}

segment_header writer::next_header() const {
  segment_header next;
  next.log = current_.header.log;
  next.number = current_.header.number + 1;
  next.first_sequence = head_.sequence + 1;
  next.previous = head_;
  next.previous_end = current_.end;
  next.frames_before = current_.header.frames_before + current_.frames;
  next.bytes_before = current_.header.bytes_before + current_.end;
  next.epoch = epoch_from(options_.new_uuid());
  next.created_us = options_.clock_us();
  return next;
}

/// Gives a filled file its header, makes it durable, and only then gives it its name.
result<void> writer::name_segment(file& source, const segment_header& header) {
  if (auto written = source.write_at(0, as_bytes(encode_segment_header(header))); !written)
    return written;
  if (auto synced = source.sync_all(); !synced) return synced;
  return files_.rename(prepared_path(folder_), segment_path(folder_, header.first_sequence));
}

void writer::enter(std::unique_ptr<file> source, std::uint64_t space_to,
                   const segment_header& header) {
  current_ = {std::move(source), header, segment_header_bytes, segment_header_bytes, space_to, 0};
  auto encoded = encode_segment_header(header);
  current_.tail = current_.synced_tail = encoded.substr(encoded.size() - tail_bytes);
  prepared_ahead_ = false;
}

/// Goes on in the prepared segment. The current one is durable before its successor appears. Until
/// the successor has its name nothing has happened, so a full disk (the folder may have to grow) is
/// only a refusal.
result<void> writer::roll() {
  assert(prepared_.source != nullptr && current_.frames > 0);
  if (auto synced = sync(); !synced) return synced;
  if (auto there = check_undisturbed(); !there) return there;
  // The name would be given to whatever is at the path now.
  if (auto ours =
          prepared_.source->check_undisturbed(prepared_path(folder_), prepared_.space_to, 0, {});
      !ours)
    return drop_prepared(ours.failure());
  auto header = next_header();
  if (auto named = name_segment(*prepared_.source, header); !named) {
    if (named.failure().code != error_code::disk_full) return poison(named.failure());
    return drop_prepared(named.failure());
  }
  if (auto synced = files_.sync_folder(folder_); !synced) return poison(synced.failure());
  // Once more, as it is the last look at it: from here on its successor builds on it.
  if (auto there = check_undisturbed(); !there) return there;
  enter(std::move(prepared_.source), prepared_.space_to, header);
  prepared_ = {};
  return {};
}

/// Encodes all frames, all but their links, and so learns how much room they need.
result<void> writer::build_group(std::span<const std::shared_ptr<const command>> group) {
  buffer_.clear();
  starts_.clear();
  for (auto& each : group) {
    starts_.push_back(buffer_.size());
    if (auto appended = append_frame(*each, buffer_); !appended) return appended;
  }
  return {};
}

std::vector<committed_command>
writer::seal_group(std::span<const std::shared_ptr<const command>> group, std::int64_t at_us,
                   log_head& head) {
  std::vector<committed_command> committed;
  committed.reserve(group.size());
  auto* frames = reinterpret_cast<std::uint8_t*>(buffer_.data());
  for (std::size_t i = 0; i < group.size(); ++i) {
    auto end = i + 1 < starts_.size() ? starts_[i + 1] : buffer_.size();
    std::span frame(frames + starts_[i], end - starts_[i]);
    seal_frame(frame,
               {current_.header.epoch, head.sequence + 1, current_.synced_to, at_us, head.hash});
    committed.push_back({head.sequence + 1, at_us, hash_frame(frame), group[i]});
    head = {committed.back().last_sequence(), committed.back().hash};
  }
  return committed;
}

/// After a failure here nobody knows what is on the disk: it is not tried again, now or later.
result<void> writer::write_group() {
  assert(current_.end + buffer_.size() <= current_.space_to);
  if (auto written = current_.source->write_at(current_.end, as_bytes(buffer_)); !written)
    return poison(written.failure());
  current_.end += buffer_.size();
  current_.frames += starts_.size();
  current_.tail = buffer_.substr(buffer_.size() - std::min(buffer_.size(), tail_bytes));
  return {};
}

/// Somebody may have removed, replaced or cut the segment, or filled it with something else. What
/// was written is in the log only if the file still is, and what it goes on from.
result<void> writer::check_undisturbed() {
  auto there = current_.source->check_undisturbed(
      segment_path(folder_, current_.header.first_sequence), current_.end,
      current_.synced_to - current_.synced_tail.size(), as_bytes(current_.synced_tail));
  return there ? there : poison(there.failure());
}

result<void> writer::sync() {
  if (poisoned_) return *poisoned_;
  if (current_.synced_to == current_.end) return {};
  if (auto synced = current_.source->sync_data(); !synced) return poison(synced.failure());
  if (auto there = check_undisturbed(); !there) return there;
  current_.synced_tail = current_.tail;
  current_.synced_to = current_.end;
  durable_ = head_;
  return {};
}

result<std::vector<committed_command>>
writer::append(std::span<const std::shared_ptr<const command>> group, std::int64_t at_us,
               bool sync) {
  if (poisoned_) return *poisoned_;
  if (group.empty()) return std::vector<committed_command>();
  if (at_us < timestamp_us_min || at_us > timestamp_us_max)
    return error{error_code::invalid_argument,
                 "the system clock is not between the years 1 and 9999; correct it"};
  if (auto built = build_group(group); !built) return built.failure();
  if (auto room = make_room(buffer_.size()); !room) return room.failure();
  if (!belongs_here(buffer_.size()))
    if (auto rolled = roll(); !rolled) return rolled.failure();
  auto head = head_;
  auto committed = seal_group(group, at_us, head);
  if (auto written = write_group(); !written) return written.failure();
  head_ = head;
  if (sync)
    if (auto synced = this->sync(); !synced) return synced.failure();
  prepare_ahead();
  return committed;
}

error writer::poison(const error& cause) {
  head_ = durable_;
  poisoned_ = error{error_code::outcome_unknown,
                    "writing the log '" + folder_ + "' failed (" + cause.message
                        + "), so it is unknown whether the last commands are durable; check the "
                          "disk, then restart: recovery will show"};
  return *poisoned_;
}

/// What fails before the prepared segment has its name costs a file that holds nothing: a new one
/// is made when room is needed again.
error writer::drop_prepared(const error& cause) {
  auto failure = cause;
  prepared_ = {};
  (void)files_.remove(prepared_path(folder_));  // `create_prepared` does otherwise
  return failure;
}

}  // namespace

result<std::unique_ptr<log_writer>> log_writer::open(file_system& files, const std::string& folder,
                                                     const log_options& options,
                                                     const std::optional<log_head>& checkpoint,
                                                     recovery_report& report) {
  assert(options.allocation_bytes > 0 && options.segment_size_bytes > segment_header_bytes);
  if (auto made = files.make_folder(folder); !made) return made.failure();
  auto claim = files.claim(folder);
  if (!claim) return claim.failure();
  auto log = recover_log(files, folder, checkpoint, options.clock_us(), report);
  if (!log) return log.failure();
  auto opened = std::make_unique<writer>(files, folder, options, std::move(*claim));
  if (auto started = opened->start(std::move(*log)); !started) return started.failure();
  report.segments = opened->segments();
  return std::unique_ptr<log_writer>(std::move(opened));
}

}  // namespace podstudio
