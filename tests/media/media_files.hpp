// SPDX-License-Identifier: MIT
#pragma once

#include "media/extract.hpp"
#include "platform/unique_fd.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/// Files for the tests of reading media: made by ffmpeg once a process, or written byte by byte.
namespace media_test {

using namespace podstudio;
using namespace podstudio::media;

/// A folder with what the two scripts make.
inline const std::string& samples() {
  static const temp_folder folder;
  static const bool made = [] {
    for (const char* script : {MAKE_MEDIA, MAKE_MORE_MEDIA})
      if (std::system(("sh " + std::string(script) + " '" + folder.path + "'").c_str()) != 0)
        throw std::runtime_error("cannot make the sample media");
    return true;
  }();
  (void)made;
  return folder.path;
}

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// An open file in memory.
inline unique_fd file_of(std::string_view bytes) {
  unique_fd fd(::memfd_create("media", MFD_CLOEXEC));
  BOOST_REQUIRE(bool(fd));
  BOOST_REQUIRE(::write(fd.get(), bytes.data(), bytes.size())
                == static_cast<ssize_t>(bytes.size()));
  return fd;
}

inline result<extracted> extract_bytes(std::string_view bytes, const std::string& extension,
                                       extract_options options = {}) {
  auto fd = file_of(bytes);
  options.extension = extension;
  return extract(fd.get(), bytes.size(), options);
}

inline extracted must_extract(std::string_view bytes, const std::string& extension,
                              const extract_options& options = {}) {
  auto made = extract_bytes(bytes, extension, options);
  BOOST_REQUIRE_MESSAGE(bool(made), (made ? std::string() : made.failure().message));
  return *made;
}

inline bool has_problem(const extracted& what, problem_kind kind) {
  for (const auto& each : what.facts.problems)
    if (each.kind == kind) return true;
  return false;
}

inline std::string problems_of(const extracted& what) {
  std::string made;
  for (const auto& each : what.facts.problems)
    made += std::string(to_string(each.kind)) + " (" + each.reason + ") ";
  return made;
}

// Bytes
// ---------------------------------------------------------------------------------------------

inline std::string be32(std::uint32_t value) {
  std::string made;
  for (int shift = 24; shift >= 0; shift -= 8)
    made += static_cast<char>(value >> shift);
  return made;
}
inline std::string be16(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}
inline std::string le32(std::uint32_t value) {
  auto made = be32(value);
  return {made.rbegin(), made.rend()};
}
inline std::string le16(unsigned value) {
  return {static_cast<char>(value), static_cast<char>(value >> 8)};
}

/// PNG's checksum (ISO/IEC 15948, annex D), by the bit.
inline std::uint32_t png_crc(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (auto c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i)
      crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
  }
  return ~crc;
}

inline std::string png_chunk(const std::string& type, const std::string& data) {
  return be32(static_cast<std::uint32_t>(data.size())) + type + data + be32(png_crc(type + data));
}

/// zlib's form of bytes, stored.
inline std::string stored(const std::string& bytes) {
  std::string made = "\x78\x01";
  for (std::size_t at = 0; at < bytes.size() || at == 0; at += 65535) {
    auto part = bytes.substr(at, 65535);
    made += at + part.size() >= bytes.size() ? '\1' : '\0';
    made += le16(static_cast<unsigned>(part.size()))
            + le16(~static_cast<unsigned>(part.size()) & 0xffff) + part;
  }
  std::uint32_t a = 1, b = 0;
  for (auto c : bytes) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  return made + be32(b << 16 | a);
}

inline const std::string png_signature = "\x89PNG\r\n\x1a\n";

inline std::string png_header(std::uint32_t width, std::uint32_t height, int depth = 8,
                              int colour = 6) {
  return png_chunk("IHDR", be32(width) + be32(height) + static_cast<char>(depth)
                               + static_cast<char>(colour) + std::string(3, '\0'));
}

/// A PNG of RGBA pixels, with chunks before the data and after it.
inline std::string png_of(std::uint32_t width, std::uint32_t height, const std::string& rgba,
                          const std::string& before = "", const std::string& after = "") {
  std::string rows;
  for (std::uint32_t y = 0; y < height; ++y)
    rows += '\0' + rgba.substr(std::size_t{y} * width * 4, std::size_t{width} * 4);
  return png_signature + png_header(width, height) + before + png_chunk("IDAT", stored(rows))
         + after + png_chunk("IEND", "");
}

inline std::string small_png(const std::string& before = "", const std::string& after = "") {
  std::string pixels;
  for (int i = 0; i < 16; ++i)
    pixels += std::string{static_cast<char>(i * 16), '\x40', '\x20', '\xff'};
  return png_of(4, 4, pixels, before, after);
}

inline std::string png_text(const std::string& key, const std::string& text) {
  return png_chunk("tEXt", key + '\0' + text);
}

}  // namespace media_test
