// SPDX-License-Identifier: MIT
#include "media/pdq.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace podstudio::media {

namespace {

constexpr std::size_t grid = 64;
constexpr std::size_t kept = 16;

struct brightness {
  std::size_t rows = 0, columns = 0;
  std::vector<float> values;
};

brightness brightness_of(const picture& from) {
  constexpr float grey = 128;
  brightness made{from.height, from.width, {}};
  made.values.resize(made.rows * made.columns);
  const auto* pixel = from.pixels.data();
  for (auto& value : made.values) {
    value = 0.299f * static_cast<float>(pixel[0]) + 0.587f * static_cast<float>(pixel[1])
            + 0.114f * static_cast<float>(pixel[2]);
    if (from.alpha) {
      auto opacity = static_cast<float>(pixel[3]) / 255;
      value = value * opacity + grey * (1 - opacity);
    }
    pixel += 4;
  }
  return made;
}

/// The window of one box filter: what two of them in a row blur away is what the grid cannot hold.
std::size_t window_for(std::size_t size) { return (size + 2 * grid - 1) / (2 * grid); }

/// A running mean along `count` values that lie `step` apart, for `lanes` neighbouring lines at
/// once. A window reaches `(window + 2) / 2 - 1` values ahead, the rest of it behind, and is
/// smaller at the ends.
void box_filter(const float* from, float* to, std::size_t count, std::size_t step,
                std::size_t lanes, std::size_t window, std::vector<float>& sums) {
  auto ahead = (window + 2) / 2 - 1, behind = window - 1 - ahead;
  sums.assign(lanes, 0.0f);
  for (std::size_t i = 0; i < std::min(ahead, count); ++i)
    for (std::size_t lane = 0; lane < lanes; ++lane)
      sums[lane] += from[i * step + lane];
  for (std::size_t i = 0; i < count; ++i) {
    if (i + ahead < count)
      for (std::size_t lane = 0; lane < lanes; ++lane)
        sums[lane] += from[(i + ahead) * step + lane];
    if (i > behind)
      for (std::size_t lane = 0; lane < lanes; ++lane)
        sums[lane] -= from[(i - behind - 1) * step + lane];
    auto first = i > behind ? i - behind : 0, last = std::min(count - 1, i + ahead);
    auto scale = 1 / static_cast<float>(last - first + 1);
    for (std::size_t lane = 0; lane < lanes; ++lane)
      to[i * step + lane] = sums[lane] * scale;
  }
}

/// Rows and columns swapped, by blocks that stay in the cache.
void transpose(const std::vector<float>& from, std::vector<float>& to, std::size_t rows,
               std::size_t columns) {
  constexpr std::size_t block = 16;
  for (std::size_t y = 0; y < rows; y += block)
    for (std::size_t x = 0; x < columns; x += block)
      for (std::size_t i = y; i < std::min(rows, y + block); ++i)
        for (std::size_t j = x; j < std::min(columns, x + block); ++j)
          to[j * rows + i] = from[i * columns + j];
}

/// Two box filters along the columns' direction.
void blur_down(std::vector<float>& values, std::vector<float>& other, std::size_t rows,
               std::size_t columns, std::vector<float>& sums) {
  auto window = window_for(rows);
  if (window <= 1) return;
  box_filter(values.data(), other.data(), rows, columns, columns, window, sums);
  std::swap(values, other);
}

void blur(brightness& what) {
  std::vector<float> other(what.values.size()), sums;
  // Each pass: along the rows, then along the columns. Rows are filtered as columns of the swapped
  // picture, so that neighbours are summed side by side.
  constexpr int passes = 2;
  for (int pass = 0; pass < passes; ++pass) {
    if (window_for(what.columns) > 1) {
      transpose(what.values, other, what.rows, what.columns);
      std::swap(what.values, other);
      blur_down(what.values, other, what.columns, what.rows, sums);
      transpose(what.values, other, what.columns, what.rows);
      std::swap(what.values, other);
    }
    blur_down(what.values, other, what.rows, what.columns, sums);
  }
}

using grid_values = std::array<std::array<float, grid>, grid>;

void sample(const brightness& from, grid_values& to) {
  for (std::size_t i = 0; i < grid; ++i) {
    auto y = (2 * i + 1) * from.rows / (2 * grid);
    for (std::size_t j = 0; j < grid; ++j)
      to[i][j] = from.values[y * from.columns + (2 * j + 1) * from.columns / (2 * grid)];
  }
}

/// The steps between neighbours in whole hundredths of the range, added up.
std::uint8_t quality_of(const grid_values& values) {
  int steps = 0;
  auto step = [&](float one, float other) {
    steps += std::abs(static_cast<int>((one - other) * 100 / 255));
  };
  for (std::size_t i = 0; i < grid; ++i)
    for (std::size_t j = 0; j < grid; ++j) {
      if (i + 1 < grid) step(values[i][j], values[i + 1][j]);
      if (j + 1 < grid) step(values[i][j], values[i][j + 1]);
    }
  constexpr int steps_a_point = 90;
  return static_cast<std::uint8_t>(std::min(steps / steps_a_point, 100));
}

/// Rows 1 to 16 of the cosine transform of 64 values.
const auto& cosines() {
  static const auto table = [] {
    std::array<std::array<float, grid>, kept> made{};
    const auto scale = std::sqrt(2.0 / grid);
    for (std::size_t i = 0; i < kept; ++i)
      for (std::size_t j = 0; j < grid; ++j)
        made[i][j] = static_cast<float>(scale
                                        * std::cos(std::numbers::pi / (2.0 * grid)
                                                   * static_cast<double>((i + 1) * (2 * j + 1))));
    return made;
  }();
  return table;
}

}  // namespace

pdq_result pdq_of(const picture& from) {
  pdq_result made;
  if (from.empty()) return made;
  auto size = size_within(from, pdq_edge_px);
  auto values = brightness_of(shrunk(from, size.width, size.height));
  blur(values);
  grid_values sampled;
  sample(values, sampled);
  made.quality = quality_of(sampled);

  const auto& table = cosines();
  std::array<std::array<float, grid>, kept> half{};
  for (std::size_t i = 0; i < kept; ++i)
    for (std::size_t k = 0; k < grid; ++k)
      for (std::size_t j = 0; j < grid; ++j)
        half[i][j] += table[i][k] * sampled[k][j];
  std::array<float, kept * kept> frequencies{};
  for (std::size_t i = 0; i < kept; ++i)
    for (std::size_t j = 0; j < kept; ++j)
      for (std::size_t k = 0; k < grid; ++k)
        frequencies[i * kept + j] += half[i][k] * table[j][k];
  auto ordered = frequencies;
  // Of an even number of values, the lower of the two in the middle.
  auto middle = ordered.begin() + ordered.size() / 2 - 1;
  std::nth_element(ordered.begin(), middle, ordered.end());
  for (std::size_t bit = 0; bit < frequencies.size(); ++bit)
    if (frequencies[bit] > *middle) made.hash.words[bit / 64] |= std::uint64_t{1} << (bit % 64);
  return made;
}

std::string to_hex(const pdq_hash& hash) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string made;
  for (std::size_t i = 64; i-- > 0;)
    made += digits[hash.words[i / 16] >> (i % 16 * 4) & 15];
  return made;
}

std::optional<pdq_hash> pdq_from_hex(std::string_view text) {
  if (text.size() != 64) return std::nullopt;
  pdq_hash made;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto c = text[i];
    std::uint64_t digit = 0;
    if (c >= '0' && c <= '9')
      digit = static_cast<std::uint64_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = static_cast<std::uint64_t>(c - 'a' + 10);
    else
      return std::nullopt;
    auto place = 63 - i;
    made.words[place / 16] |= digit << (place % 16 * 4);
  }
  return made;
}

std::array<std::uint8_t, pdq_bytes> to_bytes(const pdq_hash& hash) noexcept {
  std::array<std::uint8_t, pdq_bytes> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto place = bytes.size() - 1 - i;
    bytes[i] = static_cast<std::uint8_t>(hash.words[place / 8] >> (place % 8 * 8));
  }
  return bytes;
}

std::optional<pdq_hash> pdq_from_bytes(std::span<const std::uint8_t> bytes) noexcept {
  if (bytes.size() != pdq_bytes) return std::nullopt;
  pdq_hash made;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto place = bytes.size() - 1 - i;
    made.words[place / 8] |= std::uint64_t{bytes[i]} << (place % 8 * 8);
  }
  return made;
}

}  // namespace podstudio::media
