// SPDX-License-Identifier: MIT
#include "media/source.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>

namespace podstudio::media {

std::size_t source::read_through(std::uint64_t offset, std::span<std::uint8_t> into) noexcept {
  // A part at a time, so that a stop is noticed on a slow disk.
  constexpr std::size_t part_bytes = 1 << 20;
  std::size_t filled = 0;
  while (filled < into.size()) {
    if (watch_->stopped()) break;
    auto size = std::min(part_bytes, into.size() - filled);
    auto got = ::pread(fd_, into.data() + filled, size, static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && read_error_ == 0) read_error_ = errno;
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

std::size_t source::read_at(std::uint64_t offset, std::span<std::uint8_t> into) noexcept {
  if (offset >= size_ || into.empty()) return 0;
  into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - offset)));
  if (into.size() >= window_size_bytes) return read_through(offset, into);
  bool held = offset >= window_at_ && offset + into.size() <= window_at_ + window_filled_;
  if (!held) {
    window_at_ = offset;
    auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(window_size_bytes, size_ - offset));
    window_filled_ = read_through(offset, std::span(window_).first(size));
  }
  auto from = static_cast<std::size_t>(offset - window_at_);
  auto size = std::min(into.size(), window_filled_ - std::min(window_filled_, from));
  std::memcpy(into.data(), window_.data() + from, size);
  return size;
}

std::vector<std::uint8_t> source::read(std::uint64_t offset, std::uint64_t size_bytes_max) {
  if (offset >= size_) return {};
  std::vector<std::uint8_t> bytes(
      static_cast<std::size_t>(std::min(size_bytes_max, size_ - offset)));
  bytes.resize(read_at(offset, bytes));
  return bytes;
}

void source_cursor::skip(std::uint64_t size) noexcept {
  if (__builtin_add_overflow(at_, size, &at_)) at_ = std::numeric_limits<std::uint64_t>::max();
}

std::uint64_t source_cursor::number(std::size_t size) noexcept {
  std::array<std::uint8_t, 8> bytes{};
  if (from_->read_at(at_, std::span(bytes).first(size)) < size) {
    failed_ = true;
    at_ = std::max(at_, from_->size());
    return 0;
  }
  skip(size);
  return [&] {
    byte_cursor cursor(bytes_view(bytes).first(size), order_);
    switch (size) {
    case 1:
      return std::uint64_t{cursor.u8()};
    case 2:
      return std::uint64_t{cursor.u16()};
    case 3:
      return std::uint64_t{cursor.u24()};
    case 4:
      return std::uint64_t{cursor.u32()};
    default:
      return cursor.u64();
    }
  }();
}

std::string_view source_cursor::four() noexcept {
  auto size = from_->read_at(at_, four_);
  if (size < four_.size()) failed_ = true;
  skip(size);
  return text_of(bytes_view(four_).first(size));
}

std::vector<std::uint8_t> source_cursor::take(std::uint64_t size_bytes_max) {
  auto bytes = from_->read(at_, size_bytes_max);
  if (bytes.size() < size_bytes_max) failed_ = true;
  skip(bytes.size());
  return bytes;
}

}  // namespace podstudio::media
