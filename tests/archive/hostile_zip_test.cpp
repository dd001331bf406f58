// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE archive_hostile_zip
#include <boost/test/unit_test.hpp>

#include "archive/verify.hpp"
#include "archive/zip_reader.hpp"
#include "platform/little_endian.hpp"
#include "platform/text.hpp"
#include "support/allocation_watch.hpp"
#include "support/damage.hpp"
#include "support/made_archive.hpp"
#include "support/outcome.hpp"

#include <functional>
#include <map>

// Archives that somebody made on purpose. Each is refused with a reason.

using namespace archive_test;

namespace {

constexpr std::size_t message_bytes_max = 1000;
/// The window over the directory, and some for names and messages.
constexpr std::size_t allocation_bytes_max = 256u << 10;

const dos_time some_time = to_dos_time(some_time_us / 1'000'000);

/// A writer that writes whatever it is told: the fields of an entry, in local header and directory.
struct raw_entry {
  std::string name, content;
  std::uint16_t made_by = 0x032d, needed = 10, flags = 0x0800, method = 0, time = some_time.time,
                date = some_time.date, disk = 0, internal = 0;
  std::uint32_t crc = 0, stored = 0, size = 0, external = 0100644u << 16;
  std::uint32_t offset = 0;
  std::string local_name, local_extra, central_extra, comment, before;  ///< `before` the header

  raw_entry(std::string its_name, std::string its_content)
      : name(std::move(its_name)), content(std::move(its_content)), local_name(name) {
    auto entry = entry_of({name, content});
    crc = entry.crc32;
    stored = size = static_cast<std::uint32_t>(content.size());
  }
};

struct raw_archive {
  std::vector<raw_entry> entries{{"README.md", "# read me\n"},
                                 {"assets/a.png", "some content"},
                                 {"assets/b.png", "more content"}};
  /// Changes the local headers only, or the directory only, once offsets are known.
  std::function<void(raw_entry&)> in_header, in_directory;
  std::uint16_t disk = 0, directory_disk = 0;
  int count_here = 0, count = 0, directory_bytes = 0, directory_offset = 0;  ///< what is added
  std::string before_directory, before_end, comment, after;
  bool zip64 = false;

  std::string bytes() const {
    std::string all, records;
    for (auto entry : entries) {
      all += entry.before;
      entry.offset = entry.offset != 0 ? entry.offset : static_cast<std::uint32_t>(all.size());
      auto header = entry, record = entry;
      if (in_header) in_header(header);
      if (in_directory) in_directory(record);
      all += local(header) + entry.content;
      records += central(record);
    }
    all += before_directory;
    auto offset = all.size();
    return all + records + before_end + end(records.size(), offset) + comment + after;
  }

private:
  static void append_facts(std::string& out, const raw_entry& from, std::size_t name,
                           std::size_t extra) {
    for (auto number : {from.needed, from.flags, from.method, from.time, from.date})
      append_number<std::uint16_t>(out, number);
    for (auto number : {from.crc, from.stored, from.size})
      append_number<std::uint32_t>(out, number);
    append_number<std::uint16_t>(out, static_cast<std::uint16_t>(name));
    append_number<std::uint16_t>(out, static_cast<std::uint16_t>(extra));
  }
  static std::string local(const raw_entry& from) {
    std::string out = "PK\3\4";
    append_facts(out, from, from.local_name.size(), from.local_extra.size());
    return out + from.local_name + from.local_extra;
  }
  static std::string central(const raw_entry& from) {
    std::string out = "PK\1\2";
    append_number<std::uint16_t>(out, from.made_by);
    append_facts(out, from, from.name.size(), from.central_extra.size());
    append_number<std::uint16_t>(out, static_cast<std::uint16_t>(from.comment.size()));
    append_number<std::uint16_t>(out, from.disk);
    append_number<std::uint16_t>(out, from.internal);
    append_number<std::uint32_t>(out, from.external);
    append_number<std::uint32_t>(out, from.offset);
    return out + from.name + from.central_extra + from.comment;
  }
  std::string end(std::size_t records_bytes, std::size_t offset) const {
    std::string out;
    auto all = static_cast<std::uint64_t>(static_cast<int>(entries.size()) + count);
    auto bytes = records_bytes + static_cast<std::size_t>(directory_bytes);
    auto at = offset + static_cast<std::size_t>(directory_offset);
    if (zip64) {
      out += "PK\6\6";
      append_number<std::uint64_t>(out, 44);
      append_number<std::uint32_t>(out, 0x002d'032d);
      append_number<std::uint64_t>(out, 0);
      for (auto number : {all, all, std::uint64_t{bytes}, std::uint64_t{at}})
        append_number<std::uint64_t>(out, number);
      out += "PK\6\7";
      append_number<std::uint32_t>(out, 0);
      append_number<std::uint64_t>(out, offset + records_bytes);
      append_number<std::uint32_t>(out, 1);
    }
    out += "PK\5\6";
    append_number<std::uint16_t>(out, disk);
    append_number<std::uint16_t>(out, directory_disk);
    append_number<std::uint16_t>(
        out, static_cast<std::uint16_t>(static_cast<int>(entries.size()) + count_here + count));
    append_number<std::uint16_t>(out,
                                 zip64 ? std::uint16_t{0xffff} : static_cast<std::uint16_t>(all));
    append_number<std::uint32_t>(out, zip64 ? 0xffff'ffffu : static_cast<std::uint32_t>(bytes));
    append_number<std::uint32_t>(out, zip64 ? 0xffff'ffffu : static_cast<std::uint32_t>(at));
    append_number<std::uint16_t>(out, static_cast<std::uint16_t>(comment.size()));
    return out;
  }
};

std::string zip64_extra(std::initializer_list<std::uint64_t> numbers) {
  std::string out("\1\0", 2);
  append_number<std::uint16_t>(out, static_cast<std::uint16_t>(8 * numbers.size()));
  for (auto number : numbers)
    append_number<std::uint64_t>(out, number);
  return out;
}

/// Why the archive is refused; empty if it is not.
std::string refusal_of(const std::string& bytes) {
  auto file = file_of(bytes);
  std::string problem;
  {
    allocation_watch watch;
    auto listing = read_listing(file.get());
    BOOST_REQUIRE(bool(listing));
    BOOST_TEST(watch.largest_bytes() <= allocation_bytes_max);
    if (!listing->flaw) return {};
    BOOST_TEST(!listing->flaw->problem.empty());
    BOOST_TEST(is_utf8(listing->flaw->entry));
    problem = listing->flaw->entry + " " + listing->flaw->problem;
  }
  auto report = must(verify(file.get()));
  BOOST_TEST(report.findings_count == 1u);
  BOOST_TEST(is_utf8(problem));
  BOOST_TEST(problem.size() < message_bytes_max);
  return problem;
}

struct hostile {
  const char* what;
  std::function<void(raw_archive&)> change;
  const char* reason;  ///< a part of it
};

const std::vector<hostile>& hostile_archives() {
  using archive = raw_archive;
  auto second = [](auto change) { return [change](archive& it) { change(it.entries[1]); }; };
  auto header = [](auto change) {
    return [change](archive& it) {
      it.in_header = [change](raw_entry& each) {
        if (each.name == "assets/a.png") change(each);
      };
    };
  };
  auto record = [](auto change) {
    return [change](archive& it) {
      it.in_directory = [change](raw_entry& each) {
        if (each.name == "assets/a.png") change(each);
      };
    };
  };
  auto named = [second](const std::string& name) {
    return second([name](raw_entry& it) { it.name = it.local_name = name; });
  };
  using entry = raw_entry;
  static const std::vector<hostile> all{
      // names
      {"goes up", named("../../etc/passwd"), "safe"},
      {"goes up within", named("assets/../../a"), "safe"},
      {"goes up the way of Windows", named("..\\..\\a"), "safe"},
      {"is absolute", named("/etc/passwd"), "safe"},
      {"has a drive", named("C:/a"), "safe"},
      {"has a stream", named("a.png:evil"), "safe"},
      {"is a device", named("assets/aux.png"), "safe"},
      {"has a NUL", named(std::string("a\0b", 3)), "safe"},
      {"is not UTF-8", named("\xff\xfe"), "safe"},
      {"is not NFC", named("e\u0301"), "safe"},
      {"turns around", named("a\u202egnp.exe"), "safe"},
      {"has a line end", named("a\nb"), "safe"},
      {"has no name", named(""), "safe"},
      {"is a folder by name", named("assets/a/"), "safe"},
      {"is too long", named(std::string(241, 'a')), "240 bytes"},
      {"is far too long", named(std::string(65'000, 'a')), "for 3 entries"},
      {"is there twice", named("README.md"), "another entry"},
      {"is there in another case", named("readme.MD"), "another entry"},
      {"is below a file", named("readme.md/a"), "name of a file"},
      {"is a folder, too", named("assets"), "name of a file"},
      {"has two names", header([](entry& it) { it.local_name = "assets/x.png"; }), "another name"},
      // what it is
      {"is a link", second([](entry& it) { it.external = 0120777u << 16; }), "symbolic link"},
      {"is a folder", second([](entry& it) { it.external = 040755u << 16 | 16; }), "folder"},
      {"is a program", second([](entry& it) { it.external = 0100755u << 16; }), "attributes"},
      {"is set-uid", second([](entry& it) { it.external = 0104644u << 16; }), "attributes"},
      {"is a device file", second([](entry& it) { it.external = 0020644u << 16; }), "attributes"},
      {"is of DOS", second([](entry& it) { it.made_by = 0x002d; }), "made by"},
      {"is deflated", second([](entry& it) { it.method = 8; }), "compressed"},
      {"is a bomb", second([](entry& it) {
         it.method = 8;
         it.size = 0xffff'fffe;
       }),
       "larger"},
      {"is of an unknown method", second([](entry& it) { it.method = 99; }), "compressed"},
      {"is deflated in the header only", header([](entry& it) { it.method = 8; }), "compressed"},
      {"is encrypted", second([](entry& it) { it.flags |= 1; }), "encrypted"},
      {"is encrypted in the header only", header([](entry& it) { it.flags |= 1; }), "encrypted"},
      {"is strongly encrypted", second([](entry& it) { it.flags |= 1 | 1 << 6; }), "encrypted"},
      {"hides its header", second([](entry& it) { it.flags |= 1 << 13; }), "flags"},
      {"has a descriptor", second([](entry& it) { it.flags |= 8; }), "descriptor"},
      {"is not marked as UTF-8", second([](entry& it) { it.flags = 0; }), "flags"},
      {"needs a later version", second([](entry& it) { it.needed = 63; }), "version needed"},
      {"is text by attribute", second([](entry& it) { it.internal = 1; }), "internal"},
      // sizes, checksums, times
      {"has another checksum in its header", header([](entry& it) { it.crc ^= 1; }), "CRC-32"},
      {"has another size in its header", header([](entry& it) { it.size += 1; }), "size"},
      {"has another stored size", header([](entry& it) { it.stored += 1; }), "stored size"},
      {"has two sizes", second([](entry& it) { it.stored -= 1; }), "stored size"},
      {"is larger in the directory", record([](entry& it) { it.size = it.stored = it.size + 5; }),
       ""},
      {"is smaller in the directory", record([](entry& it) { it.size = it.stored = it.size - 5; }),
       ""},
      {"is empty in the directory", record([](entry& it) { it.size = it.stored = 0; }), ""},
      {"is huge in the directory", record([](entry& it) { it.size = it.stored = 0x7fff'ffff; }),
       "larger"},
      {"has another time", second([](entry& it) { it.time ^= 1; }), "time"},
      {"has another date in its header", header([](entry& it) { it.date ^= 1; }), "date"},
      {"has no date",
       [](archive& it) {
         for (auto& e : it.entries)
           e.date = 0;
       },
       "date"},
      {"has a second too many",
       [](archive& it) {
         for (auto& e : it.entries)
           e.time = 31;
       },
       "time"},
      // places
      {"overlaps the one before", record([](entry& it) { it.offset -= 1; }), "offset"},
      {"is the one before", record([](entry& it) { it.offset = 0; }), "offset"},
      {"is elsewhere", record([](entry& it) { it.offset += 1; }), "offset"},
      {"is beyond the end", record([](entry& it) { it.offset = 0x7fff'ffff; }), "offset"},
      {"is on another disk", record([](entry& it) { it.disk = 1; }), "disk"},
      {"has bytes before it", second([](entry& it) { it.before = "hidden"; }), "offset"},
      {"has bytes before the first", [](archive& it) { it.entries[0].before = "#!/bin/sh\n"; },
       "offset"},
      {"has bytes before the directory", [](archive& it) { it.before_directory = "hidden"; },
       "belong to no entry"},
      {"has bytes before the end", [](archive& it) { it.before_end = "hidden"; }, "elsewhere"},
      {"has bytes in the directory",
       [](archive& it) {
         it.before_end = "hidden";
         it.directory_bytes = 6;
       },
       "more in its central directory"},
      {"has bytes after the end", [](archive& it) { it.after = "x"; }, "after its end"},
      {"has another archive after it", [](archive& it) { it.after = raw_archive().bytes(); },
       "elsewhere"},
      {"has a comment", [](archive& it) { it.comment = "hello"; }, "comment"},
      {"has an end record as its comment",
       [](archive& it) { it.comment = std::string("PK\5\6", 4) + std::string(18, '\0'); }, ""},
      {"has a comment on an entry", second([](entry& it) { it.comment = "hello"; }), "comment"},
      // extra fields
      {"has an extra field",
       second([](entry& it) { it.central_extra = std::string("UT\1\0\0", 5); }), "extra field"},
      {"has an extra field in its header",
       header([](entry& it) { it.local_extra = std::string("UT\1\0\0", 5); }), "offset"},
      {"has another name in an extra field",
       second([](entry& it) { it.central_extra = std::string("up\6\0\1....x", 10); }),
       "extra field"},
      {"has a huge extra field",
       second([](entry& it) { it.central_extra = std::string(60'000, 'x'); }), "for 3 entries"},
      {"has ZIP64 without need", second([](entry& it) {
         it.central_extra = zip64_extra({it.size, it.size});
       }),
       ""},
      {"has its size in ZIP64 without need", second([](entry& it) {
         it.central_extra = it.local_extra = zip64_extra({it.size, it.size});
         it.size = it.stored = 0xffff'ffff;
         it.needed = 45;
       }),
       ""},
      {"has its offset in ZIP64 without need", record([](entry& it) {
         it.central_extra = zip64_extra({it.offset});
         it.offset = 0xffff'ffff;
         it.needed = 45;
       }),
       ""},
      {"has a size of ZIP64 without the field",
       second([](entry& it) { it.size = it.stored = 0xffff'ffff; }), "larger"},
      {"has the largest size of all", second([](entry& it) {
         it.central_extra = zip64_extra({UINT64_MAX, UINT64_MAX});
         it.size = it.stored = 0xffff'ffff;
         it.needed = 45;
       }),
       "larger"},
      {"has two sizes in ZIP64", second([](entry& it) {
         it.central_extra = zip64_extra({5, it.size});
         it.size = it.stored = 0xffff'ffff;
         it.needed = 45;
       }),
       ""},
      // the end
      {"has ZIP64 records without need", [](archive& it) { it.zip64 = true; }, "end record"},
      {"counts one too few", [](archive& it) { it.count = -1; }, ""},
      {"counts one too many", [](archive& it) { it.count = 1; }, ""},
      {"counts far too many", [](archive& it) { it.count = 60'000; }, "entries"},
      {"counts 65,535", [](archive& it) { it.count = 0xffff - 3; }, "ZIP64"},
      {"counts more in ZIP64",
       [](archive& it) {
         it.zip64 = true;
         it.count = 10'000'000;
       },
       "entries"},
      {"counts others on this disk", [](archive& it) { it.count_here = -1; }, "end record"},
      {"has a second disk", [](archive& it) { it.disk = 1; }, "end record"},
      {"has its directory on a second disk", [](archive& it) { it.directory_disk = 1; },
       "end record"},
      {"has a smaller directory", [](archive& it) { it.directory_bytes = -1; }, "elsewhere"},
      {"has a larger directory", [](archive& it) { it.directory_bytes = 1; }, "elsewhere"},
      {"has its directory before itself", [](archive& it) { it.directory_offset = -1; },
       "elsewhere"},
      {"has its directory after itself", [](archive& it) { it.directory_offset = 1; }, "elsewhere"},
      {"has none of what it counts",
       [](archive& it) {
         it.entries.clear();
         it.count = 3;
       },
       ""},
  };
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_archive_itself_is_accepted) {
  raw_archive plain;
  BOOST_TEST(refusal_of(plain.bytes()) == "");
  std::vector<named_content> files;
  for (const auto& each : plain.entries)
    files.push_back({each.name, each.content});
  BOOST_TEST((plain.bytes() == zip_of(files, some_time)));
}

BOOST_AUTO_TEST_CASE(hostile_archives_are_refused_with_a_reason) {
  for (const auto& each : hostile_archives()) {
    raw_archive made;
    each.change(made);
    auto refusal = refusal_of(made.bytes());
    BOOST_TEST(refusal != "", each.what);
    BOOST_TEST(refusal.find(each.reason) != std::string::npos,
               "an archive that " << each.what << " is refused, but: " << refusal);
  }
}

BOOST_AUTO_TEST_CASE(two_thousand_hostile_archives_are_refused) {
  std::mt19937_64 random(20260107);
  const auto& kinds = hostile_archives();
  std::map<std::string, int> reasons;
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    raw_archive made;
    for (auto more = random() % 4; more > 0; --more)
      made.entries.emplace_back("more/" + std::to_string(more), random_text(random));
    std::string bytes;
    if (i % 2 == 0) {
      const auto& kind = kinds[random() % kinds.size()];
      kind.change(made);
      bytes = made.bytes();
      if (i % 4 == 0) bytes = damaged(bytes, random);
    } else {
      // Damage only in what is not content.
      bytes = made.bytes();
      auto whole = bytes;
      while (bytes == whole) {
        auto directory = whole.find("PK\1\2");
        auto head = whole.substr(0, directory), tail = whole.substr(directory);
        bytes = head + damaged(tail, random);
      }
    }
    auto refusal = refusal_of(bytes);
    if (refusal.empty())
      BOOST_ERROR("hostile archive " << i << " is accepted: " << printable(bytes));
    else
      ++refused, ++reasons[refusal.substr(refusal.find(' ') + 1, 20)];
  }
  BOOST_TEST(refused == 2000);
  BOOST_TEST(reasons.size() > 15u);
  for (const auto& [reason, count] : reasons)
    BOOST_TEST_MESSAGE(count << " " << reason);
}

BOOST_AUTO_TEST_CASE(garbage_is_refused) {
  std::mt19937_64 random(20260108);
  for (int i = 0; i < 500; ++i) {
    std::string bytes(random() % 300, '\0');
    for (auto& byte : bytes)
      byte = static_cast<char>(random());
    if (i % 2 == 0)
      bytes += std::string("PK\5\6", 4) + std::string(18, static_cast<char>(random()));
    BOOST_TEST(refusal_of(bytes) != "");
  }
}

BOOST_AUTO_TEST_CASE(a_directory_of_the_largest_names_takes_bounded_memory) {
  std::vector<named_content> files;
  std::string longest(name_bytes_max, 'x');
  for (std::size_t i = 0; i < 20'000; ++i) {
    auto number = std::to_string(i);
    files.push_back({longest + "/" + number + longest.substr(number.size() + 1), ""});
  }
  auto file = file_of(zip_of(files, some_time));
  allocation_watch watch;
  auto listing = must(read_listing(file.get()));
  BOOST_TEST(!listing.flaw.has_value());
  // The list of entries, which doubles.
  BOOST_TEST(watch.largest_bytes() <= 2 * files.size() * sizeof(zip_entry));
}

BOOST_AUTO_TEST_CASE(an_archive_that_cannot_be_read_is_an_error) {
  int ends[2];
  BOOST_REQUIRE(::pipe(ends) == 0);
  unique_fd out(ends[0]), in(ends[1]);
  auto listing = read_listing(out.get());
  BOOST_TEST((!listing || listing->flaw));
  REQUIRE_FAILS(read_listing(-1), error_code::io_failed);
}
