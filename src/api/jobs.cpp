// SPDX-License-Identifier: MIT
#include "actors/media_job.hpp"
#include "api/choice.hpp"
#include "api/declare.hpp"
#include "api/families.hpp"
#include "api/job_steps.hpp"
#include "api/parts.hpp"
#include "query/library.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace podstudio::api {

job_step make_step(const request& asked, job_step::step what) {
  job_step step;
  step.what = what;
  step.id = asked.id;
  step.origin = "console";
  step.request = digest_of(asked);
  return step;
}

void take_step(console_state& s, job_step step, answer reply) {
  bool submits = step.what == job_step::step::submit;
  s.self->request(s.peers.jobs, caf::infinite, job_atom::value, std::move(step))
      .then(
          [reply, submits](const change_outcome& outcome) mutable {
            json done{{"changed", outcome.changed}};
            if (submits) {  // an event for each job
              auto& jobs = done["jobs"] = json::array();
              for (std::uint64_t i = 0; i < outcome.changed; ++i)
                jobs.push_back(outcome.subject + static_cast<job_id>(i));
            }
            reply(done, outcome.last_sequence);
          },
          reply.failing());
}

json submitted_shape() {
  return shape::object({{"changed", shape::count()}}, {{"jobs", shape::list(shape::id())}});
}

namespace {

/// What people can have done to assets.
struct kind_description {
  job_kind kind;
  std::string_view what;
  std::string_view takes;
  std::string_view by_itself;  ///< when the engine queues it by itself; empty: never
};
constexpr std::array kinds{
    kind_description{
        job_kind::metadata_extract,
        "Reads the size, duration, problems and perceptual hash of files, and who made them",
        "image, audio, video", "for new and changed files"},
    kind_description{job_kind::export_pack,
                     "Exports a pack as a ZIP file; 'podstudio pack export' queues it", "pack",
                     ""}};

/// The shape of a kind's parameters, as `params_json` has them.
json parameters_of(job_kind kind) {
  if (kind != job_kind::export_pack) return json::object();
  return {{"output", shape::text()},           {"profile", shape::text()},
          {"allow_unapproved", shape::flag()}, {"with_prompts", shape::flag()},
          {"export", shape::count()},          {"pack", shape::id()}};
}
static_assert(std::ranges::all_of(kinds, [](const auto& each) { return is_runnable(each.kind); }));

struct job_kinds : no_arguments {
  static constexpr std::string_view name = "job.kinds",
                                    help = "List the kinds of job that can be run",
                                    example = "podstudio job kinds";
  static constexpr auto needs = role::viewer;

  static json outcome() {
    return shape::list(shape::object({{"kind", shape::word<job_kind>()},
                                      {"description", shape::text()},
                                      {"takes", shape::text()},
                                      {"automatic", shape::nullable(shape::text())},
                                      {"parameters", shape::map(shape::anything())}}));
  }
  void start(console_state&, const request&, answer reply) const {
    auto all = json::array();
    for (const auto& each : kinds)
      all.push_back({{"kind", word(each.kind)},
                     {"description", each.what},
                     {"takes", each.takes},
                     {"automatic", text_or_nothing(std::string(each.by_itself))},
                     {"parameters", parameters_of(each.kind)}});
    reply(all);
  }
};

json listed_job() {
  return shape::extended(job_columns(), {{"priority", shape::whole()},
                                         {"seconds_left", shape::nullable(shape::count())}});
}

struct job_list {
  static constexpr std::string_view name = "job.list",
                                    help = "List jobs, a page at a time, in the order of ids",
                                    example = "podstudio job list --status failed";
  static constexpr auto needs = role::viewer;
  job_filter filter;

  static void declare(auto& add) {
    add.optional(
        "status", [](job_list & of) -> auto& { return of.filter.status; }, word_of<job_status>{});
    add.optional(
        "kind", [](job_list & of) -> auto& { return of.filter.kind; }, word_of<job_kind>{});
    add.optional(
        "after", [](job_list & of) -> auto& { return of.filter.after; }, last_of_page_before);
    add.optional(
        "limit", [](job_list & of) -> auto& { return of.filter.limit; }, rows_of_a_page);
  }
  static json outcome() { return shape::list(listed_job()); }
  result<json> ask(reader_state& s, const is_over&) const {
    return list_jobs(*s.tables, filter, now_us());
  }
};

struct job_show {
  static constexpr std::string_view name = "job.show", help = "Show a job and its attempts",
                                    example = "podstudio job show 12";
  static constexpr auto needs = role::viewer;
  job_id job = 0;

  static void declare(auto& add) { add("job", &job_show::job, row_id{}); }
  static json outcome() {
    auto attempt = shape::object({{"attempt", shape::count()},
                                  {"started_at", shape::time()},
                                  {"ended_at", shape::nullable(shape::time())},
                                  {"ending", shape::nullable(shape::text())},
                                  {"reason", shape::nullable(shape::text())},
                                  {"last_words", shape::nullable(shape::text())}});
    return shape::extended(listed_job(), {{"attempts", shape::list(attempt)}});
  }
  result<json> ask(reader_state& s, const is_over&) const {
    return show_job(*s.tables, job, now_us());
  }
};

/// A job for every media_files_max assets.
std::vector<job_request> requests_for(job_kind kind, std::int32_t priority, const asset_ids& ids) {
  std::vector<job_request> requests;
  for (std::size_t at = 0; at < ids.size(); at += media_files_max) {
    auto end = std::min(ids.size(), at + media_files_max);
    asset_ids some(ids.begin() + static_cast<std::ptrdiff_t>(at),
                   ids.begin() + static_cast<std::ptrdiff_t>(end));
    auto& request = requests.emplace_back();
    request.kind = kind;
    request.priority = priority;
    if (some.size() == 1) request.asset = some.front();
    request.params_json = json{{"assets", some}}.dump();
  }
  return requests;
}

struct job_submit : chosen_assets {
  static constexpr std::string_view name = "job.submit", help = "Queue jobs on assets",
                                    example =
                                        "podstudio job submit metadata_extract --asset 7 --wait";
  static constexpr auto needs = role::curator;
  job_kind kind{};
  json parameters = json::object();
  std::int32_t priority = 0;

  static void declare(auto& add) {
    add("kind", &job_submit::kind, word_of<job_kind>{});
    add.if_present("parameters", &job_submit::parameters, object{});
    add.if_present("priority", &job_submit::priority,
                   signed_number{-job_priority_max, job_priority_max});
    chosen_assets::declare(add);
  }
  static json outcome() { return submitted_shape(); }
  void start(console_state& s, const request& asked, answer reply) const {
    const std::string kind_name(word(kind));
    if (!is_runnable(kind))
      return reply(error{error_code::refused,
                         "jobs of the kind '" + kind_name
                             + "' cannot be run by this version; 'podstudio job kinds' lists those "
                               "that can"});
    if (kind == job_kind::export_pack)
      return reply(error{error_code::refused,
                         "a pack is exported by 'podstudio pack export ID', which queues the job"});
    if (!parameters.empty())
      return reply(wrong_argument("parameters", "holds " + in_quotes(parameters.begin().key())
                                                    + ", but the kind '" + kind_name
                                                    + "' has no parameters"));
    choose(s, reply,
           [&s, step = make_step(asked, job_step::step::submit), of_kind = kind, first = priority,
            kind_name, reply](asset_ids chosen, const std::string& which) mutable {
             std::ranges::sort(chosen);
             chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
             step.requests = requests_for(of_kind, first, chosen);
             step.summary = "submit " + kind_name + " of " + which;
             take_step(s, std::move(step), reply);
           });
  }
};

/// A step of one job.
template <job_step::step step_of_one>
struct step_of_a_job {
  static constexpr auto needs = role::curator;
  job_id job = 0;

  static void declare(auto& add) { add("job", &step_of_a_job::job, row_id{}); }
  static json outcome() { return changed_shape(); }
  void start(console_state& s, const request& asked, answer reply) const {
    auto step = make_step(asked, step_of_one);
    step.job = job;
    take_step(s, std::move(step), reply);
  }
};

struct job_cancel : step_of_a_job<job_step::step::cancel> {
  static constexpr std::string_view name = "job.cancel", help = "Cancel a job, even while it runs",
                                    example = "podstudio job cancel 12";
};
struct job_retry : step_of_a_job<job_step::step::retry> {
  static constexpr std::string_view name = "job.retry",
                                    help = "Queue a failed or cancelled job again",
                                    example = "podstudio job retry 12";
};

/// A step of the whole queue.
template <job_step::step step_of_all>
struct step_of_the_queue : no_arguments {
  static constexpr auto needs = role::curator;

  static json outcome() { return changed_shape(); }
  void start(console_state& s, const request& asked, answer reply) const {
    take_step(s, make_step(asked, step_of_all), reply);
  }
};

struct job_pause : step_of_the_queue<job_step::step::hold> {
  static constexpr std::string_view name = "job.pause",
                                    help = "Stop starting jobs; running ones finish",
                                    example = "podstudio job pause";
};
struct job_resume : step_of_the_queue<job_step::step::release> {
  static constexpr std::string_view name = "job.resume", help = "Start jobs again",
                                    example = "podstudio job resume";
};

struct media_status : no_arguments {
  static constexpr std::string_view name = "media.status",
                                    help = "Show how many new files have been read",
                                    example = "podstudio import ~/Pictures --metadata";
  static constexpr auto needs = role::viewer;

  static json outcome() {
    return shape::object({{"read", shape::count()},
                          {"failed", shape::count()},
                          {"done", shape::flag()},
                          {"held", shape::flag()},
                          {"problem", shape::nullable(shape::text())}});
  }
  void start(console_state& s, const request&, answer reply) const {
    s.self->request(s.peers.jobs, caf::infinite, status_atom::value)
        .then(
            [reply](const reading_status& status) mutable {
              reply(json{{"read", status.read},
                         {"failed", status.failed},
                         {"done", status.done},
                         {"held", status.held},
                         {"problem", text_or_nothing(status.problem)}});
            },
            reply.failing());
  }
};

}  // namespace

std::vector<operation> job_operations() {
  return rows_of<job_cancel, job_kinds, job_list, job_pause, job_resume, job_retry, job_show,
                 job_submit, media_status>();
}

}  // namespace podstudio::api
