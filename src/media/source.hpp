// SPDX-License-Identifier: MIT
#pragma once

#include "media/bytes.hpp"
#include "media/limits.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace podstudio::media {

/// A file that somebody else has opened, read by position. Small reads near each other cost one
/// system call for all. Does not own the descriptor and never moves its position, so that the
/// processes that share it do not disturb each other.
class source {
public:
  /// `size_bytes` is the file's size as its facts have it; what lies beyond is not read.
  source(int fd, std::uint64_t size_bytes, work_watch& watch) noexcept
      : fd_(fd), size_(size_bytes), watch_(&watch) {}
  source(const source&) = delete;
  source& operator=(const source&) = delete;

  std::uint64_t size() const noexcept { return size_; }
  work_watch& watch() const noexcept { return *watch_; }

  /// Fills `into` from `offset` on, as far as there are bytes. Less than asked means the file's
  /// end, or a read that failed (`read_error`), or that the work is to stop.
  std::size_t read_at(std::uint64_t offset, std::span<std::uint8_t> into) noexcept;

  /// The bytes from `offset` on, at most `size_bytes_max` of them. Memory is taken for what the
  /// file holds only.
  std::vector<std::uint8_t> read(std::uint64_t offset, std::uint64_t size_bytes_max);

  /// errno of the first read that failed; 0 where none did.
  int read_error() const noexcept { return read_error_; }

private:
  std::size_t read_through(std::uint64_t offset, std::span<std::uint8_t> into) noexcept;

  static constexpr std::size_t window_size_bytes = 32 << 10;

  int fd_;
  std::uint64_t size_;
  work_watch* watch_;
  int read_error_ = 0;
  std::array<std::uint8_t, window_size_bytes> window_;
  std::uint64_t window_at_ = 0;
  std::size_t window_filled_ = 0;
};

/// A cursor over a source, for numbers in headers. What reaches beyond the end reads as zeros, and
/// `failed` stays true.
class source_cursor {
public:
  source_cursor(source& from, std::uint64_t at, byte_order order = byte_order::big) noexcept
      : from_(&from), at_(at), order_(order) {}

  std::uint64_t at() const noexcept { return at_; }
  bool failed() const noexcept { return failed_; }
  bool at_end() const noexcept { return at_ >= from_->size(); }
  void go(std::uint64_t at) noexcept { at_ = at; }
  /// Forward; stops at the largest position there can be.
  void skip(std::uint64_t size) noexcept;
  std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u24() noexcept { return static_cast<std::uint32_t>(number(3)); }
  std::uint32_t u32() noexcept { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() noexcept { return number(8); }
  /// Four letters; shorter at the end.
  std::string_view four() noexcept;
  std::vector<std::uint8_t> take(std::uint64_t size_bytes_max);

private:
  std::uint64_t number(std::size_t size) noexcept;

  source* from_;
  std::uint64_t at_;
  byte_order order_;
  bool failed_ = false;
  std::array<std::uint8_t, 4> four_{};
};

}  // namespace podstudio::media
