// SPDX-License-Identifier: MIT
#include "test_worker.hpp"

#include "jobs/worker_pool.hpp"
#include "support/eventually.hpp"
#include "support/must.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <spawn.h>
#include <sstream>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>

using nlohmann::json;
using namespace podstudio;
using std::chrono::milliseconds;
using clock_type = std::chrono::steady_clock;

namespace podstudio {
static std::ostream& operator<<(std::ostream& out, job_ending ending) {
  return out << to_string(ending);
}
}  // namespace podstudio

namespace {

unique_fd memory_file(const std::string& contents = "") {
  unique_fd file(::memfd_create("test", MFD_CLOEXEC));
  if (::pwrite(file.get(), contents.data(), contents.size(), 0)
      != static_cast<ssize_t>(contents.size()))
    throw std::runtime_error("cannot write a file in memory");
  return file;
}

std::string contents_of(const unique_fd& file, std::size_t size) {
  std::string contents(size, '\0');
  auto count = ::pread(file.get(), contents.data(), size, 0);
  contents.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return contents;
}

milliseconds since(clock_type::time_point start) {
  return std::chrono::duration_cast<milliseconds>(clock_type::now() - start);
}

struct one_worker {
  job_outcome run(const std::string& kind, json parameters) {
    job_order order{++number, kind, std::move(parameters)};
    return run(order);
  }
  job_outcome run(const job_order& order) { return pool->run(order, observer, never); }

  std::unique_ptr<worker_pool> pool = must(worker_pool::make({test_worker::options(), 1}));
  job_observer observer;
  job_cancel never;
  std::uint64_t number = 0;
};

bool is_gone(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(status, line)) return true;
  return line[line.rfind(')') + 2] == 'Z';
}

/// Kills a child of this process, and no other process that may have got its number.
void kill_child(pid_t pid) {
  unique_fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!handle) return;
  std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(status, line)) return;
  std::istringstream rest(line.substr(line.rfind(')') + 2));
  char state = 0;
  pid_t parent = 0;
  rest >> state >> parent;
  if (parent == ::getpid())
    (void)::syscall(SYS_pidfd_send_signal, handle.get(), SIGKILL, nullptr, 0);
}

json frame_bytes(const std::string& frame) {
  auto bytes = json::array();
  for (char each : frame)
    bytes.push_back(static_cast<unsigned char>(each));
  return bytes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(worker)

BOOST_FIXTURE_TEST_CASE(a_job_reads_inputs_and_writes_outputs, one_worker) {
  auto a = memory_file("first"), b = memory_file(std::string(100'000, 'b'));
  auto to_a = memory_file(), to_b = memory_file();
  job_order order{7, "copy", {{"text", "é"}}};
  order.inputs = {a.get(), b.get()};
  order.outputs = {to_a.get(), to_b.get()};
  std::vector<unsigned> percents;
  observer.progress = [&](unsigned percent) { percents.push_back(percent); };
  auto done = run(order);
  BOOST_REQUIRE_MESSAGE(done.ending == job_ending::completed, done.text);
  BOOST_TEST(done.facts["parameters"] == json({{"text", "é"}}));
  BOOST_TEST(done.written == (std::vector<std::uint64_t>{5, 100'000}),
             boost::test_tools::per_element());
  BOOST_TEST(contents_of(to_a, 10) == "first");
  BOOST_TEST(contents_of(to_b, 200'000) == std::string(100'000, 'b'));
  BOOST_TEST(percents == (std::vector<unsigned>{50, 100}), boost::test_tools::per_element());
  BOOST_TEST(!done.worker_ended);
}

BOOST_FIXTURE_TEST_CASE(a_job_may_have_as_many_files_as_its_bounds_say, one_worker) {
  job_order order{1, "copy"};
  order.parameters = {{"text", std::string(job_parameters_bytes_max - 11, 'x')}};
  auto input = memory_file("x");
  std::vector<unique_fd> outputs;
  order.inputs.assign(job_inputs_max, input.get());
  auto output = memory_file("x");
  order.outputs.assign(job_inputs_max, output.get());
  auto done = run(order);
  BOOST_REQUIRE_MESSAGE(done.ending == job_ending::completed, done.text);
  BOOST_TEST(done.facts["sizes"].size() == job_inputs_max);
  order.inputs.clear();
  order.outputs.assign(job_outputs_max, output.get());
  done = run(order);  // the kind says nothing of outputs that have no input
  BOOST_TEST(done.ending == job_ending::defect, done.text);
  order.outputs.push_back(output.get());
  BOOST_TEST(run(order).ending == job_ending::not_started);
  BOOST_TEST(pool->counts().started == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_worker_is_used_again, one_worker) {
  std::set<pid_t> pids;
  for (int i = 0; i < 20; ++i) {
    auto done = run("copy", {{"i", i}});
    BOOST_REQUIRE_MESSAGE(done.ending == job_ending::completed, done.text);
    BOOST_TEST(done.facts["parameters"]["i"] == i);
    pids.insert(done.facts["pid"].get<pid_t>());
  }
  BOOST_TEST(pids.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_worker_is_replaced_after_enough_jobs_or_growth) {
  job_cancel never;
  auto jobs = must(worker_pool::make({test_worker::options(), 1, 3}));
  for (std::uint64_t i = 1; i <= 9; ++i)
    BOOST_TEST(jobs->run({i, "copy"}, {}, never).ending == job_ending::completed);
  BOOST_TEST(jobs->counts().started == 3u);
  BOOST_TEST(jobs->counts().retired == 3u);
  auto growth = must(worker_pool::make({test_worker::options(), 1, 100, 1}));
  for (std::uint64_t i = 1; i <= 3; ++i)
    BOOST_TEST(growth->run({i, "copy"}, {}, never).ending == job_ending::completed);
  BOOST_TEST(growth->counts().retired == 3u);
  BOOST_TEST(growth->counts().lost == 0u);
}

BOOST_FIXTURE_TEST_CASE(failures_say_what_and_keep_the_worker, one_worker) {
  const std::pair<error_code, job_ending> codes[] = {
      {error_code::invalid_argument, job_ending::bad_parameters},
      {error_code::damaged, job_ending::bad_input},
      {error_code::refused, job_ending::unsupported},
      {error_code::disk_full, job_ending::output_full},
      {error_code::io_failed, job_ending::io_failed},
      {error_code::internal, job_ending::defect}};
  for (auto [code, ending] : codes) {
    auto failed = run("fail", {{"code", static_cast<int>(code)}});
    BOOST_TEST(failed.ending == ending);
    BOOST_TEST(failed.text == "it failed");
    BOOST_TEST(failed.last_words == (std::vector<std::string>{"one", "two\\x0athree\\x1b[31m"}),
               boost::test_tools::per_element());
  }
  auto thrown = run("fail", {{"throw", 1}});
  BOOST_TEST(thrown.ending == job_ending::defect);
  BOOST_TEST(thrown.text == "thrown");
  BOOST_TEST(run("fail", {{"no_memory", 1}}).ending == job_ending::out_of_memory);
  BOOST_TEST(run("nonsense", json::object()).ending == job_ending::unknown_kind);
  BOOST_TEST(run("fail", json::object()).ending == job_ending::defect);  // the kind throws
  // A kind that says it was cancelled when it was not is not believed.
  BOOST_TEST(run("fail", {{"code", static_cast<int>(error_code::stopping)}}).ending
             == job_ending::bad_answer);
  BOOST_TEST(pool->counts().started == 1u);
}

BOOST_FIXTURE_TEST_CASE(an_order_that_no_worker_would_take_is_not_sent, one_worker) {
  auto nested = json::object();
  for (int i = 0; i < 40; ++i)
    nested = {{"a", nested}};
  const json refused[] = {json::array(),   1,
                          {{"a", "\xff"}}, {{"a", std::string(1, '\0')}},
                          nested,          {{"a", std::string(job_parameters_bytes_max, 'x')}}};
  for (const auto& parameters : refused) {
    auto outcome = run("copy", parameters);
    BOOST_TEST(outcome.ending == job_ending::not_started);
    BOOST_TEST(outcome.text.starts_with("the parameters of a job: "), outcome.text);
  }
  BOOST_TEST(run({0, "copy"}).ending == job_ending::not_started);
  job_order at_once{1, "copy"}, for_ever{1, "copy"};
  at_once.time_limit = milliseconds(0);
  for_ever.time_limit = milliseconds::max();
  BOOST_TEST(run(at_once).ending == job_ending::not_started);
  BOOST_TEST(run(for_ever).ending == job_ending::not_started);
  for (auto kind : {"", "Copy", "a kind", "../copy"})
    BOOST_TEST(run({1, kind}).ending == job_ending::not_started);
  BOOST_TEST(run("copy", json::object()).ending == job_ending::completed);
  BOOST_TEST(pool->counts().started == 1u);
}

BOOST_FIXTURE_TEST_CASE(results_have_a_bound, one_worker) {
  auto most = job_result_bytes_max - std::string(R"({"text":""})").size();
  auto done = run("big_result", {{"bytes", most}});
  BOOST_REQUIRE_MESSAGE(done.ending == job_ending::completed, done.text);
  BOOST_TEST(done.facts["text"].get<std::string>().size() == most);
  BOOST_TEST(run("big_result", {{"bytes", most + 1}}).ending == job_ending::output_full);
}

BOOST_FIXTURE_TEST_CASE(lengths_of_outputs_are_compared_with_the_files, one_worker) {
  auto output = memory_file("12345");
  job_order order{1, "wrong_lengths", {{"written", {5}}}};
  order.outputs = {output.get()};
  BOOST_TEST(run(order).ending == job_ending::completed);
  order.parameters = {{"written", {6}}};
  auto lied = run(order);
  BOOST_TEST(lied.ending == job_ending::bad_answer);
  BOOST_TEST(lied.text.find("6 bytes") != std::string::npos, lied.text);
  order.output_bytes = 4;
  order.parameters = {{"written", {5}}};
  BOOST_TEST(run(order).ending == job_ending::bad_answer);
}

BOOST_FIXTURE_TEST_CASE(ends_are_told_in_words, one_worker) {
  const std::tuple<const char*, job_ending, const char*> ends[] = {
    {"abort", job_ending::crashed, "the worker died by SIGABRT (Aborted)"},
#if !defined(__SANITIZE_ADDRESS__)  // which ends a process itself
    {"bad memory", job_ending::crashed, "the worker died by SIGSEGV (Segmentation fault)"},
#endif
    {"leaving", job_ending::exited, "the worker left with code 3 in the middle of the job"},
    {"unshare", job_ending::forbidden_call,
     "the worker made the system call unshare (272), which the sandbox forbids"},
  };
  for (auto [name, ending, text] : ends) {
    auto outcome = run("attempt", {{"try", name}});
    BOOST_TEST(outcome.ending == ending);
    BOOST_TEST(outcome.worker_ended);
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
    BOOST_TEST(outcome.text == text);
#endif
    if (ending == job_ending::crashed && std::string(name) == "abort")
      BOOST_TEST(outcome.last_words == (std::vector<std::string>{"free(): invalid pointer"}),
                 boost::test_tools::per_element());
  }
  // What stands on a terminal is no more than that.
  BOOST_TEST(run("attempt", {{"try", "a thread"}}).ending == job_ending::completed);
}

BOOST_FIXTURE_TEST_CASE(the_last_words_are_bounded, one_worker) {
  auto talked = run("attempt", {{"try", "endless log"}});
  BOOST_TEST(talked.ending == job_ending::completed);
  BOOST_REQUIRE(talked.last_words.size() == last_words_max);
  BOOST_TEST(talked.last_words.back() == "line " + std::to_string(job_log_lines_max - 1));
}

BOOST_FIXTURE_TEST_CASE(a_job_takes_no_longer_than_it_may, one_worker) {
  job_order order{1, "hang"};
  order.time_limit = milliseconds(300);
  auto start = clock_type::now();
  auto late = run(order);
  BOOST_TEST(late.ending == job_ending::timed_out);
  BOOST_TEST(late.text == "the job took longer than 0.3 s, the time it may take");
  BOOST_TEST(since(start).count() >= 300);
  BOOST_TEST(run("copy", json::object()).ending == job_ending::completed);
}

BOOST_DATA_TEST_CASE(cancelling_takes_effect_within_200_ms,
                     boost::unit_test::data::make({"work", "hang", "attempt"}), kind) {
  one_worker worker;
  std::uint64_t number = 0;
  std::vector<milliseconds> times;
  for (int i = 0; i < 5; ++i) {
    job_cancel cancel;
    clock_type::time_point asked;
    job_order order{++number, kind, {{"ms", 60'000}, {"number", i}, {"try", "CPU loop"}}};
    std::thread asker([&] {
      // In the middle of the job, of its start, or of the worker's.
      std::this_thread::sleep_for(milliseconds(40 * i));
      asked = clock_type::now();
      cancel.ask();
    });
    auto outcome = worker.pool->run(order, {}, cancel);
    auto took = since(asked);
    asker.join();
    times.push_back(took);
    BOOST_TEST(outcome.ending == job_ending::cancelled);
    BOOST_TEST(outcome.text.starts_with("the job was cancelled"), outcome.text);
    BOOST_TEST(worker.run("copy", json::object()).ending == job_ending::completed);
  }
  std::ranges::sort(times);
  BOOST_TEST_MESSAGE(kind << ": cancelled within " << times.front().count() << " to "
                          << times.back().count() << " ms");
  // The slowest one says how busy the machine is.
  BOOST_TEST(times[times.size() / 2].count() < 200);
  // One that listens is kept.
  if (std::string(kind) == "work") BOOST_TEST(worker.pool->counts().started <= 2u);
}

BOOST_AUTO_TEST_CASE(a_job_that_waits_for_a_worker_can_be_cancelled) {
  auto pool = must(worker_pool::make({test_worker::options(), 1}));
  job_cancel first, second;
  std::thread busy([&] {
    BOOST_TEST(pool->run({1, "hang"}, {}, first).ending == job_ending::cancelled);
  });
  BOOST_TEST(eventually([&] { return pool->counts().running == 1; }));
  std::thread waits([&] {
    BOOST_TEST(pool->run({2, "hang"}, {}, second).ending == job_ending::cancelled);
  });
  second.ask();
  waits.join();
  first.ask();
  busy.join();
}

BOOST_FIXTURE_TEST_CASE(what_no_worker_says_ends_it, one_worker) {
  auto text = make_text(worker_frame::result_text, 1, "{}");
  auto result = make_result(1, 2, {});
  auto altered = [](std::string frame, std::size_t at, char byte) {
    frame[at] = byte;
    return frame;
  };
  const std::pair<const char*, std::vector<std::string>> all[] = {
      {"an empty header", {"x"}},
      {"a size that is not its own", {altered(result, 0, 9)}},
      {"a reserved byte", {altered(result, 5, 1)}},
      {"descriptors that are not there", {altered(result, 6, 1)}},
      {"an unknown type", {altered(result, 4, 99)}},
      {"a type of the service's", {make_cancel(1)}},
      {"another job", {make_progress(2, 1)}},
      {"ready again", {make_ready({})}},
      {"text without a result", {text}},
      {"a result within a result", {result, result}},
      {"progress within a result", {result, make_progress(1, 1)}},
      {"a result too long", {make_result(1, 1 << 30, {})}},
      {"a result of nothing", {make_result(1, 0, {})}},
      {"more text than there was to be", {result, make_text(worker_frame::result_text, 1, "{  }")}},
      {"a result that is not JSON", {result, make_text(worker_frame::result_text, 1, "{]")}},
      {"outputs that are not there", {make_result(1, 2, std::vector<std::uint64_t>{1})}},
      {"progress that falls", {make_progress(1, 5), make_progress(1, 4)}},
      {"progress beyond all", {altered(make_progress(1, 1), worker_frame_header_bytes, 101)}},
      {"a line that is not UTF-8", {make_log(1, "\xff")}},
      {"a failure of no known reason",
       {altered(make_failure(1, {}), worker_frame_header_bytes, 77)}},
      {"a failure that is the service's to find",
       {altered(make_failure(1, {}), worker_frame_header_bytes, 34)}},
      {"no sandbox, in a job", {make_failure(1, {job_ending::no_sandbox})}},
  };
  for (const auto& [name, frames] : all) {
    auto sent = json::array();
    for (const auto& frame : frames)
      sent.push_back(frame_bytes(frame));
    auto outcome = run({1, "say", {{"frames", sent}}});
    BOOST_TEST_MESSAGE(name << ": " << outcome.text);
    BOOST_TEST(outcome.ending == job_ending::bad_answer, name << ": " << outcome.text);
    BOOST_TEST(outcome.worker_ended);
  }
  auto too_long = run({1, "say", {{"frames", {worker_frame_bytes_max + 100}}}});
  BOOST_TEST(too_long.ending == job_ending::bad_answer, too_long.text);
  // An empty packet looks like the end of the connection.
  auto empty = run({1, "say", {{"frames", {0}}, {"then_die", true}}});
  BOOST_TEST(empty.ending == job_ending::exited, empty.text);
}

BOOST_AUTO_TEST_CASE(what_is_said_after_the_end_ends_the_worker_and_no_job) {
  auto talks = must(worker_process::start(test_worker::options()));
  job_cancel never;
  auto frames = json::array({frame_bytes(make_result(1, 2, {})),
                             frame_bytes(make_text(worker_frame::result_text, 1, "{}"))});
  // The job is done with this result; then the kind returns, and another one is sent.
  BOOST_TEST(talks->run({1, "say", {{"frames", frames}}}, {}, never).ending
             == job_ending::completed);
  BOOST_TEST(eventually([&] { return !talks->is_usable(); }));
}

BOOST_AUTO_TEST_CASE(the_page_has_the_bytes_of_an_example) {
  auto hex = [](const std::string& frame) {
    std::string text;
    for (char each : frame) {
      char two[4];
      std::snprintf(two, sizeof two, "%02x", static_cast<unsigned char>(each));
      text += two;
    }
    return text;
  };
  // WORKER.md
  const std::uint64_t written[] = {9214};
  BOOST_TEST(hex(make_ready({6, true}))
             == "0400000010000000"
                "0000000000000000"
                "01000601");
  BOOST_TEST(hex(make_order(7, {"preview", 1, 1, 13}))
             == "0f00000001000000"
                "0700000000000000"
                "01000100"
                "0d000000"
                "70726576696577");
  BOOST_TEST(hex(make_descriptors(7, 2))
             == "0000000002000200"
                "0700000000000000");
  BOOST_TEST(hex(make_text(worker_frame::parameters, 7, R"({"width":256})"))
             == "0d00000003000000"
                "0700000000000000"
                "7b227769647468223a3235367d");
  BOOST_TEST(hex(make_progress(7, 50))
             == "0100000011000000"
                "0700000000000000"
                "32");
  BOOST_TEST(hex(make_result(7, 14, written))
             == "0c00000013000000"
                "0700000000000000"
                "0e000000"
                "fe23000000000000");
  BOOST_TEST(hex(make_text(worker_frame::result_text, 7, R"({"height":171})"))
             == "0e00000014000000"
                "0700000000000000"
                "7b22686569676874223a3137317d");
  BOOST_TEST(hex(make_failure(7, {job_ending::forbidden_call, 41, ""}))
             == "0800000015000000"
                "0700000000000000"
                "0900000029000000");
}

BOOST_FIXTURE_TEST_CASE(a_worker_may_die_in_the_middle_of_an_answer, one_worker) {
  auto half = json::array({frame_bytes(make_result(1, 100, {})),
                           frame_bytes(make_text(worker_frame::result_text, 1, "{\"a\":"))});
  auto died = run({1, "say", {{"frames", half}, {"then_die", true}}});
  BOOST_TEST(died.ending == job_ending::exited, died.text);
  BOOST_TEST(died.facts.is_null());
  auto closed = run({1, "say", {{"frames", half}, {"then_close", true}}});
  BOOST_TEST(closed.ending == job_ending::exited, closed.text);
  BOOST_TEST(closed.text.find("closed its socket") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_worker_that_cannot_start_says_why) {
  job_cancel never;
  const std::pair<const char*, const char*> programs[] = {
      {test_worker::dies,
       "a worker could not be started: it left with code 4; it said: a library is missing"},
      {test_worker::babbles,
       "a worker could not be started: it sent a frame of 5 bytes whose header is not one"},
      {test_worker::is_late,
       "a worker could not be started: it sent version 2 of the protocol, instead of 1"}};
  for (auto [word, text] : programs) {
    auto pool = must(worker_pool::make({test_worker::options(word), 1}));
    auto outcome = pool->run({1, "copy"}, {}, never);
    BOOST_TEST(outcome.ending == job_ending::not_started);
    BOOST_TEST(outcome.text == text);
  }
  auto missing = test_worker::options();
  missing.program.path = "/nowhere/podstudio";
  auto pool = must(worker_pool::make({missing, 1}));
  auto outcome = pool->run({1, "copy"}, {}, never);
  BOOST_TEST(outcome.ending == job_ending::not_started);
  BOOST_TEST(outcome.text.find("'/nowhere/podstudio'") != std::string::npos, outcome.text);
}

BOOST_AUTO_TEST_CASE(a_worker_that_dies_while_idle_fails_no_job) {
  one_worker worker;
  for (int i = 0; i < 10; ++i) {
    auto done = worker.run("copy", json::object());
    BOOST_REQUIRE_MESSAGE(done.ending == job_ending::completed, done.text);
    auto pid = done.facts["pid"].get<pid_t>();
    kill_child(pid);
    BOOST_TEST(eventually([&] { return is_gone(pid); }));
  }
}

BOOST_AUTO_TEST_CASE(workers_that_are_killed_at_random_leave_each_job_one_end) {
  constexpr std::uint64_t jobs = 300;
  constexpr std::size_t threads = 3;
  auto seed = std::random_device{}();
  BOOST_TEST_MESSAGE("seed " << seed);
  auto pool = must(worker_pool::make({test_worker::options(), 2}));
  std::mutex mutex;
  std::vector<pid_t> seen;
  std::vector<unsigned> completed(jobs + 1), ends(jobs + 1);
  std::map<job_ending, std::uint64_t> tally;
  std::atomic<std::uint64_t> next{1};
  std::atomic<bool> over{false};
  auto run_jobs = [&] {
    job_cancel never;
    job_observer observer{{}, [&](std::string_view line) {
                            std::lock_guard guard(mutex);
                            seen.push_back(std::stoi(std::string(line.substr(7))));
                          }};
    for (std::uint64_t number; (number = next++) <= jobs;) {
      // As who schedules jobs would: until it is done.
      for (std::uint64_t attempt = 0; completed[number] == 0; ++attempt) {
        job_order order{number + jobs * attempt, "work", {{"ms", number % 7}, {"number", number}}};
        auto outcome = pool->run(order, observer, never);
        std::lock_guard guard(mutex);
        ++tally[outcome.ending];
        ++ends[number];
        if (outcome.ending != job_ending::completed) {
          BOOST_TEST(
              (outcome.ending == job_ending::killed || outcome.ending == job_ending::not_started),
              outcome.text);
          continue;
        }
        ++completed[number];
        BOOST_TEST(outcome.facts["number"] == number);
      }
    }
  };
  std::thread killer([&] {
    std::mt19937 random(seed);
    while (!over) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
      pid_t victim = 0;
      {
        std::lock_guard guard(mutex);
        if (!seen.empty()) victim = seen.back();
      }
      if (victim != 0) kill_child(victim);
    }
  });
  std::vector<std::thread> runners;
  for (std::size_t i = 0; i < threads; ++i)
    runners.emplace_back(run_jobs);
  for (auto& each : runners)
    each.join();
  over = true;
  killer.join();
  for (std::uint64_t i = 1; i <= jobs; ++i)
    BOOST_TEST(completed[i] == 1u);
  for (auto [ending, count] : tally)
    BOOST_TEST_MESSAGE(to_string(ending) << ": " << count);
  BOOST_TEST(tally[job_ending::completed] == jobs);
  BOOST_TEST(tally[job_ending::killed] > 0u);
  BOOST_TEST(pool->counts().running == 0u);
}

BOOST_AUTO_TEST_CASE(a_worker_dies_with_its_parent) {
  int output[2];
  BOOST_REQUIRE(::pipe2(output, O_CLOEXEC) == 0);
  unique_fd reads(output[0]), writes(output[1]);
  posix_spawn_file_actions_t actions;
  BOOST_REQUIRE(::posix_spawn_file_actions_init(&actions) == 0);
  BOOST_REQUIRE(::posix_spawn_file_actions_adddup2(&actions, writes.get(), STDOUT_FILENO) == 0);
  std::string name = "jobs_test", word = test_worker::parent;
  char* arguments[] = {name.data(), word.data(), nullptr};
  pid_t parent = 0;
  BOOST_REQUIRE(::posix_spawn(&parent, "/proc/self/exe", &actions, nullptr, arguments, environ)
                == 0);
  ::posix_spawn_file_actions_destroy(&actions);
  writes = unique_fd();
  char line[64]{};
  BOOST_REQUIRE(::read(reads.get(), line, sizeof line - 1) > 7);
  pid_t worker = std::atoi(line + 7);
  BOOST_REQUIRE(worker > 0);
  BOOST_TEST(!is_gone(worker));
  BOOST_REQUIRE(::kill(parent, SIGKILL) == 0);
  BOOST_REQUIRE(::waitpid(parent, nullptr, 0) == parent);
  BOOST_TEST(eventually([&] { return is_gone(worker); }));
}

BOOST_AUTO_TEST_CASE(a_worker_outlives_the_thread_that_started_it) {
  std::unique_ptr<worker_process> worker;
  std::thread([&] { worker = must(worker_process::start(test_worker::options())); }).join();
  job_cancel never;
  std::this_thread::sleep_for(milliseconds(50));  // a signal would be there by now
  BOOST_TEST(worker->is_usable());
  BOOST_TEST(worker->run({1, "copy"}, {}, never).ending == job_ending::completed);
}

BOOST_FIXTURE_TEST_CASE(an_exception_of_who_looks_on_gives_the_worker_back, one_worker) {
  observer.log = [](std::string_view) { throw std::runtime_error("no more"); };
  BOOST_CHECK_THROW((void)run("fail", {{"code", 1}}), std::runtime_error);
  BOOST_TEST(run("copy", json::object()).ending == job_ending::completed);
  BOOST_TEST(pool->counts().lost == 1u);
  BOOST_TEST(pool->counts().running == 0u);
}

BOOST_AUTO_TEST_CASE(many_threads_share_few_workers) {
  auto pool = must(worker_pool::make({test_worker::options(), 2}));
  std::vector<std::thread> threads;
  std::atomic<int> done{0};
  for (std::uint64_t i = 0; i < 16; ++i)
    threads.emplace_back([&, i] {
      job_cancel never;
      for (std::uint64_t j = 1; j <= 10; ++j)
        if (pool->run({i * 100 + j, "copy"}, {}, never).ending == job_ending::completed) ++done;
    });
  for (auto& each : threads)
    each.join();
  BOOST_TEST(done == 160);
  BOOST_TEST(pool->counts().started <= 2u);
  pool->end_idle();
  BOOST_TEST(pool->counts().idle == 0u);
}

BOOST_AUTO_TEST_CASE(what_starting_and_running_cost) {
  constexpr int rounds = 20, jobs = 500;
  auto start = clock_type::now();
  for (int i = 0; i < rounds; ++i)
    (void)must(worker_process::start(test_worker::options()));
  auto starting_us =
      std::chrono::duration_cast<std::chrono::microseconds>(clock_type::now() - start).count()
      / rounds;
  one_worker worker;
  (void)worker.run("copy", json::object());
  start = clock_type::now();
  for (int i = 0; i < jobs; ++i)
    (void)worker.run("copy", json::object());
  auto job_us =
      std::chrono::duration_cast<std::chrono::microseconds>(clock_type::now() - start).count()
      / jobs;
  BOOST_TEST_MESSAGE("starting and ending a worker " << starting_us << " us, a job " << job_us
                                                     << " us");
  BOOST_TEST(worker.pool->counts().started == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
