// SPDX-License-Identifier: MIT
#include "jobs/kinds/sheet_order.hpp"
#include "jobs/worker_pool.hpp"
#include "media/sheet.hpp"
#include "support/must.hpp"
#include "support/outcome.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

using namespace podstudio;
using nlohmann::json;

namespace {

unique_fd memory_file(std::string_view bytes = {}) {
  unique_fd fd(::memfd_create("picture", MFD_CLOEXEC));
  BOOST_REQUIRE(::pwrite(fd.get(), bytes.data(), bytes.size(), 0)
                == static_cast<ssize_t>(bytes.size()));
  return fd;
}

std::string small_jpeg() {
  media::sheet_drawer drawer({40, 30, 1, 1});
  auto bytes = must(media::encode_jpeg(drawer.sheet()));
  return {bytes.begin(), bytes.end()};
}

job_outcome draw(const std::vector<std::string>& files, const sheet_order& order, int into) {
  worker_pool_options options;
  options.worker.program = {PODSTUDIO_WORKER, {"podstudio-worker", PODSTUDIO_VERSION}};
  auto pool = must(worker_pool::make(std::move(options)));
  std::vector<unique_fd> opened;
  job_order job{1, std::string(draw_sheet_kind), to_parameters(order)};
  for (const auto& each : files) {
    opened.push_back(memory_file(each));
    job.inputs.push_back(opened.back().get());
  }
  job.outputs = {into};
  return pool->run(job, {}, {});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(draw_sheet)

BOOST_AUTO_TEST_CASE(broken_files_leave_no_gap_and_stop_nothing) {
  const std::vector<std::string> files{small_jpeg(), "no picture", "", small_jpeg().substr(0, 40),
                                       small_jpeg()};
  sheet_order order{media::lay_out_sheet(400, 300, files.size()), {}};
  for (const auto& each : files)
    order.files.push_back({each.size(), "jpg"});
  auto into = memory_file();
  auto outcome = draw(files, order, into.get());
  BOOST_REQUIRE_MESSAGE(outcome.ending == job_ending::completed, outcome.text);
  BOOST_TEST(outcome.facts["drawn"] == 2);
  std::string sheet(outcome.written[0], '\0');
  BOOST_REQUIRE(::pread(into.get(), sheet.data(), sheet.size(), 0)
                == static_cast<ssize_t>(sheet.size()));
  BOOST_TEST(sheet.starts_with("\xff\xd8\xff"));
}

BOOST_AUTO_TEST_CASE(a_file_for_each_input_is_needed) {
  sheet_order order{{100, 100, 2, 1}, {{5, "png"}, {5, "png"}}};
  auto into = memory_file();
  BOOST_TEST((draw({"12345"}, order, into.get()).ending == job_ending::bad_parameters));
}

BOOST_AUTO_TEST_CASE(an_order_is_read_as_it_was_written_and_no_other) {
  const sheet_order order{{1920, 1080, 8, 5}, {{7, "png"}, {0, ""}}};
  const auto good = to_parameters(order);
  BOOST_TEST((must(parse_sheet_order(good)) == order));
  struct {
    const char* member;
    json value;
  } const cases[] = {
      {"width", 0},
      {"width", 4097},
      {"height", -1},
      {"columns", 65},
      {"rows", 9},
      {"rows", "5"},
      {"more", 1},
      {"files", json::array()},
      {"files", 3},
      {"files", json::array({1})},
      {"files", json::array({{{"size_bytes", -1}, {"extension", "png"}}})},
      {"files", json::array({{{"size_bytes", 1}, {"extension", 5}}})},
      {"files", json::array({{{"size_bytes", 1}}})},
      {"files", json::array({{{"size_bytes", 1}, {"extension", std::string(17, 'x')}}})},
      {"files", json(41, good["files"][0])}};
  for (const auto& each : cases) {
    auto bad = good;
    bad[each.member] = each.value;
    BOOST_TEST(!parse_sheet_order(bad), bad.dump());
  }
  for (const json& bad : {json(), json(1), json::array(), json::object()})
    BOOST_TEST(!parse_sheet_order(bad));
}

BOOST_AUTO_TEST_SUITE_END()
