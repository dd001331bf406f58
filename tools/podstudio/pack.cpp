// SPDX-License-Identifier: MIT
#include "change.hpp"
#include "history.hpp"
#include "options.hpp"
#include "output.hpp"
#include "pages.hpp"
#include "session.hpp"

#include <memory>
#include <optional>

namespace podstudio {

namespace {

using nlohmann::json;

std::string size_of(const json& pack) {
  constexpr double bytes_in_mb = 1e6;
  return human_size(static_cast<std::uint64_t>(pack["total_size_mb"].get<double>() * bytes_in_mb));
}

std::shared_ptr<std::int64_t> declare_id(CLI::App& command) {
  auto id = std::make_shared<std::int64_t>(0);
  command.add_option("ID", *id, "The pack")->required()->type_name("")->check(an_id());
  return id;
}

/// What a person can write on a pack.
struct fact_options {
  std::optional<std::string> name, license, theme, description;
  bool force = false;

  void declare(CLI::App& command) {
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

  json arguments() const {
    auto given = json::object();
    if (name) given["name"] = *name;
    if (license) given["license"] = *license;
    for (const auto& [key, value] : {std::pair{"theme", &theme}, {"description", &description}})
      if (*value) given[key] = (*value)->empty() ? json() : json(**value);
    if (force && !given.empty()) given["force"] = true;
    return given;
  }
};

// pack create, edit

result<void> create(const context& where, const fact_options& facts) {
  auto created = ask(where, session::need::folder, "pack.create", facts.arguments());
  if (!created) return created.failure();
  if (where.json)
    print_json(*created);
  else
    print_line(cell((*created)["id"]));
  return {};
}

action declare_create(CLI::App& command) {
  auto facts = std::make_shared<fact_options>();
  command.add_option("NAME", facts->name, "Its name")->required()->type_name("");
  facts->declare(command);
  command.get_option("--license")->required();
  return [facts](const context& where) { return create(where, *facts); };
}

action declare_edit(CLI::App& command) {
  auto id = declare_id(command);
  auto facts = std::make_shared<fact_options>();
  command.add_option("--name", facts->name, "Its name")->type_name("NAME");
  facts->declare(command);
  return [id, facts](const context& where) -> result<void> {
    auto arguments = facts->arguments();
    if (arguments.empty())
      return error{error_code::invalid_argument, "nothing to change; use --name, "
                                                 "--license, --theme or --description"};
    arguments["pack"] = *id;
    return change(where, "pack.edit", arguments);
  };
}

// pack add, remove, delete

struct member_options {
  std::shared_ptr<std::int64_t> pack;
  std::shared_ptr<std::vector<std::int64_t>> assets;

  json arguments() const { return {{"pack", *pack}, {"ids", *assets}}; }
};

member_options declare_members(CLI::App& command) {
  member_options given{declare_id(command), std::make_shared<std::vector<std::int64_t>>()};
  command.add_option("ASSET", *given.assets, "The assets")
      ->required()
      ->type_name("")
      ->check(an_id());
  return given;
}

action declare_remove(CLI::App& command) {
  return [given = declare_members(command)](const context& where) {
    return change(where, "pack.remove", given.arguments());
  };
}

/// What `pack add` tells besides how many assets it added.
void print_warnings(json added) {
  auto warn = [&](const json& ids, const char* one, const char* many, const std::string& remedy) {
    if (ids.empty()) return;
    constexpr std::size_t shown_max = 10;
    std::string list;
    for (std::size_t i = 0; i < std::min(ids.size(), shown_max); ++i)
      list += (i == 0 ? "" : ", ") + cell(ids[i]);
    if (ids.size() > shown_max) list += " and " + std::to_string(ids.size() - shown_max) + " more";
    print_line((ids.size() == 1 ? one : many) + (": " + list) + remedy);
  };
  if (auto already = added.value("already", 0); already != 0)
    print_line(std::to_string(already) + (already == 1 ? " was" : " were")
               + " in the pack already");
  if (added.contains("unchecked")) print_line("not checked: " + cell(added["unchecked"]));
  warn(added["missing"], "file missing", "files missing", "");
  warn(added["unapproved"], "not approved", "not approved",
       " (approve with 'podstudio asset approve')");
  for (const auto& same : added["same_content"])
    warn(same, "identical content", "identical content", "");
}

action declare_add(CLI::App& command) {
  return [given = declare_members(command)](const context& where) -> result<void> {
    auto added = ask(where, session::need::folder, "pack.add", given.arguments());
    if (!added) return added.failure();
    if (where.json) {
      print_json(*added);
      return {};
    }
    print_line(cell((*added)["changed"]) + " added");
    print_warnings(*added);
    return {};
  };
}

action declare_delete(CLI::App& command) {
  auto id = declare_id(command);
  return [id](const context& where) { return change(where, "pack.delete", {{"pack", *id}}); };
}

// pack list, show, history

result<void> list(const context& where) {
  constexpr std::int64_t page_size = 100;
  table shown({{"id", align::right},
               {"license"},
               {"theme"},
               {"assets", align::right},
               {"size", align::right},
               {"name"}});
  paged_list packs{.command = "pack.list", .arguments = json::object(), .page_size = page_size};
  return print_list(where, shown, packs, [&](const json& pack) {
    shown.row({cell(pack["id"]), cell(pack["license_type"]), cell(pack["theme"]),
               cell(pack["asset_count"]), size_of(pack), cell(pack["name"])});
  });
}

result<void> show(const context& where, std::int64_t id) {
  auto pack = ask(where, session::need::folder, "pack.show", {{"pack", id}});
  if (!pack) return pack.failure();
  if (where.json) {
    print_json(*pack);
    return {};
  }
  table facts({{"pack"}, {cell((*pack)["id"])}});
  for (const auto& [key, value] : pack->items())
    if (!value.is_null() && key != "assets" && key != "id") facts.row({key, cell(value)});
  facts.print();
  if ((*pack)["assets"].empty()) return {};
  print_line("");
  table shown({{"id", align::right}, {"type"}, {"approved"}, {"size", align::right}, {"path"}});
  for (const auto& asset : (*pack)["assets"])
    shown.row({cell(asset["id"]), cell(asset["type"]), cell(asset["approved"]),
               human_size(asset["size_bytes"].get<std::uint64_t>()),
               cell(asset["path"]) + (asset["missing"] == true ? " (missing)" : "")});
  shown.print();
  return {};
}

action declare_show(CLI::App& command) {
  auto id = declare_id(command);
  return [id](const context& where) { return show(where, *id); };
}

action declare_pack_history(CLI::App& command) {
  auto id = declare_id(command);
  return [id](const context& where) {
    return print_history(where, "pack.history", {{"pack", *id}});
  };
}

constexpr subcommand commands[] = {
    {"create", "Create a pack and print its id", declare_create},
    {"list", "List packs", [](CLI::App&) -> action { return list; }},
    {"show", "Show a pack and its assets in order", declare_show},
    {"edit", "Change name, license, theme or description", declare_edit},
    {"add", "Add assets to the end of a pack and report problems with them", declare_add},
    {"remove", "Remove assets from a pack", declare_remove},
    {"delete", "Delete a pack; its assets stay", declare_delete},
    {"history", "Show what happened to a pack, oldest first", declare_pack_history},
    {"verify", "Check an exported pack by itself: every byte, and who signed it",
     declare_pack_verify, false},
};

}  // namespace

action declare_pack(CLI::App& command) { return declare_group(command, commands); }

}  // namespace podstudio
