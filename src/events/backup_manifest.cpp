// SPDX-License-Identifier: MIT
#include "events/backup_manifest.hpp"

#include "events/file_system.hpp"
#include "platform/text.hpp"

#include <nlohmann/json.hpp>

#include <vector>

namespace podstudio {

namespace {

using nlohmann::json;

constexpr std::uint64_t format_version = 1;
constexpr std::uint64_t manifest_bytes_max = 4096;

error damaged(const std::string& path, const std::string& what) {
  return {
      error_code::damaged,
      "the backup is damaged: " + in_quotes(path) + " " + what
          + "; nothing was changed; make a new backup in another folder, or put this file back"};
}

/// A value of the manifest; null where it is missing.
const json& value(const json& document, const char* key) {
  static const json none;
  auto found = document.find(key);
  return found == document.end() ? none : *found;
}

std::uint64_t number(const json& document, const char* key) {
  auto& found = value(document, key);
  return found.is_number_unsigned() ? found.get<std::uint64_t>() : UINT64_MAX;
}

std::string text(const json& document, const char* key) {
  auto& found = value(document, key);
  return found.is_string() ? found.get<std::string>() : std::string();
}

result<backup_manifest> parse(const std::string& bytes, const std::string& path) {
  auto document = json::parse(bytes, nullptr, false);
  if (!document.is_object()) return damaged(path, "is not a JSON object");
  auto format = number(document, "format");
  if (format == UINT64_MAX || format == 0) return damaged(path, "has no valid 'format'");
  if (format > format_version)
    return error{
        error_code::newer_version,
        in_quotes(path) + " has format " + std::to_string(format)
            + ", but this version knows only formats up to " + std::to_string(format_version)
            + "; nothing was changed; use the PODStudio version that wrote it, or a later one"};
  backup_manifest manifest;
  auto& head = manifest.head;
  head.sequence = number(document, "head_sequence");
  manifest.last_segment_bytes = number(document, "last_segment_bytes");
  auto at = parse_timestamp(text(document, "at"));
  if (!parse_uuid(text(document, "log"), manifest.log)) return damaged(path, "has no valid 'log'");
  if (head.sequence == UINT64_MAX) return damaged(path, "has no valid 'head_sequence'");
  if (!from_hex(text(document, "head_hash"), head.hash.data(), head.hash.size()))
    return damaged(path, "has no valid 'head_hash'");
  if (manifest.last_segment_bytes == UINT64_MAX)
    return damaged(path, "has no valid 'last_segment_bytes'");
  if (!at) return damaged(path, "has no valid 'at'");
  manifest.at_us = *at;
  return manifest;
}

std::string to_text(const backup_manifest& manifest) {
  json document = {{"format", format_version},
                   {"log", to_string(manifest.log)},
                   {"head_sequence", manifest.head.sequence},
                   {"head_hash", to_hex(manifest.head.hash)},
                   {"last_segment_bytes", manifest.last_segment_bytes},
                   {"at", to_timestamp(manifest.at_us)}};
  return document.dump(2) + "\n";
}

}  // namespace

std::string backup_log_folder(const std::string& folder) { return folder + "/log"; }

result<std::optional<backup_manifest>> read_backup_manifest(file_system& files,
                                                            const std::string& folder) {
  auto path = backup_manifest_path(folder);
  auto opened = files.open(path, open_mode::read);
  if (!opened && opened.failure().code == error_code::not_found)
    return std::optional<backup_manifest>();
  if (!opened) return opened.failure();
  std::vector<std::uint8_t> bytes(manifest_bytes_max + 1);
  auto count = (*opened)->read_at(0, bytes);
  if (!count) return count.failure();
  if (*count > manifest_bytes_max)
    return damaged(path, "is larger than " + std::to_string(manifest_bytes_max) + " bytes");
  auto manifest =
      parse(std::string(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(*count)), path);
  if (!manifest) return manifest.failure();
  return std::optional(*manifest);
}

result<void> write_backup_manifest(file_system& files, const std::string& folder,
                                   const backup_manifest& manifest) {
  auto path = backup_manifest_path(folder);
  auto aside = folder + "/" + std::string(backup_manifest_aside);
  if (auto removed = remove_if_there(files, aside); !removed) return removed;
  auto created = files.open(aside, open_mode::create);
  if (!created) return created.failure();
  auto bytes = to_text(manifest);
  auto written = (*created)->write_at(
      0, std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
  if (!written) return written;
  if (auto synced = (*created)->sync_all(); !synced) return synced;
  if (auto renamed = files.rename(aside, path); !renamed) return renamed;
  return files.sync_folder(folder);
}

}  // namespace podstudio
