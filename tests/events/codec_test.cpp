// SPDX-License-Identifier: MIT
#include "events/codec.hpp"

#include "platform/types.hpp"
#include "sample_events.hpp"
#include "support/allocation_watch.hpp"
#include "support/outcome.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

using namespace podstudio;

namespace {

const std::string golden_folder = PODSTUDIO_TEST_DATA "/events";

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string encoded(const event& what) {
  std::string body;
  encode_event(what, body);
  return body;
}

result<event> decoded(const event& like, const std::string& body) {
  return decode_event(event_name(like), event_version(like), bytes_of(body));
}

std::string hex(const std::string& bytes) {
  return to_hex(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

/// What a golden file holds: the body and the JSON form, each on a line.
std::string golden_text(const event& what) {
  return hex(encoded(what)) + "\n" + to_json(what).dump() + "\n";
}

std::string golden_path(const event& what) {
  return golden_folder + "/" + std::string(event_name(what)) + ".v"
         + std::to_string(event_version(what)) + ".txt";
}

/// An archive that visits the signed numbers of an event, with their names.
template <class Visit>
class number_visitor {
public:
  explicit number_visitor(Visit visit) : visit_(visit) {}
  template <class... Fields>
  void operator()(Fields&&... fields) {
    (field(fields.name, fields.value), ...);
  }

private:
  void field(const char* name, std::int64_t& number) { visit_(name, number); }
  template <class T>
  void field(const char* name, std::optional<T>& value) {
    if (value) field(name, *value);
  }
  template <class T>
  void field(const char*, T& value) {
    if constexpr (requires { value.serialize(*this); }) value.serialize(*this);
  }

  Visit visit_;
};

template <class Visit>
void for_each_number(event& what, Visit visit) {
  number_visitor visitor(visit);
  std::visit([&]<class T>(T& fields) { fields.serialize(visitor, T::version); }, what);
}

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(codec)

BOOST_AUTO_TEST_CASE(every_event_type_survives_a_round_trip) {
  auto seed = std::random_device{}();
  BOOST_TEST_INFO_SCOPE("seed " << seed);
  random_source random{std::mt19937_64(seed)};
  for (int round = 0; round < 200; ++round)
    for_each_event_type(random, [&](const event& what) {
      BOOST_TEST_INFO_SCOPE(event_name(what) << " " << to_json(what).dump());
      BOOST_REQUIRE(check_event(what));
      auto back = decoded(what, encoded(what));
      REQUIRE_OK(back);
      BOOST_REQUIRE(*back == what);
    });
}

// PODSTUDIO_REGENERATE_GOLDEN=1 writes the files anew: for a new type or version only, as the files
// of released ones are what is on people's disks.
BOOST_AUTO_TEST_CASE(golden_files_are_written_to_the_byte) {
  counting_source source;
  bool regenerate = std::getenv("PODSTUDIO_REGENERATE_GOLDEN") != nullptr;
  for_each_event_type(source, [&](const event& what) {
    auto path = golden_path(what);
    BOOST_TEST_INFO_SCOPE(path);
    if (regenerate) std::ofstream(path, std::ios::binary) << golden_text(what);
    BOOST_TEST(golden_text(what) == file_text(path));
    source = {};  // so that a new type leaves the others' files as they are
  });
}

BOOST_AUTO_TEST_CASE(golden_files_of_every_version_are_read) {
  std::size_t current = 0;
  for (auto& entry : std::filesystem::directory_iterator(golden_folder)) {
    auto stem = entry.path().stem().string();
    auto dot = stem.rfind(".v");
    if (dot == std::string::npos) continue;
    BOOST_TEST_INFO_SCOPE(entry.path());
    auto text = file_text(entry.path().string());
    auto line = text.substr(0, text.find('\n'));
    std::string body(line.size() / 2, '\0');
    BOOST_REQUIRE(from_hex(line, reinterpret_cast<std::uint8_t*>(body.data()), body.size()));
    auto version = static_cast<std::uint16_t>(std::stoi(stem.substr(dot + 2)));
    auto back = decode_event(stem.substr(0, dot), version, bytes_of(body));
    REQUIRE_OK(back);
    if (version != event_version(*back)) continue;
    BOOST_TEST(golden_text(*back) == text);
    ++current;
  }
  BOOST_TEST(current == std::variant_size_v<event>);
}

/// The event that a golden file of an earlier version holds.
template <class Event>
Event golden_event(std::uint16_t version) {
  auto path =
      golden_folder + "/" + std::string(Event::name) + ".v" + std::to_string(version) + ".txt";
  BOOST_TEST_INFO_SCOPE(path);
  auto text = file_text(path);
  auto line = text.substr(0, text.find('\n'));
  std::string body(line.size() / 2, '\0');
  BOOST_REQUIRE(from_hex(line, reinterpret_cast<std::uint8_t*>(body.data()), body.size()));
  auto back = decode_event(Event::name, version, bytes_of(body));
  REQUIRE_OK(back);
  // What is written again is of the latest version, and the same event.
  auto again = decoded(*back, encoded(*back));
  REQUIRE_OK(again);
  BOOST_REQUIRE(*again == *back);
  // A body of one version is none of the other.
  REQUIRE_FAILS(decode_event(Event::name, Event::version, bytes_of(body)), error_code::damaged);
  REQUIRE_FAILS(decode_event(Event::name, version, bytes_of(encoded(*back))), error_code::damaged);
  return std::get<Event>(*back);
}

BOOST_AUTO_TEST_CASE(what_version_1_did_not_know_is_empty) {
  auto read = golden_event<asset_metadata_extracted>(1);
  BOOST_TEST(read.asset != 0);
  BOOST_TEST((read.sha256 == digest{} && read.extractor == 0 && read.report.empty()));
  auto queued = golden_event<job_queued>(1);
  BOOST_TEST(queued.job != 0);
  BOOST_TEST(queued.priority == 0);
  auto failed = golden_event<job_failed>(1);
  BOOST_TEST(!failed.error_message.empty());
  BOOST_TEST((failed.attempt == job_attempt_end{}));
  auto requeued = golden_event<job_requeued>(1);
  BOOST_TEST(!requeued.reason.empty());
  BOOST_TEST((requeued.attempt == job_attempt_end{}));
}

BOOST_AUTO_TEST_CASE(a_truncated_body_is_damaged) {
  random_source random{std::mt19937_64(7)};
  for_each_event_type(random, [&](const event& what) {
    auto body = encoded(what);
    for (std::size_t size = 0; size < body.size(); ++size) {
      auto back = decoded(what, body.substr(0, size));
      REQUIRE_FAILS(back, error_code::damaged);
    }
  });
}

BOOST_AUTO_TEST_CASE(trailing_bytes_are_damage) {
  random_source random{std::mt19937_64(7)};
  for_each_event_type(random, [&](const event& what) {
    auto back = decoded(what, encoded(what) + '\0');
    REQUIRE_FAILS(back, error_code::damaged);
  });
}

// An encoding that is not canonical would give one event two hashes.
BOOST_AUTO_TEST_CASE(a_flipped_bit_is_damage_or_the_encoding_of_another_event) {
  random_source random{std::mt19937_64(7)};
  for_each_event_type(random, [&](const event& what) {
    auto body = encoded(what);
    for (std::size_t bit = 0; bit < body.size() * 8; ++bit) {
      auto flipped = body;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      allocation_watch watch;
      auto back = decoded(what, flipped);
      // The text of an error is the only thing that may be larger than a small body.
      BOOST_REQUIRE_LE(watch.largest_bytes(), std::max<std::size_t>(flipped.size(), 512));
      if (!back)
        BOOST_REQUIRE(back.failure().code == error_code::damaged);
      else
        BOOST_REQUIRE(encoded(*back) == flipped);
    }
  });
}

BOOST_AUTO_TEST_CASE(random_bytes_never_crash_the_decoder) {
  auto seed = std::random_device{}();
  BOOST_TEST_INFO_SCOPE("seed " << seed);
  std::mt19937_64 random(seed);
  random_source filler{std::mt19937_64(1)};
  for_each_event_type(filler, [&](const event& what) {
    for (int round = 0; round < 2000; ++round) {
      std::string body(random() % 200, '\0');
      for (auto& byte : body)
        byte = static_cast<char>(random() % 4 == 0 ? random() : random() % 3);
      if (!body.empty()) body[0] = 1;
      allocation_watch watch;
      auto back = decoded(what, body);
      BOOST_REQUIRE_LE(watch.largest_bytes(), std::max<std::size_t>(body.size(), 512));
      if (back) BOOST_REQUIRE(encoded(*back) == body);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_hostile_string_length_allocates_nothing) {
  for (std::uint64_t claimed : {std::uint64_t{100}, std::uint64_t{60'000}, ~std::uint64_t{0}}) {
    auto body = encoded(problem_resolved{"path"});
    for (std::size_t i = 0; i < 8; ++i)
      body[1 + i] = static_cast<char>(claimed >> (8 * i));
    allocation_watch watch;
    auto back = decoded(problem_resolved{}, body);
    BOOST_TEST(watch.largest_bytes() <= 512u);
    REQUIRE_FAILS(back, error_code::damaged);
  }
}

BOOST_AUTO_TEST_CASE(values_no_writer_writes_are_refused_on_both_sides) {
  const event bad[] = {
      asset_registered{1, "/a", static_cast<asset_type>(3), {}},
      asset_provenance_set{1, provenance::unknown, static_cast<provenance>(200)},
      asset_tagged{1, "\xff"},
      asset_tagged{1, std::string("a\0b", 3)},
      asset_theme_set{1, std::nullopt, "\xc3"},
      asset_tagged{1, std::string(max_string_bytes + 1, 'a')},
      job_progressed{1, std::numeric_limits<double>::infinity()},
      job_progressed{1, std::nan("")},
      asset_metadata_extracted{1, {}, {1, 1, std::nan(""), 1}},
      asset_metadata_extracted{1, {}, {}, {}, 1, std::string("{\0}", 3)},
      asset_metadata_extracted{1, {}, {}, {}, 1, std::string(max_string_bytes + 1, ' ')},
      job_failed{1, "", {"\xff", ""}},
      job_requeued{1, job_status::running, "", {"", std::string("a\0b", 3)}},
  };
  for (auto& what : bad) {
    BOOST_TEST_INFO_SCOPE(event_name(what));
    auto checked = check_event(what);
    REQUIRE_FAILS(checked, error_code::invalid_argument);
    auto back = decoded(what, encoded(what));
    REQUIRE_FAILS(back, error_code::damaged);
  }
  event largest = asset_tagged{1, std::string(max_string_bytes, 'a')};
  BOOST_TEST(bool(check_event(largest)));
  BOOST_TEST(bool(decoded(largest, encoded(largest))));
}

BOOST_AUTO_TEST_CASE(a_blob_is_any_bytes_up_to_its_bound) {
  auto exported = [](std::string bytes) {
    pack_exported what{1, {}, {}, "/a.zip", 5};
    what.made.emplace().texts.bytes = std::move(bytes);
    return event(what);
  };
  for (const auto& good :
       {std::string(), std::string("\xff\0\x01", 3), std::string(max_blob_bytes, '\xfe')}) {
    auto what = exported(good);
    REQUIRE_OK(check_event(what));
    auto back = decoded(what, encoded(what));
    REQUIRE_OK(back);
    BOOST_TEST((*back == what));
  }
  auto bad = exported(std::string(max_blob_bytes + 1, 'a'));
  auto checked = check_event(bad);
  REQUIRE_FAILS(checked, error_code::invalid_argument);
  BOOST_TEST(why(checked).find("'texts'") != std::string::npos, why(checked));
  auto back = decoded(bad, encoded(bad));
  REQUIRE_FAILS(back, error_code::damaged);
  auto shown = to_json(exported("abc"))["made"]["texts"];
  BOOST_TEST(shown["size_bytes"] == 3);
  BOOST_TEST(shown["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// The golden file of version 2 has no archive.
BOOST_AUTO_TEST_CASE(an_exported_archive_is_written_to_the_byte) {
  pack_exported what{1, {}, {}, "/a", 5};
  auto& made = what.made.emplace();
  made.sha256.fill(0xaa);
  made.size_bytes = 0x0102;
  made.assets = 3;
  made.sequence = 4;
  made.head_hash.fill(0xbb);
  made.profile = "etsy";
  made.texts.bytes = "\xff";
  auto number = [](unsigned value) {
    std::string digits;
    for (int i = 0; i < 8; ++i, value >>= 8)
      digits += to_hex(std::array<std::uint8_t, 1>{static_cast<std::uint8_t>(value)});
    return digits;
  };
  auto repeated = [](const char* digits) {
    std::string text;
    for (int i = 0; i < 32; ++i)
      text += digits;
    return text;
  };
  BOOST_TEST(hex(encoded(what))
             == "01" + number(1) + "0101" + number(2) + "2f61" + number(5) + "00" + repeated("aa")
                    + number(0x0102) + number(3) + number(4) + repeated("bb") + "00" + number(4)
                    + "65747379" + number(1) + "ff");
}

BOOST_AUTO_TEST_CASE(an_export_of_version_1_has_no_archive) {
  auto text = file_text(golden_folder + "/pack.exported.v1.txt");
  auto line = text.substr(0, text.find('\n'));
  std::string body(line.size() / 2, '\0');
  BOOST_REQUIRE(from_hex(line, reinterpret_cast<std::uint8_t*>(body.data()), body.size()));
  auto back = decode_event("pack.exported", 1, bytes_of(body));
  REQUIRE_OK(back);
  BOOST_TEST(!std::get<pack_exported>(*back).made.has_value());
}

BOOST_AUTO_TEST_CASE(numbers_out_of_bounds_are_refused_on_both_sides) {
  constexpr auto least = std::numeric_limits<std::int64_t>::min(),
                 most = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t year_1_us = -62'135'596'800'000'000,
                         year_9999_us = 253'402'300'799'999'999;
  const std::map<std::string, std::pair<std::int64_t, std::int64_t>> bounded{
      {"asset", {1, 0xf000'0000}},
      {"pack", {1, std::int64_t{1} << 53}},
      {"job", {1, std::int64_t{1} << 53}},
      {"root", {1, std::int64_t{1} << 53}},
      {"at_us_before", {year_1_us, year_9999_us}},
      {"at_us_after", {year_1_us, year_9999_us}},
      {"exported_at_us", {year_1_us, year_9999_us}}};
  // A new number belongs here or above.
  const std::set<std::string> unbounded{"ctime_ns", "mtime_ns", "pid",          "position",
                                        "width",    "height",   "samplerate_hz"};
  std::set<std::string> met;
  auto check = [&](event& what, const std::string& name, std::int64_t& number) {
    met.insert(name);
    auto found = bounded.find(name);
    BOOST_REQUIRE_MESSAGE((found != bounded.end()) != unbounded.contains(name),
                          event_name(what) << " has " << name);
    auto [low, high] = found == bounded.end() ? std::pair(least, most) : found->second;
    std::vector<std::int64_t> bad;
    if (found != bounded.end()) bad = {least, low - 1, high + 1, most};
    for (auto value : bad) {
      number = value;
      auto said = "the field '" + name + "' is " + std::to_string(value) + ", but must be from "
                  + std::to_string(low) + " to " + std::to_string(high);
      auto checked = check_event(what);
      REQUIRE_FAILS(checked, error_code::invalid_argument);
      BOOST_TEST(why(checked).find(said) != std::string::npos, why(checked));
      auto back = decoded(what, encoded(what));
      REQUIRE_FAILS(back, error_code::damaged);
      BOOST_TEST(why(back).find(said) != std::string::npos, why(back));
      BOOST_TEST(why(back).find(event_name(what)) != std::string::npos, why(back));
    }
    for (auto value : {low, high}) {
      number = value;
      REQUIRE_OK(check_event(what));
      REQUIRE_OK(decoded(what, encoded(what)));
    }
  };
  counting_source source;
  for_each_event_type(source, [&](event what) {
    for_each_number(
        what, [&](const std::string& name, std::int64_t& number) { check(what, name, number); });
    source = {};  // so that no optional number is absent
  });
  for (const auto& [name, bounds] : bounded)
    BOOST_TEST(met.contains(name), name);
  BOOST_TEST(bool(check_event(job_queued{1, {}, {}, {}, {}})));
}

BOOST_AUTO_TEST_CASE(unknown_names_and_later_versions_are_of_a_newer_build) {
  auto body = encoded(asset_approved{1});
  for (auto& [name, version] : std::initializer_list<std::pair<const char*, std::uint16_t>>{
           {"asset.approved", 2}, {"asset.blessed", 1}, {"", 1}}) {
    auto back = decode_event(name, version, bytes_of(body));
    REQUIRE_FAILS(back, error_code::newer_version);
  }
  auto zero = decode_event("asset.approved", 0, bytes_of(body));
  REQUIRE_FAILS(zero, error_code::damaged);
}

BOOST_AUTO_TEST_CASE(big_endian_bodies_are_refused) {
  auto body = encoded(asset_approved{1});
  body[0] = 0;
  BOOST_TEST(!decoded(asset_approved{}, body));
}

BOOST_AUTO_TEST_CASE(json_has_digests_in_hex_enums_as_words_and_absent_values_as_null) {
  asset_forgotten what;
  what.asset = 7;
  what.path = "/a b";
  what.type = asset_type::video;
  what.content.sha256[0] = 0xab;
  what.media.width = 640;
  what.origin = provenance::ai_generated;
  what.approved = true;
  auto json = to_json(what);
  BOOST_TEST(json["asset"] == 7);
  BOOST_TEST(json["path"] == "/a b");
  BOOST_TEST(json["type"] == "video");
  BOOST_TEST(json["content"]["sha256"] == "ab" + std::string(62, '0'));
  BOOST_TEST(json["content"]["facts"]["size_bytes"] == 0);
  BOOST_TEST(json["media"]["width"] == 640);
  BOOST_TEST(json["media"]["height"].is_null());
  BOOST_TEST(json["theme"].is_null());
  BOOST_TEST(json["origin"] == "ai_generated");
  BOOST_TEST(json["approved"] == true);
}

BOOST_AUTO_TEST_SUITE_END()
