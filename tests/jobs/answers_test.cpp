// SPDX-License-Identifier: MIT
#include "jobs/answers.hpp"

#include "jobs/bounded_json.hpp"
#include "jobs/orders.hpp"
#include "support/must.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using nlohmann::json;
using namespace podstudio;

namespace {

answer_reader working(std::size_t outputs = 0, std::uint64_t output_bytes_max = 1000) {
  answer_reader reader;
  BOOST_REQUIRE(reader.take(make_ready({2, true})));
  reader.expect(1, outputs, output_bytes_max);
  return reader;
}

std::string text_of(const json& document) { return document.dump(); }

std::string result_text(std::string_view part) {
  return make_text(worker_frame::result_text, 1, part);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(answers)

BOOST_AUTO_TEST_CASE(a_worker_is_ready_then_answers) {
  answer_reader reader;
  BOOST_TEST(reader.is_starting());
  BOOST_TEST(
      (std::get<walls_report>(*must(reader.take(make_ready({6, true})))) == walls_report{6, true}));
  BOOST_TEST(reader.is_idle());
  reader.expect(1, 2, 100);
  BOOST_TEST(std::get<progress_answer>(*must(reader.take(make_progress(1, 0)))).percent == 0u);
  BOOST_TEST(std::get<log_answer>(*must(reader.take(make_log(1, "é")))).line == "é");
  BOOST_TEST(std::get<progress_answer>(*must(reader.take(make_progress(1, 100)))).percent == 100u);
  auto text = text_of({{"a", {1, 2, 3}}});
  const std::uint64_t written[] = {100, 0};
  BOOST_TEST(!must(reader.take(make_result(1, static_cast<std::uint32_t>(text.size()), written))));
  BOOST_TEST(!must(reader.take(result_text(text.substr(0, 3)))));
  BOOST_TEST(std::get<log_answer>(*must(reader.take(make_log(1, "a thread")))).line == "a thread");
  auto done = std::get<result_answer>(*must(reader.take(result_text(text.substr(3)))));
  BOOST_TEST(done.result == json({{"a", {1, 2, 3}}}));
  BOOST_TEST(done.written == (std::vector<std::uint64_t>{100, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(reader.is_idle());
  // The next job has bounds of its own.
  reader.expect(2, 0, 0);
  BOOST_TEST(std::get<progress_answer>(*must(reader.take(make_progress(2, 0)))).percent == 0u);
  auto failed = std::get<failure_answer>(
      *must(reader.take(make_failure(2, {job_ending::forbidden_call, 257, ""}))));
  BOOST_TEST((failed.ending == job_ending::forbidden_call));
  BOOST_TEST(failed.system_call == 257u);
}

BOOST_AUTO_TEST_CASE(a_failure_replaces_a_result_that_is_not_complete) {
  auto reader = working();
  BOOST_TEST(!must(reader.take(make_result(1, 100, {}))));
  BOOST_TEST(!must(reader.take(result_text("{"))));
  BOOST_TEST(
      std::get<failure_answer>(*must(reader.take(make_failure(1, {job_ending::defect, 0, "x"}))))
          .text
      == "x");
  reader.expect(2, 0, 0);
  BOOST_TEST(!must(reader.take(make_result(2, 2, {}))));
  auto done = must(reader.take(make_text(worker_frame::result_text, 2, "{}")));
  BOOST_TEST(std::get<result_answer>(*done).result == json::object());
}

BOOST_AUTO_TEST_CASE(every_frame_is_refused_cut_or_longer) {
  const std::string frames[] = {make_progress(1, 7), make_result(1, 2, {}),
                                make_failure(1, {job_ending::defect, 0, "why"}),
                                make_log(1, "line")};
  for (const auto& frame : frames) {
    for (std::size_t size = 0; size < frame.size(); ++size) {
      auto reader = working();
      BOOST_TEST(!reader.take(frame.substr(0, size)), size);
      BOOST_TEST(reader.is_broken());
      BOOST_TEST(!reader.take(frame));
    }
    BOOST_TEST(!working().take(frame + '\0'));
    BOOST_TEST(bool(working().take(frame)));
    BOOST_TEST(!working().take(frame, 1));
  }
  answer_reader starting;
  auto ready = make_ready({});
  for (std::size_t size = 0; size < ready.size(); ++size)
    BOOST_TEST(!answer_reader().take(ready.substr(0, size)));
}

BOOST_AUTO_TEST_CASE(nothing_is_said_before_a_job_or_after_it) {
  for (const auto& frame :
       {make_progress(1, 7), make_log(1, "x"), make_failure(0, {}), make_cancel(0)})
    BOOST_TEST(!answer_reader().take(frame));
  answer_reader idle;
  BOOST_REQUIRE(idle.take(make_ready({})));
  BOOST_TEST(!idle.take(make_progress(0, 7)));
  auto over = working();
  BOOST_REQUIRE(over.take(make_failure(1, {})));
  BOOST_TEST(!over.take(make_failure(1, {})));
  answer_reader no_walls;
  auto failed = must(no_walls.take(make_failure(0, {job_ending::no_sandbox, 0, "why"})));
  BOOST_TEST(std::get<failure_answer>(*failed).text == "why");
  BOOST_TEST(no_walls.is_broken());
}

BOOST_AUTO_TEST_CASE(lines_and_texts_have_bounds) {
  auto reader = working();
  for (std::size_t i = 0; i < job_log_lines_max; ++i)
    BOOST_REQUIRE(reader.take(make_log(1, "x")));
  BOOST_TEST(!reader.take(make_log(1, "x")));
  auto long_line = make_log(1, std::string(worker_line_bytes_max, 'x'));
  BOOST_TEST(bool(working().take(long_line)));
  long_line += 'x';
  write_number(long_line.data(), static_cast<std::uint32_t>(worker_line_bytes_max + 1));
  BOOST_TEST(!working().take(long_line));
  for (auto bad : {"\xff", "\xc0\x80", "\xed\xa0\x80"})
    BOOST_TEST(!working().take(make_log(1, bad)));
  BOOST_TEST(!working().take(make_log(1, std::string(1, '\0'))));
}

BOOST_AUTO_TEST_CASE(results_are_objects_within_bounds) {
  auto refused = [](const std::string& text) {
    auto reader = working();
    BOOST_REQUIRE(reader.take(make_result(1, static_cast<std::uint32_t>(text.size()), {})));
    for (std::string_view rest = text; !rest.empty();) {
      auto part = rest.substr(0, worker_payload_bytes_max);
      rest.remove_prefix(part.size());
      if (auto taken = reader.take(result_text(part)); !taken) return taken.failure().message;
    }
    return std::string();
  };
  auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  auto holding = [](std::size_t values) {  // the object, the key, the array, and what is in it
    std::string text = "{\"a\":[0";
    for (std::size_t i = 4; i < values; ++i)
      text += ",0";
    return text + "]}";
  };
  BOOST_TEST(refused("{}") == "");
  BOOST_TEST(refused("[]") == "a result that is refused: the text is not a JSON object");
  BOOST_TEST(refused("{}x") != "");
  BOOST_TEST(refused(" ") != "");
  BOOST_TEST(refused("{\"a\":1e999}") != "");
  BOOST_TEST(refused("{\"a\":\"\\u0000\"}")
             == "a result that is refused: the text holds a text with NUL or that is not UTF-8");
  BOOST_TEST(refused("{\"\\u0000\":1}") != "");
  BOOST_TEST(refused("{\"a\":\"\xff\"}") != "");
  BOOST_TEST(refused("{\"a\":\"\\ud800\"}") != "");
  BOOST_TEST(refused(nested(job_json_depth_max)) == "");
  BOOST_TEST(refused(nested(job_json_depth_max + 1))
             == "a result that is refused: the text nests deeper than 32 levels");
  BOOST_TEST(refused(nested(job_result_bytes_max / 2 - 10)) != "");
  BOOST_TEST(refused(holding(job_json_values_max)) == "");
  BOOST_TEST(refused(holding(job_json_values_max + 1))
             == "a result that is refused: the text holds more than 262144 values");
}

BOOST_AUTO_TEST_CASE(lines_are_cut_between_characters) {
  BOOST_TEST(as_worker_line("a\n") == "a");
  BOOST_TEST(as_worker_line("") == "");
  for (std::size_t size :
       {worker_line_bytes_max - 1, worker_line_bytes_max, worker_line_bytes_max + 1}) {
    auto line = as_worker_line(std::string(size, 'x') + "é\x01\xff");
    BOOST_TEST(line.size() <= worker_line_bytes_max);
    BOOST_TEST(bool(working().take(make_log(1, line))));
  }
}

BOOST_AUTO_TEST_CASE(orders_come_whole_and_in_order) {
  order_reader reader;
  auto take = [&](const std::string& frame, std::size_t descriptors = 0) {
    std::vector<unique_fd> beside;
    for (std::size_t i = 0; i < descriptors; ++i)
      beside.emplace_back();
    return reader.take(frame, std::move(beside));
  };
  auto part = [](std::string_view text) { return make_text(worker_frame::parameters, 5, text); };
  BOOST_TEST(!must(take(make_order(5, {"copy", 2, 1, 7}))));
  BOOST_TEST(reader.arriving() == 5u);
  BOOST_TEST(!must(take(make_descriptors(5, 1), 1)));
  BOOST_TEST(!must(take(make_descriptors(5, 2), 2)));
  BOOST_TEST(!must(take(part("{\"a\":"))));
  auto job = must(take(part("1}")));
  BOOST_REQUIRE(job.has_value());
  BOOST_TEST(job->number == 5u);
  BOOST_TEST(job->kind == "copy");
  BOOST_TEST(job->inputs.size() == 2u);
  BOOST_TEST(job->outputs.size() == 1u);
  BOOST_TEST(job->parameters == json({{"a", 1}}));
  BOOST_TEST(reader.arriving() == 0u);

  auto refuses = [](std::vector<std::string> frames) {
    order_reader fresh;
    for (auto& frame : frames)
      if (!fresh.take(frame, {})) return true;
    return false;
  };
  BOOST_TEST(refuses({make_descriptors(5, 1)}));
  BOOST_TEST(refuses({part("{}")}));
  BOOST_TEST(refuses({make_order(0, {"copy", 0, 0, 2})}));
  BOOST_TEST(refuses({make_order(5, {"copy", 0, 0, 0})}));
  BOOST_TEST(refuses({make_order(5, {"copy", 257, 0, 2})}));
  BOOST_TEST(refuses({make_order(5, {"copy", 0, 513, 2})}));
  BOOST_TEST(refuses({make_order(5, {"copy", 0, 0, 2}), make_order(6, {"copy", 0, 0, 2})}));
  BOOST_TEST(refuses({make_order(5, {"copy", 1, 0, 2}), part("{}")}));
  BOOST_TEST(refuses({make_order(5, {"copy", 0, 0, 2}), part("{ }")}));
  BOOST_TEST(
      refuses({make_order(5, {"copy", 1, 0, 2}), make_descriptors(5, 1)}));  // lost on the way
  BOOST_TEST((cancelled_job(make_cancel(9)) == 9u));
  BOOST_TEST(!cancelled_job(part("{}")));
}

BOOST_AUTO_TEST_SUITE_END()
