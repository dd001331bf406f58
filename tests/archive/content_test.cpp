// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE archive_content
#include <boost/test/unit_test.hpp>

#include "jobs/call_filter.hpp"
#include "support/allocation_watch.hpp"
#include "support/made_archive.hpp"
#include "support/outcome.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <vector>

using namespace archive_test;

namespace {

std::string random_bytes(std::size_t size) {
  std::mt19937 random(7);
  std::string bytes(size, '\0');
  for (auto& byte : bytes)
    byte = static_cast<char>(random());
  return bytes;
}

std::string bytes_of(int fd) {
  std::string bytes(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
  BOOST_REQUIRE(read_at(fd, bytes.data(), bytes.size(), 0) == bytes.size());
  return bytes;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_copy_has_the_bytes_and_their_checksums) {
  for (std::size_t size : {0u, 1u, 262'143u, 262'144u, 262'145u, 1'000'000u}) {
    auto content = random_bytes(size);
    auto from = file_of(content), to = file_of("12345");
    ::lseek(from.get(), 3, SEEK_SET);
    ::lseek(to.get(), 2, SEEK_SET);
    auto sums = must(copy_content(from.get(), size, to.get(), 5));
    BOOST_TEST((bytes_of(to.get()) == "12345" + content));
    BOOST_TEST((sums.sha256 == sha256().of(content)));
    BOOST_TEST(sums.crc32 == entry_of({"", content}).crc32);
    BOOST_TEST(::lseek(from.get(), 0, SEEK_CUR) == 3);
    auto read = must(sum_content(to.get(), 5, size));
    BOOST_TEST((read.sha256 == sums.sha256 && read.crc32 == sums.crc32));
  }
}

BOOST_AUTO_TEST_CASE(a_file_of_another_size_is_reported) {
  auto from = file_of("12345"), to = file_of("");
  REQUIRE_FAILS(copy_content(from.get(), 6, to.get(), 0), error_code::changed);
  REQUIRE_FAILS(copy_content(from.get(), 4, to.get(), 0), error_code::changed);
  REQUIRE_FAILS(copy_content(from.get(), 0, to.get(), 0), error_code::changed);
  REQUIRE_FAILS(sum_content(from.get(), 3, 3), error_code::changed);
  REQUIRE_OK(copy_content(from.get(), 5, to.get(), 0));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_or_written_is_reported) {
  auto from = file_of("12345");
  unique_fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  REQUIRE_FAILS(copy_content(from.get(), 5, null.get(), 0), error_code::io_failed);
  int ends[2];
  BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  unique_fd out(ends[0]), in(ends[1]);
  REQUIRE_FAILS(sum_content(out.get(), 0, 1), error_code::io_failed);
}

BOOST_AUTO_TEST_CASE(a_copy_can_be_watched_and_stopped) {
  auto content = random_bytes(1'000'000);
  auto from = file_of(content), to = file_of("");
  std::vector<std::uint64_t> seen;
  auto stopped = copy_content(from.get(), content.size(), to.get(), 0, [&](std::uint64_t done) {
    seen.push_back(done);
    return seen.size() < 2;
  });
  REQUIRE_FAILS(stopped, error_code::stopping);
  BOOST_TEST(seen.size() == 2u);
  BOOST_TEST(bytes_of(to.get()).size() == seen.back());
  seen.clear();
  REQUIRE_OK(copy_content(from.get(), content.size(), to.get(), 0, [&](std::uint64_t done) {
    seen.push_back(done);
    return true;
  }));
  BOOST_TEST(std::ranges::is_sorted(seen));
  BOOST_TEST(seen.back() == content.size());
}

BOOST_AUTO_TEST_CASE(the_buffer_is_bounded) {
  constexpr std::size_t buffer_bytes_max = 1 << 20;
  auto content = random_bytes(4 << 20);
  auto from = file_of(content), to = file_of("");
  allocation_watch watch;
  REQUIRE_OK(copy_content(from.get(), content.size(), to.get(), 0));
  BOOST_TEST(watch.largest_bytes() <= buffer_bytes_max);
}

BOOST_AUTO_TEST_CASE(a_copy_runs_within_a_workers_sandbox) {
  auto content = random_bytes(1'000'000);
  auto from = file_of(content), to = file_of("");
  auto child = ::fork();
  if (child == 0) {
    sha256().of("");  // OpenSSL reads its configuration before the walls close
    if (!filter_calls(from.get())) ::_exit(2);
    ::_exit(copy_content(from.get(), content.size(), to.get(), 7) ? 0 : 1);
  }
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  BOOST_TEST(status == 0);
  BOOST_TEST((bytes_of(to.get()).substr(7) == content));
}
