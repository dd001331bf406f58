// SPDX-License-Identifier: MIT
#include "actors/console_commands.hpp"
#include "actors/media_job.hpp"
#include "console/arguments.hpp"
#include "platform/text.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace podstudio {

namespace {

using nlohmann::json;

/// What people can have done to assets.
struct kind_description {
  job_kind kind;
  std::string_view what;
  std::string_view takes;
  std::string_view by_itself;  ///< when the engine queues it by itself; empty: never
};
constexpr std::array kinds{kind_description{
    job_kind::metadata_extract,
    "Reads the size, duration, problems and perceptual hash of files, and who made them",
    "image, audio, video", "for new and changed files"}};
static_assert(std::ranges::all_of(kinds, [](const auto& each) { return is_runnable(each.kind); }));

void job_kinds(console_state&, const request&, answer reply) {
  auto all = json::array();
  for (const auto& each : kinds)
    all.push_back({{"kind", word(each.kind)},
                   {"description", each.what},
                   {"takes", each.takes},
                   {"automatic", each.by_itself.empty() ? json() : json(each.by_itself)},
                   {"parameters", json::object()}});
  reply(all);
}

/// Has the jobs actor take a step, and tells the ids of the jobs that it submitted.
void change(console_state& s, job_step step, answer reply) {
  bool submits = !step.requests.empty();
  step.origin = "console";
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
          [reply](const caf::error& failure) mutable { reply(failure); });
}

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

void job_submit(console_state& s, const request& what, answer reply) {
  auto kind = word_argument<job_kind>(what.arguments, "kind");
  if (!kind) return reply(kind.failure());
  if (!is_runnable(*kind))
    return reply(error{error_code::refused,
                       "jobs of the kind '" + std::string(word(*kind))
                           + "' cannot be run by this version; 'podstudio job kinds' lists those "
                             "that can"});
  auto parameters = what.arguments.value("parameters", json::object());
  if (!parameters.is_object()) return reply(wrong_argument("parameters", "must be an object"));
  if (!parameters.empty())
    return reply(wrong_argument("parameters", "holds " + in_quotes(parameters.begin().key())
                                                  + ", but the kind '" + std::string(word(*kind))
                                                  + "' has no parameters"));
  auto priority = what.arguments.value("priority", json(0));
  if (!priority.is_number_integer() || priority < -job_priority_max || priority > job_priority_max)
    return reply(wrong_argument("priority", "must be a whole number from "
                                                + std::to_string(-job_priority_max) + " to "
                                                + std::to_string(job_priority_max)));
  choose_assets(s, what, reply,
                [&s, id = what.id, kind = *kind, priority = priority.get<std::int32_t>(),
                 reply](asset_ids ids, const std::string& which) mutable {
                  std::ranges::sort(ids);
                  auto repeated = std::ranges::unique(ids);
                  ids.erase(repeated.begin(), repeated.end());
                  job_step step;
                  step.what = job_step::step::submit;
                  step.requests = requests_for(kind, priority, ids);
                  step.summary = "submit " + std::string(word(kind)) + " of " + which;
                  step.id = id;
                  if (ids.empty()) return reply(json{{"changed", 0}, {"jobs", json::array()}});
                  change(s, std::move(step), reply);
                });
}

template <job_step::step step_of_one>
void change_job(console_state& s, const request& what, answer reply) {
  auto job = id_argument(what.arguments, "job");
  if (!job) return reply(job.failure());
  job_step step;
  step.what = step_of_one;
  step.job = *job;
  step.id = what.id;
  change(s, std::move(step), reply);
}

template <job_step::step step_of_all>
void change_queue(console_state& s, const request& what, answer reply) {
  job_step step;
  step.what = step_of_all;
  step.id = what.id;
  change(s, std::move(step), reply);
}

void media_status(console_state& s, const request&, answer reply) {
  s.self->request(s.peers.jobs, caf::infinite, status_atom::value)
      .then(
          [reply](const reading_status& status) mutable {
            reply(json{{"read", status.read},
                       {"failed", status.failed},
                       {"done", status.done},
                       {"held", status.held},
                       {"problem", status.problem.empty() ? json() : json(status.problem)}});
          },
          [reply](const caf::error& failure) mutable { reply(failure); });
}

}  // namespace

const command_table& job_commands() {
  static const command_table commands{
      {"job.cancel", change_job<job_step::step::cancel>},
      {"job.kinds", job_kinds},
      {"job.pause", change_queue<job_step::step::hold>},
      {"job.resume", change_queue<job_step::step::release>},
      {"job.retry", change_job<job_step::step::retry>},
      {"job.submit", job_submit},
      {"media.status", media_status},
  };
  return commands;
}

}  // namespace podstudio
