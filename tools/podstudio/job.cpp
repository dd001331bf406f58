// SPDX-License-Identifier: MIT
#include "options.hpp"
#include "output.hpp"
#include "pages.hpp"
#include "session.hpp"

#include <memory>

namespace podstudio {

namespace {

using nlohmann::json;

struct list_options {
  std::string status, kind;
};

result<void> list(const context& where, const list_options& options) {
  auto filter = json::object();
  if (!options.status.empty()) filter["status"] = options.status;
  if (!options.kind.empty()) filter["kind"] = options.kind;
  table shown({{"id", align::right},
               {"kind"},
               {"status"},
               {"progress", align::right},
               {"asset", align::right},
               {"pack", align::right},
               {"created"},
               {"error"}});
  paged_list jobs{.command = "job.list", .arguments = filter};
  return print_list(where, shown, jobs, [&](const json& job) {
    shown.row({cell(job["id"]), cell(job["kind"]), cell(job["status"]), cell(job["progress"]),
               cell(job["asset_id"]), cell(job["pack_id"]), cell(job["created_at"]).substr(0, 19),
               cell(job["error_message"])});
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

result<void> show(const context& where, std::int64_t id) {
  auto job = ask(where, session::need::folder, "job.show", {{"job", id}});
  if (!job) return job.failure();
  if (where.json) {
    print_json(*job);
    return {};
  }
  table facts({{"job"}, {cell((*job)["id"])}});
  for (const auto& [key, value] : job->items())
    if (!value.is_null()) facts.row({key, cell(value)});
  facts.print();
  return {};
}

action declare_show(CLI::App& command) {
  auto id = std::make_shared<std::int64_t>(0);
  command.add_option("ID", *id, "The job")->required()->type_name("")->check(an_id());
  return [id](const context& where) { return show(where, *id); };
}

constexpr subcommand commands[] = {
    {"list", "List jobs", declare_list},
    {"show", "Show a job", declare_show},
};

}  // namespace

action declare_job(CLI::App& command) { return declare_group(command, commands); }

}  // namespace podstudio
