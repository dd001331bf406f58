// SPDX-License-Identifier: MIT
#include "asset_filter.hpp"
#include "change.hpp"
#include "job_wait.hpp"
#include "options.hpp"
#include "output.hpp"
#include "pages.hpp"
#include "session.hpp"

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace podstudio {

namespace {

using nlohmann::json;

struct list_options {
  std::string status, kind;
};

/// The time that a running job has left; empty where nobody can say.
std::string left_of(const json& job) {
  auto seconds = job.value("seconds_left", json());
  return seconds.is_null() ? "" : human_time(seconds.get<std::uint64_t>());
}

result<void> list(const context& where, const list_options& options) {
  auto filter = json::object();
  if (!options.status.empty()) filter["status"] = options.status;
  if (!options.kind.empty()) filter["kind"] = options.kind;
  table shown({{"id", align::right},
               {"kind"},
               {"status"},
               {"progress", align::right},
               {"left", align::right},
               {"priority", align::right},
               {"asset", align::right},
               {"pack", align::right},
               {"created"},
               {"error"}});
  paged_list jobs{.command = "job.list", .arguments = filter};
  return print_list(where, shown, jobs, [&](const json& job) {
    shown.row({cell(job["id"]), cell(job["kind"]), cell(job["status"]),
               decimal(job["progress"].get<double>(), 1), left_of(job), cell(job["priority"]),
               cell(job["asset_id"]), cell(job["pack_id"]), cell(job["created_at"]).substr(0, 19),
               one_line(cell(job["error_message"]))});
  });
}

action declare_list(CLI::App& command) {
  auto options = std::make_shared<list_options>();
  command.add_option("--status", options->status, "Only jobs of this status")
      ->type_name("S")
      ->check(one_of<job_status>());
  command.add_option("--kind", options->kind, "Only jobs of this kind")
      ->type_name("K")
      ->check(one_of<job_kind>());
  return [options](const context& where) { return list(where, *options); };
}

void print_attempts(const json& attempts) {
  if (attempts.empty()) return;
  print_line("");
  table shown(
      {{"attempt", align::right}, {"started"}, {"ended"}, {"ending"}, {"reason"}, {"last words"}});
  for (const auto& attempt : attempts)
    shown.row({cell(attempt["attempt"]), cell(attempt["started_at"]).substr(0, 19),
               cell(attempt["ended_at"]).substr(0, 19), cell(attempt["ending"]),
               one_line(cell(attempt["reason"])), one_line(cell(attempt["last_words"]))});
  shown.print();
}

result<void> show(const context& where, std::int64_t id) {
  auto job = ask(where, session::need::folder, "job.show", {{"job", id}});
  if (!job) return job.failure();
  if (where.json) {
    print_json(*job);
    return {};
  }
  table facts({{"job"}, {cell((*job)["id"])}});
  for (const auto& [key, value] : job->items())
    if (!value.is_null() && key != "attempts") facts.row({key, cell(value)});
  facts.print();
  print_attempts((*job)["attempts"]);
  return {};
}

action declare_show(CLI::App& command) {
  auto id = std::make_shared<std::int64_t>(0);
  command.add_option("ID", *id, "The job")->required()->type_name("")->check(an_id());
  return [id](const context& where) { return show(where, *id); };
}

// job kinds

result<void> kinds(const context& where) {
  auto all = ask(where, session::need::folder, "job.kinds", json::object());
  if (!all) return all.failure();
  if (where.json) {
    print_json(*all);
    return {};
  }
  table shown({{"kind"}, {"takes"}, {"automatic"}, {"description"}});
  for (const auto& kind : *all)
    shown.row({cell(kind["kind"]), cell(kind["takes"]), cell(kind["automatic"]),
               cell(kind["description"])});
  shown.print();
  return {};
}

action declare_kinds(CLI::App&) { return kinds; }

// job wait

/// Waits for jobs in turn, and says what became of them. Error: `refused`, where one did not
/// complete.
result<void> await(const context& where, session& service, const std::vector<std::int64_t>& jobs) {
  auto ended = json::array();
  std::string failed;
  for (auto id : jobs) {
    auto job = wait_for_job(service, id);
    if (!job) return job.failure();
    if ((*job)["status"] != word(job_status::completed))
      failed += (failed.empty() ? "job " : ", job ") + std::to_string(id) + " "
                + (*job)["status"].get<std::string>()
                + ((*job)["error_message"].is_string() ? ": " + cell((*job)["error_message"]) : "");
    ended.push_back(*std::move(job));
  }
  if (where.json)
    print_json(ended);
  else if (failed.empty())
    print_line(std::to_string(jobs.size()) + " completed");
  if (failed.empty()) return {};
  return error{error_code::refused, failed + "; see 'podstudio job show ID'"};
}

std::shared_ptr<std::vector<std::int64_t>> declare_ids(CLI::App& command) {
  auto ids = std::make_shared<std::vector<std::int64_t>>();
  command.add_option("ID", *ids, "The jobs")->required()->type_name("")->check(an_id());
  return ids;
}

result<bool> have_ended(session& engine, const std::vector<std::int64_t>& jobs) {
  for (auto id : jobs) {
    auto job = engine.request("job.show", {{"job", id}});
    if (!job) return job.failure();
    if (!has_ended(*job)) return false;
  }
  return true;
}

/// Anybody can tell about jobs that have ended; others only end where a service runs.
result<session> open_for(const context& where, const std::vector<std::int64_t>& jobs) {
  {
    auto engine = session::open(where, session::need::folder);
    if (!engine) return engine;
    auto ended = have_ended(*engine, jobs);
    if (!ended) return ended.failure();
    if (*ended) return engine;
  }
  return working_service(where);
}

action declare_wait(CLI::App& command) {
  return [ids = declare_ids(command)](const context& where) -> result<void> {
    auto engine = open_for(where, *ids);
    if (!engine) return engine.failure();
    return await(where, *engine, *ids);
  };
}

// job submit

struct submit_options {
  std::string kind, parameters;
  std::vector<std::string> settings;
  std::vector<std::int64_t> assets;
  asset_filter_options filter;
  bool all_matching = false, wait = false;
  std::int64_t priority = 0;
};

/// The value of `--set KEY=VALUE`: a number, true or false where it is one, else a text.
json value_of(const std::string& text) {
  auto value = json::parse(text, nullptr, false);
  return value.is_number() || value.is_boolean() ? value : json(text);
}

result<json> parameters_of(const submit_options& options) {
  auto invalid = [](const std::string& what) { return error{error_code::invalid_argument, what}; };
  auto parameters =
      options.parameters.empty() ? json::object() : json::parse(options.parameters, nullptr, false);
  if (!parameters.is_object()) return invalid("--params is not a JSON object");
  for (const auto& setting : options.settings) {
    auto equals = setting.find('=');
    if (equals == std::string::npos || equals == 0)
      return invalid("--set takes KEY=VALUE, not '" + setting + "'");
    parameters[setting.substr(0, equals)] = value_of(setting.substr(equals + 1));
  }
  return parameters;
}

void warn_if_none(const json& jobs) {
  if (jobs.empty()) std::fputs("podstudio: no asset matches; no job was submitted\n", stderr);
}

result<void> submit(const context& where, const submit_options& options) {
  auto invalid = [](const char* what) { return error{error_code::invalid_argument, what}; };
  auto parameters = parameters_of(options);
  if (!parameters) return parameters.failure();
  auto filter = options.filter.filter();
  if (options.all_matching && !options.assets.empty())
    return invalid("give --asset or --all-matching, not both");
  if (!options.all_matching && !filter.empty())
    return invalid("filters choose assets only with --all-matching");
  if (!options.all_matching && options.assets.empty())
    return invalid("no assets given; use --asset ID, or --all-matching and filters");
  json arguments{
      {"kind", options.kind}, {"parameters", *parameters}, {"priority", options.priority}};
  if (options.all_matching)
    arguments["filter"] = filter;
  else
    arguments["ids"] = options.assets;
  if (options.wait) {
    auto service = working_service(where);
    if (!service) return service.failure();
    auto submitted = service->request("job.submit", arguments);
    if (!submitted) return submitted.failure();
    warn_if_none((*submitted)["jobs"]);
    return await(where, *service, (*submitted)["jobs"].get<std::vector<std::int64_t>>());
  }
  auto submitted = ask(where, session::need::folder, "job.submit", arguments);
  if (!submitted) return submitted.failure();
  if (where.json) {
    print_json(*submitted);
    return {};
  }
  for (const auto& job : (*submitted)["jobs"])
    print_line(cell(job));
  warn_if_none((*submitted)["jobs"]);
  return {};
}

action declare_submit(CLI::App& command) {
  auto options = std::make_shared<submit_options>();
  command.add_option("KIND", options->kind, "The kind of job; see 'job kinds'")
      ->required()
      ->type_name("")
      ->check(one_of<job_kind>());
  command.add_option("--asset", options->assets, "An asset; may be given several times")
      ->type_name("ID")
      ->allow_extra_args(false)
      ->check(an_id());
  command.add_flag("--all-matching", options->all_matching, "All assets that match the filters");
  options->filter.declare(command);
  command.add_option("--params", options->parameters, "The parameters, as a JSON object")
      ->type_name("JSON");
  command.add_option("--set", options->settings, "One parameter; may be given several times")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command
      .add_option("--priority", options->priority,
                  "Jobs of a higher priority start first: -100 to 100 (0)")
      ->type_name("N");
  command.add_flag("--wait", options->wait, "Wait until all have ended");
  return [options](const context& where) { return submit(where, *options); };
}

// job cancel, retry, pause, resume

/// Each job by a command of its own: one that is refused does not keep the others from it.
result<void> change_jobs(const context& where, const char* operation,
                         const std::vector<std::int64_t>& jobs) {
  if (jobs.size() > 1 && !where.command_id.empty())
    return error{error_code::invalid_argument,
                 "several jobs are several commands, which cannot have one --command-id; name one "
                 "job at a time"};
  auto engine = session::open(where, session::need::folder);
  if (!engine) return engine.failure();
  std::size_t changed = 0;
  std::optional<error> refused;
  for (auto id : jobs) {
    auto done = engine->request(operation, {{"job", id}});
    if (done)
      ++changed;
    else if (refused)
      refused->message += "; " + done.failure().message;
    else
      refused = done.failure();
  }
  if (where.json)
    print_json({{"changed", changed}});
  else
    print_line(std::to_string(changed) + " changed");
  return refused ? result<void>(*refused) : result<void>();
}

action declare_cancel(CLI::App& command) {
  return [ids = declare_ids(command)](const context& where) {
    return change_jobs(where, "job.cancel", *ids);
  };
}

action declare_retry(CLI::App& command) {
  return [ids = declare_ids(command)](const context& where) {
    return change_jobs(where, "job.retry", *ids);
  };
}

action declare_pause(CLI::App&) {
  return [](const context& where) { return change(where, "job.pause", json::object()); };
}

action declare_resume(CLI::App&) {
  return [](const context& where) { return change(where, "job.resume", json::object()); };
}

constexpr subcommand commands[] = {
    {"list", "List jobs", declare_list},
    {"show", "Show a job", declare_show},
    {"kinds", "List the kinds of jobs that can be run", declare_kinds},
    {"submit", "Submit jobs", declare_submit},
    {"wait", "Wait until jobs have ended", declare_wait},
    {"cancel", "Cancel jobs", declare_cancel},
    {"retry", "Run failed or cancelled jobs again", declare_retry},
    {"pause", "Start no further jobs; those that run go on", declare_pause},
    {"resume", "Start jobs again", declare_resume},
};

}  // namespace

action declare_job(CLI::App& command) { return declare_group(command, commands); }

}  // namespace podstudio
