// SPDX-License-Identifier: MIT
#pragma once

#include "archive/content.hpp"
#include "archive/contents.hpp"
#include "archive/layout.hpp"
#include "archive/manifest.hpp"
#include "archive/names.hpp"
#include "archive/zip.hpp"
#include "must.hpp"
#include "platform/files.hpp"
#include "platform/sha256.hpp"
#include "platform/unique_fd.hpp"

#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

/// Archives for tests, in memory, made by the same functions as an export's.
namespace archive_test {

using namespace podstudio;
using namespace podstudio::archive;

/// An open file in memory.
inline unique_fd file_of(std::string_view bytes) {
  unique_fd fd(::memfd_create("archive", MFD_CLOEXEC));
  if (!fd || !write_all_at(fd.get(), bytes, 0)) throw std::runtime_error("no file in memory");
  return fd;
}

struct named_content {
  std::string name, content;
};

inline zip_entry entry_of(const named_content& file) {
  auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(file.content.data()), file.content.size());
  return {file.name, file.content.size(), static_cast<std::uint32_t>(crc)};
}

inline std::vector<zip_entry> entries_of(const std::vector<named_content>& files) {
  std::vector<zip_entry> entries;
  for (const auto& each : files)
    entries.push_back(entry_of(each));
  return entries;
}

/// The canonical archive of these files, whatever their names.
inline std::string zip_of(const std::vector<named_content>& files, const dos_time& time) {
  auto entries = entries_of(files);
  auto layout = must(lay_out(entries));
  std::string bytes;
  for (std::size_t i = 0; i < files.size(); ++i)
    bytes += local_header(entries[i], time) + files[i].content;
  return bytes + directory(entries, layout, time);
}

constexpr std::int64_t some_time_us = 1'767'323'045'123'456;  // 2026-01-02 03:04:05.123456 UTC

/// A text of random characters, among them some that need escaping in JSON.
inline std::string random_text(std::mt19937_64& random, std::size_t length_max = 40) {
  static constexpr const char* characters[] = {
      "a",  "b",    "Z", "0",      " ",       ".",      "-",          "\"",     "\\", "\n",
      "\t", "\x01", "/", "\u00e9", "e\u0301", "\u6f22", "\U0001f408", "\u202e", "<",  "%"};
  std::string text;
  for (auto left = random() % (length_max + 1); left > 0; --left)
    text += characters[random() % std::size(characters)];
  return text;
}

/// A pack with assets of random facts, and the content of each.
struct random_pack {
  packs::snapshot pack;
  std::map<asset_id, std::string> contents;

  explicit random_pack(std::mt19937_64& random, std::size_t assets_max = 12) {
    pack.pack = static_cast<pack_id>(random() % 1000 + 1);
    pack.name = "Pack " + random_text(random);
    if (random() % 2 == 0) pack.theme = random_text(random);
    if (random() % 2 == 0) pack.description = random_text(random, 400);
    static constexpr const char* licenses[] = {"royalty_free", "attribution", "commercial",
                                               "personal"};
    pack.license = licenses[random() % std::size(licenses)];
    pack.created_at_us = some_time_us - static_cast<std::int64_t>(random() % 1'000'000'000'000);
    pack.updated_at_us = some_time_us + static_cast<std::int64_t>(random() % 1'000'000'000'000);
    pack.sequence = random() % 1'000'000;
    pack.head_hash = to_hex(sha256().of(pack.name));
    for (auto left = random() % (assets_max + 1); left > 0; --left)
      add_member(random);
  }

private:
  void add_member(std::mt19937_64& random) {
    auto maybe = [&] { return random() % 2 == 0; };
    packs::member made;
    made.asset = static_cast<asset_id>(pack.members.size() + 1);
    auto content = random_text(random, 300);
    made.path = "/home/ada/" + random_text(random) + "/" + std::to_string(random() % 3) + ".png";
    made.sha256 = to_hex(sha256().of(content));
    made.size_bytes = content.size();
    static constexpr const char* types[] = {"image", "audio", "video"};
    made.type = types[random() % std::size(types)];
    static constexpr const char* provenances[] = {"unknown", "ai_generated", "user_provided",
                                                  "enhanced"};
    made.provenance = provenances[random() % std::size(provenances)];
    if (maybe()) made.source = random_text(random);
    if (maybe()) made.width = random() % 10'000, made.height = random() % 10'000;
    if (maybe()) made.duration_sec = static_cast<double>(random() % 1'000'000) / 997;
    if (maybe()) made.samplerate_hz = 44'100;
    if (maybe()) made.mime = "image/png";
    if (maybe()) made.alpha_present = maybe(), made.alpha_used = maybe();
    if (maybe()) made.dpi_x = 299.9994, made.dpi_y = 72;
    if (maybe()) made.tool = random_text(random);
    if (maybe()) made.model = random_text(random);
    if (maybe()) made.prompt = random_text(random, 3000);
    contents.emplace(made.asset, std::move(content));
    pack.members.push_back(std::move(made));
  }
};

/// What an export adds to the assets.
inline std::vector<packs::entry> texts_of(const packs::snapshot& pack) {
  std::vector<packs::entry> given;
  given.push_back(text_entry(readme_name, "# A pack\n"));
  given.push_back(text_entry(license_name, "License: " + pack.license + "\n"));
  given.push_back(text_entry(store_copy_name, "Buy it.\n"));
  given.push_back(text_entry("previews/sheet.jpg", "a sheet"));
  return given;
}

inline std::vector<packs::entry>
entries_of(const packs::snapshot& pack, const manifest_options& options, const signing_key* key) {
  auto given = texts_of(pack);
  unique_names names;
  for (const auto& each : pack.members) {
    auto name = names.add(safe_name(each.path.substr(each.path.rfind('/') + 1)));
    given.push_back(
        {std::string(assets_folder) + name, each.sha256, each.size_bytes, "", each.asset});
  }
  return must(complete_contents(pack, std::move(given), options, key));
}

/// The files of an exported pack in the archive's order.
inline std::vector<named_content> files_of(const random_pack& from, const manifest_options& options,
                                           const signing_key* key) {
  std::vector<named_content> files;
  for (const auto& each : entries_of(from.pack, options, key))
    files.push_back({each.name, each.asset ? from.contents.at(*each.asset) : each.text});
  return files;
}

inline dos_time time_of(const packs::snapshot& pack) {
  return to_dos_time(archive_time(pack.updated_at_us));
}

/// The whole archive.
inline std::string archive_of(const random_pack& from, const manifest_options& options = {},
                              const signing_key* key = nullptr) {
  return zip_of(files_of(from, options, key), time_of(from.pack));
}

/// A pack with three small assets.
inline random_pack small_pack() {
  for (std::uint64_t seed = 1;; ++seed) {
    std::mt19937_64 random(seed);
    if (random_pack made(random, 3); made.pack.members.size() == 3) return made;
  }
}

}  // namespace archive_test
