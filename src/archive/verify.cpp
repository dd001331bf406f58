// SPDX-License-Identifier: MIT
#include "archive/verify.hpp"

#include "archive/content.hpp"
#include "archive/contents.hpp"
#include "archive/layout.hpp"
#include "archive/manifest.hpp"
#include "archive/zip_reader.hpp"
#include "platform/files.hpp"
#include "platform/parallel.hpp"
#include "platform/sha256.hpp"
#include "platform/text.hpp"
#include "platform/types.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <sys/stat.h>
#include <unordered_map>

namespace podstudio::archive {

namespace {

constexpr std::string_view get_again = "; get the archive again";
constexpr std::string_view ask_seller = "; ask the seller for the archive as it was exported";

class verification {
public:
  verification(int fd, const verify_options& options) : fd_(fd), options_(options) {}

  result<verify_report> run() {
    struct stat facts {};
    if (::fstat(fd_, &facts) != 0) return system_error()("cannot read the archive");
    report_.bytes = static_cast<std::uint64_t>(facts.st_size);
    auto listing = read_listing(fd_);
    if (!listing) return listing.failure();
    listing_ = *std::move(listing);
    if (listing_.flaw) {
      add(listing_.flaw->entry, listing_.flaw->problem);
      return std::move(report_);
    }
    report_.files = entries().size();
    if (auto summed = sum_contents(); !summed) return summed.failure();
    check_presence();
    if (auto checked = check_checksums(); !checked) return checked.failure();
    if (auto checked = check_manifest(); !checked) return checked.failure();
    return std::move(report_);
  }

private:
  struct part {
    std::uint64_t offset, size_bytes;  ///< within the archive
  };

  const std::vector<zip_entry>& entries() const noexcept { return listing_.entries; }

  void add(std::string_view entry, std::string problem) {
    if (++report_.findings_count <= findings_max)
      report_.findings.push_back({std::string(entry), std::move(problem)});
  }
  void add(std::string_view entry, std::string_view problem, std::string_view remedy) {
    add(entry, std::string(problem) + std::string(remedy));
  }

  /// Of an entry whose content is wrong, one finding says enough.
  void add_content(std::size_t index, std::string_view problem) {
    if (is_wrong_[index]) return;
    is_wrong_[index] = true;
    add(entries()[index].name, problem, get_again);
  }

  std::optional<std::size_t> find(std::string_view name) const {
    auto found = std::ranges::find(entries(), name, &zip_entry::name);
    if (found == entries().end()) return std::nullopt;
    return static_cast<std::size_t>(found - entries().begin());
  }

  /// The whole, where it is asked for, is read beside the entries, and first: it takes longest.
  result<void> sum_contents() {
    std::vector<part> parts;
    if (options_.digest_whole) parts.push_back({0, report_.bytes});
    for (std::size_t i = 0; i < entries().size(); ++i)
      parts.push_back({listing_.layout.content_offsets[i], entries()[i].size_bytes});
    auto sums = sum_parts(parts);
    if (!sums) return sums.failure();
    auto rest = std::span(*sums);
    if (options_.digest_whole) {
      report_.sha256 = rest.front().sha256;
      rest = rest.subspan(1);
    }
    is_wrong_.resize(entries().size());
    for (std::size_t i = 0; i < entries().size(); ++i) {
      if (rest[i].crc32 != entries()[i].crc32)
        add_content(i, "does not match its CRC-32: its content was changed or damaged");
      hashes_.push_back(rest[i].sha256);
    }
    return {};
  }

  result<std::vector<content_sums>> sum_parts(const std::vector<part>& parts) const {
    std::uint64_t done = 0, all = 0;
    for (const auto& each : parts)
      all += each.size_bytes;
    std::vector<content_sums> sums(parts.size());
    std::optional<error> failure;
    std::mutex telling;  // guards `done`, `failure` and the watch
    for_each_index(parts.size(), [&](std::size_t i) {
      std::uint64_t told = 0;
      auto watch = [&](std::uint64_t bytes) {
        std::lock_guard lock(telling);
        done += bytes - told;
        told = bytes;
        return !options_.watch || options_.watch(done, all);
      };
      auto summed = sum_content(fd_, parts[i].offset, parts[i].size_bytes, watch);
      if (summed) {
        sums[i] = *summed;
        return true;
      }
      std::lock_guard lock(telling);
      if (!failure) failure = summed.failure();
      return false;
    });
    if (failure) return *std::move(failure);
    return sums;
  }

  void check_presence() {
    for (auto needed : {readme_name, license_name, manifest_name, checksums_name})
      if (!find(needed)) add(needed, "is missing", ask_seller);
  }

  /// The content of an entry whose size is known to be within a bound: the bytes that were summed.
  result<std::string> content_of(std::size_t index) const {
    std::string bytes(entries()[index].size_bytes, '\0');
    auto got = read_at(fd_, bytes.data(), bytes.size(), listing_.layout.content_offsets[index]);
    if (!got) return system_error()("cannot read the archive");
    bytes.resize(*got);
    if (sha256().of(bytes) != hashes_[index])
      return error{error_code::changed, "the archive changed while it was checked; wait until "
                                        "nothing changes it, and try again"};
    return bytes;
  }

  /// The checksums have to be exactly those of all other entries in their order.
  result<void> check_checksums() {
    auto index = find(checksums_name);
    if (!index || is_wrong_[*index]) return {};
    std::size_t expected_bytes = 0;
    for (const auto& each : entries())
      if (each.name != checksums_name) expected_bytes += checksum_line_bytes(each.name);
    if (entries()[*index].size_bytes != expected_bytes) {
      add(checksums_name, "does not list exactly the other entries", ask_seller);
      return {};
    }
    auto text = content_of(*index);
    if (!text) return text.failure();
    std::string_view rest = *text;
    for (std::size_t i = 0; i < entries().size(); ++i) {
      const auto& name = entries()[i].name;
      if (name == checksums_name) continue;
      auto line = rest.substr(0, checksum_line_bytes(name));
      if (line != checksum_line(to_hex(hashes_[i]), name))
        add_content(i, "does not match its SHA-256 in checksums.txt");
      rest.remove_prefix(line.size());
    }
    return {};
  }

  result<void> check_manifest() {
    auto index = find(manifest_name);
    if (!index || is_wrong_[*index]) return {};
    if (entries()[*index].size_bytes > manifest_bytes_max) {
      add(manifest_name, "is too large for a manifest", ask_seller);
      return {};
    }
    auto text = content_of(*index);
    if (!text) return text.failure();
    auto read = parse_manifest(*text);
    if (!read) {
      bool newer = read.failure().code == error_code::newer_version;
      add(manifest_name, read.failure().message,
          newer ? "; check the archive with that version" : ask_seller);
      return {};
    }
    report_.pack = read->name;
    report_.ai_disclosure = read->ai_disclosure;
    check_listed(*read);
    check_order(*read);
    if (listing_.time != to_dos_time(archive_time(read->updated_at_us)))
      add("", "has another date than its pack's last change", ask_seller);
    return check_signature(*read, *text);
  }

  void check_listed(const manifest& from) {
    std::unordered_map<std::string_view, const manifest_file*> listed;
    auto list = [&](const manifest_file& file) {
      if (is_outside_manifest(file.name) || !listed.emplace(file.name, &file).second)
        add(file.name, "is listed in manifest.json where it may not be", ask_seller);
    };
    std::ranges::for_each(from.files, list);
    std::ranges::for_each(from.assets, list);
    for (std::size_t i = 0; i < entries().size(); ++i) {
      const auto& entry = entries()[i];
      if (is_outside_manifest(entry.name)) continue;
      auto found = listed.find(entry.name);
      if (found == listed.end()) {
        add(entry.name, "is not listed in manifest.json", ask_seller);
        continue;
      }
      const auto& file = *found->second;
      if (file.size_bytes != entry.size_bytes || file.sha256 != to_hex(hashes_[i]))
        add_content(i, "does not match its size or SHA-256 in manifest.json");
      listed.erase(found);
    }
    std::vector<std::string_view> missing;
    for (const auto& [name, file] : listed)
      missing.push_back(name);
    std::ranges::sort(missing);
    for (auto name : missing)
      add(name, "is listed in manifest.json, but is not in the archive", get_again);
  }

  /// The manifest determines the order of the entries, too, and lists them in it.
  void check_order(const manifest& from) {
    std::vector<std::pair<int, std::string_view>> expected;
    for (const auto& each : from.files)
      if (!is_outside_manifest(each.name))
        expected.emplace_back(rank_of(each.name, false), each.name);
    if (!std::ranges::is_sorted(expected, {}, &std::pair<int, std::string_view>::first))
      add(manifest_name, "does not list the files in the archive's order", ask_seller);
    for (const auto& each : from.assets) {
      if (is_fixed_name(each.name))
        add(manifest_name, "lists " + in_quotes(each.name) + " as an asset", ask_seller);
      expected.emplace_back(rank_of(each.name, true), each.name);
    }
    for (auto name : {manifest_name, signature_name, checksums_name})
      if (find(name)) expected.emplace_back(rank_of(name, false), name);
    std::ranges::stable_sort(expected, {}, &std::pair<int, std::string_view>::first);
    auto same = [](const zip_entry& entry, const auto& other) {
      return entry.name == other.second;
    };
    auto [entry, other] = std::ranges::mismatch(entries(), expected, same);
    if (entry != entries().end() && other != expected.end())
      add(entry->name, "is not in its place among the entries", ask_seller);
  }

  result<void> check_signature(const manifest& from, std::string_view text) {
    auto index = find(signature_name);
    if (from.signed_by && !index)
      add(signature_name, "is missing, but manifest.json says who signed it", ask_seller);
    if (!from.signed_by && index)
      add(signature_name, "is there, but manifest.json does not say who signed it", ask_seller);
    if (from.signed_by && index) {
      std::string signature;
      if (entries()[*index].size_bytes == signature_bytes) {
        auto read = content_of(*index);
        if (!read) return read.failure();
        signature = *std::move(read);
      }
      if (is_signed_by(*from.signed_by, text, signature))
        report_.signed_by = fingerprint(*from.signed_by);
      else
        add(signature_name, "is not the signature of manifest.json by the key that it names",
            ask_seller);
    }
    if (options_.signed_by && report_.signed_by != fingerprint(*options_.signed_by))
      add(manifest_name,
          "is not signed with the key that was asked for, " + fingerprint(*options_.signed_by),
          "; do not trust the archive");
    return {};
  }

  int fd_;
  const verify_options& options_;
  zip_listing listing_;
  std::vector<digest> hashes_;  ///< of the entries
  std::vector<bool> is_wrong_;  ///< which entries' contents are known to be wrong
  verify_report report_;
};

}  // namespace

result<verify_report> verify(int fd, const verify_options& options) {
  return verification(fd, options).run();
}

}  // namespace podstudio::archive
