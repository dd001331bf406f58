// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE sheet
#include "media/extract.hpp"
#include "media/preview.hpp"
#include "media/sheet.hpp"
#include "support/must.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

using namespace podstudio;
using namespace podstudio::media;

namespace {

using colour = std::array<std::uint8_t, 4>;
constexpr colour red{255, 0, 0, 255}, half_blue{0, 0, 255, 128}, white{255, 255, 255, 255};

picture filled(std::uint32_t width, std::uint32_t height, colour with) {
  picture made{.width = width,
               .height = height,
               .kind = pixel_kind::rgba,
               .alpha = with[3] != 255,
               .pixels = {}};
  for (std::size_t i = 0; i < std::size_t{width} * height; ++i)
    made.pixels.insert(made.pixels.end(), with.begin(), with.end());
  return made;
}

colour pixel(const picture& of, std::uint32_t x, std::uint32_t y) {
  const auto* at = of.row(y) + std::size_t{x} * 4;
  return {at[0], at[1], at[2], at[3]};
}

/// The part that is not white: left, top, right and bottom edges, the last two behind it.
std::array<std::uint32_t, 4> drawn_part(const picture& of) {
  std::array<std::uint32_t, 4> part{of.width, of.height, 0, 0};
  for (std::uint32_t y = 0; y < of.height; ++y)
    for (std::uint32_t x = 0; x < of.width; ++x)
      if (pixel(of, x, y) != white)
        part = {std::min(part[0], x), std::min(part[1], y), std::max(part[2], x + 1),
                std::max(part[3], y + 1)};
  return part;
}

}  // namespace

BOOST_AUTO_TEST_CASE(cells_are_as_close_to_squares_as_can_be_and_enough) {
  struct {
    std::size_t cells;
    std::uint32_t columns, rows;
  } constexpr cases[] = {{1, 1, 1}, {2, 2, 1}, {3, 3, 1}, {4, 2, 2}, {8, 4, 2}, {40, 8, 5}};
  for (const auto& each : cases)
    BOOST_TEST((lay_out_sheet(1920, 1080, each.cells)
                == sheet_layout{1920, 1080, each.columns, each.rows}),
               each.cells);
  for (std::size_t cells = 1; cells <= sheet_cells_max; ++cells)
    for (auto [width, height] : {std::pair{1920u, 1080u}, {1u, 1u}, {4096u, 1u}, {550u, 825u}}) {
      auto layout = lay_out_sheet(width, height, cells);
      BOOST_TEST(layout.columns * layout.rows >= cells);
      BOOST_TEST(layout.columns <= cells);
    }
}

BOOST_AUTO_TEST_CASE(a_picture_fits_its_cell_and_stands_in_the_middle) {
  sheet_drawer drawer({640, 320, 2, 1});
  drawer.add(filled(1000, 100, red));
  auto part = drawn_part(drawer.sheet());
  BOOST_TEST(part[0] > 0u);
  BOOST_TEST(part[2] < 320u);
  const auto width = part[2] - part[0], height = part[3] - part[1];
  BOOST_TEST(width / 10 == height);
  const auto below = 320 - part[3];
  BOOST_TEST((part[1] == below || part[1] + 1 == below));
  // The next one stands beside it. It is not enlarged.
  drawer.add(filled(10, 20, red));
  BOOST_TEST(drawer.drawn() == 2u);
  part = drawn_part(drawer.sheet());
  BOOST_TEST(part[2] > 320u);
  BOOST_TEST(part[2] < 500u);
  // There is no further cell.
  const auto before = drawer.sheet().pixels;
  drawer.add(filled(10, 10, half_blue));
  BOOST_TEST(drawer.drawn() == 2u);
  BOOST_TEST((drawer.sheet().pixels == before));
}

BOOST_AUTO_TEST_CASE(what_is_transparent_is_white_and_an_empty_picture_takes_no_cell) {
  sheet_drawer drawer({100, 100, 1, 1});
  drawer.add({});
  BOOST_TEST(drawer.drawn() == 0u);
  drawer.add(filled(100, 100, half_blue));
  BOOST_TEST((pixel(drawer.sheet(), 50, 50) == colour{127, 127, 255, 255}));
  BOOST_TEST((drawn_part(drawer.sheet()) == std::array{0u, 0u, 100u, 100u}));  // no margin
}

BOOST_AUTO_TEST_CASE(the_narrowest_sheets_are_drawn) {
  for (auto [width, height] : {std::pair{1u, 1u}, {2u, 4096u}, {4096u, 2u}, {30u, 30u}})
    for (std::size_t cells : {1, 2, 64}) {
      sheet_drawer drawer(lay_out_sheet(width, height, cells));
      for (std::size_t i = 0; i < cells; ++i)
        drawer.add(filled(300, 200, red));
      BOOST_TEST(drawer.drawn() == cells);
    }
}

BOOST_AUTO_TEST_CASE(a_sheet_is_a_jpeg_that_our_own_reader_reads) {
  sheet_drawer drawer({320, 200, 1, 1});
  drawer.add(filled(320, 200, red));
  auto bytes = must(encode_jpeg(drawer.sheet()));
  BOOST_TEST((must(encode_jpeg(drawer.sheet())) == bytes));
  const int fd = ::memfd_create("sheet", MFD_CLOEXEC);
  BOOST_REQUIRE(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  extract_options options;
  options.extension = "jpg";
  auto facts = must(extract(fd, bytes.size(), options)).facts;
  BOOST_TEST((facts.width == 320u && facts.height == 200u));
  BOOST_TEST(facts.problems.empty());
  auto read = must(read_picture(fd, bytes.size(), 100, options));
  BOOST_TEST(read.width == 100u);
  BOOST_TEST(std::abs(int(pixel(read, 10, 10)[0]) - 255) < 8);
  BOOST_TEST(!read_picture(fd, bytes.size(), 0, options));
  BOOST_TEST(!read_picture(fd, bytes.size(), preview_edge_px_max + 1, options));
  BOOST_TEST(!read_picture(-1, 5, 100, options));
  ::close(fd);
}

BOOST_AUTO_TEST_CASE(a_sheet_of_noise_fits_as_well_unless_it_is_huge) {
  auto noise_of = [](std::uint32_t width, std::uint32_t height) {
    picture noise = filled(width, height, white);
    std::uint32_t state = 1;
    for (auto& each : noise.pixels)
      each = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
    return noise;
  };
  BOOST_TEST(must(encode_jpeg(noise_of(1920, 1080))).size() <= sheet_bytes_max);
  auto made = encode_jpeg(noise_of(4096, 4096));
  BOOST_REQUIRE(!made);
  BOOST_TEST(int(made.failure().code) == int(error_code::refused));
}
