// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// Bytes that may be anything, and a cursor over them that cannot leave them.
namespace podstudio::media {

using bytes_view = std::span<const std::uint8_t>;

inline std::string_view text_of(bytes_view bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline bytes_view bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline bool starts_with(bytes_view bytes, std::string_view beginning) noexcept {
  return text_of(bytes).starts_with(beginning);
}
/// The part from `at`, `size` long, cut to what there is.
inline bytes_view part(bytes_view bytes, std::size_t at,
                       std::size_t size = static_cast<std::size_t>(-1)) noexcept {
  if (at >= bytes.size()) return {};
  return bytes.subspan(at, std::min(size, bytes.size() - at));
}

enum class byte_order : bool { little, big };

/// Takes numbers and parts off the front. What reaches beyond the end reads as zeros or as less,
/// and `failed` stays true from then on.
class byte_cursor {
public:
  explicit byte_cursor(bytes_view bytes, byte_order order = byte_order::big) noexcept
      : rest_(bytes), order_(order) {}

  bool failed() const noexcept { return failed_; }
  std::size_t left() const noexcept { return rest_.size(); }
  bytes_view rest() const noexcept { return rest_; }
  void set_order(byte_order order) noexcept { order_ = order; }

  bytes_view take(std::size_t size) noexcept {
    if (size > rest_.size()) {
      failed_ = true;
      size = rest_.size();
    }
    auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  void skip(std::size_t size) noexcept { take(size); }
  /// The bytes before the next `end`, which is taken too; all that is left where there is none.
  bytes_view take_until(std::uint8_t end) noexcept {
    auto at = std::ranges::find(rest_, end);
    auto taken = rest_.first(static_cast<std::size_t>(at - rest_.begin()));
    rest_ = rest_.subspan(std::min(taken.size() + 1, rest_.size()));
    return taken;
  }

  std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u24() noexcept { return static_cast<std::uint32_t>(number(3)); }
  std::uint32_t u32() noexcept { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() noexcept { return number(8); }

private:
  std::uint64_t number(std::size_t size) noexcept {
    if (size > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      auto byte = rest_[order_ == byte_order::big ? i : size - 1 - i];
      value = value << 8 | byte;
    }
    rest_ = rest_.subspan(size);
    return value;
  }

  bytes_view rest_;
  byte_order order_;
  bool failed_ = false;
};

}  // namespace podstudio::media
