// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE hostile
#include "media_files.hpp"
#include "support/damage.hpp"

#include <filesystem>
#include <functional>
#include <random>

#include <sys/resource.h>
#include <sys/wait.h>

using namespace media_test;
namespace fs = std::filesystem;

/// Files that are made to hurt. Each is read in a process of its own with as much memory as a
/// worker has: what matters is that it ends, soon, with an answer that the service takes.

namespace {

constexpr std::uint64_t memory_max = std::uint64_t{512} << 20;
constexpr unsigned seconds_max = 20;

std::uint64_t address_space() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t pages = 0;
  in >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// Runs in a child with the memory and time of a worker; false where that died or the function says
/// so.
bool survives(const std::function<bool()>& work) {
  auto child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    auto space = address_space() + memory_max;
    const rlimit limit{space, space}, time{seconds_max, seconds_max};
    // A sanitizer's shadow does not fit into any limit.
#if !defined(__SANITIZE_ADDRESS__)
    ::setrlimit(RLIMIT_AS, &limit);
#endif
    ::setrlimit(RLIMIT_CPU, &time);
    bool good = false;
    try {
      good = work();
    } catch (...) {
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Whether reading gives an answer that its own parser takes.
bool gives_answer(std::string_view bytes, const std::string& extension) {
  unique_fd fd(::memfd_create("media", MFD_CLOEXEC)),
      preview(::memfd_create("preview", MFD_CLOEXEC));
  if (::write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return false;
  extract_options options;
  options.extension = extension;
  options.previews = {{256, preview.get()}};
  auto made = extract(fd.get(), bytes.size(), options);
  if (!made) return made.failure().code == error_code::internal;
  auto text = to_json(*made);
  auto again = parse_extracted(text);
  return again && to_json(*again) == text;
}

std::string extension_of(const fs::path& path) { return path.extension().string().substr(1); }

/// A zlib stream of so many zeros, a thousandth as long: one fixed block of matches of 258 bytes
/// (RFC 1951). Its checksum is wrong, which is noticed only at its end.
std::string zeros_deflated(std::uint64_t size) {
  // Bits of a fixed block, least first: literal 0, then matches of length 258 at distance 1.
  std::string bytes;
  unsigned held = 0, count = 0;
  auto put = [&](unsigned value, unsigned bits) {
    for (unsigned i = 0; i < bits; ++i) {
      held |= (value >> i & 1u) << count;
      if (++count == 8) {
        bytes += static_cast<char>(held);
        held = count = 0;
      }
    }
  };
  auto code = [&](unsigned value, unsigned bits) {  // Huffman codes go the other way round
    for (unsigned i = bits; i-- > 0;)
      put(value >> i & 1u, 1);
  };
  put(1, 1);
  put(1, 2);
  code(0x30, 8);
  for (std::uint64_t made = 1; made < size; made += 258) {
    code(0xc5, 8);  // length 258
    code(0, 5);     // distance 1
  }
  code(0, 7);
  put(0, 7);
  return "\x78\x9c" + bytes + std::string(4, '\0');
}

}  // namespace

BOOST_AUTO_TEST_CASE(random_damage_to_every_sample_is_survived) {
  auto seed = std::getenv("PODSTUDIO_SEED") != nullptr
                  ? std::strtoul(std::getenv("PODSTUDIO_SEED"), nullptr, 10)
                  : 1;
  auto rounds = std::getenv("PODSTUDIO_HOSTILE_FILES") != nullptr
                    ? std::strtoul(std::getenv("PODSTUDIO_HOSTILE_FILES"), nullptr, 10) / 54 + 1
                    : 6;
  for (const auto& entry : fs::directory_iterator(samples())) {
    auto whole = read_file(entry.path());
    auto extension = extension_of(entry.path());
    auto work = [&] {
      std::mt19937_64 random(seed ^ std::hash<std::string>()(entry.path().filename().string()));
      for (unsigned long i = 0; i < rounds; ++i) {
        if (!gives_answer(damaged(whole, random), extension)) return false;
      }
      return true;
    };
    BOOST_TEST(survives(work), entry.path().filename() << " with seed " << seed);
  }
}

BOOST_AUTO_TEST_CASE(giant_dimensions_take_no_memory) {
  auto data = png_chunk("IDAT", stored(std::string(1000, '\0'))) + png_chunk("IEND", "");
  const std::pair<std::string, std::string> files[] = {
      {"png", png_signature + png_header(0x7fffffff, 0x7fffffff) + data},
      {"png", png_signature + png_header(100'000, 100'000) + data},
      {"png", png_signature + png_header(0xffffffff, 1) + data},
      {"gif", "GIF89a" + le16(65535) + le16(65535) + std::string("\0\0\0", 3) + ","
                  + std::string(4, '\0') + le16(65535) + le16(65535)
                  + std::string("\0\2\2\x4c\1\0;", 7)},
      {"bmp", "BM" + le32(200) + le32(0) + le32(54) + le32(40) + le32(0x7fffffff) + le32(0x7fffffff)
                  + le16(1) + le16(32) + std::string(200, '\0')},
      {"tiff", "II*" + std::string(1, '\0') + le32(8) + le16(4) + le16(0x100) + le16(4) + le32(1)
                   + le32(0xfffffff0) + le16(0x101) + le16(4) + le32(1) + le32(0xfffffff0)
                   + le16(0x111) + le16(4) + le32(0x0fffffff) + le32(8) + le16(0x117) + le16(4)
                   + le32(0x0fffffff) + le32(8) + le32(0)},
      {"jpg", "\xff\xd8\xff\xc0" + be16(17) + "\x08" + be16(65535) + be16(65535) + "\3\1\x22"
                  + std::string(1, '\0') + "\2\x11\1\3\x11\1" + "\xff\xda" + be16(12) + "\3\1"
                  + std::string(1, '\0') + "\2\x11\3\x11" + std::string("\0\x3f\0", 3)
                  + std::string(100, 'x')},
      {"webp", "RIFF" + le32(40) + "WEBPVP8X" + le32(10)
                   + std::string("\x10\0\0\0\xff\xff\xff\xff\xff\xff", 10) + "VP8L" + le32(5)
                   + "\x2f\xff\xff\xff\xff" + std::string(1, '\0')},
  };
  for (const auto& [extension, bytes] : files) {
    BOOST_TEST(survives([&] { return gives_answer(bytes, extension); }), extension);
    auto made = must_extract(bytes, extension);
    BOOST_TEST((made.facts.too_large || !made.facts.problems.empty()), extension);
  }
}

BOOST_AUTO_TEST_CASE(bombs_expand_to_what_is_allowed_only) {
  // A text of 256 MB, a profile of 128 MB, a picture of 81 million pixels in a few hundred
  // kilobytes.
  auto text = small_png(png_chunk("zTXt", std::string("parameters\0\0", 12)
                                              + zeros_deflated(std::uint64_t{256} << 20)));
  BOOST_TEST(survives([&] { return gives_answer(text, "png"); }));
  auto profile = small_png(
      png_chunk("iCCP", std::string("x\0\0", 3) + zeros_deflated(std::uint64_t{128} << 20)));
  BOOST_TEST(survives([&] { return gives_answer(profile, "png"); }));
  std::uint32_t edge = 9'000;
  auto picture = png_signature + png_header(edge, edge)
                 + png_chunk("IDAT", zeros_deflated((std::uint64_t{edge} * 4 + 1) * edge))
                 + png_chunk("IEND", "");
  BOOST_TEST(survives([&] { return gives_answer(picture, "png"); }));
  std::string many = png_signature + png_header(4, 4);
  for (int i = 0; i < 100'000; ++i)
    many += png_text("parameters", "x");
  BOOST_TEST(survives([&] { return gives_answer(many + png_chunk("IEND", ""), "png"); }));
  // JSON that nests, and that holds very many values.
  for (const auto& json :
       {std::string(1 << 20, '['), "{\"1\":" + std::string(3 << 20, ','), "[" + [] {
          std::string values;
          for (int i = 0; i < 1'000'000; ++i)
            values += "[],";
          return values;
        }() + "0]"})
    BOOST_TEST(survives([&] { return gives_answer(small_png(png_text("prompt", json)), "png"); }));
}

BOOST_AUTO_TEST_CASE(graphs_without_end_and_with_very_many_paths_are_left) {
  std::string loop =
      R"({"1":{"class_type":"SaveImage","inputs":{"images":["2",0]}},)"
      R"("2":{"class_type":"KSampler","inputs":{"seed":["2",0],"steps":["3",0],"model":["2",0],)"
      R"("positive":["3",0],"negative":["2",0],"latent_image":["2",0]}},)"
      R"("3":{"class_type":"x","inputs":{"conditioning":["3",0],"conditioning_2":["2",0],"steps":["3",0]}}})";
  BOOST_TEST(survives([&] { return gives_answer(small_png(png_text("prompt", loop)), "png"); }));
  // Each node leads to the next by ten inputs: 10^60 paths.
  std::string wide =
      R"({"out":{"class_type":"SaveImage","inputs":{"images":["s",0]}},"s":{"class_type":"KSampler",)"
      R"("inputs":{"seed":1,"steps":1,"model":["0",0],"positive":["0",0],"negative":["0",0]}})";
  for (int i = 0; i < 60; ++i) {
    wide += ",\"" + std::to_string(i) + R"(":{"class_type":"x","inputs":{)";
    for (int j = 0; j < 10; ++j)
      wide += (j == 0 ? "\"" : ",\"") + std::string(j % 2 == 0 ? "text_" : "model_")
              + std::to_string(j) + "\":[\"" + std::to_string(i + 1) + "\",0]";
    wide += "}}";
  }
  wide += "}";
  BOOST_TEST(survives([&] { return gives_answer(small_png(png_text("prompt", wide)), "png"); }));
}

BOOST_AUTO_TEST_CASE(a_file_that_shrinks_while_it_is_read_is_cut) {
  auto bytes = read_file(samples() + "/sample.png");
  auto fd = file_of(bytes.substr(0, 100));
  extract_options options;
  options.extension = "png";
  auto made = extract(fd.get(), bytes.size(), options);
  BOOST_REQUIRE(bool(made));
  BOOST_TEST(has_problem(*made, problem_kind::cut), problems_of(*made));
}

BOOST_AUTO_TEST_CASE(streams_without_end_are_bounded) {
  // Sub-blocks of a GIF, empty chunks, boxes and tags: by the million.
  std::string gif = "GIF89a" + le16(1) + le16(1) + std::string("\0\0\0!\xfe", 5);
  for (int i = 0; i < 3'000'000; ++i)
    gif += "\1x";
  BOOST_TEST(survives([&] { return gives_answer(gif, "gif"); }));
  std::string clip = be32(16) + "ftypisom" + be32(0);
  for (int i = 0; i < 500'000; ++i)
    clip += be32(8) + "free";
  BOOST_TEST(survives([&] { return gives_answer(clip, "mp4"); }));
  std::string sound;
  for (int i = 0; i < 400'000; ++i)
    sound += std::string("\xff\xf1\x50\x80\x00\xff\xfc", 7);
  BOOST_TEST(survives([&] { return gives_answer(sound, "aac"); }));
}
