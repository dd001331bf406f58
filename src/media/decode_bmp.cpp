// SPDX-License-Identifier: MIT
#include "media/decode.hpp"

#include <array>
#include <bit>

/// BMP without compression: of the many depths, masks and headers that Windows and OS/2 have, each
/// of which other programs write, libavcodec takes a part.
namespace podstudio::media {

namespace {

/// The part of a pixel's bits that a mask names, as 0 to 255.
class channel {
public:
  explicit channel(std::uint32_t mask = 0) noexcept
      : mask_(mask), shift_(mask == 0 ? 0 : std::countr_zero(mask)), most_(mask >> shift_) {}
  std::uint8_t of(std::uint32_t pixel, std::uint8_t none) const noexcept {
    if (most_ == 0) return none;
    std::uint64_t value = (pixel & mask_) >> shift_;
    return static_cast<std::uint8_t>((value * 255 + most_ / 2) / most_);
  }

private:
  std::uint32_t mask_;
  int shift_;
  std::uint32_t most_;
};

class bmp_decoder {
public:
  bmp_decoder(source& from, const decode_request& request, picture_shrinker& to)
      : from_(from), request_(request), to_(to) {}

  decode_outcome run() {
    if (!read_header()) return {decoding::failed, "its header is of an unknown kind"};
    if (!within(request_.bounds, width_, height_, 0, row_bytes_)) return {decoding::too_large, {}};
    to_.start(width_, height_, pixel_kind::rgba, alpha_, request_.keep_bits && alpha_);
    return rows();
  }

private:
  bool read_header() {
    source_cursor cursor(from_, 10, byte_order::little);
    data_at_ = cursor.u32();
    header_ = cursor.u32();
    std::uint32_t compression = 0, colours = 0;
    if (header_ == 12) {
      width_ = cursor.u16();
      height_ = cursor.u16();
      cursor.skip(2);
      bits_ = cursor.u16();
    } else {
      width_ = cursor.u32();
      auto height = static_cast<std::int32_t>(cursor.u32());
      top_down_ = height < 0;
      height_ =
          top_down_ ? 0u - static_cast<std::uint32_t>(height) : static_cast<std::uint32_t>(height);
      cursor.skip(2);
      bits_ = cursor.u16();
      // A short header of OS/2 ends anywhere from here on.
      if (header_ >= 40) {
        compression = cursor.u32();
        cursor.skip(12);
        colours = cursor.u32();
      }
    }
    constexpr std::uint32_t masked = 3, masked_with_alpha = 6;
    bool masks = compression == masked || compression == masked_with_alpha;
    if (cursor.failed() || (compression != 0 && !masks)) return false;
    if (masks && header_ == 64) return false;  // of OS/2, where 3 is a coding
    switch (bits_) {
    case 1:
    case 2:
    case 4:
    case 8:
      read_palette(colours);
      break;
    case 16:
      set_masks(0x7c00, 0x03e0, 0x001f, 0);
      break;
    case 24:
    case 32:
      set_masks(0xff0000, 0xff00, 0xff, 0);
      break;
    default:
      return false;
    }
    if (masks && (bits_ == 16 || bits_ == 32)) {
      constexpr std::uint64_t masks_at = 54;
      cursor.go(masks_at);
      auto red = cursor.u32(), green = cursor.u32(), blue = cursor.u32();
      bool has_alpha = header_ >= 56 || compression == masked_with_alpha;
      set_masks(red, green, blue, has_alpha ? cursor.u32() : 0);
    }
    row_bytes_ = (std::uint64_t{width_} * bits_ + 31) / 32 * 4;
    return !cursor.failed() && width_ > 0 && height_ > 0;
  }

  void set_masks(std::uint32_t red, std::uint32_t green, std::uint32_t blue, std::uint32_t alpha) {
    channels_ = {channel(red), channel(green), channel(blue), channel(alpha)};
    alpha_ = alpha != 0;
  }

  void read_palette(std::uint32_t colours) {
    std::uint32_t count = 1u << bits_;
    if (colours > 0) count = std::min(count, colours);
    source_cursor cursor(from_, std::uint64_t{14} + header_, byte_order::little);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (data_at_ > 0 && cursor.at() >= data_at_) break;
      palette_[i] = header_ == 12 ? cursor.u24() : cursor.u32();
    }
  }

  decode_outcome rows() {
    // Bands of rows, as they mostly stand from the bottom up.
    constexpr std::uint64_t band_bytes = 256 << 10;
    auto band_rows =
        static_cast<std::uint32_t>(std::clamp<std::uint64_t>(band_bytes / row_bytes_, 1, height_));
    std::vector<std::uint8_t> pixels(std::size_t{width_} * 4);
    for (std::uint32_t y = 0; y < height_; y += band_rows) {
      if (from_.watch().stopped()) return {decoding::stopped, {}};
      auto count = std::min(band_rows, height_ - y);
      auto first = top_down_ ? y : height_ - y - count;
      auto band = from_.read(data_at_ + first * row_bytes_, count * row_bytes_);
      // The filling at the end of the last row is left out by some writers.
      bool is_cut = band.size() + 4 < count * row_bytes_;
      band.resize(count * row_bytes_);
      for (std::uint32_t i = 0; i < count; ++i) {
        auto row = top_down_ ? i : count - 1 - i;
        expand(band.data() + row * row_bytes_, pixels.data());
        to_.add_row(pixels.data());
      }
      if (is_cut) return {decoding::cut, "the data ends early"};
    }
    return {decoding::done, {}};
  }

  void expand(const std::uint8_t* row, std::uint8_t* to) const {
    for (std::uint32_t x = 0; x < width_; ++x, to += 4) {
      std::uint32_t value = 0;
      if (bits_ <= 8) {
        auto bit = std::uint64_t{x} * bits_;
        auto shift = 8 - bits_ - bit % 8;
        auto entry = palette_[row[bit / 8] >> shift & ((1u << bits_) - 1)];
        to[0] = static_cast<std::uint8_t>(entry >> 16);
        to[1] = static_cast<std::uint8_t>(entry >> 8);
        to[2] = static_cast<std::uint8_t>(entry);
        to[3] = 255;
        continue;
      }
      for (unsigned i = 0; i < bits_ / 8; ++i)
        value |= std::uint32_t{*row++} << (8 * i);
      to[0] = channels_[0].of(value, 0);
      to[1] = channels_[1].of(value, 0);
      to[2] = channels_[2].of(value, 0);
      to[3] = channels_[3].of(value, 255);
    }
  }

  source& from_;
  const decode_request& request_;
  picture_shrinker& to_;
  std::uint64_t data_at_ = 0, row_bytes_ = 0;
  std::uint32_t header_ = 0, width_ = 0, height_ = 0;
  unsigned bits_ = 0;
  bool top_down_ = false, alpha_ = false;
  std::array<channel, 4> channels_;
  std::array<std::uint32_t, 256> palette_{};
};

}  // namespace

decode_outcome decode_bmp(source& from, const decode_request& request, picture_shrinker& to) {
  return bmp_decoder(from, request, to).run();
}

}  // namespace podstudio::media
