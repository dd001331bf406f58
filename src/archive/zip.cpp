// SPDX-License-Identifier: MIT
#include "archive/zip.hpp"

#include "archive/names.hpp"
#include "archive/zip_records.hpp"
#include "platform/little_endian.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <chrono>

namespace podstudio::archive {

namespace {

using namespace record;

constexpr std::uint16_t version_plain = 10, version_zip64 = 45;
constexpr std::uint16_t made_by_unix = 3 << 8 | version_zip64;
constexpr std::uint16_t flags_utf8 = 1 << 11;
constexpr std::uint16_t method_stored = 0;
constexpr std::uint32_t regular_file_mode = 0100644;

using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

bool needs_zip64(u64 number) { return number >= in_zip64_32; }
u32 clipped_32(u64 number) { return static_cast<u32>(std::min<u64>(number, in_zip64_32)); }
u16 clipped_16(u64 number) { return static_cast<u16>(std::min<u64>(number, in_zip64_16)); }

/// The extra field of ZIP64 with these numbers; nothing for none.
std::string zip64_extra(std::initializer_list<u64> numbers) {
  std::string extra;
  if (numbers.size() == 0) return extra;
  append_number<u16>(extra, zip64_extra_id);
  append_number<u16>(extra, static_cast<u16>(numbers.size() * sizeof(u64)));
  for (auto number : numbers)
    append_number<u64>(extra, number);
  return extra;
}

std::string local_extra(u64 size) {
  return needs_zip64(size) ? zip64_extra({size, size}) : zip64_extra({});
}

std::string central_extra(u64 size, u64 offset) {
  if (needs_zip64(size) && needs_zip64(offset)) return zip64_extra({size, size, offset});
  if (needs_zip64(size)) return zip64_extra({size, size});
  if (needs_zip64(offset)) return zip64_extra({offset});
  return zip64_extra({});
}

/// What local header and directory have in common, from the version to the extra field's size.
void append_facts(std::string& bytes, const zip_entry& entry, const dos_time& time,
                  const std::string& extra) {
  append_number<u16>(bytes, extra.empty() ? version_plain : version_zip64);
  append_number<u16>(bytes, flags_utf8);
  append_number<u16>(bytes, method_stored);
  append_number<u16>(bytes, time.time);
  append_number<u16>(bytes, time.date);
  append_number<u32>(bytes, entry.crc32);
  append_number<u32>(bytes, clipped_32(entry.size_bytes));  // compressed
  append_number<u32>(bytes, clipped_32(entry.size_bytes));
  append_number<u16>(bytes, static_cast<u16>(entry.name.size()));
  append_number<u16>(bytes, static_cast<u16>(extra.size()));
}

error beyond_bounds(const std::string& what) {
  return {error_code::refused, "the archive would have " + what + "; make several smaller packs"};
}
error too_large() {
  return beyond_bounds("more than " + std::to_string(archive_bytes_max >> 40) + " TiB");
}

}  // namespace

dos_time to_dos_time(std::int64_t unix_seconds) noexcept {
  using namespace std::chrono;
  constexpr auto first = sys_seconds(sys_days(year(1980) / 1 / 1));
  constexpr auto last = sys_seconds(sys_days(year(2108) / 1 / 1)) - seconds(2);
  auto at = std::clamp(sys_seconds(seconds(unix_seconds)), first, last);
  auto day = floor<days>(at);
  year_month_day date(day);
  hh_mm_ss clock(at - day);
  return {static_cast<u16>(clock.hours().count() << 11 | clock.minutes().count() << 5
                           | clock.seconds().count() / 2),
          static_cast<u16>((static_cast<int>(date.year()) - 1980) << 9
                           | static_cast<int>(static_cast<unsigned>(date.month())) << 5
                           | static_cast<int>(static_cast<unsigned>(date.day())))};
}

bool is_valid(const dos_time& time) noexcept {
  using namespace std::chrono;
  year_month_day date(year(1980 + (time.date >> 9)), month(time.date >> 5 & 15u),
                      day(time.date & 31u));
  return date.ok() && time.time >> 11 < 24 && (time.time >> 5 & 63) < 60 && (time.time & 31) < 30;
}

result<zip_layout> lay_out(std::span<const zip_entry> entries) {
  if (entries.size() > entries_max)
    return beyond_bounds("more than " + std::to_string(entries_max) + " files");
  zip_layout layout;
  layout.header_offsets.reserve(entries.size());
  layout.content_offsets.reserve(entries.size());
  u64 at = 0;
  for (const auto& entry : entries) {
    if (entry.name.size() > path_bytes_max)
      return error{error_code::refused,
                   "the archive's file " + in_quotes(entry.name) + " has a name of more than "
                       + std::to_string(path_bytes_max) + " bytes; give it a shorter one"};
    if (entry.size_bytes > archive_bytes_max - std::min(at, archive_bytes_max)) return too_large();
    auto extra = central_extra(entry.size_bytes, at);
    layout.directory_bytes += central_bytes + entry.name.size() + extra.size();
    layout.header_offsets.push_back(at);
    at += local_bytes + entry.name.size() + local_extra(entry.size_bytes).size();
    layout.content_offsets.push_back(at);
    at += entry.size_bytes;
  }
  layout.directory_offset = at;
  auto end = end_records(entries.size(), layout.directory_offset, layout.directory_bytes);
  layout.archive_bytes = at + layout.directory_bytes + end.size();
  if (layout.archive_bytes > archive_bytes_max) return too_large();
  return layout;
}

std::string local_header(const zip_entry& entry, const dos_time& time) {
  std::string bytes;
  auto extra = local_extra(entry.size_bytes);
  append_number<u32>(bytes, local_signature);
  append_facts(bytes, entry, time, extra);
  return bytes + entry.name + extra;
}

std::string central_header(const zip_entry& entry, std::uint64_t header_offset,
                           const dos_time& time) {
  std::string bytes;
  auto extra = central_extra(entry.size_bytes, header_offset);
  append_number<u32>(bytes, central_signature);
  append_number<u16>(bytes, made_by_unix);
  append_facts(bytes, entry, time, extra);
  append_number<u16>(bytes, 0);  // size of the comment
  append_number<u16>(bytes, 0);  // number of the disk
  append_number<u16>(bytes, 0);  // internal attributes
  append_number<u32>(bytes, regular_file_mode << 16);
  append_number<u32>(bytes, clipped_32(header_offset));
  return bytes + entry.name + extra;
}

std::string end_records(std::uint64_t entries, std::uint64_t directory_offset,
                        std::uint64_t directory_bytes) {
  std::string bytes;
  if (entries >= in_zip64_16 || needs_zip64(directory_offset) || needs_zip64(directory_bytes)) {
    append_number<u32>(bytes, zip64_end_signature);
    append_number<u64>(bytes, zip64_end_bytes - 12);  // of what follows this number
    append_number<u16>(bytes, made_by_unix);
    append_number<u16>(bytes, version_zip64);
    append_number<u32>(bytes, 0);  // number of this disk
    append_number<u32>(bytes, 0);  // number of the disk with the directory
    append_number<u64>(bytes, entries);
    append_number<u64>(bytes, entries);
    append_number<u64>(bytes, directory_bytes);
    append_number<u64>(bytes, directory_offset);
    append_number<u32>(bytes, zip64_locator_signature);
    append_number<u32>(bytes, 0);  // number of the disk with the record above
    append_number<u64>(bytes, directory_offset + directory_bytes);
    append_number<u32>(bytes, 1);  // disks
  }
  append_number<u32>(bytes, end_signature);
  append_number<u16>(bytes, 0);  // number of this disk
  append_number<u16>(bytes, 0);  // number of the disk with the directory
  append_number<u16>(bytes, clipped_16(entries));
  append_number<u16>(bytes, clipped_16(entries));
  append_number<u32>(bytes, clipped_32(directory_bytes));
  append_number<u32>(bytes, clipped_32(directory_offset));
  append_number<u16>(bytes, 0);  // size of the comment
  return bytes;
}

std::string directory(std::span<const zip_entry> entries, const zip_layout& layout,
                      const dos_time& time) {
  std::string bytes;
  bytes.reserve(layout.archive_bytes - layout.directory_offset);
  for (std::size_t i = 0; i < entries.size(); ++i)
    bytes += central_header(entries[i], layout.header_offsets[i], time);
  return bytes + end_records(entries.size(), layout.directory_offset, layout.directory_bytes);
}

}  // namespace podstudio::archive
