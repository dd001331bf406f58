// SPDX-License-Identifier: MIT
#include "import.hpp"

#include "output.hpp"

#include <CLI/App.hpp>

#include <algorithm>
#include <chrono>
#include <memory>

namespace podstudio {

namespace {

std::uint64_t count(const nlohmann::json& counts, const char* key) {
  return counts.value(key, std::uint64_t{0});
}

struct import_options {
  std::vector<std::string> paths;
  bool metadata = false;
};

result<void> import(const context& where, const import_options& options) {
  auto paths = nlohmann::json::array();
  for (const auto& path : options.paths) {
    auto absolute = absolute_path(path);
    if (!absolute) return absolute.failure();
    paths.push_back(*absolute);
  }
  return run_import(where, session::need::new_folder, "import.start", {{"paths", paths}},
                    options.metadata ? reading::now : reading::later);
}

/// What the engine's jobs have read so far. Error: `refused` where none are run.
result<nlohmann::json> reading_so_far(session& engine) {
  if (auto status = engine.status_with_jobs(); !status) return status;
  return engine.request("media.status", nlohmann::json::object());
}

/// Waits until every file of the library has been read, and returns how many were read since
/// `before`. The progress line shows `expected` as the total. Error: `refused` where jobs are
/// paused, fail, or are not started for `problem_time_max`.
result<std::uint64_t> wait_until_read(session& engine, const nlohmann::json& before,
                                      std::uint64_t expected) {
  using clock = std::chrono::steady_clock;
  // Short, because the jobs actor learns that a job has ended only after the log has grown: the
  // look that this triggers may come too early.
  constexpr std::chrono::milliseconds interval{200};
  constexpr std::chrono::seconds problem_time_max{5};
  auto good = clock::now();
  std::uint64_t read = 0;
  progress line("files read");
  auto look = [&]() -> result<bool> {
    auto status = engine.request("media.status", nlohmann::json::object());
    if (!status) return status.failure();
    auto since = [&](const char* key) { return count(*status, key) - count(before, key); };
    read = since("read");
    if ((*status)["done"] == true && since("failed") == 0) return true;
    if ((*status)["done"] == true)
      return error{error_code::refused,
                   "not all files were read; failed jobs: " + std::to_string(since("failed"))
                       + "; see 'podstudio job list --status failed'"};
    if ((*status)["held"] == true)
      return error{error_code::refused,
                   "no files are being read, as jobs are paused; use 'podstudio job resume'"};
    auto now = clock::now();
    if ((*status)["problem"].is_null())
      good = now;
    else if (now - good > problem_time_max)
      return error{error_code::refused, "no files are being read: " + cell((*status)["problem"])
                                            + "; a service will read them once this is resolved"};
    line.show(read, std::max(expected, read));
    return false;
  };
  auto followed = engine.follow_log(interval, look);
  if (!followed) return followed.failure();
  return read;
}

}  // namespace

result<void> finish_import(session& engine, const char* command, const nlohmann::json& arguments,
                           reading media, nlohmann::json& counts) {
  bool reads = media == reading::now;
  auto read_before = reads ? reading_so_far(engine) : result<nlohmann::json>(nullptr);
  if (!read_before) return read_before.failure();
  auto started = engine.request(command, arguments);
  if (!started) return started.failure();
  progress line("files");
  for (bool done = false; !done;) {
    auto waited =
        engine.request("import.wait", {{"import", (*started)["import"]},
                                       {"timeout_ms", progress::visible() ? 200 : 30'000}});
    if (!waited) return waited.failure();
    const auto& so_far = (*waited)["counts"];
    done = (*waited)["done"].get<bool>();
    if (done) counts = so_far;
    std::uint64_t finished = 0;
    for (auto key : {"registered", "changed", "moved", "unchanged", "skipped", "failed"})
      finished += count(so_far, key);
    if (!done) line.show(finished, count(so_far, "scanned"));
  }
  if (!reads) return {};
  auto read =
      wait_until_read(engine, *read_before, count(counts, "registered") + count(counts, "changed"));
  if (!read) return read.failure();
  counts["read"] = *read;
  return {};
}

result<void> run_import(const context& where, session::need what, const char* command,
                        const nlohmann::json& arguments, reading media) {
  bool reads = media == reading::now;
  auto opened =
      session::open(where, what, reads ? session::jobs::here_too : session::jobs::service_only);
  if (!opened) return opened.failure();
  nlohmann::json counts;
  auto outcome = finish_import(*opened, command, arguments, media, counts);
  if (counts.is_null()) return outcome;
  if (where.json) {
    print_json(counts);
    return outcome;
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
  if (counts.contains("read"))
    print_line(std::to_string(count(counts, "read"))
               + " read; 'podstudio asset list --broken' lists those with problems");
  return outcome;
}

action declare_import(CLI::App& command) {
  auto options = std::make_shared<import_options>();
  command.add_option("PATH", options->paths, "Files or folders")->required()->type_name("");
  command.add_flag("--metadata", options->metadata,
                   "Also wait until the facts of all files in the library have been read, even if "
                   "no service runs");
  return [options](const context& where) { return import(where, *options); };
}

}  // namespace podstudio
