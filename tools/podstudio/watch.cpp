// SPDX-License-Identifier: MIT
#include "import.hpp"
#include "output.hpp"
#include "session.hpp"

#include "platform/text.hpp"

#include <CLI/App.hpp>

#include <memory>

namespace podstudio {

namespace {

result<void> change(const context& where, bool add, const std::string& folder) {
  auto path = absolute_path(folder);
  if (!path) return path.failure();
  auto changed = ask(where, add ? session::need::new_folder : session::need::folder,
                     add ? "watch.add" : "watch.remove", {{"path", *path}});
  if (!changed) return changed.failure();
  if (where.json)
    print_json(*changed);
  else
    print_line((add ? "watching " : "no longer watching ") + in_quotes(*path));
  return {};
}

action declare_add(CLI::App& command) {
  auto folder = std::make_shared<std::string>();
  command.add_option("DIR", *folder, "The folder")->required()->type_name("");
  return [folder](const context& where) { return change(where, true, *folder); };
}

action declare_remove(CLI::App& command) {
  auto folder = std::make_shared<std::string>();
  command.add_option("DIR", *folder, "The folder")->required()->type_name("");
  return [folder](const context& where) { return change(where, false, *folder); };
}

action declare_move(CLI::App& command) {
  auto from = std::make_shared<std::string>(), to = std::make_shared<std::string>();
  command.add_option("OLD", *from, "The watched folder")->required()->type_name("");
  command.add_option("NEW", *to, "The folder that holds its files now")->required()->type_name("");
  return [from, to](const context& where) -> result<void> {
    auto before = absolute_path(*from), after = absolute_path(*to);
    if (!before) return before.failure();
    if (!after) return after.failure();
    auto moved =
        run_import(where, session::need::folder, "watch.move", {{"path", *before}, {"to", *after}});
    if (moved && !where.json)
      for (const auto& named : where.configured.watch_folders)
        if (auto path = absolute_path(named); path && *path == *before)
          print_line(where.configured.watch_folders_from + " still names " + in_quotes(*before)
                     + "; change it, or the next start watches that folder again");
    return moved;
  };
}

result<void> confirm(const context& where, const std::string& folder) {
  auto path = absolute_path(folder);
  if (!path) return path.failure();
  auto confirmed = ask(where, session::need::service, "watch.confirm", {{"path", *path}});
  if (!confirmed) return confirmed.failure();
  if (where.json)
    print_json(*confirmed);
  else
    print_line((*confirmed)["confirmed"].template get<bool>()
                   ? "files gone from " + in_quotes(*path) + " will be marked missing"
                   : "no scan of " + in_quotes(*path) + " waits to be confirmed");
  return {};
}

action declare_confirm(CLI::App& command) {
  auto folder = std::make_shared<std::string>();
  command.add_option("DIR", *folder, "The folder")->required()->type_name("");
  return [folder](const context& where) { return confirm(where, *folder); };
}

result<void> list(const context& where) {
  auto roots = ask(where, session::need::folder, "watch.list", nlohmann::json::object());
  if (!roots) return roots.failure();
  if (where.json) {
    print_json(*roots);
    return {};
  }
  table shown({{"path"}, {"state"}, {"mode"}, {"assets", align::right}, {"reason"}});
  for (const auto& root : *roots)
    shown.row({cell(root["path"]), cell(root["state"]), cell(root["mode"]), cell(root["assets"]),
               cell(root["reason"])});
  shown.print();
  return {};
}

constexpr subcommand commands[] = {
    {"add", "Watch a folder from now on", declare_add},
    {"remove", "Stop watching a folder; its assets stay", declare_remove},
    {"move", "Replace a watched folder by the one to which its files were moved or copied",
     declare_move},
    {"confirm", "Accept a scan that finds more than half of the files gone", declare_confirm},
    {"list", "List watched folders", [](CLI::App&) -> action { return list; }},
};

}  // namespace

action declare_watch(CLI::App& command) { return declare_group(command, commands); }

}  // namespace podstudio
