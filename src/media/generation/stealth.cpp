// SPDX-License-Identifier: MIT
#include "media/generation/families.hpp"

#include "media/inflate.hpp"

#include <array>

/// Texts in the least bits of pixels, as NovelAI and an extension of Automatic1111 hide them:
/// fifteen letters that say how, 32 bits for the number of bits, most significant first, and the
/// text, as it is or as gzip. The pixels are taken column by column from the left, each from the
/// top down.
namespace podstudio::media {

namespace {

class bit_reader {
public:
  /// Bits of opacity, or of red, green and blue in turn.
  bit_reader(const least_bits& bits, bool colours) : bits_(bits), colours_(colours) {}

  std::uint64_t left() const noexcept {
    return std::uint64_t{bits_.columns} * bits_.height * (colours_ ? 3 : 1) - at_;
  }
  unsigned bit() noexcept {
    auto pixel = colours_ ? at_ / 3 : at_;
    unsigned plane = colours_ ? static_cast<unsigned>(at_ % 3) : 3;
    ++at_;
    auto x = pixel / bits_.height, y = pixel % bits_.height;
    return bits_.bits[static_cast<std::size_t>(y * bits_.columns + x)] >> plane & 1u;
  }
  std::uint8_t byte() noexcept {
    unsigned value = 0;
    for (int i = 0; i < 8; ++i)
      value = value << 1 | bit();
    return static_cast<std::uint8_t>(value);
  }

private:
  const least_bits& bits_;
  bool colours_;
  std::uint64_t at_ = 0;
};

constexpr std::size_t signature_bytes = 15;

stealth_text read_with(const least_bits& bits, bool colours, std::string_view plain,
                       std::string_view packed) {
  bit_reader reader(bits, colours);
  if (reader.left() < (signature_bytes + 4) * 8) return {};
  std::string signature;
  for (std::size_t i = 0; i < signature_bytes; ++i)
    signature += static_cast<char>(reader.byte());
  if (signature != plain && signature != packed) return {};
  std::uint64_t size = 0;
  for (int i = 0; i < 4; ++i)
    size = size << 8 | reader.byte();
  stealth_text made;
  made.cut = size > reader.left();
  auto count = static_cast<std::size_t>(std::min(size, reader.left()) / 8);
  std::string bytes;
  bytes.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    bytes += static_cast<char>(reader.byte());
  if (signature == plain) {
    made.text = std::move(bytes);
    return made;
  }
  auto expanded = inflate(bytes_of(bytes), carried_text_bytes_max);
  made.cut = made.cut || !expanded.whole;
  made.text = std::move(expanded.bytes);
  return made;
}

}  // namespace

stealth_text read_stealth(const least_bits& bits) {
  if (bits.bits.empty()) return {};
  if (bits.alpha)
    if (auto found = read_with(bits, false, "stealth_pnginfo", "stealth_pngcomp");
        !found.text.empty())
      return found;
  return read_with(bits, true, "stealth_rgbinfo", "stealth_rgbcomp");
}

}  // namespace podstudio::media
