// SPDX-License-Identifier: MIT
#include "command.hpp"
#include "job_wait.hpp"
#include "options.hpp"
#include "output.hpp"
#include "session.hpp"

#include "platform/data_folder.hpp"
#include "platform/text.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <optional>
#include <string>

namespace podstudio {

namespace {

using nlohmann::json;

/// Follows the job of an export to its end, and prints the path. Error: `refused` where it came to
/// no good one, with the reason.
result<void> follow(const context& where, session& service, std::int64_t id, std::uint64_t bytes) {
  auto job = [&] {
    progress line("bytes");
    return wait_for_job(service, id, [&](const json& now) {
      constexpr double percent = 100;
      line.show(static_cast<std::uint64_t>(static_cast<double>(bytes) / percent
                                           * now["progress"].get<double>()),
                bytes);
    });
  }();
  if (!job) return job.failure();
  if (where.json)
    print_json(*job);
  else if ((*job)["result_path"].is_string())
    print_line(cell((*job)["result_path"]));
  return check_completed(*job);
}

/// Submits the job and follows it.
result<void> submit(const context& where, session& service, const char* operation,
                    const json& arguments, std::uint64_t bytes) {
  auto submitted = service.request(operation, arguments);
  if (!submitted) return submitted.failure();
  return follow(where, service, (*submitted)["jobs"][0].get<std::int64_t>(), bytes);
}

// pack export

struct export_arguments {
  std::int64_t pack = 0;
  std::optional<std::string> output, profile;
  bool allow_unapproved = false, with_prompts = false;
};

result<void> export_pack(const context& where, const export_arguments& given) {
  json arguments{{"pack", given.pack}};
  if (given.output) {
    auto path = absolute_path(*given.output);
    if (!path) return path.failure();
    arguments["output"] = *path;
  }
  if (given.profile) arguments["profile"] = *given.profile;
  if (given.allow_unapproved) arguments["allow_unapproved"] = true;
  if (given.with_prompts) arguments["with_prompts"] = true;
  auto service = working_service(where);
  if (!service) return service.failure();
  auto pack = service->request("pack.show", {{"pack", given.pack}});
  if (!pack) return pack.failure();
  std::uint64_t bytes = 0;
  for (const auto& asset : (*pack)["assets"])
    bytes += asset["size_bytes"].get<std::uint64_t>();
  return submit(where, *service, "pack.export", arguments, bytes);
}

// pack exports, rebuild

result<void> list_exports(const context& where, std::int64_t pack) {
  auto exports = ask(where, session::need::folder, "pack.exports", {{"pack", pack}});
  if (!exports) return exports.failure();
  if (where.json) {
    print_json(*exports);
    return {};
  }
  table shown({{"export", align::right},
               {"exported"},
               {"assets", align::right},
               {"size", align::right},
               {"profile"},
               {"sha256"},
               {"path"}});
  for (const auto& each : *exports)
    shown.row({cell(each["sequence"]), cell(each["exported_at"]).substr(0, 19),
               cell(each["asset_count"]), human_size(each["size_bytes"].get<std::uint64_t>()),
               cell(each["profile"]), cell(each["sha256"]), cell(each["path"])});
  shown.print();
  return {};
}

struct rebuild_arguments {
  std::int64_t pack = 0;
  std::optional<std::uint64_t> exported;
  std::string output;
};

result<void> rebuild(const context& where, const rebuild_arguments& given) {
  auto path = absolute_path(given.output);
  if (!path) return path.failure();
  auto service = working_service(where);
  if (!service) return service.failure();
  auto exports = service->request("pack.exports", {{"pack", given.pack}});
  if (!exports) return exports.failure();
  json chosen;
  for (const auto& each : *exports)
    if (chosen.is_null() && (!given.exported || each["sequence"] == *given.exported)) chosen = each;
  if (chosen.is_null())
    return error{error_code::not_found,
                 "pack " + std::to_string(given.pack) + " has no "
                     + (given.exported ? "export " + std::to_string(*given.exported) : "export")
                     + "; 'podstudio pack exports " + std::to_string(given.pack)
                     + "' lists those it has"};
  return submit(where, *service, "pack.rebuild",
                {{"pack", given.pack}, {"export", chosen["sequence"]}, {"output", *path}},
                chosen["size_bytes"].get<std::uint64_t>());
}

void add_pack(CLI::App& command, std::int64_t& into) {
  command.add_option("ID", into, "The pack")->required()->type_name("")->check(an_id());
}

}  // namespace

action declare_pack_export(CLI::App& command) {
  auto given = std::make_shared<export_arguments>();
  add_pack(command, given->pack);
  command
      .add_option(
          "--output", given->output,
          "The file to write, which must not exist (a new name in the data folder's packs/)")
      ->type_name("FILE");
  command
      .add_option("--for,--profile", given->profile,
                  "The marketplace that it is for; 'pack profiles' lists them")
      ->type_name("PROFILE");
  command.add_flag("--allow-unapproved", given->allow_unapproved,
                   "Export even if some assets are not approved");
  command.add_flag("--with-prompts", given->with_prompts,
                   "Include the prompts, tools and models that the assets were made with");
  return [given](const context& where) { return export_pack(where, *given); };
}

action declare_pack_exports(CLI::App& command) {
  auto pack = std::make_shared<std::int64_t>(0);
  add_pack(command, *pack);
  return [pack](const context& where) { return list_exports(where, *pack); };
}

action declare_pack_rebuild(CLI::App& command) {
  auto given = std::make_shared<rebuild_arguments>();
  add_pack(command, given->pack);
  command
      .add_option("--export", given->exported,
                  "Which export, by the number that 'pack exports' shows (the last one)")
      ->type_name("N");
  command.add_option("--output", given->output, "The file to write, which must not exist")
      ->required()
      ->type_name("FILE");
  return [given](const context& where) { return rebuild(where, *given); };
}

}  // namespace podstudio
