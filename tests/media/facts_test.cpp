// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE facts
#include "media_files.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>

using namespace media_test;
namespace fs = std::filesystem;

namespace {

std::string extension_of(const fs::path& path) {
  auto text = path.extension().string();
  return text.empty() ? text : text.substr(1);
}

extracted read(const fs::path& path) { return must_extract(read_file(path), extension_of(path)); }

std::string output_of(const std::string& command) {
  std::string made;
  auto* pipe = ::popen(command.c_str(), "r");
  BOOST_REQUIRE(pipe != nullptr);
  char part[4096];
  for (std::size_t size; (size = std::fread(part, 1, sizeof part, pipe)) > 0;)
    made.append(part, size);
  ::pclose(pipe);
  return made;
}

/// What ffprobe says of a file's streams.
struct truth {
  std::optional<std::uint32_t> width, height, samplerate_hz, channels;
  std::optional<double> duration_sec;
  std::string video_codec, audio_codec;

  explicit truth(const std::string& path) {
    auto all = nlohmann::json::parse(
        output_of("ffprobe -v quiet -of json -show_format -show_streams '" + path + "'"), nullptr,
        false);
    BOOST_REQUIRE_MESSAGE(all.is_object(), "ffprobe says nothing of " << path);
    for (const auto& stream : all.value("streams", nlohmann::json::array())) {
      bool cover = stream["disposition"].value("attached_pic", 0) == 1;
      if (stream["codec_type"] == "video" && !cover && !width) {
        width = stream.value("width", 0u);
        height = stream.value("height", 0u);
        video_codec = stream.value("codec_name", "");
      }
      if (stream["codec_type"] == "audio" && !samplerate_hz) {
        samplerate_hz = static_cast<std::uint32_t>(std::stoul(stream.value("sample_rate", "0")));
        channels = stream.value("channels", 0u);
        audio_codec = stream.value("codec_name", "");
      }
    }
    if (auto text = all["format"].value("duration", ""); !text.empty())
      duration_sec = std::stod(text);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_four_columns_are_those_of_ffprobe_for_every_sample) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(samples())) {
    const auto& path = entry.path();
    BOOST_TEST_CONTEXT(path.filename()) {
      ++count;
      auto made = read(path);
      truth expected(path.string());
      const auto& facts = made.facts;
      BOOST_TEST(facts.problems.empty(), problems_of(made));
      BOOST_TEST(facts.decoded);
      BOOST_TEST((facts.samplerate_hz == expected.samplerate_hz));
      BOOST_TEST((facts.channels == expected.channels));
      BOOST_TEST(facts.audio_codec == expected.audio_codec);
      // ffprobe of this release knows nothing of animated WebP.
      if (path.filename() == "moving.webp") {
        BOOST_TEST((facts.width == 64u && facts.height == 48u));
        continue;
      }
      BOOST_TEST((facts.width == expected.width));
      BOOST_TEST((facts.height == expected.height));
      BOOST_TEST(facts.video_codec == expected.video_codec);
      bool still = facts.mime.starts_with("image/");
      if (!still) {
        // A recording that never learnt its length.
        BOOST_REQUIRE(facts.duration_sec.has_value() == expected.duration_sec.has_value());
        if (!expected.duration_sec) continue;
        // What ffprobe estimates from the first frames of AAC is counted here.
        auto tolerance = facts.mime == "audio/aac" ? 0.2 : 0.001;
        BOOST_TEST(std::abs(*facts.duration_sec - *expected.duration_sec) <= tolerance);
      }
    }
  }
  BOOST_TEST(count >= 50u);
}

BOOST_AUTO_TEST_CASE(the_type_is_told_by_content) {
  const std::map<std::string, std::string> types{
      {"sample.png", "image/png"},       {"moving.apng", "image/apng"},
      {"sample.jpg", "image/jpeg"},      {"sample.gif", "image/gif"},
      {"sample.bmp", "image/bmp"},       {"sample.tiff", "image/tiff"},
      {"sample.webp", "image/webp"},     {"sample.wav", "audio/wav"},
      {"sample.mp3", "audio/mpeg"},      {"sample.flac", "audio/flac"},
      {"sample.ogg", "audio/ogg"},       {"sound.opus", "audio/ogg"},
      {"sample.m4a", "audio/mp4"},       {"sample.aac", "audio/aac"},
      {"sample.mp4", "video/mp4"},       {"sample.mov", "video/quicktime"},
      {"sample.avi", "video/x-msvideo"}, {"sample.mkv", "video/x-matroska"},
      {"sample.webm", "video/webm"},     {"sound.webm", "audio/webm"},
      {"sample.flv", "video/x-flv"},
  };
  for (const auto& [name, type] : types) {
    auto bytes = read_file(samples() + "/" + name);
    BOOST_TEST_CONTEXT(name) {
      auto made = must_extract(bytes, extension_of(name));
      BOOST_TEST(made.facts.mime == type);
      // The content alone decides, and a name of another format is a problem.
      auto other = must_extract(bytes, type == "image/png" || type == "image/apng" ? "mp3" : "png");
      BOOST_TEST(other.facts.mime == type);
      BOOST_TEST(has_problem(other, problem_kind::other_content), problems_of(other));
      BOOST_TEST((other.facts.width == made.facts.width));
    }
  }
}

BOOST_AUTO_TEST_CASE(what_a_picture_is_made_of) {
  auto facts = [](const std::string& name) { return read(samples() + "/" + name).facts; };
  auto deep = facts("deep.png");
  BOOST_TEST((deep.bit_depth == 16u));
  BOOST_TEST(deep.pixel_format == "rgb48be");
  BOOST_TEST((deep.alpha_present == false && deep.alpha_used == false));
  auto half = facts("half.png");
  BOOST_TEST((half.alpha_present == true && half.alpha_used == true));
  auto opaque = facts("opaque.png");
  BOOST_TEST((opaque.alpha_present == true && opaque.alpha_used == false));
  BOOST_TEST((facts("half.webp").alpha_used == true));
  BOOST_TEST((facts("half.tiff").alpha_used == true));
  BOOST_TEST(facts("full.jpg").pixel_format == "yuvj444p");
  BOOST_TEST((facts("moving.apng").frame_count == 5u));
  BOOST_TEST((facts("moving.webp").frame_count == 5u));
  BOOST_TEST((facts("sample.gif").frame_count == 5u));
  auto dense = facts("dense.png");
  BOOST_REQUIRE(dense.dpi_x.has_value());
  BOOST_TEST(std::abs(*dense.dpi_x - 300) < 0.1);
}

BOOST_AUTO_TEST_CASE(what_a_sound_or_clip_is_made_of) {
  auto facts = [](const std::string& name) { return read(samples() + "/" + name).facts; };
  BOOST_TEST((facts("deep.wav").bit_depth == 24u));
  BOOST_TEST((facts("six.wave").channels == 6u));
  auto clip = facts("sample.mp4");
  BOOST_TEST((clip.fps == rational{10, 1}));
  BOOST_TEST((clip.frame_count == 10u));
  BOOST_TEST(clip.pixel_format == "yuv420p");
  auto turned = facts("turned.mov");
  BOOST_TEST(int{turned.orientation} != 1);
  BOOST_TEST((turned.width == 64u && turned.height == 48u));
  BOOST_TEST((facts("clear.webm").alpha_present == true));
}

BOOST_AUTO_TEST_CASE(the_orientation_of_exif_is_told_and_applied_to_previews) {
  // An EXIF block with one entry, in a chunk of its own.
  std::string exif = "MM" + be16(42) + be32(8) + be16(1) + be16(0x0112) + be16(3) + be32(1)
                     + be16(6) + be16(0) + be32(0);
  std::string pixels;
  for (int i = 0; i < 8 * 4; ++i)
    pixels += i % 8 < 4 ? std::string("\xff\0\0\xff", 4) : std::string("\0\0\xff\xff", 4);
  auto bytes = png_of(8, 4, pixels, png_chunk("eXIf", exif));
  unique_fd preview(::memfd_create("preview", MFD_CLOEXEC));
  extract_options options;
  options.previews = {{256, preview.get()}};
  auto made = must_extract(bytes, "png", options);
  BOOST_TEST(int{made.facts.orientation} == 6);
  BOOST_TEST((made.facts.width == 8u && made.facts.height == 4u));
  BOOST_REQUIRE(made.previews.size() == 1);
  BOOST_TEST((made.previews[0].width == 4u && made.previews[0].height == 8u));
}

BOOST_AUTO_TEST_CASE(a_tiff_of_any_orientation_looks_the_same) {
  picture shown{.width = 64, .height = 48, .pixels = std::vector<std::uint8_t>(64 * 48 * 4)};
  for (std::size_t i = 0; i < shown.pixels.size(); ++i)
    shown.pixels[i] = static_cast<std::uint8_t>(i / 4 % 64 * 3 + (i / 4 / 64 > 30 ? 40 : 0));
  std::optional<pdq_hash> first;
  for (unsigned orientation = 1; orientation <= 8; ++orientation) {
    // What turns it back: a quarter turn is undone by the other one, everything else by itself.
    auto stored = upright(shown, orientation == 6 ? 8 : orientation == 8 ? 6 : orientation);
    std::string grey;
    for (std::size_t i = 0; i < stored.pixels.size(); i += 4)
      grey += static_cast<char>(stored.pixels[i]);
    auto entry = [](unsigned tag, std::uint32_t value) {
      return le16(tag) + le16(4) + le32(1) + le32(value);
    };
    constexpr std::uint32_t data_at = 8 + 2 + 8 * 12 + 4;
    auto bytes = "II*" + std::string(1, '\0') + le32(8) + le16(8) + entry(256, stored.width)
                 + entry(257, stored.height) + entry(258, 8) + entry(262, 1) + entry(273, data_at)
                 + entry(274, orientation) + entry(278, stored.height)
                 + entry(279, static_cast<std::uint32_t>(grey.size())) + le32(0) + grey;
    auto made = must_extract(bytes, "tiff");
    BOOST_TEST_CONTEXT(orientation << ": " << problems_of(made)) {
      BOOST_TEST(made.facts.orientation == orientation);
      BOOST_REQUIRE(made.hash.has_value());
      if (!first) first = made.hash;
      BOOST_TEST((made.hash == first));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_file_that_is_cut_says_so_at_every_length) {
  // What cannot be told of a part: these have no length or end in them.
  const std::map<std::string, bool> silent{{"sample.mp3", true}, {"plain.mp3", true}};
  for (const auto& entry : fs::directory_iterator(samples())) {
    auto name = entry.path().filename().string();
    if (!name.starts_with("sample.")) continue;
    auto bytes = read_file(entry.path());
    for (double share : {0.97, 0.7, 0.5, 0.2}) {
      auto part =
          bytes.substr(0, static_cast<std::size_t>(static_cast<double>(bytes.size()) * share));
      auto made = must_extract(part, extension_of(name));
      BOOST_TEST_CONTEXT(name << " cut to " << part.size() << " of " << bytes.size() << ": "
                              << problems_of(made))
      if (!silent.contains(name) || share < 0.9) BOOST_TEST(!made.facts.problems.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(other_bytes_under_a_known_name_are_told) {
  auto text = must_extract("just some words that somebody wrote\n", "png");
  BOOST_TEST(has_problem(text, problem_kind::not_media));
  BOOST_TEST(text.facts.mime.empty());
  BOOST_TEST(text.facts.problems[0].reason.find("text") != std::string::npos);
  auto empty = must_extract("", "png");
  BOOST_TEST(has_problem(empty, problem_kind::cut));
  // Of a picture without a header nobody knows whether it is opaque.
  auto headless = must_extract(read_file(samples() + "/sample.png").substr(0, 8), "png");
  BOOST_TEST(has_problem(headless, problem_kind::damaged), problems_of(headless));
  BOOST_TEST((!headless.facts.alpha_present && !headless.facts.alpha_used));
  auto archive = must_extract(std::string("PK\x03\x04") + std::string(100, 'x'), "mp4");
  BOOST_TEST(archive.facts.problems[0].reason.find("ZIP") != std::string::npos);
  // The first part of a clip whose index stands at its end.
  auto clip = read_file(samples() + "/sample.mp4");
  auto index = clip.rfind("moov");
  BOOST_REQUIRE(index != std::string::npos);
  auto without = must_extract(clip.substr(0, index - 4), "mp4");
  BOOST_TEST(has_problem(without, problem_kind::no_index), problems_of(without));
}

BOOST_AUTO_TEST_CASE(a_clip_says_within_which_of_its_boxes_it_is_cut) {
  using namespace std::literals;
  auto clip = read_file(samples() + "/sample.mp4");
  auto reason = [&](std::string_view box) {
    auto made = must_extract(clip + std::string(box), "mp4");
    BOOST_REQUIRE_EQUAL(made.facts.problems.size(), 1u);
    return made.facts.problems[0].reason;
  };
  BOOST_TEST(reason("\0\0\1\0abcd"sv)
             == "the file is cut within 'abcd'; 248 bytes are missing at the end");
  BOOST_TEST(reason("\0\0\1\0\0\0\0\0"sv)
             == "the file is cut within the box at byte " + std::to_string(clip.size())
                    + "; 248 bytes are missing at the end");
}

BOOST_AUTO_TEST_CASE(a_box_without_a_whole_id_holds_no_metadata) {
  using namespace std::literals;
  constexpr auto id = "\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac"sv;
  auto packet = "<rdf:Description><Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/"
                "digitalsourcetype/trainedAlgorithmicMedia</Iptc4xmpExt:DigitalSourceType>"
                "</rdf:Description>"s;
  auto clip = read_file(samples() + "/sample.mp4");
  auto with = [&](std::size_t box_bytes) {
    std::string size{0, 0, 0, static_cast<char>(box_bytes)};
    return must_extract(clip + size + "uuid" + std::string(id) + packet, "mp4").generation;
  };
  BOOST_REQUIRE(packet.size() + 24 < 256);
  BOOST_TEST(!with(packet.size() + 24).empty());
  BOOST_TEST(with(12).empty());
}

BOOST_AUTO_TEST_CASE(the_reason_of_a_tiff_has_no_empty_name) {
  using namespace std::literals;
  auto made = must_extract("II*\0\xff\xff\xff\x7f"sv, "tif");
  BOOST_TEST(has_problem(made, problem_kind::undecodable), problems_of(made));
  BOOST_TEST(problems_of(made).find(": :") == std::string::npos, problems_of(made));
}

BOOST_AUTO_TEST_CASE(previews_fit_their_squares_and_keep_opacity) {
  for (const char* name :
       {"half.png", "sample.mp4", "sample.mp3", "sample.jpg", "moving.webp", "sample.gif"}) {
    BOOST_TEST_CONTEXT(name) {
      unique_fd large(::memfd_create("large", MFD_CLOEXEC)),
          small(::memfd_create("small", MFD_CLOEXEC));
      extract_options options;
      options.previews = {{32, small.get()}, {1024, large.get()}};
      auto made = must_extract(read_file(samples() + "/" + name), extension_of(name), options);
      BOOST_REQUIRE(made.previews.size() == 2);
      for (const auto& each : made.previews) {
        BOOST_TEST(each.width <= each.edge_px);
        BOOST_TEST(each.height <= each.edge_px);
        auto fd = each.edge_px == 32 ? small.get() : large.get();
        std::string bytes(each.size_bytes, '\0');
        BOOST_TEST(::pread(fd, bytes.data(), bytes.size(), 0)
                   == static_cast<ssize_t>(bytes.size()));
        auto again = must_extract(bytes, "webp");
        BOOST_TEST(again.facts.problems.empty(), problems_of(again));
        BOOST_TEST((again.facts.width == each.width && again.facts.height == each.height));
        if (std::string(name) == "half.png") BOOST_TEST((again.facts.alpha_used == true));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(work_ends_when_it_is_cancelled_or_takes_too_long) {
  auto bytes = read_file(samples() + "/sample.mp4");
  extract_options options;
  options.cancelled = [] { return true; };
  auto cancelled = extract_bytes(bytes, "mp4", options);
  BOOST_REQUIRE(!cancelled);
  BOOST_TEST((cancelled.failure().code == error_code::stopping));
  options.cancelled = nullptr;
  options.bounds.time_max = std::chrono::milliseconds(0);
  auto late = extract_bytes(bytes, "mp4", options);
  BOOST_REQUIRE(!late);
  BOOST_TEST((late.failure().code == error_code::timed_out));
  BOOST_TEST((extract(-1, 1, {}).failure().code == error_code::invalid_argument));
  extract_options wide;
  wide.previews = {{1u << 20, 1}};
  BOOST_TEST((extract(0, 1, wide).failure().code == error_code::invalid_argument));
}
