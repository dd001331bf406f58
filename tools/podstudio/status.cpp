// SPDX-License-Identifier: MIT
#include "output.hpp"
#include "session.hpp"

#include <CLI/App.hpp>

#include <memory>
#include <thread>
#include <unistd.h>
#include <utility>

namespace podstudio {

namespace {

using nlohmann::json;

std::string number(const json& value) { return value.is_number() ? value.dump() : "0"; }

std::string counted(const json& value, const char* noun) {
  return number(value) + " " + noun + (value == 1 ? "" : "s");
}

/// Where a service answers, and why not at the socket if it does not.
std::string endpoints_of(const json& console) {
  auto socket = console.value("socket", json()), failure = console.value("socket_failure", json());
  auto port = "port " + number(console.value("port", json())) + " of 127.0.0.1";
  if (socket.is_string()) return "socket " + cell(socket) + ", " + port;
  if (failure.is_string()) return port + " only: " + cell(failure);
  return port;
}

void print_imports(const json& imports) {
  if (imports.empty()) return;
  print_line("");
  table shown({{"importing"}, {"mode"}, {"files", align::right}});
  for (const auto& each : imports) {
    // Of all its paths together, so beside the first.
    auto files = cell(each["scanned"]);
    for (const auto& path : each["paths"])
      shown.row({cell(path), cell(each["mode"]), std::exchange(files, "")});
    auto more = each["paths_total"].get<std::size_t>() - each["paths"].size();
    if (more > 0) shown.row({"and " + std::to_string(more) + " more", cell(each["mode"])});
  }
  shown.print();
}

void print_status(const json& s) {
  bool runs = !s["pid"].is_null();
  const auto &log = s["log"], &assets = s["assets"], &jobs = s["jobs"];
  table facts({{"podstudio"}, {cell(s["version"])}});
  auto add = [&](const char* what, const std::string& text) { facts.row({what, text}); };
  add("service",
      runs ? "process " + number(s["pid"]) + ", up "
                 + human_time(static_cast<std::uint64_t>(s["uptime_seconds"].get<double>()))
           : "not running");
  add("assets", number(assets["total"]) + " (" + counted(assets["image"], "image") + ", "
                    + counted(assets["audio"], "sound") + ", " + counted(assets["video"], "clip")
                    + "), " + number(assets["approved"]) + " approved, " + number(assets["missing"])
                    + " missing");
  add("packs", number(s["packs"]["total"]));
  add("jobs", number(jobs["pending"]) + " pending, " + number(jobs["running"]) + " running, "
                  + number(jobs["completed"]) + " completed, " + number(jobs["failed"])
                  + " failed, " + number(jobs["cancelled"]) + " cancelled"
                  + (jobs["held"] == true ? "; paused" : ""));
  if (runs && s["workers"] == 0) add("", std::string(no_workers));
  add("problems",
      number(s["problems"]) + (s["problems"] == 0 ? "" : ", see 'podstudio problem list'"));
  add("log", counted(log["head_sequence"], "event") + ", "
                 + human_size(log["bytes"].get<std::uint64_t>()) + " in "
                 + counted(log["segments"], "segment"));
  add("head", cell(log["head_hash"]));
  add("tables", "at event " + number(s["projection"]["sequence"]));
  if (runs) {
    std::uint64_t refused = 0;
    for (const auto& count : s["console"]["refused"])
      refused += count.get<std::uint64_t>();
    add("listens on", endpoints_of(s["console"]));
    add("console", counted(s["console"]["connections"], "connection") + ", "
                       + std::to_string(refused) + " refused");
  }
  facts.print();
  print_imports(s.value("imports", json::array()));
  if (s["roots"].empty()) return;
  print_line("");
  table roots({{"watched"}, {"state"}, {"mode"}, {"assets", align::right}});
  for (const auto& root : s["roots"])
    roots.row({cell(root["path"]), cell(root["state"]), cell(root["mode"]), cell(root["assets"])});
  roots.print();
  json not_taken = json::object();
  for (const auto& root : s["roots"]) {
    const auto counts = root.value("not_taken", json::object());
    for (const auto& [ending, count] : counts.items())
      not_taken[ending] = not_taken.value(ending, std::uint64_t{0}) + count.get<std::uint64_t>();
  }
  print_not_taken(not_taken);
}

result<void> status(const context& where, bool watch) {
  // An engine of its own would hold the folder's lock for as long as somebody watches.
  auto opened = session::open(where, watch ? session::need::service : session::need::folder);
  if (!opened) return opened.failure();
  for (;;) {
    auto known = opened->request("status", json::object());
    if (!known) return known.failure();
    if (watch && !where.json && ::isatty(STDOUT_FILENO) == 1) std::fputs("\x1b[H\x1b[2J", stdout);
    if (where.json)
      print_json(*known);
    else
      print_status(*known);
    if (!watch) return {};
    if (std::fflush(stdout) != 0) return {};  // nobody reads it any more; the caller reports it
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

}  // namespace

action declare_status(CLI::App& command) {
  auto watch = std::make_shared<bool>(false);
  command.add_flag("--watch", *watch, "Refresh every second until interrupted");
  return [watch](const context& where) { return status(where, *watch); };
}

}  // namespace podstudio
