// SPDX-License-Identifier: MIT
#include "archive/content.hpp"
#include "jobs/kinds/archive_order.hpp"
#include "jobs/worker_pool.hpp"
#include "support/made_archive.hpp"
#include "support/must.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace archive_test;
using nlohmann::json;

namespace {

/// The program that is installed, and this one without Landlock.
constexpr bool each_landlock[] = {true, false};

std::unique_ptr<worker_pool> pool_with(bool landlock) {
  worker_pool_options options;
  options.worker.program =
      landlock ? worker_program{PODSTUDIO_WORKER, {"podstudio-worker", PODSTUDIO_VERSION}}
               : worker_program{"/proc/self/exe", {"job_kinds_test", "worker-without-landlock"}};
  return must(worker_pool::make(std::move(options)));
}

unique_fd memory_file(std::string_view bytes = {}) {
  unique_fd fd(::memfd_create("archive", MFD_CLOEXEC));
  BOOST_REQUIRE(::pwrite(fd.get(), bytes.data(), bytes.size(), 0)
                == static_cast<ssize_t>(bytes.size()));
  return fd;
}

std::string noise(std::mt19937_64& random, std::size_t bytes) {
  std::string text(bytes, '\0');
  for (auto& each : text)
    each = static_cast<char>(random());
  return text;
}

/// Files that one order copies one behind the other.
struct copying {
  std::vector<unique_fd> files;
  archive_copy_order order;
  std::uint64_t end = 0;
  unique_fd into = memory_file();

  void add(std::string_view bytes) {
    files.push_back(memory_file(bytes));
    order.push_back({bytes.size(), end});
    end += bytes.size();
  }
  job_outcome run(worker_pool& pool, const job_cancel& cancel = {}) const {
    job_order job{1, std::string(archive_copy_kind), to_parameters(order)};
    for (const auto& each : files)
      job.inputs.push_back(each.get());
    job.outputs = {into.get()};
    return pool.run(job, {}, cancel);
  }
};

job_outcome verify(worker_pool& pool, int fd, const archive_verify_order& signed_by = {}) {
  job_order job{1, std::string(archive_verify_kind), to_parameters(signed_by)};
  job.inputs = {fd};
  return pool.run(job, {}, {});
}

void require_completed(const job_outcome& outcome) {
  BOOST_REQUIRE_MESSAGE(outcome.ending == job_ending::completed, to_string(outcome.ending)
                                                                     << ": " << outcome.text);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(archive_kinds)

BOOST_DATA_TEST_CASE(several_orders_write_into_one_archive, each_landlock, landlock) {
  auto pool = pool_with(landlock);
  std::mt19937_64 random(1);
  copying of;
  std::string all;
  for (int order = 0; order < 3; ++order) {
    of.files.clear();
    of.order.clear();
    std::vector<std::string> contents;
    for (std::size_t i = 0; i < (order == 0 ? archive_copy_files_max : 2); ++i) {
      contents.push_back(noise(random, random() % 20'000));
      of.add(contents.back());
      all += contents.back();
    }
    auto outcome = of.run(*pool);
    require_completed(outcome);
    BOOST_TEST(outcome.written.at(0) == of.end);
    auto answer = must(parse_archive_copy_answer(outcome.facts, contents.size()));
    BOOST_TEST(!answer.failure);
    for (std::size_t i = 0; i < contents.size(); ++i) {
      auto expected = archive::sum_text(contents[i]);
      BOOST_TEST((answer.sums[i].sha256 == expected.sha256));
      BOOST_TEST(answer.sums[i].crc32 == expected.crc32);
    }
  }
  std::string copied(all.size(), '\0');
  BOOST_TEST(::pread(of.into.get(), copied.data(), copied.size(), 0)
             == static_cast<ssize_t>(copied.size()));
  BOOST_TEST((copied == all));
}

BOOST_AUTO_TEST_CASE(a_file_of_another_length_ends_the_copying_and_is_known) {
  auto pool = pool_with(true);
  for (int difference : {-1, 1}) {
    copying of;
    of.add("first");
    of.add("second");
    of.order[1].size_bytes =
        static_cast<std::uint64_t>(static_cast<int>(of.order[1].size_bytes) + difference);
    of.add("third");
    auto outcome = of.run(*pool);
    require_completed(outcome);
    auto answer = must(parse_archive_copy_answer(outcome.facts, 3));
    BOOST_TEST(answer.sums.size() == 1u);
    BOOST_REQUIRE(answer.failure.has_value());
    BOOST_TEST((answer.failure->code == error_code::changed));
  }
}

BOOST_AUTO_TEST_CASE(copying_is_cancelled_at_once) {
  auto pool = pool_with(true);
  copying of;
  unique_fd large(::memfd_create("large", MFD_CLOEXEC));
  constexpr std::uint64_t bytes = std::uint64_t{8} << 30;
  BOOST_REQUIRE(::ftruncate(large.get(), static_cast<off_t>(bytes)) == 0);
  of.files.push_back(std::move(large));
  of.order.push_back({bytes, 0});
  unique_fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  of.into = std::move(nowhere);
  job_cancel cancel;
  std::chrono::steady_clock::time_point asked;
  std::thread asking([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    asked = std::chrono::steady_clock::now();
    cancel.ask();
  });
  auto outcome = of.run(*pool, cancel);
  auto took = std::chrono::steady_clock::now() - asked;
  asking.join();
  BOOST_TEST((outcome.ending == job_ending::cancelled), outcome.text);
  BOOST_TEST(took.count() < std::chrono::nanoseconds(std::chrono::milliseconds(400)).count());
}

BOOST_DATA_TEST_CASE(an_archive_is_verified_within_the_walls, each_landlock, landlock) {
  auto pool = pool_with(landlock);
  temp_folder folder;
  auto key = must(signing_key::ensure(folder.path + "/signing.pem"));
  auto bytes = archive_of(small_pack(), {}, &key);
  auto file = memory_file(bytes);
  auto outcome = verify(*pool, file.get(), key.public_key());
  require_completed(outcome);
  auto answer = must(parse_archive_verify_answer(outcome.facts));
  BOOST_TEST(answer.finding == "");
  BOOST_TEST((answer.sha256 == archive::sum_text(bytes).sha256));

  auto other = must(signing_key::ensure(folder.path + "/other.pem"));
  outcome = verify(*pool, file.get(), other.public_key());
  require_completed(outcome);
  BOOST_TEST(must(parse_archive_verify_answer(outcome.facts)).finding.find("not signed")
             != std::string::npos);

  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  outcome = verify(*pool, memory_file(bytes).get());
  require_completed(outcome);
  BOOST_TEST(must(parse_archive_verify_answer(outcome.facts)).finding != "");
}

BOOST_AUTO_TEST_CASE(orders_and_answers_survive_a_round_trip_and_nothing_else_is_taken) {
  archive_copy_order order{{5, 0}, {0, 5}, {7, std::uint64_t{1} << 40}};
  BOOST_TEST((must(parse_archive_copy_order(to_parameters(order))) == order));
  const json bad_orders[] = {json::object(),
                             {{"files", json::array()}},
                             {{"files", {{{"size_bytes", 1}}}}},
                             {{"files", {{{"size_bytes", -1}, {"to_offset", 0}}}}},
                             {{"files", {{{"size_bytes", INT64_MAX}, {"to_offset", 1}}}}},
                             {{"files", {{{"size_bytes", 1}, {"to_offset", 0}, {"more", 1}}}}}};
  for (const auto& each : bad_orders) {
    auto parsed = parse_archive_copy_order(each);
    REQUIRE_FAILS(parsed, error_code::invalid_argument);
  }
  const json bad_answers[] = {
      json::object(),
      {{"sums", 1}},
      {{"sums", json::array()}},
      {{"sums", {{{"sha256", "00"}, {"crc32", 1}}}}},
      {{"sums", {{{"sha256", std::string(64, '0')}, {"crc32", 4294967296}}}}},
      {{"sums", json::array()}, {"failure", {{"changed", 1}, {"text", "x"}}}}};
  for (const auto& each : bad_answers) {
    auto parsed = parse_archive_copy_answer(each, 1);
    REQUIRE_FAILS(parsed, error_code::damaged);
  }
  auto parsed = parse_archive_verify_answer({{"sha256", std::string(64, '0')}});
  REQUIRE_FAILS(parsed, error_code::damaged);
}

BOOST_AUTO_TEST_SUITE_END()
