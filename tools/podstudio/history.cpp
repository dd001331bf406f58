// SPDX-License-Identifier: MIT
#include "history.hpp"

#include "options.hpp"
#include "output.hpp"
#include "pages.hpp"
#include "session.hpp"

#include <memory>

namespace podstudio {

namespace {

using nlohmann::json;

std::string seconds(const json& at) { return cell(at).substr(0, 19); }

/// Of a value with parts, those that another one has otherwise.
json unlike(json value, const json& other) {
  if (!value.is_object() || !other.is_object()) return value;
  for (const auto& [key, part] : other.items())
    if (auto at = value.find(key); at != value.end() && *at == part) value.erase(at);
  return value;
}

/// What tells most of a value for a person, next to the one it became or came of; all of it is in
/// the JSON form.
std::string brief(const json& whole, const json& other) {
  auto value = unlike(whole, other);
  if (!value.is_object()) return cell(value);
  for (const char* telling : {"path", "sha256", "size_bytes"})
    if (auto at = value.find(telling); at != value.end()) return cell(*at);
  std::string text;
  for (const auto& [key, part] : value.items())
    if (!part.is_null()) text += (text.empty() ? "" : ", ") + key + " " + cell(part);
  return text;
}

// The engine reads a part of the log for each page.
result<void> each_history_page(const context& where, const char* command, json arguments,
                               const take_page& take) {
  auto opened = session::open(where, session::need::folder);
  if (!opened) return opened.failure();
  for (;;) {
    auto page = opened->request(command, arguments);
    if (!page) return page.failure();
    take((*page)["events"]);
    if ((*page)["next"].is_null()) return {};
    arguments["from"] = (*page)["next"];
  }
}

struct history_options {
  std::int64_t limit = 100;
  bool all = false;
};

result<void> history(const context& where, const history_options& options) {
  table shown({{"at"}, {"id"}, {"origin"}, {"events", align::right}, {"summary", {}, true}});
  paged_list commands{.command = "history",
                      .arguments = {{"all", options.all}},
                      .limit = options.limit,
                      .place = "before",
                      .key = "first_sequence"};
  return print_list(where, shown, commands, [&](const json& command) {
    auto events = command["last_sequence"].get<std::uint64_t>()
                  - command["first_sequence"].get<std::uint64_t>() + 1;
    shown.row({seconds(command["at"]), cell(command["id"]), cell(command["origin"]),
               std::to_string(events), cell(command["summary"])});
  });
}

}  // namespace

result<void> print_history(const context& where, const char* command, json arguments) {
  table shown({{"sequence", align::right},
               {"at"},
               {"type"},
               {"origin"},
               {"command"},
               {"before"},
               {"after"}});
  return print_pages(
      where, shown,
      [&](const take_page& take) {
        return each_history_page(where, command, std::move(arguments), take);
      },
      [&](const json& event) {
        shown.row({cell(event["sequence"]), seconds(event["at"]), cell(event["type"]),
                   cell(event["origin"]), cell(event["command"]),
                   brief(event["before"], event["after"]), brief(event["after"], event["before"])});
      });
}

action declare_history(CLI::App& command) {
  auto options = std::make_shared<history_options>();
  command.add_option("--limit", options->limit, "How many to list at most (100)")
      ->type_name("N")
      ->check(whole_number(1, INT64_MAX));
  command.add_flag("--all", options->all, "Also those of watching, imports and the engine");
  return [options](const context& where) { return history(where, *options); };
}

}  // namespace podstudio
