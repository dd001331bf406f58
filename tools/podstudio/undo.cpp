// SPDX-License-Identifier: MIT
#include "output.hpp"
#include "session.hpp"

#include <CLI/App.hpp>

#include <memory>

namespace podstudio {

namespace {

using nlohmann::json;

struct undo_options {
  std::string command;
  bool force = false;
};

void print_left(const json& left) {
  for (const auto& field : left["first_fields"])
    print_line("left: " + field.get<std::string>());
  auto fields = left["fields"].get<std::uint64_t>();
  if (auto named = left["first_fields"].size(); fields > named)
    print_line("left: " + std::to_string(fields - named) + " more");
  for (const auto& command : left["commands"])
    print_line("changed since by command " + command.get<std::string>());
  for (const auto& field : left["first_no_room"])
    print_line("left for lack of room: " + field.get<std::string>());
  if (auto all = left["no_room"].get<std::uint64_t>(), named = left["first_no_room"].size();
      all > named)
    print_line("left for lack of room: " + std::to_string(all - named) + " more");
  for (const auto& [type, count] : left["facts"].items())
    print_line("left: " + cell(count) + " " + type);
}

result<void> undo(const context& where, const undo_options& options) {
  auto undone = ask(where, session::need::folder, "undo",
                    {{"command", options.command}, {"force", options.force}});
  if (!undone) return undone.failure();
  if (where.json) {
    print_json(*undone);
    return {};
  }
  print_line(cell((*undone)["changed"]) + " changed back by command " + cell((*undone)["command"]));
  if ((*undone)["repeated"] == true)
    print_line("it was given before; its first answer said what it left");
  else if (!(*undone)["left"].is_null())
    print_left((*undone)["left"]);
  return {};
}

}  // namespace

action declare_undo(CLI::App& command) {
  auto options = std::make_shared<undo_options>();
  command
      .add_option("COMMAND_ID", options->command,
                  "The command, as 'history' shows it; an undo can be undone as well")
      ->required()
      ->type_name("");
  command.add_flag("--force", options->force,
                   "Undo whatever has not been changed since, and report the rest");
  return [options](const context& where) { return undo(where, *options); };
}

}  // namespace podstudio
