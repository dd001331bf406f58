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

  void declare(CLI::App& command) {
    command
        .add_option("--license", license,
                    "What may be done with it: royalty_free, attribution, commercial or personal")
        ->type_name("L")
        ->check(one_of<license_type>());
    command.add_option("--theme", theme, "Its theme; empty for none")->type_name("T");
    command.add_option("--description", description, "Its description; empty for none")
        ->type_name("D");
  }

  json arguments() const {
    auto given = json::object();
    if (name) given["name"] = *name;
    if (license) given["license"] = *license;
    for (const auto& [key, value] : {std::pair{"theme", &theme}, {"description", &description}})
      if (*value) given[key] = (*value)->empty() ? json() : json(**value);
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
      return error{error_code::invalid_argument, "nothing to change is given; use --name, "
                                                 "--license, --theme or --description"};
    arguments["pack"] = *id;
    return change(where, "pack.edit", arguments);
  };
}

// pack add, remove, delete

action declare_members(CLI::App& command, const char* name) {
  auto id = declare_id(command);
  auto assets = std::make_shared<std::vector<std::int64_t>>();
  command.add_option("ASSET", *assets, "The assets")->required()->type_name("")->check(an_id());
  return [id, assets, name](const context& where) {
    return change(where, name, {{"pack", *id}, {"ids", *assets}});
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
    {"create", "Make a pack and print its id", declare_create},
    {"list", "List packs", [](CLI::App&) -> action { return list; }},
    {"show", "Show a pack and its assets in order", declare_show},
    {"edit", "Change name, license, theme or description", declare_edit},
    {"add", "Add assets at the end of a pack",
     [](CLI::App& c) { return declare_members(c, "pack.add"); }},
    {"remove", "Take assets out of a pack",
     [](CLI::App& c) { return declare_members(c, "pack.remove"); }},
    {"delete", "Delete a pack; its assets stay", declare_delete},
    {"history", "Show what happened to a pack, oldest first", declare_pack_history},
};

}  // namespace

action declare_pack(CLI::App& command) { return declare_group(command, commands); }

}  // namespace podstudio
