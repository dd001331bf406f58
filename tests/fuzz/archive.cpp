// SPDX-License-Identifier: MIT
#include "properties.hpp"

#include "archive/manifest.hpp"
#include "archive/names.hpp"
#include "archive/verify.hpp"
#include "archive/zip_reader.hpp"
#include "platform/files.hpp"
#include "platform/text.hpp"
#include "platform/unique_fd.hpp"
#include "support/allocation_watch.hpp"

#include <sys/mman.h>

using namespace podstudio;
using namespace podstudio::archive;

namespace fuzz {

namespace {

constexpr std::size_t problem_bytes_max = 2048;

unique_fd file_of(std::string_view bytes) {
  unique_fd fd(::memfd_create("archive", MFD_CLOEXEC));
  require(fd && write_all_at(fd.get(), bytes, 0), "no file in memory");
  return fd;
}

/// The archive of the entries that an input names: name-size:u8 name content-size:u16 content.
std::string written_from(input_cursor& cursor) {
  constexpr std::size_t entries_made_max = 64;
  const dos_time time = to_dos_time(cursor.take_u16() * std::int64_t{86'400});
  std::vector<zip_entry> entries;
  std::string bytes;
  while (!cursor.rest().empty() && entries.size() < entries_made_max) {
    std::string name(text_of(cursor.take(cursor.take_byte())));
    auto content = text_of(cursor.take(cursor.take_u16()));
    entries.push_back({name.substr(0, path_bytes_max), content.size(), cursor.take_byte()});
    bytes += local_header(entries.back(), time);
    bytes += content;
  }
  auto layout = lay_out(entries);
  require(bool(layout), "a small archive has no layout");
  return bytes + directory(entries, *layout, time);
}

/// What must hold of an archive that is accepted: it is what the writer makes.
void check_listing(const zip_listing& listing, std::string_view bytes) {
  require(listing.layout.archive_bytes == bytes.size(), "an archive of another size");
  path_check paths;
  for (std::size_t i = 0; i < listing.entries.size(); ++i) {
    const auto& entry = listing.entries[i];
    require(paths.add(entry.name).empty(), "a name that is not safe");
    auto header = local_header(entry, listing.time);
    auto at = listing.layout.header_offsets[i];
    require(bytes.substr(at, header.size()) == header, "a header that the writer does not make");
    require(listing.layout.content_offsets[i] + entry.size_bytes <= bytes.size(),
            "a content beyond the end");
  }
  require(bytes.substr(listing.layout.directory_offset)
              == directory(listing.entries, listing.layout, listing.time),
          "a directory that the writer does not make");
}

}  // namespace

bool archive(const_bytes input) {
  input_cursor cursor(input);
  auto bytes = cursor.take_byte() == 0 ? std::string(text_of(cursor.rest())) : written_from(cursor);
  auto file = file_of(bytes);
  allocation_watch watch;
  auto listing = read_listing(file.get());
  constexpr std::size_t window_bytes = 64u << 10;
  require(watch.largest_bytes() <= window_bytes + 4 * bytes.size() + problem_bytes_max,
          "reading allocates more than the archive holds");
  require(bool(listing), "an archive cannot be read");
  auto report = verify(file.get());
  require(bool(report), "an archive cannot be checked");
  require(report->is_intact() == report->findings.empty(), "findings are not counted");
  for (const auto& each : report->findings)
    require(is_utf8(each.entry) && is_utf8(each.problem) && !each.problem.empty()
                && each.problem.size() <= problem_bytes_max,
            "a finding is no text");
  if (listing->flaw) {
    require(report->findings_count == 1, "an archive is read after it was refused");
    return false;
  }
  check_listing(*listing, bytes);
  return true;
}

bool archive_manifest(const_bytes input) {
  auto read = parse_manifest(text_of(input));
  if (!read) {
    auto code = read.failure().code;
    require(code == error_code::damaged || code == error_code::newer_version,
            "a manifest is refused with another error");
    require(is_utf8(read.failure().message) && read.failure().message.size() <= problem_bytes_max,
            "a refusal is no line");
    return false;
  }
  auto again = to_text(*read);
  require(again && *again == text_of(input), "a manifest has two forms");
  return true;
}

}  // namespace fuzz
