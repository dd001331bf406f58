// SPDX-License-Identifier: MIT
#pragma once

#include "events/frame.hpp"
#include "events/log.hpp"
#include "events/segment.hpp"
#include "sample_events.hpp"
#include "support/faulty_files.hpp"
#include "support/memory_disk.hpp"
#include "support/outcome.hpp"
#include "support/small_log.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

inline podstudio::result<std::unique_ptr<podstudio::log_writer>>
open_log(podstudio::file_system& files, std::optional<podstudio::log_head> checkpoint = {},
         podstudio::recovery_report* report = nullptr,
         const podstudio::log_options& options = small_log) {
  podstudio::recovery_report ignored;
  return podstudio::log_writer::open(files, log_folder, options, checkpoint,
                                     report != nullptr ? *report : ignored);
}

/// Appends the commands [first, last], each as a group of its own.
inline podstudio::result<void> append(podstudio::log_writer& log, std::uint64_t first,
                                      std::uint64_t last, std::size_t events_each = 1,
                                      bool sync = true) {
  for (auto number = first; number <= last; ++number) {
    auto what = sample_command(number, events_each);
    auto committed = log.append({&what, 1}, static_cast<std::int64_t>(number), sync);
    if (!committed) return committed.failure();
  }
  return {};
}

/// A log of the commands 1 to `count`, closed.
inline podstudio::log_head write_log(podstudio::file_system& files, std::uint64_t count,
                                     std::size_t events_each = 1) {
  auto log = open_log(files);
  REQUIRE_OK(log);
  REQUIRE_OK(append(**log, 1, count, events_each));
  return (*log)->head();
}

inline podstudio::result<std::vector<podstudio::committed_command>>
read_log(podstudio::file_system& files, podstudio::sequence_number from = 1) {
  auto reader = podstudio::log_reader::open(files, log_folder, from);
  if (!reader) return reader.failure();
  std::vector<podstudio::committed_command> all;
  for (;;) {
    auto next = (*reader)->next();
    if (!next) return next.failure();
    if (!*next) return all;
    all.push_back(**next);
  }
}

/// How many commands the log holds, which must be the commands 1, 2, 3 ... as `write_log` made
/// them.
inline std::uint64_t count_prefix(podstudio::file_system& files, std::size_t events_each = 1) {
  auto all = read_log(files);
  REQUIRE_OK(all);
  std::uint64_t number = 0;
  podstudio::sequence_number sequence = 1;
  for (auto& each : *all) {
    BOOST_REQUIRE(*each.what == *sample_command(++number, events_each));
    BOOST_REQUIRE(each.first_sequence == sequence);
    sequence += events_each;
  }
  return number;
}

/// The offsets of the frames in a segment's bytes, and behind the last one.
inline std::vector<std::uint64_t> frame_offsets(const std::string& segment) {
  std::vector<std::uint64_t> offsets{podstudio::segment_header_bytes};
  for (;;) {
    podstudio::const_bytes rest(reinterpret_cast<const std::uint8_t*>(segment.data())
                                    + offsets.back(),
                                segment.size() - offsets.back());
    auto size = podstudio::frame_size(rest);
    if (!size || *size > rest.size() || !podstudio::is_intact(rest.first(*size))) return offsets;
    offsets.push_back(offsets.back() + *size);
  }
}

inline std::string first_segment() { return podstudio::segment_path(log_folder, 1); }
