// SPDX-License-Identifier: MIT
#include "query/pack_export.hpp"

#include "api/declare.hpp"
#include "api/families.hpp"
#include "api/job_steps.hpp"
#include "api/parts.hpp"
#include "packs/profiles.hpp"

#include <utility>

namespace podstudio::api {

namespace {

/// Submits the job of an export.
void submit_export(console_state& s, const request& asked, answer reply, pack_id pack,
                   const export_parameters& parameters, std::string summary) {
  auto step = make_step(asked, job_step::step::submit);
  auto& request = step.requests.emplace_back();
  request.kind = job_kind::export_pack;
  if (!parameters.again) request.pack = pack;
  request.params_json = to_params_json(parameters);
  step.summary = std::move(summary);
  take_step(s, std::move(step), std::move(reply));
}

struct pack_export {
  static constexpr std::string_view name = "pack.export",
                                    help = "Queue the job that exports a pack as a ZIP file",
                                    example = "podstudio pack export 3 --for etsy";
  static constexpr auto needs = role::curator;
  pack_id pack = 0;
  export_parameters set;

  static void declare(auto& add) {
    add("pack", &pack_export::pack, row_id{});
    add.optional(
        "output", [](auto& of) -> auto& { return of.set.output; }, absolute_path{});
    add.optional(
        "profile", [](auto& of) -> auto& { return of.set.profile; }, text{});
    add.optional(
        "allow_unapproved", [](auto& of) -> auto& { return of.set.allow_unapproved; }, flag{});
    add.optional(
        "with_prompts", [](auto& of) -> auto& { return of.set.with_prompts; }, flag{});
  }
  static json outcome() { return submitted_shape(); }
  void start(console_state& s, const request& asked, answer reply) const {
    if (auto known = packs::find_profile(set.profile); !known) return reply(known.failure());
    submit_export(s, asked, reply, pack, set, "export pack " + std::to_string(pack));
  }
};

struct pack_rebuild {
  static constexpr std::string_view name = "pack.rebuild",
                                    help = "Queue the job that makes the bytes of a past export "
                                           "again",
                                    example =
                                        "podstudio pack rebuild 3 --export 512 --output old.zip";
  static constexpr auto needs = role::curator;
  pack_id pack = 0;
  sequence_number exported = 0;
  std::string output;

  static void declare(auto& add) {
    add("pack", &pack_rebuild::pack, row_id{});
    add("export", &pack_rebuild::exported, whole_number{1, INT64_MAX});
    add("output", &pack_rebuild::output, absolute_path{});
  }
  static json outcome() { return submitted_shape(); }
  void start(console_state& s, const request& asked, answer reply) const {
    export_parameters parameters;
    parameters.output = output;
    parameters.again = exported;
    parameters.pack = pack;
    submit_export(s, asked, reply, pack, parameters,
                  "rebuild export " + std::to_string(exported) + " of pack "
                      + std::to_string(pack));
  }
};

struct pack_exports {
  static constexpr std::string_view name = "pack.exports",
                                    help = "List the past exports of a pack, newest first",
                                    example = "podstudio pack exports 3";
  static constexpr auto needs = role::viewer;
  pack_id pack = 0;

  static void declare(auto& add) { add("pack", &pack_exports::pack, row_id{}); }
  static json outcome() {
    return shape::list(shape::object({{"sequence", shape::id()},
                                      {"path", shape::text()},
                                      {"exported_at", shape::time()},
                                      {"sha256", shape::text()},
                                      {"size_bytes", shape::count()},
                                      {"asset_count", shape::count()},
                                      {"read_at", shape::count()},
                                      {"head_hash", shape::text()},
                                      {"profile", shape::nullable(shape::text())}}));
  }
  result<json> ask(reader_state& s, const is_over&) const { return list_exports(*s.tables, pack); }
};

}  // namespace

std::vector<operation> pack_export_operations() {
  return rows_of<pack_export, pack_exports, pack_rebuild>();
}

}  // namespace podstudio::api
