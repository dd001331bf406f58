// SPDX-License-Identifier: MIT
#include "asset_choice.hpp"

#include "options.hpp"

namespace podstudio {

void chosen_assets::declare(CLI::App& command, const std::string& prefix,
                            const std::string& ids_name) {
  command.add_option(ids_name, ids, "The assets")->type_name("")->check(an_id());
  declare_filter(command, prefix);
}

void chosen_assets::declare_filter(CLI::App& command, const std::string& prefix) {
  command.add_flag("--all-matching", all_matching, "All that match the filters, instead of ids");
  filter.declare(command, prefix);
}

result<nlohmann::json> chosen_assets::arguments() const {
  auto wrong = [](const char* what) { return error{error_code::invalid_argument, what}; };
  auto filters = filter.filter();
  if (all_matching && !ids.empty()) return wrong("give ids or --all-matching, not both");
  if (all_matching) return nlohmann::json{{"filter", filters}};
  if (!filters.empty()) return wrong("filters choose assets only with --all-matching");
  if (ids.empty()) return wrong("no assets given; give ids, or use --all-matching and filters");
  return nlohmann::json{{"ids", ids}};
}

}  // namespace podstudio
