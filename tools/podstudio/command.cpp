// SPDX-License-Identifier: MIT
#include "command.hpp"

#include "platform/text.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <numeric>

namespace podstudio {

namespace {

/// Edits that turn one text into the other; two swapped neighbours count as one.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last.back();
}

/// The innermost command of the line.
const CLI::App& innermost(const CLI::App& app) {
  auto parsed = app.get_subcommands();
  return parsed.empty() ? app : innermost(*parsed.front());
}

std::vector<std::string> names_of_commands(const CLI::App& app) {
  std::vector<std::string> names;
  for (auto command : app.get_subcommands({}))
    names.push_back(command->get_name());
  return names;
}

std::vector<std::string> names_of_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (auto at = &app; at != nullptr; at = at->get_parent())
    for (auto option : at->get_options())
      for (const auto& name : option->get_lnames())
        names.push_back("--" + name);
  return names;
}

}  // namespace

error naming_setting(error failure, const std::string& path, const std::string& from) {
  if (!from.empty() && failure.message.find(in_quotes(path)) != std::string::npos)
    failure.message += " (set by " + from + ")";
  return failure;
}

action declare_group(CLI::App& app, std::span<const subcommand> commands) {
  app.require_subcommand(1);
  struct member {
    CLI::App* parser;
    action run;
    bool needs_folder;
  };
  std::vector<member> members;
  for (const auto& command : commands) {
    auto parser = app.add_subcommand(command.name, command.description);
    parser->fallthrough();  // --json and the like may also stand after the command
    members.push_back({parser, command.declare(*parser), command.needs_folder});
  }
  auto given = [members]() -> const member* {
    auto found = std::ranges::find_if(members, [](const member& m) { return m.parser->parsed(); });
    return found == members.end() ? nullptr : &*found;
  };
  auto run = [given](const context& where) -> result<void> {
    if (const auto* command = given()) return command->run(where);
    return error{error_code::invalid_argument, "no command is given"};
  };
  return {run, [given] {
            const auto* command = given();
            return command == nullptr || (command->needs_folder && command->run.needs_folder());
          }};
}

std::string_view nearest(std::string_view word, std::span<const std::string> candidates) {
  std::string_view best;
  std::size_t least = std::min<std::size_t>(2, (word.size() - 1) / 2) + 1;
  for (const auto& candidate : candidates)
    if (auto edits = distance(word, candidate); edits < least) {
      least = edits;
      best = candidate;
    }
  return best;
}

std::string usage_error(const CLI::App& app, const std::string& reason) {
  const auto& command = innermost(app);
  auto help = "; see '" + command.get_name() + " --help'";
  for (auto at = command.get_parent(); at != nullptr; at = at->get_parent())
    help.insert(help.find('\'') + 1, at->get_name() + " ");
  auto unknown = app.remaining(true);
  if (!unknown.empty() && !unknown.front().empty()) {
    const auto& word = unknown.front();
    bool option = word.starts_with('-');
    auto known = option ? names_of_options(command) : names_of_commands(command);
    if (option || !known.empty()) {
      auto meant = nearest(word.substr(0, word.find('=')), known);
      return (option ? "unknown option " : "unknown command ") + in_quotes(word)
             + (meant.empty() ? "" : " (did you mean '" + std::string(meant) + "'?)") + help;
    }
  }
  auto line = for_terminal(reason.substr(0, reason.find('\n')));
  return line + help;
}

}  // namespace podstudio
