// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>

/// What reading one file may cost at most. Every length, count and depth that a file states is
/// compared with one of these before memory or time is spent on it.
namespace podstudio::media {

struct limits {
  /// Pixels of a picture or a video's frame that is decoded; a larger one has facts, but no preview
  /// and no hash. An A1 print at 300 dpi has 70 million.
  std::uint64_t pixels_max = 100'000'000;
  /// Memory that decoding may take, as estimated from the header: all of the frame where the format
  /// cannot be decoded by rows, and the bytes that must be held for it. The picture's small copy
  /// and the libraries' own state come on top.
  std::uint64_t decode_bytes_max = std::uint64_t{400} << 20;
  /// Bytes that libavformat reads to tell what streams there are, and for how much playing time.
  std::int64_t probe_bytes_max = 4 << 20;
  std::chrono::microseconds probe_time_max = std::chrono::seconds(5);
  unsigned streams_max = 64;
  /// Steps of one walk over a file's chunks, boxes, pages or frames.
  std::uint32_t steps_max = 2'000'000;
  /// Packets that are read until the first frame of a video has come.
  unsigned first_frame_packets_max = 2'000;
  /// Scans of one JPEG: each costs a pass over the whole picture.
  int jpeg_scans_max = 500;
  /// Sound that is decoded for a waveform; of a longer one, windows spread evenly over it are.
  double waveform_decoded_seconds_max = 600;
  /// Time from the start, by the clock.
  std::chrono::milliseconds time_max = std::chrono::seconds(120);
};

/// What decides that work ends early.
class work_watch {
public:
  using clock = std::chrono::steady_clock;

  /// `cancelled` may be empty; it is asked often and has to be cheap.
  work_watch(std::chrono::milliseconds time_max, std::function<bool()> cancelled)
      : end_(clock::now() + time_max), cancelled_(std::move(cancelled)) {}

  /// Whether to stop now; once true, always true.
  bool stopped() noexcept {
    if (!cancelled_seen_ && cancelled_ && cancelled_()) cancelled_seen_ = true;
    if (!late_ && clock::now() >= end_) late_ = true;
    return cancelled_seen_ || late_;
  }
  bool cancelled() const noexcept { return cancelled_seen_; }
  bool late() const noexcept { return late_; }

private:
  clock::time_point end_;
  std::function<bool()> cancelled_;
  bool cancelled_seen_ = false;
  bool late_ = false;
};

}  // namespace podstudio::media
