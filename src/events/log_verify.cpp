// SPDX-License-Identifier: MIT
#include "events/head_check.hpp"
#include "events/log.hpp"
#include "events/log_walk.hpp"

#include <algorithm>

namespace podstudio {

namespace {

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

class verifier final : public log_verifier {
public:
  verifier(file_system& files, const std::string& folder, const verify_options& options,
           std::uint64_t total)
      : walk_(files, folder, 1), before_(options.before), total_(total) {
    if (options.expect)
      expected_.emplace(*options.expect, "the head noted earlier",
                        "the log does not extend the given head", lacks_head_remedy);
  }

  result<bool> step() override {
    constexpr int frames_a_step = 256;
    constexpr std::uint64_t bytes_a_step = 1u << 20;
    auto until = report_.bytes + bytes_a_step;
    for (int i = 0; i < frames_a_step && report_.bytes < until; ++i) {
      auto more = check_frame();
      if (!more || !*more) return more;
    }
    return true;
  }

  const verify_report& report() const noexcept override { return report_; }
  std::uint64_t total_bytes() const noexcept override { return std::max(total_, report_.bytes); }

private:
  result<bool> check_frame() {
    if (expected_ && report_.frames == 0)
      if (auto fits = expected_->see({}, {}); !fits) return fits.failure();
    auto frame = walk_.next();
    if (!frame) return frame.failure();
    if (walk_.segment() == nullptr) return finish({});
    auto& segment = *walk_.segment();
    report_.segments = segment.header().number;
    report_.bytes = segment.header().bytes_before + segment.offset();
    if (!*frame) {
      auto torn = is_torn(walk_);
      if (!torn) return torn.failure();
      report_.torn_tail = *torn;
      // The frames that were read may be written and not durable; a head that is told must stay.
      if (auto synced = segment.segment().sync_data(); !synced) return synced.failure();
      return finish(segment.place());
    }
    auto& [offset, header, bytes, hash] = **frame;
    log_place place{segment.path(), offset, header.link.first_sequence};
    if (header.link.first_sequence >= before_) return finish(place);
    auto what = decode_frame(bytes, place);
    if (!what) return what.failure();
    report_.head = segment.head();
    ++report_.frames;
    report_.events += header.event_count;
    if (expected_)
      if (auto fits = expected_->see(report_.head, place); !fits) return fits.failure();
    return true;
  }

  /// The end is reached at `place`.
  result<bool> finish(const log_place& place) {
    if (expected_ && !expected_->seen())
      return expected_->mismatch(place, "that the log ends with sequence "
                                            + std::to_string(report_.head.sequence));
    return false;
  }

  log_walk walk_;
  sequence_number before_;
  std::uint64_t total_;
  std::optional<head_check> expected_;
  verify_report report_;
};

}  // namespace

result<std::unique_ptr<log_verifier>>
log_verifier::open(file_system& files, const std::string& folder, const verify_options& options) {
  auto total = total_file_bytes(files, folder);
  if (!total) return total.failure();
  return std::unique_ptr<log_verifier>(std::make_unique<verifier>(files, folder, options, *total));
}

result<verify_report>
verify_log(file_system& files, const std::string& folder, const verify_options& options,
           const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  auto verifier = log_verifier::open(files, folder, options);
  if (!verifier) return verifier.failure();
  for (;;) {
    auto more = (*verifier)->step();
    if (!more) return more.failure();
    auto total = (*verifier)->total_bytes();
    if (progress) progress(*more ? (*verifier)->report().bytes : total, total);
    if (!*more) return (*verifier)->report();
  }
}

result<sequence_number> sealed_before(file_system& files, const std::string& folder) {
  auto firsts = list_segments(files, folder);
  if (!firsts) return firsts.failure();
  return firsts->empty() ? sequence_number{1} : firsts->back();
}

}  // namespace podstudio
