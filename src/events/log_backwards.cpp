// SPDX-License-Identifier: MIT
#include "events/command_reader.hpp"

#include <algorithm>
#include <vector>

namespace podstudio {

namespace {

/// Walks the frames of one segment from its end, where another cursor stands, to its header. The
/// size at a frame's end leads to its start, and the hash of each frame must be the one that the
/// frame behind it names.
class backward_cursor {
public:
  explicit backward_cursor(segment_cursor& at_end)
      : file_(at_end.release()), path_(at_end.path()), header_(at_end.header()),
        offset_(at_end.offset()), head_(at_end.head()), frames_(at_end.frames()) {}

  /// The frame before the last one returned; nothing at the segment's header.
  result<maybe_frame> previous() {
    if (offset_ <= segment_header_bytes) return at_header();
    auto size = size_before();
    if (!size) return size.failure();
    auto bytes = view_before(*size);
    if (!bytes) return bytes.failure();
    if (bytes->size() != *size || frame_size(*bytes) != *size || !is_intact(*bytes))
      return broken("no whole frame");
    linked_frame frame{offset_ - *size, read_frame_header(*bytes), *bytes, hash_frame(*bytes)};
    if (frame.hash != head_.hash || frame.header.last_sequence() != head_.sequence
        || frame.header.link.epoch != header_.epoch || frame.header.link.synced_to > frame.offset
        || frame.header.link.synced_to < segment_header_bytes)
      return broken("a frame that is not the one that the next names");
    offset_ = frame.offset;
    --frames_;
    head_ = {frame.header.link.first_sequence - 1, frame.header.link.previous_hash};
    return std::optional(frame);
  }

  const segment_header& header() const noexcept { return header_; }
  const std::string& path() const noexcept { return path_; }

private:
  static constexpr std::uint64_t read_ahead_bytes = 256u << 10;

  error broken(const std::string& found) const {
    return damage({path_, offset_, head_.sequence},
                  "the end of a frame with hash " + to_hex(head_.hash), found);
  }

  result<maybe_frame> at_header() {
    if (head_ == header_.previous && frames_ == 0) return maybe_frame();
    if (head_ == header_.previous)
      return damage({path_, 0, header_.first_sequence}, "as many frames as the headers count",
                    "others");
    return damage({path_, 0, header_.first_sequence},
                  "a first frame that follows hash " + to_hex(header_.previous.hash),
                  "one that follows hash " + to_hex(head_.hash));
  }

  /// The size that stands at the end of the frame; within the bounds of a frame and of the segment.
  result<std::size_t> size_before() {
    auto bytes = view_before(sizeof(std::uint32_t));
    if (!bytes) return bytes.failure();
    std::uint64_t size = 0;
    for (std::size_t i = bytes->size(); i-- > 0;)
      size = size << 8 | (*bytes)[i];
    if (size < min_frame_bytes || size > max_frame_bytes || size % frame_alignment_bytes != 0
        || size > offset_ - segment_header_bytes)
      return broken("the size " + std::to_string(size) + " at its end");
    return static_cast<std::size_t>(size);
  }

  /// The bytes before `offset_`; fewer only if the file is shorter than that.
  result<const_bytes> view_before(std::size_t size) {
    if (offset_ < base_ + size || offset_ > base_ + held_) {
      auto wanted =
          std::min<std::uint64_t>(std::max<std::uint64_t>(size, read_ahead_bytes), offset_);
      base_ = offset_ - wanted;
      buffer_.resize(static_cast<std::size_t>(wanted));
      auto count = file_->read_at(base_, buffer_);
      held_ = count ? *count : 0;
      if (!count) return count.failure();
      if (base_ + held_ < offset_) return const_bytes{};
    }
    return const_bytes(buffer_).subspan(static_cast<std::size_t>(offset_ - base_) - size, size);
  }

  std::unique_ptr<file> file_;
  std::string path_;
  segment_header header_;
  std::uint64_t offset_;
  log_head head_;         ///< of the frame that ends at `offset_`
  std::uint64_t frames_;  ///< that should be before `offset_`
  std::vector<std::uint8_t> buffer_;
  std::uint64_t base_ = 0;
  std::size_t held_ = 0;
};

/// Walks from the start of a segment to the end of the log; null where no segment is there any
/// more.
result<std::unique_ptr<segment_cursor>> walk_to_end(file_system& files, const std::string& folder,
                                                    sequence_number from) {
  log_walk walk(files, folder, from);
  for (;;) {
    auto frame = walk.next();
    if (!frame) return frame.failure();
    if (!*frame) return walk.release();
  }
}

class backward_reader final : public command_reader {
public:
  backward_reader(file_system& files, std::string folder, sequence_number to)
      : files_(files), folder_(std::move(folder)), to_(to) {}

  /// Finds the segment that holds the sequence, and its end.
  result<void> start() {
    if (auto listed = list(); !listed || earlier_.empty() || to_ == 0) return listed;
    auto after = std::ranges::upper_bound(earlier_, to_);
    if (after != earlier_.end()) {
      auto successor = segment_cursor::open(files_, folder_, *after, open_mode::read);
      if (!successor) return successor.failure();
      earlier_.erase(after, earlier_.end());
      return enter((*successor)->header());
    }
    auto last = walk_to_end(files_, folder_, earlier_.back());
    if (!last) return last.failure();
    if (*last == nullptr) {  // somebody took the segments away since they were listed
      earlier_.clear();
      return {};
    }
    // A writer may have begun others since the first look, and all up to this one are there now.
    if (auto listed = list(); !listed) return listed;
    earlier_.erase(std::ranges::lower_bound(earlier_, (*last)->header().first_sequence),
                   earlier_.end());
    cursor_.emplace(**last);
    return {};
  }

private:
  result<maybe_frame> next_frame() override {
    while (cursor_) {
      auto frame = cursor_->previous();
      if (!frame) return frame;
      if (!*frame) {
        auto header = cursor_->header();
        cursor_.reset();
        if (auto entered = enter(header); !entered) return entered.failure();
      } else if ((*frame)->header.link.first_sequence <= to_) {
        return frame;
      }
    }
    return maybe_frame();
  }
  const std::string& path() const override { return cursor_->path(); }

  result<void> list() {
    auto firsts = list_segments(files_, folder_);
    if (!firsts) return firsts.failure();
    earlier_ = std::move(*firsts);
    return {};
  }

  /// Enters the segment before the one with this header, if it is not the log's first.
  result<void> enter(const segment_header& successor) {
    if (successor.number == 1) return check_first(successor, segment_path(folder_, 1));
    if (earlier_.empty())
      return damage({folder_, 0, successor.previous.sequence},
                    "segment number " + std::to_string(successor.number - 1),
                    "none (a segment is missing)");
    auto opened = segment_cursor::open(files_, folder_, earlier_.back(), open_mode::read);
    if (!opened) return opened.failure();
    earlier_.pop_back();
    auto fits = check_succession((*opened)->header(), successor,
                                 segment_path(folder_, successor.first_sequence));
    if (!fits) return fits;
    (*opened)->go_to_end(successor);
    if (auto sealed = check_sealed_end(**opened, successor); !sealed) return sealed;
    cursor_.emplace(**opened);
    return {};
  }

  file_system& files_;
  std::string folder_;
  sequence_number to_;
  std::vector<sequence_number> earlier_;  ///< first sequences of the segments not yet entered
  std::optional<backward_cursor> cursor_;
};

}  // namespace

result<std::unique_ptr<log_reader>> open_backwards(file_system& files, const std::string& folder,
                                                   sequence_number to) {
  auto opened = std::make_unique<backward_reader>(files, folder, to);
  if (auto started = opened->start(); !started) return started.failure();
  return std::unique_ptr<log_reader>(std::move(opened));
}

result<log_head> read_head(file_system& files, const std::string& folder) {
  auto last = sealed_before(files, folder);
  if (!last) return last.failure();
  auto end = walk_to_end(files, folder, *last);
  if (!end) return end.failure();
  if (*end == nullptr) return log_head{};
  if (auto synced = (*end)->segment().sync_data(); !synced) return synced.failure();
  return (*end)->head();
}

}  // namespace podstudio
