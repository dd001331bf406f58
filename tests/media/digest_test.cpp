// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE digest
#include "media/digest.hpp"

#include "platform/root_folder.hpp"
#include "platform/volume.hpp"

#include "support/temp_folder.hpp"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

using namespace podstudio;

namespace {

/// Boost.Test would put its own handler in the place of the one under test.
const bool signals_are_ours = ::setenv("BOOST_TEST_CATCH_SYSTEM_ERRORS", "no", 1) == 0;

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// The digest as another program computes it.
std::string sha256sum(const std::string& path) {
  auto* pipe = ::popen(("sha256sum '" + path + "'").c_str(), "r");
  char text[65] = {};
  BOOST_REQUIRE(std::fread(text, 1, 64, pipe) == 64u);
  ::pclose(pipe);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(digests_of_files_of_all_sizes_are_those_of_sha256sum) {
  temp_folder folder;
  file_digester digester;
  for (std::size_t size : {0u, 1u, 4095u, 65536u, 65537u, (256u << 10) - 1, 256u << 10,
                           (4u << 20) + 1, (9u << 20) + 77}) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
      bytes[i] = static_cast<char>(i * 2654435761u >> 13);
    auto path = folder.path + "/" + std::to_string(size);
    write(path, bytes);
    auto content = digester.digest(root_folder(folder.path), path);
    BOOST_REQUIRE(static_cast<bool>(content));
    BOOST_TEST(to_hex(content->sha256) == sha256sum(path), "size " << size);
    BOOST_TEST(content->facts.size_bytes == size);
  }
}

BOOST_AUTO_TEST_CASE(reading_leaves_the_access_time_alone) {
  temp_folder folder;
  auto path = folder.path + "/a.png";
  write(path, "x");
  timespec old[2] = {{1'000'000, 0}, {2'000'000, 0}};
  BOOST_REQUIRE(::utimensat(AT_FDCWD, path.c_str(), old, 0) == 0);
  BOOST_REQUIRE(static_cast<bool>(file_digester().digest(root_folder(folder.path), path)));
  struct stat after;
  BOOST_REQUIRE(::stat(path.c_str(), &after) == 0);
  BOOST_TEST(after.st_atim.tv_sec == 1'000'000);
}

BOOST_AUTO_TEST_CASE(what_is_gone_or_a_link_is_changed_and_what_is_no_file_is_left_alone) {
  temp_folder folder;
  write(folder.path + "/real", "x");
  BOOST_REQUIRE(::symlink((folder.path + "/real").c_str(), (folder.path + "/link").c_str()) == 0);
  BOOST_REQUIRE(::mkfifo((folder.path + "/pipe").c_str(), 0600) == 0);
  file_digester digester;
  BOOST_TEST((digester.digest(root_folder(folder.path), folder.path + "/none").failure().code
              == error_code::changed));
  BOOST_TEST((digester.digest(root_folder(folder.path), folder.path + "/link").failure().code
              == error_code::changed));
  BOOST_TEST((digester.digest(root_folder(folder.path), folder.path + "/real/below").failure().code
              == error_code::changed));
  BOOST_TEST((digester.digest(root_folder(folder.path), folder.path + "/pipe").failure().code
              == error_code::invalid_argument));
  BOOST_TEST((digester.digest(root_folder(folder.path), folder.path).failure().code
              == error_code::invalid_argument));
}

BOOST_AUTO_TEST_CASE(
    a_file_that_is_written_to_or_cut_while_it_is_read_is_never_given_a_digest_it_never_had) {
  temp_folder folder;
  auto path = folder.path + "/busy.mp4";
  constexpr std::size_t size = 24u << 20;
  write(path, std::string(size, 'a'));
  std::atomic<bool> stop{false};
  // Cuts the file and restores it, over and over: the mapping faults wherever the reader is.
  std::thread writer([&] {
    int fd = ::open(path.c_str(), O_RDWR);
    for (bool cut = true; !stop; cut = !cut)
      if (::ftruncate(fd, cut ? 4096 : static_cast<off_t>(size)) != 0) break;
    ::close(fd);
  });
  file_digester digester;
  unsigned changed = 0;
  // On a busy machine the writer may not come to it for long.
  for (int i = 0; i < 200 || (changed == 0 && i < 20'000); ++i) {
    auto content = digester.digest(root_folder(folder.path), path);
    if (content) {
      BOOST_TEST((content->facts.size_bytes == size || content->facts.size_bytes == 4096u));
    } else {
      BOOST_REQUIRE((content.failure().code == error_code::changed));
      ++changed;
    }
  }
  stop = true;
  writer.join();
  BOOST_TEST(changed > 0u);
}

BOOST_AUTO_TEST_CASE(reading_stops_when_it_is_cancelled) {
  temp_folder folder;
  write(folder.path + "/a", "x");
  std::atomic<bool> cancelled{true};
  BOOST_TEST(
      (file_digester(&cancelled).digest(root_folder(folder.path), folder.path + "/a").failure().code
       == error_code::stopping));
  cancelled = false;
  BOOST_TEST(static_cast<bool>(
      file_digester(&cancelled).digest(root_folder(folder.path), folder.path + "/a")));
}

BOOST_AUTO_TEST_CASE(times_that_are_too_far_for_nanoseconds_do_not_wrap_around) {
  constexpr std::int64_t year_3000 = 32'503'680'000, year_1600 = -11'676'096'000;
  struct stat status {};
  status.st_mtim = {year_3000, 5};
  status.st_ctim = {year_1600, 5};
  BOOST_TEST(facts_of(status, volume()).mtime_ns == std::numeric_limits<std::int64_t>::max());
  BOOST_TEST(facts_of(status, volume()).ctime_ns == std::numeric_limits<std::int64_t>::min());
  status.st_mtim = {9'223'372'036, 854'775'807};
  BOOST_TEST(facts_of(status, volume()).mtime_ns == std::numeric_limits<std::int64_t>::max());
  status.st_mtim = {-1, 999'999'999};
  BOOST_TEST(facts_of(status, volume()).mtime_ns == -1);

  temp_folder folder;
  auto path = folder.path + "/later.png";
  write(path, "later");
  const timespec times[] = {{year_3000, 0}, {year_3000, 0}};
  BOOST_REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
  BOOST_REQUIRE(::stat(path.c_str(), &status) == 0);
  BOOST_TEST(facts_of(status, volume()).mtime_ns > 0);
  auto content = file_digester().digest(root_folder(folder.path), path);
  BOOST_REQUIRE(static_cast<bool>(content));
  BOOST_CHECK(content->facts == facts_of(status, volume_of(path, status.st_dev)));
}
