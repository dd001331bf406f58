// SPDX-License-Identifier: MIT
#include "events/log_walk.hpp"

#include <iterator>

namespace podstudio {

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

}  // namespace podstudio
