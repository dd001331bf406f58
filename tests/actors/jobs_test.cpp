// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE jobs_actor
#include "actors/jobs.hpp"

#include "actors/library_flow.hpp"
#include "jobs/worker_pool.hpp"
#include "support/eventually.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

using namespace podstudio;
using namespace std::chrono_literals;

namespace {

using kind = job_step::step;

/// A job that a runner was given.
struct given_job {
  std::size_t runner = 0;
  job_task_ptr task;
};

/// A runner that also takes from the test what to answer: a report, or an error of this text.
using controlled_runner = job_runner_actor::extend<caf::reacts_to<stop_atom, job_report_ptr>,
                                                   caf::reacts_to<stop_atom, std::string>>;

struct controlled_runner_state {
  caf::typed_response_promise<job_report_ptr> at_work;
};

controlled_runner::behavior_type
a_runner(controlled_runner::stateful_pointer<controlled_runner_state> self, std::size_t number,
         std::vector<given_job>* given) {
  return {
      [self, number, given](run_atom, const job_task_ptr& task) {
        given->push_back({number, task});
        self->state.at_work = self->make_response_promise<job_report_ptr>();
        return self->state.at_work;
      },
      [self](stop_atom, const job_report_ptr& report) { self->state.at_work.deliver(report); },
      [self](stop_atom, const std::string& why) {
        self->state.at_work.deliver(to_caf({error_code::internal, why}));
      },
  };
}

/// The jobs actor with the real catalog and runners of the test. All share the test's thread, and
/// time passes only when it says so.
struct job_room : library_flow {
  std::vector<given_job> given;  ///< to runners, in this order
  std::vector<controlled_runner> runners;
  bool last_exports = false;  ///< the last runner is the one of exports
  std::shared_ptr<worker_pool> workers = must(worker_pool::make({}));  ///< starts none
  jobs_actor jobs;

  explicit job_room(std::size_t runners_count = 1, unread_media unread = unread_media())
      : library_flow(flow_kind::simulated, unread) {
    auto seen = observation_batch{"import", {file("a.png", "one")}, {}, {}, {}};
    BOOST_REQUIRE(must(ask<observation_outcome>(catalog, observe_atom::value, seen)).registered
                  == 1u);
    for (std::size_t i = 0; i < runners_count; ++i)
      runners.push_back(system.spawn(a_runner, i, &given));
    start_jobs();
  }
  ~job_room() {
    end(jobs);
    for (auto& each : runners)
      end(each);
    run();
  }

  void start_jobs() {
    std::vector<job_runner_actor> for_files(runners.begin(), runners.end());
    job_runner_actor exporter;
    if (last_exports) {
      exporter = std::move(for_files.back());
      for_files.pop_back();
    }
    jobs = system.spawn(podstudio::jobs, catalog, reader, workers, for_files, exporter);
    run();
  }

  /// Until every actor waits.
  void run() { scheduler().run(); }
  void advance(std::chrono::milliseconds time) {
    scheduler().advance_time(time);
    run();
  }

  template <class Answer, class Waiting>
  result<Answer> answer_of(Waiting&& waiting) {
    run();
    BOOST_REQUIRE(self->has_next_message());
    std::optional<result<Answer>> outcome;
    waiting.receive([&](const Answer& got) { outcome = result<Answer>(got); },
                    [&](const caf::error& e) { outcome = result<Answer>(from_caf(e)); });
    return *outcome;
  }
  template <class Answer, class Actor, class... Question>
  result<Answer> ask(const Actor& whom, const Question&... question) {
    return answer_of<Answer>(self->request(whom, caf::infinite, question...));
  }

  static job_step a_step(kind what, job_id job = 0) {
    job_step step;
    step.what = what;
    step.job = job;
    step.id = make_uuid();
    step.origin = "console";
    return step;
  }
  result<change_outcome> take(const job_step& step) {
    return ask<change_outcome>(jobs, job_atom::value, step);
  }
  result<change_outcome> take(kind what, job_id job = 0) { return take(a_step(what, job)); }

  static job_step submission(const std::vector<std::int32_t>& priorities) {
    auto step = a_step(kind::submit);
    step.summary = "submit";
    for (auto priority : priorities) {
      job_request request;
      request.kind = job_kind::metadata_extract;
      request.asset = 1;
      request.priority = priority;
      step.requests.push_back(request);
    }
    return step;
  }
  void submit(const std::vector<std::int32_t>& priorities = {0}) {
    must(take(submission(priorities)));
  }

  /// Has the runner that was given this job last say what came of it.
  void finish(job_id job, job_ending ending, const std::string& text = {},
              const std::string& last_words = {}) {
    auto report = std::make_shared<const job_report>(job_report{ending, text, last_words, {}});
    self->send(runners.at(runner_of(job)), stop_atom::value, job_report_ptr(report));
    run();
  }
  void complete(job_id job) { finish(job, job_ending::completed); }
  const given_job& last_given(job_id job) const {
    auto found = std::find_if(given.rbegin(), given.rend(),
                              [&](const given_job& each) { return each.task->job == job; });
    BOOST_REQUIRE((found != given.rend()));
    return *found;
  }
  std::size_t runner_of(job_id job) const { return last_given(job).runner; }
  std::vector<job_id> order() const {
    std::vector<job_id> jobs_given;
    for (const auto& each : given)
      jobs_given.push_back(each.task->job);
    return jobs_given;
  }
  void must_have_run(const std::vector<job_id>& expected) const {
    BOOST_TEST(order() == expected, boost::test_tools::per_element());
  }

  std::string status(job_id job) const {
    return in_tables<std::string>("SELECT status FROM job WHERE id = ?", job);
  }
  std::string attempts(job_id job) const {
    return in_tables<std::string>(
        "SELECT coalesce(group_concat(attempt || coalesce(' ' || ending, '') || ': ' || "
        "coalesce(reason, ''), '; '), '') FROM job_attempt WHERE job_id = ?",
        job);
  }
  reading_status reading() { return must(ask<reading_status>(jobs, status_atom::value)); }
};

struct two_runners : job_room {
  two_runners() : job_room(2) {}
};

/// With a pack and a second runner, for exports.
struct export_room : job_room {
  export_room() : job_room(2) {
    end(jobs);
    last_exports = true;
    start_jobs();
    pack_request made{make_uuid(), "console", "create", pack_creation{{"Foxes"}}};
    must(ask<change_outcome>(catalog, pack_atom::value, made));
  }

  job_id submit_export() {
    auto step = a_step(kind::submit);
    step.summary = "export";
    auto& request = step.requests.emplace_back();
    request.kind = job_kind::export_pack;
    request.pack = 1;
    request.params_json = "{}";
    return must(take(step)).subject;
  }
  void finish_export(job_id job, const job_report& report) {
    self->send(runners.at(1), stop_atom::value,
               job_report_ptr(std::make_shared<const job_report>(report)));
    run();
    BOOST_TEST(runner_of(job) == 1u);
  }
};

/// New files are read without being asked for.
struct reading_room : job_room {
  reading_room() : job_room(1, unread_media(1)) {}
};

const error no_room{error_code::disk_full, "no room"};

}  // namespace

// --- order ---

BOOST_FIXTURE_TEST_CASE(new_files_are_read_after_a_scan_that_is_under_way, reading_room) {
  {
    counted_scan scanning(scans);
    // Until the files would be read but for the scan: the catalog has the real clock.
    const auto since = std::chrono::steady_clock::now();
    BOOST_REQUIRE(eventually([&] {
      auto had_time = std::chrono::steady_clock::now() >= since + unread_quiet;
      advance(unread_quiet);
      return had_time;
    }));
    BOOST_TEST(given.empty());
  }
  advance(unread_quiet);
  must_have_run({1});
}

BOOST_FIXTURE_TEST_CASE(as_many_jobs_run_as_there_are_runners_and_each_once, two_runners) {
  submit({0, 0, 0, 0, 0});
  must_have_run({1, 2});
  BOOST_TEST((runner_of(1) != runner_of(2)));
  BOOST_TEST(status(1) == "running");
  BOOST_TEST(status(3) == "pending");
  complete(2);
  must_have_run({1, 2, 3});
  BOOST_TEST((runner_of(3) == runner_of(2)));
  BOOST_TEST(status(2) == "completed");
  complete(1);
  complete(3);
  must_have_run({1, 2, 3, 4, 5});
  BOOST_TEST(!reading().done);
  complete(5);
  complete(4);
  for (job_id job = 1; job <= 5; ++job)
    BOOST_TEST(status(job) == "completed");
  must_have_run({1, 2, 3, 4, 5});
  BOOST_TEST(reading().done);
}

BOOST_FIXTURE_TEST_CASE(the_highest_priority_comes_first_and_of_equal_ones_the_oldest, job_room) {
  must(take(kind::hold));
  submit({0, 5, -3});
  submit({5, 0, 100});
  must(take(kind::release));
  for (job_id job : {6, 2, 4, 1, 5, 3})
    complete(job);
  must_have_run({6, 2, 4, 1, 5, 3});
}

BOOST_FIXTURE_TEST_CASE(an_urgent_job_overtakes_those_that_wait_and_not_the_one_that_runs,
                        job_room) {
  submit({0, 0});
  submit({1});
  must_have_run({1});
  complete(1);
  must_have_run({1, 3});
  complete(3);
  must_have_run({1, 3, 2});
}

BOOST_FIXTURE_TEST_CASE(a_job_is_given_the_files_that_it_reads, job_room) {
  submit();
  const auto& inputs = last_given(1).task->inputs;
  BOOST_REQUIRE(inputs.size() == 1u);
  BOOST_TEST(inputs[0].path == folder.path + "/a.png");
}

BOOST_FIXTURE_TEST_CASE(a_submission_that_is_sent_again_is_one, job_room) {
  auto step = submission({0});
  must(take(step));
  BOOST_TEST(must(take(step)).repeated);
  complete(1);
  BOOST_TEST(must(take(step)).repeated);
  must_have_run({1});
}

BOOST_FIXTURE_TEST_CASE(a_submission_that_is_refused_starts_nothing, job_room) {
  auto step = submission({0, 0});
  step.requests.back().asset = 2;  // there is none
  auto outcome = take(step);
  BOOST_REQUIRE(!outcome);
  BOOST_TEST((outcome.failure().code == error_code::not_found));
  refuse_next(no_room);
  BOOST_TEST(!take(submission({0})));
  must_have_run({});
  submit();
  must_have_run({1});
}

BOOST_FIXTURE_TEST_CASE(a_queue_that_is_held_starts_nothing_until_it_is_released, job_room) {
  submit({0, 0});
  must(take(kind::hold));
  BOOST_TEST(reading().held);
  complete(1);  // what runs goes on
  BOOST_TEST(status(1) == "completed");
  submit();
  advance(1h);
  must_have_run({1});
  // Also for those who come after.
  end(jobs);
  start_jobs();
  BOOST_TEST(reading().held);
  must_have_run({1});
  must(take(kind::release));
  must_have_run({1, 2});
  complete(2);
  must_have_run({1, 2, 3});
}

BOOST_FIXTURE_TEST_CASE(without_workers_jobs_are_queued_and_not_run, job_room) {
  end(jobs);
  jobs = system.spawn(podstudio::jobs, catalog, reader, std::shared_ptr<worker_pool>(),
                      std::vector<job_runner_actor>(), job_runner_actor());
  submit();
  advance(1h);
  must_have_run({});
  BOOST_TEST(status(1) == "pending");
}

// --- exports ---

BOOST_FIXTURE_TEST_CASE(exports_and_other_jobs_do_not_wait_for_each_other, export_room) {
  submit({100, 100});
  auto first = submit_export(), second = submit_export();
  must_have_run({1, first});
  BOOST_TEST(last_given(first).task->exports->snapshot.name == "Foxes");
  complete(1);
  complete(2);
  must_have_run({1, first, 2});
  BOOST_TEST(reading().done);  // of an export, nobody learns what files say
  finish_export(first, {.ending = job_ending::completed});
  must_have_run({1, first, 2, second});
}

BOOST_FIXTURE_TEST_CASE(an_export_and_the_end_of_its_job_are_one_command, export_room) {
  auto job = submit_export();
  job_report report{.ending = job_ending::completed};
  report.pack = 1;
  report.exported.push_back({folder.path + "/foxes.zip", 5, {}});
  finish_export(job, report);
  BOOST_TEST(status(job) == "completed");
  BOOST_TEST(in_tables<std::string>("SELECT path FROM pack_export WHERE pack_id = ?", 1)
             == folder.path + "/foxes.zip");
  BOOST_TEST(in_tables<std::string>("SELECT result_path FROM job WHERE id = ?", job)
             == folder.path + "/foxes.zip");
  BOOST_TEST(in_tables<std::int64_t>("SELECT last_sequence - first_sequence FROM command"
                                     " WHERE summary LIKE ? ",
                                     "complete job%")
             == 1);
}

BOOST_FIXTURE_TEST_CASE(what_would_fail_again_is_not_tried_again, export_room) {
  auto job = submit_export();
  job_report report{.ending = job_ending::bad_parameters, .text = "not approved"};
  report.is_final = true;
  finish_export(job, report);
  BOOST_TEST(status(job) == "failed");
  advance(1h);
  must_have_run({job});
}

BOOST_FIXTURE_TEST_CASE(an_export_that_was_cancelled_as_it_ended_is_removed, export_room) {
  auto job = submit_export();
  must(take(kind::cancel, job));
  job_report report{.ending = job_ending::completed};
  report.pack = 1;
  auto own = folder.path + "/foxes.zip", replaced = folder.path + "/foxes-2.zip";
  for (const auto& path : {own, replaced}) {
    std::ofstream(path) << "archive";
    struct stat facts {};
    BOOST_REQUIRE(::lstat(path.c_str(), &facts) == 0);
    report.exported.push_back({path, 5, {}});
    report.named.push_back({path, facts.st_dev, facts.st_ino});
  }
  std::ofstream(folder.path + "/mine") << "mine";
  std::filesystem::rename(folder.path + "/mine", replaced);
  finish_export(job, report);
  BOOST_TEST(status(job) == "cancelled");
  BOOST_TEST(!std::filesystem::exists(own));
  BOOST_TEST(std::filesystem::exists(replaced));  // it is somebody else's by now
}

// --- cancelling ---

BOOST_FIXTURE_TEST_CASE(a_job_that_is_cancelled_while_it_runs_is_ended_and_stays_cancelled,
                        job_room) {
  for (auto ending : {job_ending::cancelled, job_ending::completed, job_ending::killed}) {
    submit({0, 0});
    auto job = order().back();
    BOOST_TEST(!last_given(job).task->cancel->asked());
    must(take(kind::cancel, job));
    BOOST_TEST(last_given(job).task->cancel->asked());
    BOOST_TEST(status(job) == "cancelled");
    BOOST_TEST(order().back() == job);  // the runner is not free yet
    finish(job, ending, "a text");      // and says what it may
    BOOST_TEST(status(job) == "cancelled");
    BOOST_TEST(in_tables<std::int64_t>("SELECT count(*) FROM job_attempt WHERE job_id = ?", job)
               == 1);
    BOOST_TEST(order().back() == job + 1);
    complete(job + 1);
    advance(1h);
    BOOST_TEST(order().back() == job + 1);
  }
}

BOOST_FIXTURE_TEST_CASE(a_job_that_is_cancelled_while_it_waits_or_rests_is_never_started,
                        job_room) {
  submit({0, 0});
  must(take(kind::cancel, 2));
  finish(1, job_ending::crashed, "it died");
  must(take(kind::cancel, 1));
  advance(1h);
  must_have_run({1});
  for (job_id job : {1, 2})
    BOOST_TEST(status(job) == "cancelled");
  auto again = take(kind::cancel, 1);
  BOOST_REQUIRE(!again);
  BOOST_TEST((again.failure().code == error_code::refused));
}

BOOST_FIXTURE_TEST_CASE(a_job_that_is_wanted_again_while_it_is_being_ended_runs_once_more,
                        job_room) {
  submit();
  must(take(kind::cancel, 1));
  must(take(kind::retry, 1));
  must_have_run({1});
  finish(1, job_ending::cancelled);
  must_have_run({1, 1});
  BOOST_TEST(!last_given(1).task->cancel->asked());
  BOOST_TEST(status(1) == "running");
  complete(1);
  BOOST_TEST(status(1) == "completed");
}

BOOST_FIXTURE_TEST_CASE(a_job_that_is_cancelled_again_while_it_is_being_ended_does_not_run,
                        job_room) {
  submit();
  must(take(kind::cancel, 1));
  must(take(kind::retry, 1));
  must(take(kind::cancel, 1));
  finish(1, job_ending::cancelled);
  advance(1h);
  must_have_run({1});
  BOOST_TEST(status(1) == "cancelled");
}

// --- failing ---

BOOST_FIXTURE_TEST_CASE(a_job_that_fails_is_tried_three_times_with_longer_and_longer_rests,
                        job_room) {
  submit();
  finish(1, job_ending::crashed, "it died", "its last words");
  BOOST_TEST(status(1) == "pending");
  BOOST_TEST(attempts(1) == "1 crashed: it died");
  BOOST_TEST(in_tables<std::string>("SELECT last_words FROM job_attempt") == "its last words");
  advance(job_rest - 1ms);
  must_have_run({1});
  BOOST_TEST(!reading().done);
  advance(1ms);
  must_have_run({1, 1});
  BOOST_TEST(status(1) == "running");
  finish(1, job_ending::timed_out, "it took too long");
  advance(10 * job_rest - 1ms);
  must_have_run({1, 1});
  advance(1ms);
  must_have_run({1, 1, 1});
  BOOST_TEST(reading().failed == 0u);
  finish(1, job_ending::out_of_memory, "too large");
  BOOST_TEST(status(1) == "failed");
  BOOST_TEST(attempts(1)
             == "1 crashed: it died; 2 timed_out: it took too long; 3 out_of_memory: too large");
  BOOST_TEST(in_tables<std::string>("SELECT error_message FROM job") == "too large");
  BOOST_TEST(reading().failed == 1u);
  BOOST_TEST(reading().done);
  advance(1h);
  must_have_run({1, 1, 1});
  // A person who wants it again gives it as many attempts once more.
  must(take(kind::retry, 1));
  must_have_run({1, 1, 1, 1});
  finish(1, job_ending::crashed, "it died");
  BOOST_TEST(status(1) == "pending");
}

BOOST_FIXTURE_TEST_CASE(others_run_while_a_job_rests, job_room) {
  submit({0, 0});
  finish(1, job_ending::crashed, "it died");
  must_have_run({1, 2});
  advance(job_rest);  // its rest is over, and the runner at work
  must_have_run({1, 2});
  complete(2);
  must_have_run({1, 2, 1});
  complete(1);
  BOOST_TEST(status(1) == "completed");
}

BOOST_FIXTURE_TEST_CASE(a_runner_that_fails_or_has_died_costs_an_attempt, two_runners) {
  submit({0, 0});
  self->send(runners.at(runner_of(1)), stop_atom::value, std::string("it broke"));
  run();
  BOOST_TEST(status(1) == "pending");
  BOOST_TEST(attempts(1).find("it broke") != std::string::npos, attempts(1));
  end(runners.at(runner_of(1)));
  run();
  advance(job_rest);
  must_have_run({1, 2});  // it was given to the one that is dead
  BOOST_TEST(status(1) == "pending");
  advance(10 * job_rest);
  BOOST_TEST(status(1) == "failed");
  BOOST_TEST(attempts(1).find("the engine is stopping") != std::string::npos, attempts(1));
  complete(2);
  BOOST_TEST(status(2) == "completed");
}

BOOST_FIXTURE_TEST_CASE(a_job_is_not_to_blame_where_no_worker_can_be_started, two_runners) {
  submit({0, 0, 0});
  std::vector<job_id> expected{1, 2};
  auto rest = workers_rest_min;
  finish(1, job_ending::not_started, "no process");
  BOOST_TEST(reading().problem == "no process");
  complete(2);  // its worker was there before
  must_have_run(expected);
  // That one succeeded says that workers can be started again: the rests begin anew.
  for (std::uint32_t i = 0; i < 2 * job_attempts_max; ++i) {
    advance(rest - 1ms);
    must_have_run(expected);
    advance(1ms);
    expected.insert(expected.end(), i == 0 ? std::initializer_list<job_id>{1, 3}
                                           : std::initializer_list<job_id>{1});
    must_have_run(expected);
    BOOST_TEST(reading().problem == "");
    finish(1, job_ending::no_sandbox, "no walls");
    BOOST_TEST(reading().problem == "no walls");
    BOOST_TEST(status(1) == "pending");
    rest = i == 0 ? workers_rest_min : std::min(2 * rest, workers_rest_max);
  }
  advance(workers_rest_max);
  complete(1);
  complete(3);
  for (job_id job : {1, 2, 3})
    BOOST_TEST(status(job) == "completed");
}

// --- a log that takes nothing ---

BOOST_FIXTURE_TEST_CASE(a_job_whose_start_cannot_be_logged_is_started_later, job_room) {
  submit({0, 0});
  must(take(kind::cancel, 1));
  refuse_next(no_room);
  finish(1, job_ending::cancelled);  // now the other one could start
  BOOST_TEST(reading().problem == "no room");
  BOOST_TEST(!reading().done);
  advance(log_rest - 1ms);
  must_have_run({1});
  advance(1ms);
  must_have_run({1, 2});
  BOOST_TEST(reading().problem == "");
  complete(2);
  BOOST_TEST(attempts(2) == "1 completed: ");
}

BOOST_FIXTURE_TEST_CASE(a_job_whose_end_cannot_be_logged_is_tried_again, job_room) {
  submit();
  refuse_next(no_room);
  complete(1);
  BOOST_TEST(status(1) == "pending");
  BOOST_TEST(attempts(1) == "1: no room");
  advance(job_rest);
  must_have_run({1, 1});
  complete(1);
  BOOST_TEST(status(1) == "completed");
}

BOOST_FIXTURE_TEST_CASE(a_job_of_which_nothing_can_be_logged_is_put_back_once_that_is_possible,
                        job_room) {
  submit({0, 0});
  refuse_next(no_room, 3);
  complete(1);  // neither its end nor its return to the queue
  BOOST_TEST(status(1) == "running");
  BOOST_TEST(reading().problem == "no room");
  advance(log_rest);  // nor its return, a second time
  BOOST_TEST(status(1) == "running");
  must_have_run({1});
  advance(log_rest);
  must_have_run({1, 1});
  BOOST_TEST(attempts(1) == "1: nobody ran it; 2: ");
  complete(1);
  BOOST_TEST(status(1) == "completed");
  must_have_run({1, 1, 2});
}

// --- start and stop ---

BOOST_FIXTURE_TEST_CASE(a_stop_ends_what_runs_and_puts_it_back, two_runners) {
  submit({0, 0, 0});
  auto drained = self->request(jobs, caf::infinite, drain_atom::value);
  run();
  for (job_id job : {1, 2})
    BOOST_TEST(last_given(job).task->cancel->asked());
  finish(1, job_ending::cancelled);
  BOOST_TEST(!self->has_next_message());  // one still runs
  finish(2, job_ending::completed);       // too late to count
  BOOST_TEST(must(answer_of<bool>(drained)));
  for (job_id job : {1, 2, 3})
    BOOST_TEST(status(job) == "pending");
  BOOST_TEST(attempts(1) == "1: the engine stopped");
  must(take(kind::cancel, 3));
  submit();
  advance(1h);
  must_have_run({1, 2});
  end(jobs);
  start_jobs();
  must_have_run({1, 2, 1, 2});
}

BOOST_FIXTURE_TEST_CASE(a_stop_waits_for_nothing_where_nothing_runs, job_room) {
  submit();
  finish(1, job_ending::crashed, "it died");
  BOOST_TEST(must(ask<bool>(jobs, drain_atom::value)));
  advance(1h);  // the end of its rest
  must_have_run({1});
  BOOST_TEST(status(1) == "pending");
}

BOOST_FIXTURE_TEST_CASE(what_ran_when_an_engine_was_killed_is_put_back_and_run_again, two_runners) {
  submit({0, 0, 0});
  end(jobs);  // without a word to anybody
  run();
  BOOST_TEST(status(1) == "running");
  start_jobs();
  must_have_run({1, 2, 1, 2});
  BOOST_TEST(attempts(1) == "1: the engine was ended while it ran; 2: ");
  for (job_id job : {1, 2, 3})
    complete(job);
  for (job_id job : {1, 2, 3})
    BOOST_TEST(status(job) == "completed");
}

// --- progress ---

BOOST_FIXTURE_TEST_CASE(progress_is_logged_and_of_a_job_that_has_ended_ignored, job_room) {
  submit();
  auto task = last_given(1).task;
  task->progress(50);
  run();
  advance(1s);  // it rides along with another command, or alone after a while
  BOOST_TEST(in_tables<double>("SELECT progress FROM job") == 50);
  complete(1);
  task->progress(60);
  run();
  advance(1s);
  BOOST_TEST(in_tables<double>("SELECT progress FROM job") == 100);
  BOOST_TEST(status(1) == "completed");
}
