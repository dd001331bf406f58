// SPDX-License-Identifier: MIT
#include "commands_tree.hpp"

#include <CLI/App.hpp>

namespace podstudio {

namespace {

command_node::option option_of(const CLI::Option& declared) {
  command_node::option made;
  for (const auto& name : declared.get_snames())
    made.names.push_back("-" + name);
  for (const auto& name : declared.get_lnames())
    made.names.push_back("--" + name);
  // A check of values adds its words to the name: `SHELL:{bash,zsh,fish}`.
  auto type = declared.get_type_name();
  if (declared.get_items_expected_max() > 0) made.value = type.substr(0, type.find(':'));
  if (made.names.empty() && made.value.empty()) made.value = declared.get_name();
  made.help = declared.get_description();
  made.required = declared.get_required();
  made.repeated = declared.get_expected_max() > 1;
  return made;
}

command_node node_of(const CLI::App& app) {
  command_node made{.name = app.get_name(), .help = app.get_description()};
  for (const auto* declared : app.get_options())
    (declared->get_positional() ? made.positionals : made.options).push_back(option_of(*declared));
  for (const auto* command : app.get_subcommands({}))
    made.commands.push_back(node_of(*command));
  return made;
}

}  // namespace

command_node command_tree(const CLI::App& any) {
  const auto* root = &any;
  while (root->get_parent() != nullptr)
    root = root->get_parent();
  return node_of(*root);
}

}  // namespace podstudio
