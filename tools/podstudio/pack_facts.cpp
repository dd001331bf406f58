// SPDX-License-Identifier: MIT
#include "pack_facts.hpp"

#include "options.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace podstudio {

using nlohmann::json;

void pack_facts_options::declare(CLI::App& command) {
  command
      .add_option("--license", license,
                  "The license: royalty_free, attribution, commercial or personal")
      ->type_name("L")
      ->check(one_of<license_type>());
  command.add_option("--theme", theme, "Its theme; empty for none")->type_name("T");
  command.add_option("--description", description, "Its description; empty for none")
      ->type_name("D");
  command.add_flag("--force", force, "Allow a name that another pack has");
}

json pack_facts_options::arguments() const {
  auto given = json::object();
  if (name) given["name"] = *name;
  if (license) given["license"] = *license;
  for (const auto& [key, value] : {std::pair{"theme", &theme}, {"description", &description}})
    if (*value) given[key] = (*value)->empty() ? json() : json(**value);
  if (force && !given.empty()) given["force"] = true;
  return given;
}

}  // namespace podstudio
