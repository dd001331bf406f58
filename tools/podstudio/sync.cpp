// SPDX-License-Identifier: MIT
#include "output.hpp"
#include "session.hpp"

#include "platform/text.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include <charconv>
#include <memory>

namespace podstudio {

namespace {

result<void> sync(const context& where, double seconds) {
  auto opened = session::open(where, session::need::service);
  if (!opened) return opened.failure();
  auto limit = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  auto synced = opened->request("sync", {{"timeout_ms", static_cast<std::uint64_t>(limit.count())}},
                                limit + std::chrono::seconds(5));
  if (!synced) return synced.failure();
  if (where.json)
    print_json(*synced);
  else
    print_line("in step with the watched folders at sequence " + cell((*synced)["sequence"]));
  return {};
}

/// CLI11's own check of a range lets `nan` through.
const CLI::Validator waiting_time(
    [](std::string& text) {
      constexpr double longest = 86'400;
      double seconds = -1;
      auto end = text.data() + text.size();
      auto [rest, failure] = std::from_chars(text.data(), end, seconds, std::chars_format::fixed);
      if (failure == std::errc{} && rest == end && seconds >= 0 && seconds <= longest)
        return std::string();
      return in_quotes(text) + " is not a number of seconds from 0 to 86400";
    },
    "");

}  // namespace

action declare_sync(CLI::App& command) {
  auto seconds = std::make_shared<double>(60);
  command.add_option("--timeout", *seconds, "How many seconds to wait at most (60)")
      ->type_name("S")
      ->check(waiting_time);
  return [seconds](const context& where) { return sync(where, *seconds); };
}

}  // namespace podstudio
