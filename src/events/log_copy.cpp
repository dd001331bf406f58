// SPDX-License-Identifier: MIT
#include "events/log_copy.hpp"

namespace podstudio {

result<void> log_copy::resume(sequence_number first, std::uint64_t offset) {
  auto opened = files_.open(segment_path(folder_, first), open_mode::write);
  if (!opened) return opened.failure();
  if (auto cut = (*opened)->truncate(offset); !cut) return cut;
  segment_ = std::move(*opened);
  first_ = first;
  end_ = offset;
  return {};
}

result<void> log_copy::add(const segment_cursor& from, const linked_frame& frame) {
  if (from.header().first_sequence != first_)
    if (auto started = start(from.header()); !started) return started;
  return append(frame.bytes);
}

result<void> log_copy::start(const segment_header& header) {
  if (auto synced = sync_segment(); !synced) return synced;
  auto created = files_.open(segment_path(folder_, header.first_sequence), open_mode::create);
  if (!created) return created.failure();
  segment_ = std::move(*created);
  first_ = header.first_sequence;
  end_ = 0;
  auto bytes = encode_segment_header(header);
  return append({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

result<void> log_copy::append(const_bytes bytes) {
  constexpr std::size_t write_bytes = 1u << 20;
  waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
  bytes_ += bytes.size();
  return waiting_.size() < write_bytes ? result<void>() : flush();
}

result<void> log_copy::flush() {
  if (waiting_.empty()) return {};
  if (auto written = segment_->write_at(end_, waiting_); !written) return written;
  end_ += waiting_.size();
  waiting_.clear();
  return {};
}

result<void> log_copy::sync_segment() {
  if (segment_ == nullptr) return {};
  if (auto flushed = flush(); !flushed) return flushed;
  return segment_->sync_all();
}

result<void> log_copy::finish() {
  if (auto synced = sync_segment(); !synced) return synced;
  return files_.sync_folder(folder_);
}

}  // namespace podstudio
