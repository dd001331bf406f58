// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE archive_manifest
#include <boost/test/unit_test.hpp>

#include "platform/text.hpp"
#include "support/made_archive.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>

using namespace archive_test;
using nlohmann::json;

namespace {

manifest manifest_of(const random_pack& from, const manifest_options& options = {}) {
  return must(make_manifest(from.pack, entries_of(from.pack, options, nullptr), options));
}

manifest_options random_options(std::mt19937_64& random) {
  manifest_options made;
  made.allow_generation = random() % 2 == 0;
  if (random() % 2 == 0) made.profile = "etsy";
  if (random() % 2 == 0) made.part = 2, made.parts = 3;
  if (random() % 2 == 0) made.signed_by = public_key{1, 2, 3};
  return made;
}

bool fits_schema(const std::string& folder, const std::string& lines) {
  std::ofstream(folder + "/manifests") << lines;
  auto check = "/usr/bin/python3 '" + std::string(CHECK_MANIFESTS) + "' '" MANIFEST_SCHEMA "' '"
               + folder + "/manifests' >'" + folder + "/out'";
  return std::system(check.c_str()) == 0;
}

const json& asset_of(const json& document, std::size_t index) {
  return document.at("assets").at(index);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_manifest_is_read_as_it_was_written) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    std::mt19937_64 random(seed);
    random_pack from(random);
    auto made = manifest_of(from, random_options(random));
    auto text = must(to_text(made));
    BOOST_TEST(text.ends_with("}\n"));
    BOOST_TEST(is_utf8(text));
    auto read = must(parse_manifest(text));
    BOOST_TEST((read == made), seed);
    BOOST_TEST((must(to_text(read)) == text));
  }
}

BOOST_AUTO_TEST_CASE(manifests_of_random_packs_fit_the_schema) {
  temp_folder space;
  std::string lines;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    std::mt19937_64 random(seed);
    random_pack from(random);
    lines += json::parse(must(to_text(manifest_of(from, random_options(random))))).dump() + "\n";
  }
  BOOST_TEST(fits_schema(space.path, lines));
  auto document = json::parse(lines.substr(0, lines.find('\n')));
  auto refused = [&](auto change) {
    auto changed = document;
    change(changed);
    return !fits_schema(space.path, changed.dump() + "\n");
  };
  BOOST_TEST(!refused([](json&) {}));
  BOOST_TEST(refused([](json& it) { it["more"] = 1; }));
  BOOST_TEST(refused([](json& it) { it.erase("log"); }));
  BOOST_TEST(refused([](json& it) { it["pack"]["created_at"] = "yesterday"; }));
  BOOST_TEST(refused([](json& it) { it["files"][0]["sha256"] = "x"; }));
}

BOOST_AUTO_TEST_CASE(it_says_what_is_known_and_no_more) {
  packs::snapshot pack;
  pack.pack = 7;
  pack.name = "Quiet forest";
  pack.license = "commercial";
  pack.created_at_us = pack.updated_at_us = some_time_us;
  pack.head_hash = std::string(64, 'a');
  packs::member plain;
  plain.asset = 1;
  plain.path = "/home/ada/secret/pine 1.png";
  plain.sha256 = std::string(64, '1');
  plain.type = "image";
  plain.provenance = "user_provided";
  auto full = plain;
  full.asset = 2;
  full.path = "/home/ada/secret/\xff.png";
  full.provenance = "enhanced";
  full.duration_sec = 1.2345;
  full.dpi_x = 299.9994;
  full.width = -1;
  full.tool = "a tool";
  full.prompt = std::string(5000, 'p');
  pack.members = {plain, full};
  std::vector<packs::entry> given{text_entry(readme_name, "a"),
                                  text_entry(license_name, "b"),
                                  {"assets/1.png", std::string(64, '1'), 5, "", asset_id{1}},
                                  {"assets/2.png", std::string(64, '2'), 6, "", asset_id{2}}};
  auto document = json::parse(must(to_text(must(make_manifest(pack, given, {})))));
  BOOST_TEST(document["pack"]["created_at"] == "2026-01-02T03:04:05.123456Z");
  BOOST_TEST(document["pack"]["theme"].is_null());
  BOOST_TEST(document["signed_by"].is_null());
  BOOST_TEST(document["ai_disclosure"] == true);
  BOOST_TEST(document["engine"]["version"] == PODSTUDIO_VERSION);
  BOOST_TEST(asset_of(document, 0)["original_name"] == "pine 1.png");
  BOOST_TEST(asset_of(document, 0)["media"].empty());
  BOOST_TEST(!asset_of(document, 0).contains("original_sha256"));
  BOOST_TEST(!asset_of(document, 0).contains("generation"));
  BOOST_TEST(asset_of(document, 1)["original_name"] == "\\xff.png");
  BOOST_TEST(asset_of(document, 1)["original_sha256"] == std::string(64, '1'));
  BOOST_TEST(asset_of(document, 1)["media"].dump() == R"({"dpi_x":300,"duration_ms":1235})");
  BOOST_TEST(!asset_of(document, 1).contains("generation"));
  auto allowed =
      json::parse(must(to_text(must(make_manifest(pack, given, {.allow_generation = true})))));
  BOOST_TEST(asset_of(allowed, 1)["generation"]["tool"] == "a tool");
  BOOST_TEST(asset_of(allowed, 1)["generation"]["prompt"] == std::string(4096, 'p'));
  for (const auto& each : {document, allowed})
    BOOST_TEST(each.dump().find("/home") == std::string::npos);
  pack.members.pop_back();
  REQUIRE_FAILS(make_manifest(pack, given, {}), error_code::invalid_argument);
  given.pop_back();
  document = json::parse(must(to_text(must(make_manifest(pack, given, {})))));
  BOOST_TEST(document["ai_disclosure"] == false);
}

BOOST_AUTO_TEST_CASE(only_what_is_written_is_read) {
  auto text = must(to_text(manifest_of(small_pack(), {.allow_generation = true})));
  REQUIRE_OK(parse_manifest(text));
  auto refused = [](const std::string& changed) {
    auto read = parse_manifest(changed);
    BOOST_REQUIRE(!read);
    BOOST_TEST((read.failure().code == error_code::damaged
                || read.failure().code == error_code::newer_version));
    BOOST_TEST(is_utf8(read.failure().message));
    BOOST_TEST(read.failure().message.size() < 300u);
  };
  for (std::size_t i = 0; i < text.size(); ++i)
    for (int bits : {0x01, 0x20, 0xff}) {
      auto changed = text;
      changed[i] = static_cast<char>(changed[i] ^ bits);
      // Another value of a field may be a manifest, too: then it is written as it was read.
      if (auto read = parse_manifest(changed); read)
        BOOST_TEST((must(to_text(*read)) == changed));
      else
        refused(changed);
    }
  for (std::size_t i = 0; i < text.size(); ++i)
    refused(text.substr(0, i));
  auto document = json::parse(text);
  refused(document.dump());
  refused(document.dump(2));
  refused(text + "\n");
  refused(" " + text);
  for (const auto& [key, value] : document.items()) {
    auto changed = document;
    changed.erase(key);
    refused(changed.dump(2) + "\n");
    for (const auto& other : {json(), json(-1), json(1.5), json("x"), json::array({1}),
                              json::object({{"a", 1}}), json(true), json(false)}) {
      changed[key] = other;
      if (auto read = parse_manifest(changed.dump(2) + "\n"); !read)
        refused(changed.dump(2) + "\n");
      else
        BOOST_TEST((must(to_text(*read)) == changed.dump(2) + "\n"), key);
    }
  }
  auto refuses = [&](const char* at, const json& value) {
    auto changed = document;
    changed[json::json_pointer(at)] = value;
    refused(changed.dump(2) + "\n");
  };
  refuses("/part", 0);
  refuses("/parts", 0);
  refuses("/pack/id", 0);
  refuses("/pack/license", "none");
  refuses("/assets/0/type", "program");
  refuses("/assets/0/provenance", "");
  refuses("/assets/0/original_sha256", "x");
  refuses("/assets/0/original_sha256", std::string(64, 'A'));
  document["more"] = 1;
  refused(document.dump(2) + "\n");
  // A key that comes twice.
  auto twice = text;
  twice.insert(2, "  \"ai_disclosure\": true,\n");
  refused(twice);
}

BOOST_AUTO_TEST_CASE(a_later_format_is_named_as_such) {
  auto document = json::parse(must(to_text(manifest_of(small_pack()))));
  document["format"]["version"] = 2;
  REQUIRE_FAILS(parse_manifest(document.dump(2) + "\n"), error_code::newer_version);
  document["format"] = {{"name", "other"}, {"version", 1}};
  REQUIRE_FAILS(parse_manifest(document.dump(2) + "\n"), error_code::damaged);
}

BOOST_AUTO_TEST_CASE(bounds_are_kept) {
  REQUIRE_FAILS(parse_manifest(std::string(manifest_bytes_max + 1, ' ')), error_code::damaged);
  REQUIRE_FAILS(parse_manifest(std::string(1'000'000, '[')), error_code::damaged);
  std::string deep = "{\"assets\":" + std::string(20, '[') + std::string(20, ']') + "}";
  REQUIRE_FAILS(parse_manifest(deep), error_code::damaged);
  manifest huge = manifest_of(small_pack());
  huge.files.resize(manifest_values_max / 7 + 1, {"a", std::string(64, '0'), 1});
  REQUIRE_FAILS(to_text(huge), error_code::refused);
}

BOOST_AUTO_TEST_CASE(a_time_before_1970_is_rounded_down) {
  BOOST_TEST(archive_time(0) == 0);
  BOOST_TEST(archive_time(1'999'999) == 1);
  BOOST_TEST(archive_time(-1) == -1);
  BOOST_TEST(archive_time(-1'000'000) == -1);
  BOOST_TEST(archive_time(-1'000'001) == -2);
}

BOOST_AUTO_TEST_CASE(contents_are_completed_in_their_order) {
  auto from = small_pack();
  temp_folder space;
  auto key = must(signing_key::ensure(space.path + "/key.pem"));
  auto entries = entries_of(from.pack, {}, &key);
  const std::vector<std::string> first{"README.md",         "LICENSE.txt",       "store_copy.txt",
                                       "manifest.json",     "manifest.json.sig", "checksums.txt",
                                       "previews/sheet.jpg"};
  BOOST_REQUIRE(entries.size() == first.size() + from.pack.members.size());
  for (std::size_t i = 0; i < entries.size(); ++i)
    BOOST_TEST(
        (i < first.size() ? entries[i].name == first[i] : entries[i].name.starts_with("assets/")));
  BOOST_TEST(is_signed_by(key.public_key(), entries[3].text, entries[4].text));
  auto unsigned_entries = entries_of(from.pack, {.signed_by = key.public_key()}, nullptr);
  BOOST_TEST(unsigned_entries.size() + 1 == entries.size());
  BOOST_TEST(json::parse(unsigned_entries[3].text)["signed_by"].is_null());
}

BOOST_AUTO_TEST_CASE(contents_that_would_be_no_archive_are_refused) {
  auto from = small_pack();
  auto refused = [&](auto change) {
    auto given = texts_of(from.pack);
    change(given);
    return !complete_contents(from.pack, given, {}, nullptr);
  };
  using entries = std::vector<packs::entry>;
  BOOST_TEST(!refused([](entries&) {}));
  BOOST_TEST(refused([](entries& it) { it.erase(it.begin()); }));
  BOOST_TEST(refused([](entries& it) { it.erase(it.begin() + 1); }));
  for (const char* name : {"checksums.txt", "manifest.json", "manifest.json.sig", "readme.md",
                           "a:b", "../a", "previews", "", "README.md/a"})
    BOOST_TEST(refused([&](entries& it) { it.push_back(text_entry(name, "x")); }), name);
  BOOST_TEST(refused([&](entries& it) { it.at(2).asset = from.pack.members.front().asset; }));
  BOOST_TEST(refused([](entries& it) {
    it.push_back({"assets/a", std::string(64, 'a'), 1, "", asset_id{99}});
  }));
}
