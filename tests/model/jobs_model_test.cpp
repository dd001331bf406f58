// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE jobs_model
#include "model/jobs_model.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <vector>

using namespace podstudio;

namespace {

void apply_all(jobs_model& model, const std::vector<event>& events) {
  for (const auto& e : events)
    model.apply(e);
}

/// A model with one job in the status.
jobs_model with_job(job_status status) {
  jobs_model model;
  apply_all(model,
            *decide_submit(
                model, {.kind = job_kind::enhance, .asset = {}, .pack = {}, .params_json = {}}));
  if (status == job_status::pending) return model;
  if (status == job_status::cancelled) {
    apply_all(model, *decide_cancel(model, 1));
    return model;
  }
  apply_all(model, *decide_start(model, 1));
  if (status == job_status::completed) apply_all(model, *decide_complete(model, 1, "/r.png"));
  if (status == job_status::failed) apply_all(model, *decide_fail(model, 1, "no", {}));
  return model;
}

struct step {
  const char* name;
  std::function<result<std::vector<event>>(const jobs_model&)> decide;
  std::vector<job_status> from;
  job_status to;
};

const std::vector<step> steps = {
    {"start",
     [](const jobs_model& m) { return decide_start(m, 1); },
     {job_status::pending},
     job_status::running},
    {"progress",
     [](const jobs_model& m) { return decide_progress(m, 1, 50); },
     {job_status::running},
     job_status::running},
    {"complete",
     [](const jobs_model& m) { return decide_complete(m, 1, {}); },
     {job_status::running},
     job_status::completed},
    {"fail",
     [](const jobs_model& m) { return decide_fail(m, 1, "no", {}); },
     {job_status::running},
     job_status::failed},
    {"cancel",
     [](const jobs_model& m) { return decide_cancel(m, 1); },
     {job_status::pending, job_status::running},
     job_status::cancelled},
    {"retry",
     [](const jobs_model& m) { return decide_retry(m, 1); },
     {job_status::failed, job_status::cancelled},
     job_status::pending},
};

}  // namespace

BOOST_AUTO_TEST_CASE(each_step_is_taken_from_the_statuses_that_allow_it_and_refused_from_others) {
  for (const auto& step : steps)
    for (std::size_t i = 0; i < enum_words<job_status>.size(); ++i) {
      auto status = static_cast<job_status>(i);
      auto model = with_job(status);
      BOOST_REQUIRE(model.job(1)->status == status);
      auto decided = step.decide(model);
      bool allowed = std::find(step.from.begin(), step.from.end(), status) != step.from.end();
      BOOST_TEST(static_cast<bool>(decided) == allowed, step.name << " from " << word(status));
      if (!decided) {
        BOOST_TEST((decided.failure().code == error_code::refused));
        BOOST_TEST(decided.failure().message.find(word(status)) != std::string::npos);
        continue;
      }
      apply_all(model, *decided);
      BOOST_TEST((model.job(1)->status == step.to), step.name << " from " << word(status));
    }
}

BOOST_AUTO_TEST_CASE(a_step_that_is_reverted_leaves_the_job_as_it_was) {
  auto check = [](jobs_model before, const std::vector<event>& events, const char* name) {
    auto model = before;
    apply_all(model, events);
    for (auto e = events.rbegin(); e != events.rend(); ++e)
      model.revert(*e);
    BOOST_TEST((model == before), name);
  };
  for (const auto& step : steps)
    for (auto status : step.from)
      check(with_job(status), *step.decide(with_job(status)), step.name);
  check({},
        *decide_submit({}, {.kind = job_kind::upscale, .asset = {}, .pack = {}, .params_json = {}}),
        "submit");
  auto running = with_job(job_status::running);
  check(running, decide_put_all_back(running, "why"), "put back");
}

BOOST_AUTO_TEST_CASE(a_step_on_an_unknown_job_names_it) {
  jobs_model model;
  auto decided = decide_start(model, 7);
  BOOST_REQUIRE(!decided);
  BOOST_TEST((decided.failure().code == error_code::not_found));
  BOOST_TEST(decided.failure().message.find('7') != std::string::npos);
}

BOOST_AUTO_TEST_CASE(attempts_are_counted_over_retries) {
  auto model = with_job(job_status::failed);
  BOOST_TEST(model.job(1)->attempts == 1u);
  apply_all(model, *decide_retry(model, 1));
  apply_all(model, *decide_start(model, 1));
  BOOST_TEST(model.job(1)->attempts == 2u);
}

BOOST_AUTO_TEST_CASE(parameters_that_are_no_json_object_are_refused) {
  jobs_model model;
  for (const auto* bad : {"", "[]", "{", "1", "nul", "\"x\""}) {
    auto decided = decide_submit(
        model, {.kind = job_kind::upscale, .asset = {}, .pack = {}, .params_json = bad});
    BOOST_TEST(!decided, bad);
  }
  auto huge = "{\"a\":\"" + std::string(max_job_params_bytes, 'x') + "\"}";
  BOOST_TEST(!decide_submit(
      model, {.kind = job_kind::upscale, .asset = {}, .pack = {}, .params_json = huge}));
  BOOST_TEST(static_cast<bool>(decide_submit(
      model,
      {.kind = job_kind::upscale, .asset = {}, .pack = {}, .params_json = "{\"scale\":2}"})));
}

BOOST_AUTO_TEST_CASE(what_a_worker_says_is_cut_to_what_an_event_may_hold) {
  auto model = with_job(job_status::running);
  for (const auto& text :
       {std::string(max_job_text_bytes - 1, 'x') + "\xc3\xa9", std::string(100'000, '\xff')}) {
    auto failed = std::get<job_failed>((*decide_fail(model, 1, text, {})).at(0));
    BOOST_TEST(failed.error_message.size() <= max_job_text_bytes);
    BOOST_TEST(failed.error_message.size() > max_job_text_bytes - 4);
  }
  BOOST_TEST(!decide_complete(model, 1, std::string(max_job_text_bytes + 1, 'x')));
  BOOST_TEST(!decide_complete(model, 1, "\xff"));
}

BOOST_AUTO_TEST_CASE(progress_outside_0_to_100_is_refused) {
  auto model = with_job(job_status::running);
  for (double bad : {-0.1, 100.1, std::numeric_limits<double>::quiet_NaN()})
    BOOST_TEST(!decide_progress(model, 1, bad));
}

BOOST_AUTO_TEST_CASE(putting_back_makes_running_jobs_pending_and_leaves_the_others) {
  jobs_model model;
  for (int i = 0; i < 3; ++i)
    apply_all(model,
              *decide_submit(
                  model, {.kind = job_kind::upscale, .asset = 1, .pack = {}, .params_json = {}}));
  apply_all(model, *decide_start(model, 2));
  apply_all(model, *decide_cancel(model, 3));
  auto events = decide_put_all_back(model, "why");
  BOOST_REQUIRE(events.size() == 1u);
  apply_all(model, events);
  BOOST_TEST((model.job(2)->status == job_status::pending));
  BOOST_TEST((model.job(3)->status == job_status::cancelled));
  BOOST_TEST(decide_put_all_back(model, "why").empty());
}
