// SPDX-License-Identifier: MIT
#include "import.hpp"

#include "output.hpp"

#include <CLI/App.hpp>

#include <memory>

namespace podstudio {

namespace {

std::uint64_t count(const nlohmann::json& counts, const char* key) {
  return counts.value(key, std::uint64_t{0});
}

result<void> import(const context& where, const std::vector<std::string>& given) {
  auto paths = nlohmann::json::array();
  for (const auto& path : given) {
    auto absolute = absolute_path(path);
    if (!absolute) return absolute.failure();
    paths.push_back(*absolute);
  }
  return run_import(where, session::need::new_folder, "import.start", {{"paths", paths}});
}

}  // namespace

result<void> run_import(const context& where, session::need what, const char* command,
                        const nlohmann::json& arguments) {
  auto opened = session::open(where, what);
  if (!opened) return opened.failure();
  auto started = opened->request(command, arguments);
  if (!started) return started.failure();
  nlohmann::json counts;
  progress line("files");
  for (bool done = false; !done;) {
    auto waited =
        opened->request("import.wait", {{"import", (*started)["import"]},
                                        {"timeout_ms", progress::visible() ? 200 : 30'000}});
    if (!waited) return waited.failure();
    counts = (*waited)["counts"];
    done = (*waited)["done"].get<bool>();
    std::uint64_t finished = 0;
    for (auto key : {"registered", "changed", "moved", "unchanged", "skipped", "failed"})
      finished += count(counts, key);
    if (!done) line.show(finished, count(counts, "scanned"));
  }
  if (where.json) {
    print_json(counts);
    return {};
  }
  table shown({{"scanned", align::right},
               {"registered", align::right},
               {"changed", align::right},
               {"moved", align::right},
               {"unchanged", align::right},
               {"skipped", align::right},
               {"failed", align::right}});
  std::vector<std::string> cells;
  for (auto key : {"scanned", "registered", "changed", "moved", "unchanged", "skipped", "failed"})
    cells.push_back(std::to_string(count(counts, key)));
  shown.row(cells);
  shown.print();
  print_not_taken(counts["not_taken"]);
  if (count(counts, "missing") > 0)
    print_line(std::to_string(count(counts, "missing")) + " missing: not in the new folder");
  if (count(counts, "left") > 0)
    print_line(std::to_string(count(counts, "left"))
               + " left behind in the old folder; run the command again once they are copied");
  if (count(counts, "failed") > 0) print_line("see 'podstudio problem list' for what failed");
  return {};
}

action declare_import(CLI::App& command) {
  auto paths = std::make_shared<std::vector<std::string>>();
  command.add_option("PATH", *paths, "Files or folders")->required()->type_name("");
  return [paths](const context& where) { return import(where, *paths); };
}

}  // namespace podstudio
