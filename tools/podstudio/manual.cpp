// SPDX-License-Identifier: MIT
#include "command.hpp"
#include "commands_tree.hpp"
#include "output.hpp"

#include <CLI/App.hpp>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>
#include <string>

/// The manual page, in the macros of man(7).
namespace podstudio {

namespace {

/// Text within a line of roff: no character acts as a command, or is set as another one.
std::string escaped(const std::string& text) {
  static const std::map<char, const char*> others{{'\\', "\\e"},  {'-', "\\-"},   {'\'', "\\(aq"},
                                                  {'`', "\\(ga"}, {'^', "\\(ha"}, {'~', "\\(ti"},
                                                  {'\n', " "}};
  std::string safe;
  for (char c : text) {
    auto other = others.find(c);
    safe += other == others.end() ? std::string(1, c) : other->second;
  }
  return safe.starts_with('.') ? "\\&" + safe : safe;
}

std::string bold(const std::string& text) { return "\\fB" + escaped(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + escaped(text) + "\\fR"; }

std::string heading_of(const command_node::option& option) {
  std::string text;
  for (const auto& name : option.names)
    text += (text.empty() ? "" : ", ") + bold(name);
  if (!option.value.empty()) text += (text.empty() ? "" : " ") + italic(option.value);
  return text;
}

std::string option_entries(const std::vector<command_node::option>& options) {
  std::string text;
  for (const auto& option : options)
    if (!option.help.empty())
      text += ".TP\n" + heading_of(option) + "\n" + escaped(option.help) + "\n";
  return text;
}

/// The commands that do something, each with its options.
std::string command_entries(const command_node& node, const std::string& typed) {
  std::string text;
  for (const auto& command : node.commands) {
    auto name = typed + " " + command.name;
    if (!command.commands.empty()) {
      text += command_entries(command, name);
      continue;
    }
    text += ".SS " + escaped(name);
    for (const auto& positional : command.positionals) {
      auto shown = positional.value + (positional.repeated ? "..." : "");
      text += " " + escaped(positional.required ? shown : "[" + shown + "]");
    }
    text += "\n" + escaped(command.help) + "\n" + option_entries(command.positionals);
    auto options = command.options;
    std::erase_if(options, [](const auto& option) {
      return std::ranges::find(option.names, "--help") != option.names.end();
    });
    text += option_entries(options);
  }
  return text;
}

std::string page(const command_node& root) {
  std::string title = root.name;
  std::ranges::transform(title, title.begin(), [](unsigned char c) { return std::toupper(c); });
  return ".TH " + title
         + " 1 \"\" \"podstudio " PODSTUDIO_VERSION "\"\n"
           ".SH NAME\n"
         + escaped(root.name)
         + " \\- the engine behind a library of images, sounds and clips\n"
           ".SH SYNOPSIS\n.B "
         + escaped(root.name) + "\n[" + italic("OPTION") + "]... " + italic("COMMAND")
         + " ...\n"
           ".SH DESCRIPTION\n"
           "A command talks to the running service; if there is none, it works on the data folder\n"
           "itself. Data goes to standard output, errors to standard error.\n"
           ".SH OPTIONS\nThese may stand before a command or after it.\n"
         + option_entries(root.options) + ".SH COMMANDS\n" + command_entries(root, root.name)
         + ".SH EXIT STATUS\n"
           ".TP\n.B 0\nDone.\n"
           ".TP\n.B 1\nRefused or failed; the reason is on standard error.\n"
           ".TP\n.B 2\nThe command line is wrong.\n"
           ".TP\n.B 3\nNo service runs where one is needed, or the data folder is in use.\n"
           ".TP\n.B 4\nDamaged data.\n"
           ".SH ENVIRONMENT\n"
           ".TP\n.B PODSTUDIO_DATA\nThe data folder, unless "
         + bold("--data")
         + " names one.\n"
           ".TP\n.B WATCH_FOLDERS\nFolders to watch, separated by commas.\n"
           ".TP\n.B DB_PATH\nThe database, unless "
         + bold("--db")
         + " names one.\n"
           ".TP\n.B NO_COLOR\nIf set, output has no colour.\n"
           ".SH FILES\n"
           ".TP\n.I \\(ti/.local/share/podstudio\nThe usual data folder: the log, the tables, the "
           "keys.\n"
           ".TP\n.I config.toml\nIn the data folder: the settings.\n";
}

}  // namespace

action declare_manual(CLI::App& command) {
  return [&command](const context& where) -> result<void> {
    auto text = page(command_tree(command));
    if (where.json)
      print_json(text);
    else
      std::fputs(text.c_str(), stdout);
    return {};
  };
}

}  // namespace podstudio
