#include "events/preparation.hpp"

#include <algorithm>
#include <array>
#include <chrono>
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
  auto work = [this] { outcome_ = prepare(); };
  done_ = options.run_beside ? options.run_beside(work) : std::async(std::launch::async, work);
}

preparation::~preparation() {
  cancelled_ = true;
  if (done_.valid() && !is_deferred()) done_.wait();
}

bool preparation::is_done() const {
  return done_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

/// Whether it would only be run by somebody who waits for it.
bool preparation::is_deferred() const {
  return done_.wait_for(std::chrono::seconds(0)) == std::future_status::deferred;
}

result<prepared_segment> preparation::take() {
  done_.get();
  return std::move(outcome_);
}

result<prepared_segment> preparation::prepare() {
  auto created = create_prepared(files_, path_);
  if (!created) return created.failure();
  auto filled = fill_all(**created);
  if (filled) return prepared_segment{std::move(*created), size_};
  created->reset();
  (void)files_.remove(path_);  // gives its space back
  return filled.failure();
}

/// In pieces, each with a sync, so that the disk is never busy with zeros for long.
result<void> preparation::fill_all(file& to) {
  for (std::uint64_t at = 0; at < size_; at += piece_) {
    if (cancelled_) return error{error_code::stopping, "the log is closed"};
    if (auto filled = fill(to, at, std::min(at + piece_, size_)); !filled) return filled;
    if (auto synced = to.sync_data(); !synced) return synced;
  }
  return {};
}

}  // namespace podstudio
