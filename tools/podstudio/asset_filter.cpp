#include "asset_filter.hpp"
#include "options.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include <nlohmann/json.hpp>

namespace podstudio {

namespace {

/// An empty text, such as an unset variable of a script, must not select everything.
const CLI::Validator not_empty(
    [](std::string& text) {
      return text.empty() ? std::string("the filter is empty; leave it out, or give a text")
                          : std::string();
    },
    "");

}  // namespace

void asset_filter_options::declare(CLI::App& command, const std::string& prefix) {
  auto option = [&](const std::string& name, std::string& into, const char* what,
                    const char* value) {
    return command.add_option("--" + name, into, what)->type_name(value)->check(not_empty);
  };
  option("type", type, "Only image, audio or video", "T")->check(one_of<asset_type>());
  option(prefix + "theme", theme, "Only this theme", "T");
  option(prefix + "provenance", provenance, "Only unknown, ai_generated, user_provided or enhanced",
         "P")
      ->check(one_of<podstudio::provenance>());
  option("tag", tag, "Only with this tag", "T");
  option("search", search, "Only with these words, each a part of path, theme, source or a tag", "TEXT");
  auto yes = command.add_flag("--approved", approved, "Only approved ones");
  command.add_flag("--unapproved", unapproved, "Only those not approved")->excludes(yes);
  command.add_flag("--missing", missing, "Only those whose file is gone");
  command.add_flag("--duplicates", duplicates, "Only those whose content is elsewhere too");
}

nlohmann::json asset_filter_options::filter() const {
  auto chosen = nlohmann::json::object();
  for (const auto& [key, value] : {std::pair{"type", &type},
                                   {"theme", &theme},
                                   {"provenance", &provenance},
                                   {"tag", &tag},
                                   {"search", &search}})
    if (!value->empty()) chosen[key] = *value;
  for (const auto& [key, value] : {std::pair{"approved", approved},
                                   {"unapproved", unapproved},
                                   {"missing", missing},
                                   {"duplicates", duplicates}})
    if (value) chosen[key] = true;
  return chosen;
}

}  // namespace podstudio
