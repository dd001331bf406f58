// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE archive_verify
#include <boost/test/unit_test.hpp>

#include "archive/verify.hpp"
#include "archive/zip_reader.hpp"
#include "platform/little_endian.hpp"
#include "platform/text.hpp"
#include "support/made_archive.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

using namespace archive_test;

namespace {

struct signed_pack {
  temp_folder space;
  signing_key key = must(signing_key::ensure(space.path + "/key.pem"));
  signing_key other = must(signing_key::ensure(space.path + "/other.pem"));
  random_pack from = small_pack();
  dos_time time = time_of(from.pack);
  std::vector<named_content> files = files_of(from, {}, &key);

  std::string& content(std::string_view name) {
    auto found = std::ranges::find(files, name, &named_content::name);
    if (found == files.end()) throw std::runtime_error("no such file");
    return found->content;
  }
  void remove(std::string_view name) {
    std::erase_if(files, [&](const named_content& each) { return each.name == name; });
  }
  /// Makes the checksums fit again.
  void sum_again() {
    std::string sums;
    for (const auto& each : files)
      if (each.name != checksums_name)
        sums += checksum_line(to_hex(sha256().of(each.content)), each.name);
    content(checksums_name) = sums;
  }
  /// Changes the manifest and makes signature and checksums fit again.
  template <class Change>
  void change_manifest(Change change, bool sign = true) {
    auto read = must(parse_manifest(content(manifest_name)));
    change(read);
    content(manifest_name) = must(to_text(read));
    if (sign) content(signature_name) = key.sign(content(manifest_name));
    sum_again();
  }
  std::string bytes() const { return zip_of(files, time); }

  verify_report check(const verify_options& options = {}) const {
    auto file = file_of(bytes());
    return must(verify(file.get(), options));
  }
  /// Whether exactly this is wrong.
  void must_find(const std::string& entry, const std::string& problem,
                 const verify_options& options = {}) const {
    auto report = check(options);
    std::string all;
    bool found = false;
    for (const auto& each : report.findings) {
      all += each.entry + " " + each.problem + "\n";
      found = found || (each.entry == entry && each.problem.find(problem) != std::string::npos);
    }
    BOOST_TEST(found, "looked for '" << problem << "' of " << entry << ", found:\n" << all);
    BOOST_TEST(report.findings_count == 1u, all);
  }
};

std::string findings_of(const verify_report& report) {
  std::string all;
  for (const auto& each : report.findings)
    all += each.entry + " " + each.problem + "\n";
  return all;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(an_exported_pack_is_intact, signed_pack) {
  auto report = check();
  BOOST_TEST(report.is_intact(), findings_of(report));
  BOOST_TEST((report.pack == from.pack.name));
  BOOST_TEST(report.files == files.size());
  BOOST_TEST(report.bytes == bytes().size());
  BOOST_TEST((report.signed_by == fingerprint(key.public_key())));
  auto unsigned_file = file_of(archive_of(from));
  auto unsigned_report = must(verify(unsigned_file.get()));
  BOOST_TEST(unsigned_report.is_intact(), findings_of(unsigned_report));
  BOOST_TEST(!unsigned_report.signed_by.has_value());
}

BOOST_AUTO_TEST_CASE(exports_of_random_packs_are_intact_and_the_same_each_time) {
  temp_folder space;
  auto key = must(signing_key::ensure(space.path + "/key.pem"));
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 random(seed);
    random_pack from(random, 30);
    manifest_options options{.allow_generation = random() % 2 == 0};
    auto* signer = random() % 2 == 0 ? &key : nullptr;
    auto bytes = archive_of(from, options, signer);
    auto file = file_of(bytes);
    auto report = must(verify(file.get()));
    BOOST_TEST(report.is_intact(), findings_of(report));
    BOOST_TEST((archive_of(from, options, signer) == bytes));
  }
}

BOOST_FIXTURE_TEST_CASE(every_change_of_one_byte_is_found, signed_pack) {
  auto whole = bytes();
  BOOST_TEST_MESSAGE(whole.size() << " bytes");
  auto file = file_of(whole);
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (int bits : {0x01, 0xff}) {
      char changed = static_cast<char>(whole[i] ^ bits);
      BOOST_REQUIRE(write_all_at(file.get(), {&changed, 1}, i));
      auto report = must(verify(file.get()));
      if (report.is_intact() || report.findings.empty())
        BOOST_ERROR("a change of byte " << i << " by " << bits << " is not found");
      BOOST_REQUIRE(write_all_at(file.get(), {&whole[i], 1}, i));
    }
  BOOST_TEST(must(verify(file.get())).is_intact());
}

BOOST_FIXTURE_TEST_CASE(every_cut_and_every_added_byte_is_found, signed_pack) {
  auto whole = bytes();
  for (std::size_t size = 0; size < whole.size(); size += size < 200 ? 1 : 37)
    BOOST_TEST(!must(verify(file_of(whole.substr(0, size)).get())).is_intact(), size);
  for (const std::string& more : {std::string("\0", 1), std::string("PK\5\6")})
    for (std::size_t at : {std::size_t{0}, std::size_t{30}, whole.size() - 22, whole.size()}) {
      auto changed = whole;
      changed.insert(at, more);
      BOOST_TEST(!must(verify(file_of(changed).get())).is_intact(), at);
    }
}

BOOST_FIXTURE_TEST_CASE(a_damaged_content_is_named_once, signed_pack) {
  auto whole = bytes();
  auto report_of = [&](std::string_view name) {
    auto listing = must(read_listing(file_of(whole).get()));
    auto index = static_cast<std::size_t>(std::ranges::find(listing.entries, name, &zip_entry::name)
                                          - listing.entries.begin());
    auto changed = whole;
    changed[listing.layout.content_offsets[index]] ^= 1;
    return must(verify(file_of(changed).get()));
  };
  for (const char* name : {"README.md", "manifest.json", "manifest.json.sig", "checksums.txt"}) {
    auto report = report_of(name);
    BOOST_TEST(report.findings_count >= 1u);
    BOOST_TEST(report.findings[0].entry == name);
    BOOST_TEST(report.findings[0].problem.find("CRC-32") != std::string::npos);
    BOOST_TEST(report.findings_count == (name == std::string("manifest.json.sig") ? 2u : 1u),
               findings_of(report));
  }
}

BOOST_FIXTURE_TEST_CASE(a_content_with_its_crc_made_right_is_found_by_its_digest, signed_pack) {
  content("README.md") = "# Another\n";
  must_find("README.md", "SHA-256 in checksums.txt");
  sum_again();
  must_find("README.md", "SHA-256 in manifest.json");
  change_manifest(
      [&](manifest& it) {
        auto& file = it.files.at(0);
        file.sha256 = to_hex(sha256().of(content("README.md")));
        file.size_bytes = content("README.md").size();
      },
      false);
  must_find("manifest.json.sig", "is not the signature");
  content(signature_name) = other.sign(content(manifest_name));
  sum_again();
  must_find("manifest.json.sig", "is not the signature");
  change_manifest([&](manifest& it) { it.signed_by = other.public_key(); }, false);
  content(signature_name) = other.sign(content(manifest_name));
  sum_again();
  // Whoever makes all anew is another seller, which only the seller's key shows.
  BOOST_TEST(check().is_intact());
  BOOST_TEST((check().signed_by == fingerprint(other.public_key())));
  must_find("manifest.json", "is not signed with the key", {.signed_by = key.public_key()});
}

BOOST_FIXTURE_TEST_CASE(a_key_can_be_required, signed_pack) {
  BOOST_TEST(check({.signed_by = key.public_key()}).is_intact());
  must_find("manifest.json", fingerprint(other.public_key()), {.signed_by = other.public_key()});
  files = files_of(from, {}, nullptr);
  BOOST_TEST(check().is_intact());
  must_find("manifest.json", "is not signed", {.signed_by = key.public_key()});
}

BOOST_FIXTURE_TEST_CASE(a_missing_signature_is_found, signed_pack) {
  remove(signature_name);
  sum_again();
  must_find("manifest.json.sig", "is missing");
}

BOOST_FIXTURE_TEST_CASE(a_signature_that_nobody_names_is_found, signed_pack) {
  change_manifest([](manifest& it) { it.signed_by.reset(); });
  must_find("manifest.json.sig", "does not say who");
}

BOOST_FIXTURE_TEST_CASE(a_signature_of_another_length_is_found, signed_pack) {
  content(signature_name) += "x";
  sum_again();
  must_find("manifest.json.sig", "is not the signature");
}

BOOST_FIXTURE_TEST_CASE(missing_files_are_found, signed_pack) {
  for (const char* name : {"README.md", "LICENSE.txt"}) {
    auto kept = files;
    change_manifest([&](manifest& it) {
      std::erase_if(it.files, [&](const manifest_file& each) { return each.name == name; });
    });
    remove(name);
    sum_again();
    must_find(name, "is missing");
    files = kept;
  }
  auto kept = files;
  remove(checksums_name);
  must_find("checksums.txt", "is missing");
  files = kept;
  remove(manifest_name);
  sum_again();
  must_find("manifest.json", "is missing");
}

BOOST_FIXTURE_TEST_CASE(files_that_only_one_side_lists_are_found, signed_pack) {
  auto kept = files;
  files.push_back({"assets/zz.png", "more"});
  sum_again();
  must_find("assets/zz.png", "is not listed");
  files = kept;
  auto last = files.back().name;
  files.pop_back();
  sum_again();
  must_find(last, "is not in the archive");
  files = kept;
  change_manifest([](manifest& it) { it.assets.push_back(it.assets.back()); });
  must_find(last, "where it may not be");
  files = kept;
  change_manifest([&](manifest& it) {
    it.files.push_back({"checksums.txt", std::string(64, '0'), 1});
  });
  must_find("checksums.txt", "where it may not be");
}

BOOST_FIXTURE_TEST_CASE(another_order_is_found, signed_pack) {
  auto kept = files;
  std::swap(files[0], files[1]);
  sum_again();
  must_find("LICENSE.txt", "is not in its place");
  files = kept;
  std::swap(files[files.size() - 1], files[files.size() - 2]);
  sum_again();
  must_find(files[files.size() - 2].name, "is not in its place");
  files = kept;
  change_manifest([](manifest& it) { std::swap(it.files.at(0), it.files.at(1)); });
  must_find("manifest.json", "the archive's order");
  files = kept;
  auto& sums = content(checksums_name);
  auto line = sums.find('\n') + 1;
  sums = sums.substr(line) + sums.substr(0, line);
  BOOST_TEST(!check().is_intact());
}

BOOST_FIXTURE_TEST_CASE(a_text_of_the_archive_is_no_asset, signed_pack) {
  change_manifest([](manifest& it) {
    auto text = std::ranges::find(it.files, store_copy_name, &manifest_file::name);
    static_cast<manifest_file&>(it.assets.emplace_back(it.assets.back())) = *text;
    it.files.erase(text);
  });
  BOOST_TEST(findings_of(check()).find("manifest.json lists 'store_copy.txt' as an asset")
             != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(another_time_is_found, signed_pack) {
  time = to_dos_time(archive_time(from.pack.updated_at_us) + 2);
  must_find("", "date");
}

BOOST_FIXTURE_TEST_CASE(other_checksums_are_found, signed_pack) {
  auto kept = content(checksums_name);
  content(checksums_name) = kept + "x";
  must_find("checksums.txt", "does not list exactly");
  content(checksums_name) = "";
  must_find("checksums.txt", "does not list exactly");
  content(checksums_name) = kept;
  content(checksums_name)[0] ^= 1;
  must_find("README.md", "checksums.txt");
}

BOOST_FIXTURE_TEST_CASE(a_manifest_that_is_none_is_found, signed_pack) {
  for (const std::string text : {"", "{}", "[]", "null", "{\"format\":", "\xff"}) {
    content(manifest_name) = text;
    sum_again();
    auto report = check();
    BOOST_TEST(report.findings_count == 1u, findings_of(report));
    BOOST_TEST(report.findings[0].entry == "manifest.json");
    BOOST_TEST(!report.pack.has_value());
  }
}

BOOST_FIXTURE_TEST_CASE(an_archive_of_many_files_is_intact, signed_pack) {
  constexpr std::size_t count = 66'000;
  std::vector<packs::entry> given = texts_of(from.pack);
  from.pack.members.clear();
  for (std::size_t i = 0; i < count; ++i)
    given.push_back(text_entry("f/" + std::to_string(i), "x"));
  files.clear();
  for (auto& each : must(complete_contents(from.pack, std::move(given), {}, &key)))
    files.push_back({each.name, each.text});
  auto report = check();
  BOOST_TEST(report.is_intact(), findings_of(report));
  BOOST_TEST(report.files > 0xffffu);
}

BOOST_FIXTURE_TEST_CASE(findings_are_bounded, signed_pack) {
  for (std::size_t i = 0; i < findings_max + 500; ++i)
    files.push_back({"more/" + std::to_string(i), ""});
  sum_again();
  auto report = check();
  BOOST_TEST(report.findings.size() == findings_max);
  BOOST_TEST(report.findings_count == findings_max + 500);
}

BOOST_FIXTURE_TEST_CASE(it_can_be_watched_and_stopped, signed_pack) {
  auto file = file_of(bytes());
  std::uint64_t last = 0, total = 0;
  verify_options options;
  options.watch = [&](std::uint64_t done, std::uint64_t all) {
    BOOST_TEST(done >= last);
    last = done;
    total = all;
    return true;
  };
  REQUIRE_OK(verify(file.get(), options));
  BOOST_TEST(last == total);
  BOOST_TEST(total > 0u);
  options.watch = [](std::uint64_t, std::uint64_t) { return false; };
  REQUIRE_FAILS(verify(file.get(), options), error_code::stopping);
}
