// SPDX-License-Identifier: MIT
#include "events/preparation.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <span>
#include <utility>

namespace podstudio {

namespace {

result<void> write_zeros(file& to, std::uint64_t from, std::uint64_t end) {
  static constexpr std::array<std::uint8_t, 256u << 10> zeros{};
  for (auto at = from; at < end;) {
    auto size = static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), end - at));
    if (auto written = to.write_at(at, std::span(zeros).first(size)); !written) return written;
    at += size;
  }
  return {};
}

}  // namespace

result<void> fill(file& to, std::uint64_t from, std::uint64_t end) {
  if (auto allocated = to.allocate(from, end - from); !allocated) return allocated;
  return write_zeros(to, from, end);
}

result<std::unique_ptr<file>> create_prepared(file_system& files, const std::string& path) {
  if (auto removed = remove_if_there(files, path); !removed) return removed.failure();
  return files.open(path, open_mode::create);
}

preparation::preparation(file_system& files, std::string path, const log_options& options)
    : files_(files), path_(std::move(path)), size_(options.segment_size_bytes),
      piece_(options.allocation_bytes) {
  auto work = [this] { prepare(); };
  try {
    done_ = options.run_beside ? options.run_beside(work) : std::async(std::launch::async, work);
  } catch (const std::exception&) {
    // There is no thread to be had: nothing is prepared.
  }
}

preparation::~preparation() {
  cancelled_ = true;
  if (done_.valid() && !is_deferred()) done_.wait();
}

bool preparation::is_done() const {
  return !done_.valid() || done_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

/// Whether it would only be run by somebody who waits for it.
bool preparation::is_deferred() const {
  return done_.wait_for(std::chrono::seconds(0)) == std::future_status::deferred;
}

prepared_segment preparation::take() {
  try {
    if (done_.valid()) done_.get();
  } catch (const std::exception&) {
    // It was given up before it had made anything.
  }
  return std::move(made_);
}

void preparation::prepare() {
  auto created = create_prepared(files_, path_);
  if (!created) return;
  if (fill_all(**created)) {
    made_ = {std::move(*created), size_};
    return;
  }
  created->reset();
  (void)files_.remove(path_);  // gives its space back; `create_prepared` removes it otherwise
}

/// All of the space is taken at once, so that where it is missing this is known before a file
/// system that is nearly full is filled up under everybody else. The zeros are written in pieces,
/// each with a sync, so that the disk is never busy with them for long.
result<void> preparation::fill_all(file& to) {
  if (auto allocated = to.allocate(0, size_); !allocated) return allocated;
  for (std::uint64_t at = 0; at < size_; at += piece_) {
    if (cancelled_) return error{error_code::stopping, "the log is closed"};
    if (auto filled = write_zeros(to, at, std::min(at + piece_, size_)); !filled) return filled;
    if (auto synced = to.sync_data(); !synced) return synced;
  }
  return {};
}

}  // namespace podstudio
