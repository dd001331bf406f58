// SPDX-License-Identifier: MIT
#include "api/operations.hpp"
#include "command.hpp"
#include "output.hpp"
#include "platform/text.hpp"

#include <CLI/App.hpp>

#include <memory>

namespace podstudio {

namespace {

/// One line each, for people; all that there is to say of them as JSON.
result<void> list_operations(const context& where) {
  if (where.json) {
    auto all = nlohmann::json::array();
    for (const auto& each : api::operations())
      all.push_back(api::describe(each));
    print_json(all);
    return {};
  }
  table lines({{"operation"}, {"role"}, {"help"}});
  for (const auto& each : api::operations())
    lines.row(
        {std::string(each.name), std::string(api::name_of(each.needs)), std::string(each.help)});
  lines.print();
  return {};
}

result<void> show_operation(const std::string& name) {
  const auto* found = api::find_operation(name);
  if (found == nullptr)
    return error{error_code::not_found,
                 "there is no operation " + in_quotes(name) + "; 'podstudio schema' lists them"};
  print_json(api::describe(*found));
  return {};
}

}  // namespace

action declare_schema(CLI::App& command) {
  auto name = std::make_shared<std::string>();
  command.add_option("operation", *name, "The operation; all of them if none is given")
      ->type_name("OPERATION");
  return [name](const context& where) {
    return name->empty() ? list_operations(where) : show_operation(*name);
  };
}

}  // namespace podstudio
