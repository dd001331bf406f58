#include "history.hpp"

#include "options.hpp"
#include "output.hpp"
#include "session.hpp"

#include <algorithm>
#include <functional>
#include <memory>

namespace podstudio {

namespace {

using nlohmann::json;
using take_function = std::function<void(const json& page)>;

/// Prints the items of all pages, which `read` gives one after the other.
result<void> print_pages(const context& where, table& shown,
                         const std::function<result<void>(const take_function& take)>& read,
                         const std::function<void(const json& item)>& add_row) {
  json_array items;
  auto done = read([&](const json& page) {
    for (const auto& item : page)
      where.json ? items.item(item) : add_row(item);
    if (!where.json) shown.print();
  });
  if (done && where.json) items.close();
  return done;
}

std::string seconds(const json& at) { return cell(at).substr(0, 19); }

/// What tells most of a value for a person; all of it is in the JSON form.
std::string brief(const json& value) {
  if (!value.is_object()) return cell(value);
  for (const char* telling : {"path", "name", "sha256", "size_bytes"})
    if (auto at = value.find(telling); at != value.end()) return cell(*at);
  std::string text;
  for (const auto& [key, part] : value.items())
    text += (text.empty() ? "" : ", ") + key + " " + cell(part);
  return text;
}

// The engine reads a part of the log for each page.
result<void> each_history_page(const context& where, const char* command, json arguments,
                               const take_function& take) {
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

result<void> each_command_page(const context& where, const history_options& options,
                               const take_function& take) {
  constexpr std::int64_t page_size = 1'000;
  auto opened = session::open(where, session::need::folder);
  if (!opened) return opened.failure();
  json arguments{{"all", options.all}};
  for (auto left = options.limit; left > 0;) {
    auto wanted = std::min(left, page_size);
    arguments["limit"] = wanted;
    auto page = opened->request("history", arguments);
    if (!page) return page.failure();
    take(*page);
    auto count = static_cast<std::int64_t>(page->size());
    if (count < wanted) break;
    left -= count;
    arguments["before"] = page->back()["first_sequence"];
  }
  return {};
}

result<void> history(const context& where, const history_options& options) {
  table shown({{"at"}, {"id"}, {"origin"}, {"events", align::right}, {"summary", {}, true}});
  return print_pages(
      where, shown,
      [&](const take_function& take) { return each_command_page(where, options, take); },
      [&](const json& command) {
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
      [&](const take_function& take) {
        return each_history_page(where, command, std::move(arguments), take);
      },
      [&](const json& event) {
        shown.row({cell(event["sequence"]), seconds(event["at"]), cell(event["type"]),
                   cell(event["origin"]), cell(event["command"]), brief(event["before"]),
                   brief(event["after"])});
      });
}

action declare_history(CLI::App& command) {
  auto options = std::make_shared<history_options>();
  command.add_option("--limit", options->limit, "At most so many (100)")
      ->type_name("N")
      ->check(whole_number(1, INT64_MAX));
  command.add_flag("--all", options->all, "Those of watching, imports and the engine too");
  return [options](const context& where) { return history(where, *options); };
}

}  // namespace podstudio
