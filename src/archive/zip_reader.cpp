// SPDX-License-Identifier: MIT
#include "archive/zip_reader.hpp"

#include "archive/names.hpp"
#include "archive/zip_records.hpp"
#include "platform/files.hpp"
#include "platform/little_endian.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <sys/stat.h>

namespace podstudio::archive {

namespace {

using namespace record;

/// A field of a record, for messages.
struct field {
  std::size_t bytes;
  const char* name;
};

constexpr field local_fields[] = {{4, "signature"},
                                  {2, "version needed"},
                                  {2, "flags"},
                                  {2, "compression method"},
                                  {2, "time"},
                                  {2, "date"},
                                  {4, "CRC-32"},
                                  {4, "stored size"},
                                  {4, "size"},
                                  {2, "name length"},
                                  {2, "extra field length"}};
constexpr field central_fields[] = {{4, "signature"},
                                    {2, "version made by"},
                                    {2, "version needed"},
                                    {2, "flags"},
                                    {2, "compression method"},
                                    {2, "time"},
                                    {2, "date"},
                                    {4, "CRC-32"},
                                    {4, "stored size"},
                                    {4, "size"},
                                    {2, "name length"},
                                    {2, "extra field length"},
                                    {2, "comment length"},
                                    {2, "disk number"},
                                    {2, "internal attributes"},
                                    {4, "external attributes"},
                                    {4, "header offset"}};

/// A little-endian number of 2 or 4 bytes.
std::uint32_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
  return size == 2 ? read_number<std::uint16_t>(bytes, at) : read_number<std::uint32_t>(bytes, at);
}

std::string hexadecimal(std::uint32_t number) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%x", static_cast<unsigned>(number));
  return text;
}

/// What a value that others may write means.
std::string_view meaning_of(std::string_view field, std::uint32_t value) {
  if (field == "flags" && (value & 1) != 0) return ": it is encrypted";
  if (field == "flags" && (value & 8) != 0) return ": it has a data descriptor";
  if (field == "compression method" && value != 0) return ": it is compressed";
  if (field == "external attributes" && (value >> 16 & S_IFMT) == S_IFLNK)
    return ": it is a symbolic link";
  if (field == "external attributes" && (value >> 16 & S_IFMT) == S_IFDIR)
    return ": it is a folder";
  return "";
}

/// In which field two records first differ, of which both are as long as the fields together.
std::string difference(std::span<const field> fields, std::string_view expected,
                       std::string_view found) {
  std::size_t at = 0;
  for (const auto& each : fields) {
    if (auto value = number_at(found, at, each.bytes); value != number_at(expected, at, each.bytes))
      return std::string("has the ") + each.name + " " + hexadecimal(value) + ", not "
             + hexadecimal(number_at(expected, at, each.bytes))
             + std::string(meaning_of(each.name, value));
    at += each.bytes;
  }
  return "has another name or extra field";
}

/// Thrown within this file only, with what is wrong.
struct flaw_found {
  finding what;
};

[[noreturn]] void refuse(const std::string& problem) {
  throw flaw_found{{"", problem + "; get the archive again"}};
}

[[noreturn]] void refuse_entry(const std::string& name, std::uint64_t offset,
                               std::string_view record, const std::string& problem) {
  throw flaw_found{{is_utf8(name) ? name : printable(name),
                    problem + " (" + std::string(record) + " at byte " + std::to_string(offset)
                        + "); get the archive again"}};
}

constexpr std::string_view in_directory = "directory record", in_header = "local header";

/// Thrown within this file only, where the operating system fails.
struct read_failed {
  error what;
};

/// Reads forwards through a part of a file, in large pieces.
class window {
public:
  window(int fd, std::uint64_t begin, std::uint64_t end) : fd_(fd), next_(begin), end_(end) {}

  std::uint64_t offset() const noexcept { return next_ - (filled_ - used_); }

  /// The next bytes, up to `size` of them: fewer at the end of the part. At most `piece_bytes`.
  std::string_view peek(std::size_t size) {
    if (filled_ - used_ < size) fill();
    return {piece_.data() + used_, std::min(size, filled_ - used_)};
  }
  /// Goes on behind bytes that were peeked at.
  void skip(std::size_t size) noexcept { used_ += size; }

private:
  static constexpr std::size_t piece_bytes = 64u << 10;

  void fill() {
    std::copy(piece_.begin() + static_cast<std::ptrdiff_t>(used_),
              piece_.begin() + static_cast<std::ptrdiff_t>(filled_), piece_.begin());
    filled_ -= used_;
    used_ = 0;
    auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(piece_.size() - filled_, end_ - next_));
    auto got = read_at(fd_, piece_.data() + filled_, wanted, next_);
    if (!got) throw read_failed{system_error()("cannot read the archive")};
    filled_ += *got;
    next_ += *got;
  }

  int fd_;
  std::uint64_t next_, end_;
  std::size_t used_ = 0, filled_ = 0;
  std::vector<char> piece_ = std::vector<char>(piece_bytes);
};

/// What the end records say.
struct directory_place {
  std::uint64_t entries = 0, offset = 0, bytes = 0;
};

class listing_reader {
public:
  listing_reader(int fd, std::uint64_t file_bytes) : fd_(fd), file_bytes_(file_bytes) {}

  zip_listing read() {
    auto place = read_end();
    read_directory(place);
    check_names();
    for (std::size_t i = 0; i < made_.entries.size(); ++i)
      check_local_header(i);
    return std::move(made_);
  }

private:
  std::string bytes_at(std::uint64_t offset, std::size_t size) {
    std::string bytes(size, '\0');
    auto got = read_at(fd_, bytes.data(), size, offset);
    if (!got) throw read_failed{system_error()("cannot read the archive")};
    bytes.resize(*got);
    return bytes;
  }

  directory_place read_end() {
    if (file_bytes_ < end_bytes) refuse("is too short to be a ZIP archive");
    if (file_bytes_ > archive_bytes_max)
      refuse("is larger than " + std::to_string(archive_bytes_max >> 40) + " TiB");
    auto last = bytes_at(file_bytes_ - end_bytes, end_bytes);
    if (last.size() != end_bytes || read_number<std::uint32_t>(last, 0) != end_signature)
      refuse("does not end with the end record of a ZIP archive: it is cut, or has a comment or "
             "other bytes after its end");
    directory_place place{read_number<std::uint16_t>(last, end::entries),
                          read_number<std::uint32_t>(last, end::directory_offset),
                          read_number<std::uint32_t>(last, end::directory_bytes)};
    if (place.entries == in_zip64_16 || place.offset == in_zip64_32 || place.bytes == in_zip64_32)
      place = read_zip64_end();
    if (place.entries > entries_max)
      refuse("has more than " + std::to_string(entries_max) + " entries");
    constexpr std::uint64_t record_bytes_max =
        central_bytes + path_bytes_max + central_extra_bytes_max;
    if (place.bytes < place.entries * central_bytes
        || place.bytes > place.entries * record_bytes_max)
      refuse("has a central directory of " + std::to_string(place.bytes) + " bytes for "
             + std::to_string(place.entries) + " entries");
    auto expected = end_records(place.entries, place.offset, place.bytes);
    if (place.offset > file_bytes_ || place.offset + place.bytes + expected.size() != file_bytes_)
      refuse("has its central directory elsewhere than its end record says");
    if (bytes_at(file_bytes_ - expected.size(), expected.size()) != expected)
      refuse("has an end record that disagrees with the rest");
    return place;
  }

  directory_place read_zip64_end() {
    constexpr auto all_bytes = zip64_end_bytes + zip64_locator_bytes + end_bytes;
    if (file_bytes_ < all_bytes) refuse("has no end record of ZIP64, but refers to one");
    auto last = bytes_at(file_bytes_ - all_bytes, zip64_end_bytes);
    if (last.size() != zip64_end_bytes
        || read_number<std::uint32_t>(last, 0) != zip64_end_signature)
      refuse("has no end record of ZIP64 where it has to be");
    directory_place place{read_number<std::uint64_t>(last, zip64_end::entries),
                          read_number<std::uint64_t>(last, zip64_end::directory_offset),
                          read_number<std::uint64_t>(last, zip64_end::directory_bytes)};
    if (place.bytes > file_bytes_) refuse("has a central directory larger than itself");
    return place;
  }

  void read_directory(const directory_place& place) {
    window records(fd_, place.offset, place.offset + place.bytes);
    std::uint64_t at = 0;  // of the next local header
    for (std::uint64_t i = 0; i < place.entries; ++i)
      at = read_record(records, at);
    if (records.offset() != place.offset + place.bytes)
      refuse("has more in its central directory than its entries");
    if (at != place.offset)
      refuse("has bytes that belong to no entry, or entries that overlap: the entries end at byte "
             + std::to_string(at) + ", the central directory begins at byte "
             + std::to_string(place.offset));
    auto layout = lay_out(made_.entries);
    if (!layout) refuse("is larger than an archive may be");
    made_.layout = *std::move(layout);
  }

  /// Reads one record of the directory and returns where the next local header has to be.
  std::uint64_t read_record(window& records, std::uint64_t at) {
    auto offset = records.offset();
    auto number = "entry " + std::to_string(made_.entries.size() + 1);
    auto fixed = records.peek(central_bytes);
    if (fixed.size() < central_bytes) refuse_entry(number, offset, in_directory, "is cut");
    std::size_t name_bytes = read_number<std::uint16_t>(fixed, central::name_bytes);
    std::size_t extra_bytes = read_number<std::uint16_t>(fixed, central::extra_bytes);
    if (name_bytes > path_bytes_max)
      refuse_entry(number, offset, in_directory,
                   "has a name of more than " + std::to_string(path_bytes_max) + " bytes");
    auto bytes =
        records.peek(central_bytes + name_bytes + std::min(extra_bytes, central_extra_bytes_max));
    if (bytes.size() < central_bytes + name_bytes)
      refuse_entry(number, offset, in_directory, "is cut");
    auto extra = bytes.substr(central_bytes + name_bytes);
    zip_entry entry{std::string(bytes.substr(central_bytes, name_bytes)),
                    read_number<std::uint32_t>(bytes, central::size),
                    read_number<std::uint32_t>(bytes, central::crc)};
    if (entry.size_bytes == in_zip64_32 && extra.size() >= extra_header_bytes + 8)
      entry.size_bytes = read_number<std::uint64_t>(extra, extra_header_bytes);
    if (entry.size_bytes > file_bytes_ || at > file_bytes_)
      refuse_entry(entry.name, offset, in_directory, "is larger than the archive");
    take_time(bytes, entry.name, offset);
    auto expected = central_header(entry, at, made_.time);
    if (bytes != expected)
      refuse_entry(entry.name, offset, in_directory, difference(central_fields, expected, bytes));
    records.skip(bytes.size());
    at += local_header(entry, made_.time).size() + entry.size_bytes;
    made_.entries.push_back(std::move(entry));
    return at;
  }

  /// All entries have the first one's time.
  void take_time(std::string_view bytes, const std::string& name, std::uint64_t offset) {
    if (!made_.entries.empty()) return;
    made_.time = {read_number<std::uint16_t>(bytes, central::time),
                  read_number<std::uint16_t>(bytes, central::date)};
    if (!is_valid(made_.time))
      refuse_entry(name, offset, in_directory, "has a date or time that does not exist");
  }

  void check_names() {
    path_check paths;
    for (std::size_t i = 0; i < made_.entries.size(); ++i)
      if (auto problem = paths.add(made_.entries[i].name); !problem.empty())
        refuse_entry(made_.entries[i].name, made_.layout.header_offsets[i], in_header, problem);
  }

  void check_local_header(std::size_t index) {
    const auto& entry = made_.entries[index];
    auto expected = local_header(entry, made_.time);
    auto offset = made_.layout.header_offsets[index];
    auto found = bytes_at(offset, expected.size());
    if (found == expected) return;
    if (found.size() < expected.size()) refuse_entry(entry.name, offset, in_header, "is cut");
    refuse_entry(entry.name, offset, in_header, difference(local_fields, expected, found));
  }

  int fd_;
  std::uint64_t file_bytes_;
  zip_listing made_;
};

}  // namespace

result<zip_listing> read_listing(int fd) {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return system_error()("cannot read the archive");
  try {
    return listing_reader(fd, static_cast<std::uint64_t>(facts.st_size)).read();
  } catch (const flaw_found& found) {
    zip_listing refused;
    refused.flaw = found.what;
    return refused;
  } catch (const read_failed& failed) {
    return failed.what;
  }
}

}  // namespace podstudio::archive
