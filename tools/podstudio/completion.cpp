// SPDX-License-Identifier: MIT
#include "command.hpp"
#include "commands_tree.hpp"
#include "output.hpp"
#include "platform/text.hpp"

#include <CLI/App.hpp>

#include <cstdio>
#include <functional>
#include <memory>
#include <set>
#include <string>

/// Completion scripts. Each finds out at which command the line is, "/asset/list", and offers the
/// commands below it; behind a dash, its options; else files. An option's value is no command.
namespace podstudio {

namespace {

using visitor = std::function<void(const command_node&, const std::string& at)>;

/// Calls `visit` with each command and where it stands: "", "/asset", "/asset/list".
void each_command(const command_node& node, const std::string& at, const visitor& visit) {
  visit(node, at);
  for (const auto& command : node.commands)
    each_command(command, at + "/" + command.name, visit);
}

/// In single quotes, with `quote` for one within and `backslash` for a backslash.
std::string quoted(const std::string& text, const char* quote, const char* backslash = "\\") {
  std::string safe = "'";
  for (char c : text)
    if (c == '\'')
      safe += quote;
    else if (c == '\\')
      safe += backslash;
    else
      safe += c;
  return safe + "'";
}
std::string posix_quoted(const std::string& text) { return quoted(text, "'\\''"); }
std::string fish_quoted(const std::string& text) { return quoted(text, "\\'", "\\\\"); }

/// Where all commands stand, but for the program itself.
std::set<std::string> places_of(const command_node& root) {
  std::set<std::string> all;
  each_command(root, "", [&](const command_node&, const std::string& at) {
    if (!at.empty()) all.insert(at);
  });
  return all;
}

/// The options of all commands that take a value.
std::set<std::string> options_with_value(const command_node& root) {
  std::set<std::string> all;
  each_command(root, "", [&](const command_node& node, const std::string&) {
    for (const auto& option : node.options)
      if (!option.value.empty()) all.insert(option.names.begin(), option.names.end());
  });
  return all;
}

std::set<std::string> names_of_commands(const command_node& node) {
  std::set<std::string> all;
  for (const auto& command : node.commands)
    all.insert(command.name);
  return all;
}

/// Of a command, and those that may stand anywhere.
std::set<std::string> names_of_options(const command_node& root, const command_node& node) {
  std::set<std::string> all;
  for (const auto* with : {&root, &node})
    for (const auto& option : with->options)
      all.insert(option.names.begin(), option.names.end());
  return all;
}

std::string bash_script(const command_node& root) {
  std::string text =
      "# bash completion for podstudio, made by: podstudio completion bash\n"
      "_podstudio() {\n"
      "  local at='' i commands='' options='' word=${COMP_WORDS[COMP_CWORD]}\n"
      "  local valued="
      + posix_quoted(" " + joined(options_with_value(root), " ") + " ")
      + "\n"
        "  COMPREPLY=()\n"
        "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "    if [[ $valued == *\" ${COMP_WORDS[i]} \"* ]]; then ((++i)); continue; fi\n"
        "    case \"$at/${COMP_WORDS[i]}\" in\n"
        "      "
      + joined(places_of(root), "|")
      + ") at=\"$at/${COMP_WORDS[i]}\" ;;\n"
        "    esac\n"
        "  done\n"
        "  if ((i > COMP_CWORD)); then return; fi\n"
        "  case \"$at\" in\n";
  each_command(root, "", [&](const command_node& node, const std::string& at) {
    text += "    " + posix_quoted(at) + ")\n      commands="
            + posix_quoted(joined(names_of_commands(node), " ")) + "\n      options="
            + posix_quoted(joined(names_of_options(root, node), " ")) + " ;;\n";
  });
  return text
         + "  esac\n"
           "  if [[ $word == -* ]]; then commands=$options; fi\n"
           "  mapfile -t COMPREPLY < <(compgen -W \"$commands\" -- \"$word\")\n"
           "}\n"
           "complete -o default -F _podstudio podstudio\n";
}

std::string zsh_script(const command_node& root) {
  auto described = [](const std::string& name, const std::string& help) {
    return " " + posix_quoted(name + ":" + help);
  };
  auto options_of = [&](const command_node& node) {
    std::string all;
    for (const auto& option : node.options)
      for (const auto& name : option.names)
        all += described(name, option.help);
    return all;
  };
  std::string text = "#compdef podstudio\n"
                     "# zsh completion for podstudio, made by: podstudio completion zsh\n"
                     "_podstudio() {\n"
                     "  local at= i\n"
                     "  local -a found_commands found_options valued\n"
                     "  valued=("
                     + joined(options_with_value(root), " ")
                     + ")\n"
                       "  for ((i = 2; i < CURRENT; i++)); do\n"
                       "    if (( ${valued[(Ie)${words[i]}]} )); then ((++i)); continue; fi\n"
                       "    case \"$at/${words[i]}\" in\n"
                       "      ("
                     + joined(places_of(root), "|")
                     + ") at=\"$at/${words[i]}\" ;;\n"
                       "    esac\n"
                       "  done\n"
                       "  if ((i > CURRENT)); then _files; return; fi\n"
                       "  found_options=("
                     + options_of(root)
                     + " )\n"
                       "  case \"$at\" in\n";
  each_command(root, "", [&](const command_node& node, const std::string& at) {
    std::string commands;
    for (const auto& command : node.commands)
      commands += described(command.name, command.help);
    text += "    (" + posix_quoted(at) + ") found_commands=(" + commands + " )";
    if (&node != &root) text += "; found_options+=(" + options_of(node) + " )";
    text += " ;;\n";
  });
  return text
         + "  esac\n"
           "  if [[ ${words[CURRENT]} == -* ]]; then _describe -o option found_options\n"
           "  elif (( ${#found_commands} )); then _describe command found_commands\n"
           "  else _files; fi\n"
           "}\n"
           "if [[ ${funcstack[1]} == _podstudio ]]; then _podstudio \"$@\"\n"
           "else compdef _podstudio podstudio; fi\n";
}

std::string fish_script(const command_node& root) {
  std::string text = "# fish completion for podstudio, made by: podstudio completion fish\n"
                     "function __podstudio_at\n"
                     "    set -l at ''\n"
                     "    set -l is_value false\n"
                     "    for word in (commandline -opc)[2..-1]\n"
                     "        if $is_value\n"
                     "            set is_value false\n"
                     "            continue\n"
                     "        end\n"
                     "        switch \"$word\"\n"
                     "            case "
                     + joined(options_with_value(root), " ")
                     + "\n"
                       "                set is_value true\n"
                       "        end\n"
                       "        switch \"$at/$word\"\n"
                       "            case "
                     + joined(places_of(root), " ")
                     + "\n"
                       "                set at \"$at/$word\"\n"
                       "        end\n"
                       "    end\n"
                       "    test \"$at\" = \"$argv[1]\"\n"
                       "end\n";
  each_command(root, "", [&](const command_node& node, const std::string& at) {
    // The program's own options may stand anywhere.
    auto here = std::string("complete -c podstudio");
    auto there = here + " -n \"__podstudio_at '" + at + "'\"";
    for (const auto& command : node.commands)
      text += there + " -f -a " + command.name + " -d " + fish_quoted(command.help) + "\n";
    for (const auto& option : node.options)
      for (const auto& name : option.names)
        text += (&node == &root ? here : there)
                + (name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1))
                + (option.value.empty() ? "" : " -r") + " -d " + fish_quoted(option.help) + "\n";
  });
  return text;
}

}  // namespace

action declare_completion(CLI::App& command) {
  auto shell = std::make_shared<std::string>();
  command.add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->type_name("SHELL")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  return [shell, &command](const context& where) -> result<void> {
    auto tree = command_tree(command);
    auto script = *shell == "bash"  ? bash_script(tree)
                  : *shell == "zsh" ? zsh_script(tree)
                                    : fish_script(tree);
    if (where.json)
      print_json(script);
    else
      std::fputs(script.c_str(), stdout);
    return {};
  };
}

}  // namespace podstudio
