// SPDX-License-Identifier: MIT
#include "media/picture.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace podstudio::media {

void picture_shrinker::start(std::uint32_t width, std::uint32_t height, pixel_kind kind, bool alpha,
                             bool keep_bits) {
  width_ = width;
  height_ = height;
  alpha_ = alpha;
  row_ = out_row_ = rows_in_sums_ = 0;
  alpha_used_ = false;
  auto longer = std::max(width, height);
  // The sum of a square of 256 by 256 pixels fits into 32 bits.
  factor_ = std::clamp<std::uint32_t>(longer / std::max<std::uint32_t>(edge_min_, 1), 1, 256);
  made_ = picture{.width = (width + factor_ - 1) / factor_,
                  .height = (height + factor_ - 1) / factor_,
                  .kind = kind,
                  .alpha = alpha,
                  .pixels = {}};
  made_.pixels.resize(std::size_t{made_.width} * made_.height * 4);
  if (factor_ > 1) sums_.assign(std::size_t{made_.width} * 4, 0);
  bits_ = {};
  if (keep_bits && height > 0) {
    bits_.columns = static_cast<std::uint32_t>(std::min<std::uint64_t>(
        width, std::max<std::uint64_t>(1, least_bits::pixels_max / height)));
    if (height > least_bits::pixels_max) bits_.columns = 0;
    bits_.height = height;
    bits_.alpha = alpha;
    bits_.bits.resize(std::size_t{bits_.columns} * height);
  }
}

void picture_shrinker::add_to_sums(const std::uint8_t* pixels) {
  auto* sum = sums_.data();
  const std::uint32_t whole = width_ / factor_;
  auto square = [&](std::uint32_t count) {
    std::uint32_t a = 0, b = 0, c = 0, d = 0;
    if (alpha_) {
      for (std::uint32_t i = 0; i < count; ++i, pixels += 4) {
        std::uint32_t opacity = pixels[3];
        a += pixels[0] * opacity;
        b += pixels[1] * opacity;
        c += pixels[2] * opacity;
        d += opacity;
      }
      // Back to 8 bits a row and square, so that sums of rows fit.
      a = (a + 127) / 255;
      b = (b + 127) / 255;
      c = (c + 127) / 255;
    } else {
      for (std::uint32_t i = 0; i < count; ++i, pixels += 4) {
        a += pixels[0];
        b += pixels[1];
        c += pixels[2];
        d += pixels[3];
      }
    }
    sum[0] += a;
    sum[1] += b;
    sum[2] += c;
    sum[3] += d;
    sum += 4;
  };
  for (std::uint32_t x = 0; x < whole; ++x)
    square(factor_);
  if (whole < made_.width) square(width_ - whole * factor_);
}

void picture_shrinker::finish_row() {
  if (rows_in_sums_ == 0 || out_row_ >= made_.height) return;
  auto* to = made_.row(out_row_++);
  const auto* sum = sums_.data();
  for (std::uint32_t x = 0; x < made_.width; ++x, sum += 4, to += 4) {
    auto columns = std::min(factor_, width_ - x * factor_);
    std::uint32_t count = columns * rows_in_sums_;
    // Opacity is in units of 1/255, and so a sum of colours that it weighs is too small by that.
    std::uint64_t weight = alpha_ ? sum[3] : count, unit = alpha_ ? 255 : 1;
    for (int i = 0; i < 3; ++i)
      to[i] = weight == 0 ? std::uint8_t{0}
                          : static_cast<std::uint8_t>(
                              std::min<std::uint64_t>(255, (sum[i] * unit + weight / 2) / weight));
    to[3] = static_cast<std::uint8_t>((sum[3] + count / 2) / count);
  }
  std::ranges::fill(sums_, 0);
  rows_in_sums_ = 0;
}

void picture_shrinker::add_row(const std::uint8_t* pixels) {
  if (row_ >= height_) return;
  if (alpha_ && !alpha_used_) {
    std::uint8_t all = 0xff;
    for (std::size_t x = 0; x < width_; ++x)
      all &= pixels[x * 4 + 3];
    alpha_used_ = all != 0xff;
  }
  if (bits_.columns > 0) {
    auto* to = bits_.bits.data() + std::size_t{row_} * bits_.columns;
    for (std::size_t x = 0; x < bits_.columns; ++x) {
      const auto* pixel = pixels + x * 4;
      to[x] = static_cast<std::uint8_t>((pixel[0] & 1) | (pixel[1] & 1) << 1 | (pixel[2] & 1) << 2
                                        | (pixel[3] & 1) << 3);
    }
  }
  ++row_;
  if (factor_ == 1) {
    std::memcpy(made_.row(out_row_++), pixels, std::size_t{width_} * 4);
    return;
  }
  add_to_sums(pixels);
  if (++rows_in_sums_ == factor_ || row_ == height_) finish_row();
}

picture picture_shrinker::take() {
  if (factor_ > 1) finish_row();
  if (row_ < height_) made_.alpha = made_.kind == pixel_kind::rgba;
  if (made_.alpha && !alpha_used_ && row_ == height_) made_.alpha = false;
  sums_.clear();
  width_ = 0;
  return std::move(made_);
}

picture upright(picture from, unsigned orientation) {
  if (orientation < 2 || orientation > 8 || from.empty()) return from;
  bool swap = orientation >= 5;
  picture made{.width = swap ? from.height : from.width,
               .height = swap ? from.width : from.height,
               .kind = from.kind,
               .alpha = from.alpha,
               .pixels = std::vector<std::uint8_t>(from.pixels.size())};
  auto w = from.width, h = from.height;
  for (std::uint32_t y = 0; y < h; ++y)
    for (std::uint32_t x = 0; x < w; ++x) {
      std::uint32_t to_x = x, to_y = y;
      switch (orientation) {
      case 2:
        to_x = w - 1 - x;
        break;
      case 3:
        to_x = w - 1 - x;
        to_y = h - 1 - y;
        break;
      case 4:
        to_y = h - 1 - y;
        break;
      case 5:
        to_x = y;
        to_y = x;
        break;
      case 6:
        to_x = h - 1 - y;
        to_y = x;
        break;
      case 7:
        to_x = h - 1 - y;
        to_y = w - 1 - x;
        break;
      case 8:
        to_x = y;
        to_y = w - 1 - x;
        break;
      default:
        break;
      }
      std::memcpy(made.row(to_y) + std::size_t{to_x} * 4, from.row(y) + std::size_t{x} * 4, 4);
    }
  return made;
}

namespace {

/// Which pixels one pixel of a smaller copy covers, and how much of each.
struct cover {
  std::uint32_t first = 0;
  std::vector<float> weights;  ///< they add up to one
};

std::vector<cover> covers(std::uint32_t from, std::uint32_t to) {
  std::vector<cover> all(to);
  double ratio = static_cast<double>(from) / to;
  for (std::uint32_t i = 0; i < to; ++i) {
    double begin = i * ratio, end = std::min<double>((i + 1) * ratio, from);
    auto first = static_cast<std::uint32_t>(begin);
    auto last = std::min(from - 1, static_cast<std::uint32_t>(std::ceil(end)) - 1);
    last = std::max(last, first);
    all[i].first = first;
    for (auto j = first; j <= last; ++j) {
      double part = std::min<double>(end, j + 1.0) - std::max<double>(begin, j);
      all[i].weights.push_back(static_cast<float>(part / (end - begin)));
    }
  }
  return all;
}

}  // namespace

picture shrunk(const picture& from, std::uint32_t width, std::uint32_t height) {
  if (width == from.width && height == from.height) return from;
  auto columns = covers(from.width, width);
  auto rows = covers(from.height, height);
  picture made{
      .width = width, .height = height, .kind = from.kind, .alpha = from.alpha, .pixels = {}};
  made.pixels.resize(std::size_t{width} * height * 4);
  std::vector<float> line(std::size_t{from.width} * 4);
  for (std::uint32_t y = 0; y < height; ++y) {
    std::ranges::fill(line, 0.0f);
    for (std::size_t i = 0; i < rows[y].weights.size(); ++i) {
      const auto* source = from.row(rows[y].first + static_cast<std::uint32_t>(i));
      auto weight = rows[y].weights[i];
      if (from.alpha) {
        for (std::size_t x = 0; x < line.size(); x += 4) {
          auto opacity = weight * static_cast<float>(source[x + 3]);
          line[x] += opacity * source[x];
          line[x + 1] += opacity * source[x + 1];
          line[x + 2] += opacity * source[x + 2];
          line[x + 3] += opacity;
        }
      } else {
        for (std::size_t x = 0; x < line.size(); ++x)
          line[x] += weight * source[x];
      }
    }
    auto* to = made.row(y);
    for (std::uint32_t x = 0; x < width; ++x, to += 4) {
      float a = 0, b = 0, c = 0, d = 0;
      const auto* at = line.data() + std::size_t{columns[x].first} * 4;
      for (auto weight : columns[x].weights) {
        a += weight * at[0];
        b += weight * at[1];
        c += weight * at[2];
        d += weight * at[3];
        at += 4;
      }
      if (from.alpha) {
        auto scale = d > 0 ? 1 / d : 0;
        a *= scale;
        b *= scale;
        c *= scale;
      }
      auto byte = [](float value) {
        return static_cast<std::uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f));
      };
      to[0] = byte(a);
      to[1] = byte(b);
      to[2] = byte(c);
      to[3] = byte(d);
    }
  }
  return made;
}

picture_size size_within(const picture& from, std::uint32_t edge_px) noexcept {
  auto longer = std::max(from.width, from.height);
  if (longer <= edge_px) return {from.width, from.height};
  auto scale = [&](std::uint32_t size) {
    auto scaled = (std::uint64_t{size} * edge_px + longer / 2) / longer;
    return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, scaled));
  };
  return {scale(from.width), scale(from.height)};
}

}  // namespace podstudio::media
