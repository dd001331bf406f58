// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE picture
#include "media/colour.hpp"
#include "media/pdq.hpp"
#include "media/picture.hpp"
#include "media/preview.hpp"
#include "media/similar.hpp"

#include <boost/test/unit_test.hpp>

#include <bit>
#include <cmath>
#include <numbers>
#include <random>

using namespace podstudio::media;

namespace {

picture made_by(std::uint32_t width, std::uint32_t height, auto colour) {
  picture made{
      .width = width, .height = height, .kind = pixel_kind::rgba, .alpha = false, .pixels = {}};
  for (std::uint32_t y = 0; y < height; ++y)
    for (std::uint32_t x = 0; x < width; ++x)
      for (int c = 0; c < 4; ++c)
        made.pixels.push_back(c == 3 ? 255 : static_cast<std::uint8_t>(colour(x, y, c)));
  return made;
}

/// Smooth shapes, by a seed.
picture landscape(std::uint32_t width, std::uint32_t height, unsigned seed) {
  std::mt19937 engine(seed);
  auto random = [&] { return static_cast<double>(engine() % 1000) / 1000; };
  double waves[6][4];
  for (auto& wave : waves) {
    wave[0] = (random() - 0.5) * 24;
    wave[1] = (random() - 0.5) * 24;
    wave[2] = random() * 6.28;
    wave[3] = random();
  }
  return made_by(width, height, [&](std::uint32_t x, std::uint32_t y, int c) {
    double value = 0;
    for (const auto& wave : waves)
      value += wave[3] * std::sin(wave[0] * x / width + wave[1] * y / height + wave[2] + c * 0.3);
    return std::clamp(128 + value * 60, 0.0, 255.0);
  });
}

picture shrink(const picture& from, std::uint32_t edge, bool alpha) {
  picture_shrinker shrinker(edge);
  shrinker.start(from.width, from.height, from.kind, alpha, false);
  for (std::uint32_t y = 0; y < from.height; ++y)
    shrinker.add_row(from.row(y));
  return shrinker.take();
}

/// PDQ as its description has it, without regard to speed: each mean is added up anew.
pdq_hash slow_pdq(const picture& from) {
  std::vector<std::vector<double>> values(from.height, std::vector<double>(from.width));
  for (std::uint32_t y = 0; y < from.height; ++y)
    for (std::uint32_t x = 0; x < from.width; ++x) {
      const auto* pixel = from.row(y) + std::size_t{x} * 4;
      values[y][x] = 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
    }
  auto mean = [](const std::vector<double>& line, int window) {
    int count = static_cast<int>(line.size()), ahead = (window + 2) / 2 - 1,
        behind = window - 1 - ahead;
    std::vector<double> made(line.size());
    for (int i = 0; i < count; ++i) {
      double sum = 0;
      int first = std::max(0, i - behind), last = std::min(count - 1, i + ahead);
      for (int j = first; j <= last; ++j)
        sum += line[static_cast<std::size_t>(j)];
      made[static_cast<std::size_t>(i)] = sum / (last - first + 1);
    }
    return made;
  };
  auto window = [](std::uint32_t size) { return static_cast<int>((size + 127) / 128); };
  for (int pass = 0; pass < 2; ++pass) {
    for (auto& row : values)
      row = mean(row, window(from.width));
    for (std::uint32_t x = 0; x < from.width; ++x) {
      std::vector<double> column;
      for (const auto& row : values)
        column.push_back(row[x]);
      column = mean(column, window(from.height));
      for (std::uint32_t y = 0; y < from.height; ++y)
        values[y][x] = column[y];
    }
  }
  double grid[64][64], frequencies[256];
  for (std::size_t i = 0; i < 64; ++i)
    for (std::size_t j = 0; j < 64; ++j)
      grid[i][j] =
          values[static_cast<std::size_t>((static_cast<double>(i) + 0.5) * from.height / 64)]
                [static_cast<std::size_t>((static_cast<double>(j) + 0.5) * from.width / 64)];
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 16; ++j) {
      double sum = 0;
      for (int y = 0; y < 64; ++y)
        for (int x = 0; x < 64; ++x)
          sum += grid[y][x] * std::cos(std::numbers::pi / 128 * (i + 1) * (2 * y + 1))
                 * std::cos(std::numbers::pi / 128 * (j + 1) * (2 * x + 1));
      frequencies[i * 16 + j] = sum;
    }
  std::vector<double> ordered(frequencies, frequencies + 256);
  std::ranges::sort(ordered);
  pdq_hash made;
  for (std::size_t i = 0; i < 256; ++i)
    if (frequencies[i] > ordered[127]) made.words[i / 64] |= std::uint64_t{1} << (i % 64);
  return made;
}

pdq_hash random_hash(std::mt19937_64& random) { return {{random(), random(), random(), random()}}; }

/// Some bits turned over, maybe one of them twice.
pdq_hash with_flips(pdq_hash hash, int flips, std::mt19937_64& random) {
  for (int i = 0; i < flips; ++i) {
    auto bit = random() % 256;
    hash.words[bit / 64] ^= std::uint64_t{1} << (bit % 64);
  }
  return hash;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_shrunk_copy_is_the_average_of_squares) {
  auto from =
      made_by(200, 100, [](std::uint32_t x, std::uint32_t, int) { return x < 100 ? 0 : 200; });
  auto small = shrink(from, 20, false);
  BOOST_TEST((small.width == 20u && small.height == 10u));
  BOOST_TEST(int{small.row(5)[0]} == 0);
  BOOST_TEST(int{small.row(5)[19 * 4]} == 200);
  BOOST_TEST(int{small.row(5)[3]} == 255);
  // One that is small enough stays, and a cut one is transparent below.
  BOOST_TEST((shrink(from, 128, false).pixels == from.pixels));
  picture_shrinker part(64);
  part.start(8, 8, pixel_kind::rgba, false, false);
  part.add_row(from.row(0));
  auto cut = part.take();
  BOOST_TEST(cut.alpha);
  BOOST_TEST(int{cut.row(7)[3]} == 0);
}

BOOST_AUTO_TEST_CASE(transparent_pixels_lend_no_colour) {
  // Red where it is opaque, green where it is not.
  auto from = made_by(64, 64, [](std::uint32_t x, std::uint32_t, int c) {
    return c == (x % 2 == 0 ? 0 : 1) ? 255 : 0;
  });
  for (std::size_t i = 0; i < from.pixels.size(); i += 8)
    from.pixels[i + 7] = 0;
  from.alpha = true;
  for (const auto& small : {shrink(from, 16, true), shrunk(from, 16, 16)}) {
    BOOST_TEST(int{small.pixels[0]} == 255);
    BOOST_TEST(int{small.pixels[1]} == 0);
    BOOST_TEST(std::abs(int{small.pixels[3]} - 128) <= 1);
  }
}

BOOST_AUTO_TEST_CASE(upright_turns_as_exif_defines_it) {
  // The corner that is at the top left of the stored picture, and where it has to be seen.
  auto from = made_by(
      3, 2, [](std::uint32_t x, std::uint32_t y, int) { return x == 0 && y == 0 ? 255 : 0; });
  const std::pair<std::uint32_t, std::uint32_t> places[] = {{0, 0}, {2, 0}, {2, 1}, {0, 1},
                                                            {0, 0}, {1, 0}, {1, 2}, {0, 2}};
  for (unsigned orientation = 1; orientation <= 8; ++orientation) {
    auto made = upright(from, orientation);
    auto [x, y] = places[orientation - 1];
    BOOST_TEST((made.width == (orientation < 5 ? 3u : 2u)), orientation);
    BOOST_TEST(int{made.row(y)[x * 4]} == 255, "orientation " << orientation);
  }
}

BOOST_AUTO_TEST_CASE(ink_becomes_light_without_a_profile) {
  picture ink{.width = 2,
              .height = 1,
              .kind = pixel_kind::cmyk,
              .alpha = false,
              .pixels = {0, 0, 0, 0, 0, 255, 255, 0}};
  auto made = to_srgb(ink, {});
  BOOST_TEST((made.pixels == std::vector<std::uint8_t>{255, 255, 255, 255, 255, 0, 0, 255}));
}

BOOST_AUTO_TEST_CASE(pdq_is_what_its_description_says) {
  const std::pair<std::uint32_t, std::uint32_t> sizes[] = {{512, 512}, {512, 340}, {300, 500},
                                                           {129, 64},  {64, 48},   {20, 30}};
  for (auto [width, height] : sizes)
    for (unsigned seed = 1; seed <= 3; ++seed) {
      auto from = landscape(width, height, seed);
      auto made = pdq_of(from);
      // Rounding may decide a bit that is on the median.
      BOOST_TEST(hamming_distance(made.hash, slow_pdq(from)) <= 2,
                 width << "x" << height << " seed " << seed);
      BOOST_TEST(std::abs(std::popcount(made.hash.words[0]) + std::popcount(made.hash.words[1])
                          + std::popcount(made.hash.words[2]) + std::popcount(made.hash.words[3])
                          - 128)
                 <= 2);
    }
}

BOOST_AUTO_TEST_CASE(pdq_knows_pictures_again_and_tells_others_apart) {
  auto one = pdq_of(landscape(800, 600, 7)), smaller = pdq_of(landscape(400, 300, 7)),
       other = pdq_of(landscape(800, 600, 8));
  BOOST_TEST(hamming_distance(one.hash, smaller.hash) <= 10);
  BOOST_TEST(hamming_distance(one.hash, other.hash) > 80);
  auto plain = made_by(300, 300, [](std::uint32_t, std::uint32_t, int) { return 90; });
  BOOST_TEST(int{pdq_of(plain).quality} == 0);
  // What is transparent is grey, whatever colour it hides.
  auto clear = landscape(200, 200, 9), filled = clear;
  for (std::size_t i = 0; i < clear.pixels.size() / 2; i += 4) {
    clear.pixels[i + 3] = filled.pixels[i + 3] = 0;
    filled.pixels[i] = filled.pixels[i + 1] = filled.pixels[i + 2] = 7;
  }
  clear.alpha = filled.alpha = true;
  BOOST_TEST((pdq_of(clear).hash == pdq_of(filled).hash));
}

BOOST_AUTO_TEST_CASE(hashes_have_one_text) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 100; ++i) {
    auto hash = random_hash(random);
    auto text = to_hex(hash);
    BOOST_TEST(text.size() == 64u);
    BOOST_TEST((pdq_from_hex(text) == hash));
  }
  BOOST_TEST(to_hex(pdq_hash{{1, 0, 0, 0}}) == std::string(63, '0') + "1");
  BOOST_TEST(!pdq_from_hex("f"));
  BOOST_TEST(!pdq_from_hex(std::string(64, 'F')));
  BOOST_TEST(!pdq_from_hex(std::string(63, '0') + "g"));
}

BOOST_AUTO_TEST_CASE(near_hashes_are_found_nearest_first) {
  std::mt19937_64 random(4);
  std::vector<pdq_hash> hashes;
  for (int i = 0; i < 5'000; ++i)
    hashes.push_back(random_hash(random));
  auto wanted = random_hash(random);
  hashes[4'000] = with_flips(wanted, 12, random);
  hashes[17] = wanted;
  hashes[300] = wanted;
  auto found = find_near(hashes, wanted, 31, 10);
  BOOST_REQUIRE(found.size() == 3);
  BOOST_TEST((found[0] == near_hash{17, 0}));
  BOOST_TEST((found[1] == near_hash{300, 0}));
  BOOST_TEST(found[2].index == 4'000u);
  BOOST_TEST(find_near(hashes, wanted, 31, 2).size() == 2u);
  BOOST_TEST(find_near(hashes, wanted, 31, 0).empty());
}

BOOST_AUTO_TEST_CASE(groups_are_those_of_comparing_all_pairs) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 5; ++round) {
    std::vector<pdq_hash> hashes;
    for (int i = 0; i < 300; ++i) {
      hashes.push_back(random_hash(random));
      for (auto copies = random() % 4; copies > 0; --copies)
        hashes.push_back(with_flips(hashes.back(), static_cast<int>(random() % 40), random));
    }
    std::ranges::shuffle(hashes, random);
    // By hand.
    std::vector<std::size_t> root(hashes.size());
    for (std::size_t i = 0; i < root.size(); ++i)
      root[i] = i;
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = 0; i < root.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
          if (root[i] != root[j] && hamming_distance(hashes[i], hashes[j]) <= pdq_distance_max) {
            root[i] = root[j] = std::min(root[i], root[j]);
            changed = true;
          }
    }
    std::vector<std::vector<std::uint32_t>> expected;
    for (std::size_t first = 0; first < root.size(); ++first) {
      if (root[first] != first) continue;
      std::vector<std::uint32_t> group;
      for (std::size_t i = 0; i < root.size(); ++i)
        if (root[i] == first) group.push_back(static_cast<std::uint32_t>(i));
      if (group.size() > 1) expected.push_back(group);
    }
    BOOST_TEST((group_near(hashes) == expected), "round " << round);
  }
  BOOST_TEST(group_near({}).empty());
  BOOST_TEST(group_near(std::vector<pdq_hash>(1'000)).at(0).size() == 1'000u);
}

BOOST_AUTO_TEST_CASE(a_waveform_is_as_loud_as_the_sound) {
  std::vector<float> peaks(1000, 0.0f);
  std::fill(peaks.begin() + 500, peaks.end(), 1.0f);
  auto made = draw_waveform(peaks, 256);
  BOOST_TEST((made.width == 256u && made.height == 64u));
  BOOST_TEST(int{made.row(2)[10 * 4 + 3]} == 0);
  BOOST_TEST(int{made.row(2)[200 * 4 + 3]} == 255);
  BOOST_TEST(int{made.row(32)[10 * 4 + 3]} == 255);
}
