// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

/// Pixels in memory: four bytes each, rows from the top, without filling between them.
namespace podstudio::media {

enum class pixel_kind : bool {
  rgba,  ///< red, green, blue, opacity, which is not multiplied in
  cmyk,  ///< cyan, magenta, yellow, black; 0 is no ink
};

struct picture {
  std::uint32_t width = 0, height = 0;
  pixel_kind kind = pixel_kind::rgba;
  bool alpha = false;  ///< some pixels may be transparent
  std::vector<std::uint8_t> pixels;

  bool empty() const noexcept { return pixels.empty(); }
  const std::uint8_t* row(std::uint32_t y) const noexcept {
    return pixels.data() + std::size_t{y} * width * 4;
  }
  std::uint8_t* row(std::uint32_t y) noexcept { return pixels.data() + std::size_t{y} * width * 4; }
};

/// The least bits of a picture's pixels, of its first columns: bit 0 red, 1 green, 2 blue, 3
/// opacity.
struct least_bits {
  /// Of which no more are kept.
  static constexpr std::uint64_t pixels_max = 4 << 20;

  std::uint32_t columns = 0, height = 0;
  bool alpha = false;
  std::vector<std::uint8_t> bits;  ///< by rows of `columns`
};

/// Takes a picture's rows as they are decoded, and keeps a small copy, whatever the picture's size:
/// the averages of squares of pixels, so large that the longer edge has at least `edge_px_min`
/// pixels and less than twice as many, or all of a smaller picture. Opacity is weighed in.
class picture_shrinker {
public:
  explicit picture_shrinker(std::uint32_t edge_px_min) noexcept : edge_min_(edge_px_min) {}

  std::uint32_t edge_px_min() const noexcept { return edge_min_; }

  /// To be called before the first row. `keep_bits`: also the least bits, for who looks for texts
  /// in them.
  void start(std::uint32_t width, std::uint32_t height, pixel_kind kind, bool alpha,
             bool keep_bits);
  /// The next row, of `width` pixels; further ones than `height` are left out.
  void add_row(const std::uint8_t* pixels);

  bool started() const noexcept { return width_ > 0; }
  std::uint32_t rows() const noexcept { return row_; }
  /// Whether a pixel was not opaque.
  bool alpha_used() const noexcept { return alpha_used_; }
  const least_bits& bits() const noexcept { return bits_; }
  /// The small copy of the rows so far; what is missing is transparent. Ends the taking.
  picture take();

private:
  void add_to_sums(const std::uint8_t* pixels);
  void finish_row();

  std::uint32_t edge_min_;
  std::uint32_t width_ = 0, height_ = 0, factor_ = 1, row_ = 0, out_row_ = 0;
  std::uint32_t rows_in_sums_ = 0;
  bool alpha_ = false, alpha_used_ = false;
  picture made_;
  least_bits bits_;
  std::vector<std::uint32_t> sums_;
};

/// The picture turned and mirrored as `orientation` (EXIF, 1 to 8) says, so that it stands upright.
picture upright(picture from, unsigned orientation);

/// A smaller copy of exactly this size, which is not larger than the picture's in either direction;
/// each pixel is the average of what it covers, weighed by opacity. RGBA only.
picture shrunk(const picture& from, std::uint32_t width, std::uint32_t height);

/// The size of a copy that fits into a square of `edge_px` and is not larger than `from`.
struct picture_size {
  std::uint32_t width = 1, height = 1;
};
picture_size size_within(const picture& from, std::uint32_t edge_px) noexcept;

}  // namespace podstudio::media
