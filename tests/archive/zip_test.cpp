// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE archive_zip
#include <boost/test/unit_test.hpp>

#include "archive/zip_reader.hpp"
#include "platform/text.hpp"
#include "support/made_archive.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/wait.h>

// Archives as they are written, read again by us and by others.

using namespace archive_test;

namespace {

zip_listing read(std::string_view bytes) { return must(read_listing(file_of(bytes).get())); }

std::string unhex(std::string_view digits) {
  std::string compact;
  for (char c : digits)
    if (c != ' ') compact += c;
  std::string bytes(compact.size() / 2, '\0');
  BOOST_REQUIRE(from_hex(compact, reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()));
  return bytes;
}

const dos_time some_time = to_dos_time(some_time_us / 1'000'000);

const std::vector<named_content> some_files{
    {"README.md", "# read me\n"},
    {"empty.txt", ""},
    {"assets/caf\u00e9.png", std::string("\x89PNG\0", 5)},
    {"assets/\u6f22\U0001f408.wav", std::string(70'000, 'x')}};

/// Runs a command of the shell; its output, if it ends with 0.
std::optional<std::string> output_of(const std::string& command, const std::string& folder) {
  auto status = std::system(("cd '" + folder + "' && (" + command + ") >../out 2>&1").c_str());
  std::ifstream in(folder + "/../out", std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  BOOST_TEST_MESSAGE(command << "\n" << text.substr(0, 2000));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return text;
}

bool is_installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

struct folder_of_archive {
  temp_folder space;
  std::string folder = space.path + "/work";

  folder_of_archive() { std::filesystem::create_directory(folder); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(an_archive_of_one_file_has_these_bytes) {
  auto bytes = zip_of({{"a.txt", "hello"}}, some_time);
  auto expected = unhex("504b0304 0a00 0008 0000 8218 225c 86a61036 05000000 05000000 0500 0000")
                  + "a.txthello"
                  + unhex("504b0102 2d03 0a00 0008 0000 8218 225c 86a61036 05000000 05000000 0500"
                          "0000 0000 0000 0000 0000a481 00000000")
                  + "a.txt" + unhex("504b0506 0000 0000 0100 0100 33000000 28000000 0000");
  BOOST_TEST(printable(bytes) == printable(expected));
}

BOOST_AUTO_TEST_CASE(what_was_written_is_read) {
  auto listing = read(zip_of(some_files, some_time));
  BOOST_REQUIRE(!listing.flaw.has_value());
  BOOST_TEST((listing.entries == entries_of(some_files)));
  BOOST_TEST((listing.time == some_time));
  auto bytes = zip_of(some_files, some_time);
  BOOST_TEST(listing.layout.archive_bytes == bytes.size());
  for (std::size_t i = 0; i < some_files.size(); ++i) {
    const auto& content = some_files[i].content;
    BOOST_TEST((bytes.substr(listing.layout.content_offsets[i], content.size()) == content));
  }
  auto empty = read(zip_of({}, some_time));
  BOOST_TEST((!empty.flaw && empty.entries.empty()));
}

BOOST_AUTO_TEST_CASE(a_checksum_can_be_written_over_the_header_later) {
  auto entry = entry_of(some_files[0]);
  auto whole = local_header(entry, some_time);
  auto crc = entry.crc32;
  entry.crc32 = 0;
  auto patched = local_header(entry, some_time);
  for (std::size_t i = 0; i < 4; ++i)
    patched[local_crc_offset + i] = static_cast<char>(crc >> (8 * i));
  BOOST_TEST((patched == whole));
}

BOOST_AUTO_TEST_CASE(times_are_those_of_zip) {
  struct moment {
    std::int64_t unix_seconds;
    int year, month, day, hour, minute, second;
  };
  for (const auto& each :
       {moment{315'532'800, 1980, 1, 1, 0, 0, 0}, moment{315'532'801, 1980, 1, 1, 0, 0, 0},
        moment{0, 1980, 1, 1, 0, 0, 0}, moment{INT64_MIN, 1980, 1, 1, 0, 0, 0},
        moment{951'782'399, 2000, 2, 28, 23, 59, 58}, moment{951'782'400, 2000, 2, 29, 0, 0, 0},
        moment{4'354'819'199, 2107, 12, 31, 23, 59, 58},
        moment{4'354'819'200, 2107, 12, 31, 23, 59, 58},
        moment{INT64_MAX, 2107, 12, 31, 23, 59, 58}}) {
    auto made = to_dos_time(each.unix_seconds);
    BOOST_TEST_CONTEXT(each.unix_seconds) {
      BOOST_TEST(made.date >> 9 == each.year - 1980);
      BOOST_TEST((made.date >> 5 & 15) == each.month);
      BOOST_TEST((made.date & 31) == each.day);
      BOOST_TEST(made.time >> 11 == each.hour);
      BOOST_TEST((made.time >> 5 & 63) == each.minute);
      BOOST_TEST((made.time & 31) * 2 == each.second);
      BOOST_TEST(is_valid(made));
    }
  }
  for (auto wrong :
       {dos_time{0, 0}, dos_time{0, 13 << 5 | 1}, dos_time{0, 2 << 5 | 30},
        dos_time{30, 1 << 5 | 1}, dos_time{60 << 5, 1 << 5 | 1}, dos_time{24 << 11, 1 << 5 | 1}})
    BOOST_TEST(!is_valid(wrong));
}

BOOST_FIXTURE_TEST_CASE(other_programs_read_it, folder_of_archive) {
  write_file(folder + "/a.zip", zip_of(some_files, some_time));
  auto tested = output_of("unzip -t a.zip", folder);
  BOOST_TEST(tested.has_value());
  std::string expected;
  for (const auto& each : entries_of(some_files))
    expected += std::to_string(each.size_bytes) + " " + std::to_string(each.crc32)
                + " 2026-1-2-3-4-4 0o100644 " + each.name + "\n";
  auto listed = output_of("/usr/bin/python3 '" + std::string(CHECK_ZIP) + "' a.zip --read", folder);
  BOOST_TEST((listed == expected));
  if (is_installed("bsdtar"))
    BOOST_TEST(output_of("mkdir b && bsdtar -xf a.zip -C b", folder).has_value());
  for (const char* program : {"7z", "7zz"})
    if (is_installed(program))
      BOOST_TEST(output_of(std::string(program) + " t a.zip", folder).has_value());
  BOOST_TEST(output_of("unzip -q a.zip -d u", folder).has_value());
  for (const auto& each : some_files) {
    std::ifstream in(folder + "/u/" + each.name, std::ios::binary);
    BOOST_TEST((std::string{std::istreambuf_iterator<char>(in), {}} == each.content), each.name);
  }
}

BOOST_FIXTURE_TEST_CASE(an_exported_pack_passes_sha256sum, folder_of_archive) {
  auto key = must(signing_key::ensure(space.path + "/key.pem"));
  write_file(folder + "/a.zip", archive_of(small_pack(), {}, &key));
  BOOST_TEST(output_of("unzip -q a.zip -d u && cd u && sha256sum --strict -c checksums.txt", folder)
                 .has_value());
  auto files = output_of("find u -type f ! -name checksums.txt | wc -l", folder);
  auto lines = output_of("wc -l <u/checksums.txt", folder);
  BOOST_TEST((files && lines && *files == *lines));
}

BOOST_FIXTURE_TEST_CASE(an_archive_of_many_files_is_zip64, folder_of_archive) {
  std::vector<named_content> files;
  for (std::size_t some : {0xfffe, 0xffff, 0x1'0001}) {
    while (files.size() < some)
      files.push_back({"f" + std::to_string(files.size()), ""});
    auto bytes = zip_of(files, some_time);
    bool is_zip64 = bytes.find("PK\x06\x06") != std::string::npos;
    BOOST_TEST(is_zip64 == (some >= 0xffff));
    auto listing = read(bytes);
    BOOST_TEST(!listing.flaw.has_value(), (listing.flaw ? listing.flaw->problem : ""));
    BOOST_TEST(listing.entries.size() == some);
    write_file(folder + "/a.zip", bytes);
    auto counted =
        output_of("/usr/bin/python3 '" + std::string(CHECK_ZIP) + "' a.zip | wc -l", folder);
    BOOST_REQUIRE(counted.has_value());
    BOOST_TEST(std::stoul(*counted) == some);
  }
}

BOOST_FIXTURE_TEST_CASE(a_large_archive_is_zip64, folder_of_archive) {
  constexpr std::uint64_t limit = 0xffff'ffff;
  // Sizes below, at and above the limit; headers below and above it.
  const std::vector<zip_entry> entries{
      {"a", 5, 0x3610a686}, {"b", limit - 1, 1}, {"c", limit, 2}, {"d", limit + 1, 3}, {"e", 0, 0}};
  auto layout = must(lay_out(entries));
  unique_fd file(::open((folder + "/a.zip").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  BOOST_REQUIRE(bool(file));
  for (std::size_t i = 0; i < entries.size(); ++i)
    BOOST_REQUIRE(
        write_all_at(file.get(), local_header(entries[i], some_time), layout.header_offsets[i]));
  BOOST_REQUIRE(write_all_at(file.get(), "hello", layout.content_offsets[0]));
  BOOST_REQUIRE(
      write_all_at(file.get(), directory(entries, layout, some_time), layout.directory_offset));
  auto listing = must(read_listing(file.get()));
  BOOST_TEST(!listing.flaw.has_value());
  BOOST_TEST((listing.entries == entries));
  BOOST_TEST(layout.header_offsets[2] > limit);
  BOOST_TEST(layout.content_offsets[2] - layout.header_offsets[2] == 30u + 1 + 20);
  BOOST_TEST(layout.content_offsets[1] - layout.header_offsets[1] == 30u + 1);
  auto listed = output_of("/usr/bin/python3 '" + std::string(CHECK_ZIP) + "' a.zip", folder);
  BOOST_REQUIRE(listed.has_value());
  for (const auto& each : entries)
    BOOST_TEST(
        listed->find(std::to_string(each.size_bytes) + " " + std::to_string(each.crc32) + " ")
        != std::string::npos);
  if (is_installed("bsdtar")) BOOST_TEST(output_of("bsdtar -tf a.zip", folder).has_value());
}

BOOST_AUTO_TEST_CASE(bounds_are_kept_before_anything_is_written) {
  std::vector<zip_entry> many(entries_max + 1, zip_entry{"a", 0, 0});
  REQUIRE_FAILS(lay_out(many), error_code::refused);
  many.pop_back();
  REQUIRE_OK(lay_out(many));
  const zip_entry huge[] = {{"a", archive_bytes_max, 0}, {"b", 1, 0}};
  REQUIRE_FAILS(lay_out(huge), error_code::refused);
  // With its headers it is larger than the reader takes.
  const zip_entry largest[] = {{"a", archive_bytes_max - 100, 0}};
  REQUIRE_FAILS(lay_out(largest), error_code::refused);
  const zip_entry beyond[] = {{"a", UINT64_MAX, 0}};
  REQUIRE_FAILS(lay_out(beyond), error_code::refused);
  const zip_entry longest[] = {{std::string(path_bytes_max + 1, 'a'), 1, 0}};
  REQUIRE_FAILS(lay_out(longest), error_code::refused);
}
