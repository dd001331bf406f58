// SPDX-License-Identifier: MIT
#include "asset_choice.hpp"
#include "change.hpp"
#include "history.hpp"
#include "options.hpp"
#include "output.hpp"
#include "pack_facts.hpp"
#include "pages.hpp"
#include "session.hpp"

#include "model/packs.hpp"

#include <algorithm>
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

// pack create, edit

/// Prints the id of a new pack.
result<void> create(const context& where, const char* command, const json& arguments) {
  auto created = ask(where, session::need::folder, command, arguments);
  if (!created) return created.failure();
  if (where.json)
    print_json(*created);
  else
    print_line(cell((*created)["id"]));
  return {};
}

action declare_create(CLI::App& command) {
  auto facts = std::make_shared<pack_facts_options>();
  command.add_option("NAME", facts->name, "Its name")->required()->type_name("");
  facts->declare(command);
  command.get_option("--license")->required();
  return [facts](const context& where) { return create(where, "pack.create", facts->arguments()); };
}

action declare_edit(CLI::App& command) {
  auto id = declare_id(command);
  auto facts = std::make_shared<pack_facts_options>();
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

action declare_remove(CLI::App& command) {
  auto pack = declare_id(command);
  auto assets = std::make_shared<std::vector<std::int64_t>>();
  command.add_option("ASSET", *assets, "The assets")->required()->type_name("")->check(an_id());
  return [pack, assets](const context& where) {
    return change(where, "pack.remove", {{"pack", *pack}, {"ids", *assets}});
  };
}

/// What `pack add` tells besides how many assets it added.
void print_warnings(json added) {
  auto warn = [&](const json& ids, const char* one, const char* many, const std::string& remedy) {
    if (ids.empty()) return;
    constexpr std::size_t shown_max = 10;
    print_line((ids.size() == 1 ? one : many) + (": " + list_of_ids(ids, shown_max)) + remedy);
  };
  if (auto already = added.value("already", 0); already != 0)
    print_line(std::to_string(already) + (already == 1 ? " was" : " were")
               + " in the pack already");
  if (added.contains("repeated")) print_line("the command was given before; see 'pack show'");
  if (added.contains("unchecked")) print_line("not checked: " + cell(added["unchecked"]));
  warn(added["missing"], "file missing", "files missing", "");
  warn(added["unapproved"], "not approved", "not approved",
       " (approve with 'podstudio asset approve')");
  for (const auto& same : added["same_content"])
    warn(same, "identical content", "identical content", "");
}

action declare_add(CLI::App& command) {
  auto pack = declare_id(command);
  auto chosen = std::make_shared<chosen_assets>();
  chosen->declare(command, "", "ASSET");
  return [pack, chosen](const context& where) -> result<void> {
    auto arguments = chosen->arguments();
    if (!arguments) return arguments.failure();
    (*arguments)["pack"] = *pack;
    auto added = ask(where, session::need::folder, "pack.add", *arguments);
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

// pack move, copy, setup

action declare_move(CLI::App& command) {
  auto pack = declare_id(command);
  auto asset = std::make_shared<std::int64_t>(0);
  auto to = std::make_shared<std::optional<std::uint64_t>>();
  auto before = std::make_shared<std::optional<std::int64_t>>();
  command.add_option("ASSET", *asset, "The asset to move")
      ->required()
      ->type_name("")
      ->check(an_id());
  auto* place = command.add_option("--to", *to, "Its place from now on; 1 is the first")
                    ->type_name("POSITION")
                    ->check(whole_number(1, max_pack_assets));
  command.add_option("--before", *before, "The asset to put it before")
      ->type_name("ASSET")
      ->check(an_id())
      ->excludes(place);
  return [pack, asset, to, before](const context& where) -> result<void> {
    json arguments{{"pack", *pack}, {"asset", *asset}};
    if (*to) arguments["to"] = **to;
    if (*before) arguments["before"] = **before;
    if (!*to && !*before)
      return error{error_code::invalid_argument, "say where to move it with --to or --before"};
    return change(where, "pack.move", arguments);
  };
}

action declare_copy(CLI::App& command) {
  auto pack = declare_id(command);
  auto name = std::make_shared<std::string>();
  auto force = std::make_shared<bool>(false);
  command.add_option("NAME", *name, "The name of the new pack")->required()->type_name("");
  command.add_flag("--force", *force, "Allow a name that another pack has");
  return [pack, name, force](const context& where) {
    json arguments{{"pack", *pack}, {"name", *name}};
    if (*force) arguments["force"] = true;
    return create(where, "pack.copy", arguments);
  };
}

struct seller_options {
  std::optional<std::string> author, year, shop, contact;
};

result<void> show_seller(const context& where) {
  auto said = ask(where, session::need::folder, "pack.seller", json::object());
  if (!said) return said.failure();
  if (where.json) {
    print_json(*said);
    return {};
  }
  table shown({{"setting"}, {"value"}});
  for (const char* key : {"author", "year", "shop", "contact"})
    shown.row({key, cell((*said)[key])});
  shown.print();
  return {};
}

action declare_setup(CLI::App& command) {
  auto given = std::make_shared<seller_options>();
  auto add = [&](const char* name, std::optional<std::string>& into, const char* help) {
    command.add_option(name, into, help)->type_name("TEXT");
  };
  add("--author", given->author, "The holder of the rights, named in licences; empty for none");
  add("--year", given->year,
      "The year in licences, such as 2026; empty for that of a pack's last change");
  add("--shop", given->shop, "The name or address of your shop; empty for none");
  add("--contact", given->contact, "How buyers can reach you; empty for none");
  return [given](const context& where) {
    auto arguments = json::object();
    for (const auto& [key, value] : {std::pair{"author", &given->author},
                                     {"year", &given->year},
                                     {"shop", &given->shop},
                                     {"contact", &given->contact}})
      if (*value) arguments[key] = (*value)->empty() ? json() : json(**value);
    return arguments.empty() ? show_seller(where) : change(where, "pack.setup", arguments);
  };
}

// pack check, profiles

std::shared_ptr<std::string> declare_profile(CLI::App& command, const std::string& what) {
  auto profile = std::make_shared<std::string>();
  command.add_option("--for", *profile, what + "; 'pack profiles' lists them")
      ->type_name("PROFILE");
  return profile;
}

json for_profile(std::int64_t pack, const std::string& profile) {
  json arguments{{"pack", pack}};
  if (!profile.empty()) arguments["profile"] = profile;
  return arguments;
}

result<void> check(const context& where, std::int64_t pack, const std::string& profile) {
  auto findings = ask(where, session::need::folder, "pack.check", for_profile(pack, profile));
  if (!findings) return findings.failure();
  auto errors = std::ranges::count_if(*findings,
                                      [](const json& each) { return each["severity"] == "error"; });
  if (where.json) {
    print_json(*findings);
  } else if (findings->empty()) {
    print_line("no problems found");
  } else {
    constexpr std::size_t ids_shown_max = 5;
    table shown({{"severity"}, {"rule"}, {"assets"}, {"message"}});
    for (const auto& each : *findings)
      shown.row({cell(each["severity"]), cell(each["rule"]),
                 list_of_ids(each["assets"], ids_shown_max), cell(each["message"])});
    shown.print();
  }
  if (errors == 0) return {};
  return error{error_code::refused,
               "pack " + std::to_string(pack) + " has " + std::to_string(errors)
                   + (errors == 1 ? " error" : " errors") + " to fix before it is sold"};
}

action declare_check(CLI::App& command) {
  auto pack = declare_id(command);
  auto profile = declare_profile(command, "The marketplace or print to check it for");
  return [pack, profile](const context& where) { return check(where, *pack, *profile); };
}

/// What one profile asks of archives, or of prints.
std::string archives_of(const json& profile) {
  std::string text;
  if (profile.contains("max_files")) text = cell(profile["max_files"]);
  if (profile.contains("max_file_bytes"))
    text +=
        (text.empty() ? "" : " of ") + human_size(profile["max_file_bytes"].get<std::uint64_t>());
  return text;
}
std::string print_of(const json& profile) {
  if (!profile.contains("dpi")) return {};
  return cell(profile["print_width_in"]) + " x " + cell(profile["print_height_in"]) + " in, "
         + cell(profile["dpi"]) + " DPI";
}
std::string texts_of(const json& profile) {
  std::string text;
  if (profile.contains("title_max")) text = "title " + cell(profile["title_max"]);
  if (profile.contains("tags_max"))
    text += (text.empty() ? "" : ", ") + cell(profile["tags_max"]) + " tags of "
            + cell(profile.value("tag_max", json()));
  return text;
}

result<void> list_profiles(const context& where) {
  auto profiles = ask(where, session::need::folder, "pack.profiles", json::object());
  if (!profiles) return profiles.failure();
  if (where.json) {
    print_json(*profiles);
    return {};
  }
  table shown({{"id"}, {"name"}, {"archives"}, {"texts"}, {"print"}});
  for (const auto& each : *profiles)
    shown.row(
        {cell(each["id"]), cell(each["name"]), archives_of(each), texts_of(each), print_of(each)});
  shown.print();
  if (!profiles->empty())
    print_line("found in public pages on " + cell((*profiles)[0]["date"])
               + "; --json shows everything");
  return {};
}

// pack listing

action declare_listing(CLI::App& command) {
  auto pack = declare_id(command);
  auto profile = declare_profile(command, "The marketplace that it is for");
  return [pack, profile](const context& where) -> result<void> {
    auto listing = ask(where, session::need::folder, "pack.listing", for_profile(*pack, *profile));
    if (!listing) return listing.failure();
    if (where.json)
      print_json(*listing);
    else
      print_lines(cell((*listing)["text"]));
    return {};
  };
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
    {"move", "Move an asset to another place in a pack", declare_move},
    {"copy", "Create a pack with the texts and assets of another one", declare_copy},
    {"delete", "Delete a pack; its assets stay", declare_delete},
    {"check", "Check a pack for what a marketplace would refuse", declare_check},
    {"listing", "Print what to paste into a listing in a shop", declare_listing},
    {"profiles", "List what marketplaces and printers ask for",
     [](CLI::App&) -> action { return list_profiles; }},
    {"setup", "Say who sells the packs, for licences and other texts, or show it", declare_setup},
    {"history", "Show what happened to a pack, oldest first", declare_pack_history},
    {"export", "Export a pack as a ZIP file and print its path", declare_pack_export},
    {"exports", "List the past exports of a pack, newest first", declare_pack_exports},
    {"rebuild", "Make the same bytes as a past export again", declare_pack_rebuild},
    {"verify", "Check an exported pack by itself: every byte, and who signed it",
     declare_pack_verify, false},
};

}  // namespace

action declare_pack(CLI::App& command) { return declare_group(command, commands); }

}  // namespace podstudio
