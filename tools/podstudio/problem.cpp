// SPDX-License-Identifier: MIT
#include "output.hpp"
#include "session.hpp"

#include <CLI/App.hpp>

namespace podstudio {

namespace {

result<void> list(const context& where) {
  auto problems = ask(where, session::need::folder, "problem.list", nlohmann::json::object());
  if (!problems) return problems.failure();
  if (where.json) {
    print_json(*problems);
    return {};
  }
  table shown({{"since"}, {"kind"}, {"path", align::left, true}, {"reason"}});
  for (const auto& problem : *problems)
    shown.row({cell(problem["since"]).substr(0, 19), cell(problem["kind"]), cell(problem["path"]),
               cell(problem["reason"])});
  shown.print();
  return {};
}

constexpr subcommand commands[] = {
    {"list", "List the files that could not be ingested and the folders that are lost, and why",
     [](CLI::App&) -> action { return list; }},
};

}  // namespace

action declare_problem(CLI::App& command) { return declare_group(command, commands); }

}  // namespace podstudio
