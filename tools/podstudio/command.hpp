// SPDX-License-Identifier: MIT
#pragma once

#include "platform/data_folder.hpp"
#include "platform/error.hpp"
#include "platform/settings.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace podstudio {

/// What holds for every command: the options before its name, and the settings behind them.
struct context {
  data_folder folder;
  settings configured;
  bool json = false;                       ///< print one JSON document, nothing else, on stdout
  std::string command_id;                  ///< of the command that is given; empty: a new one
  const char* const* arguments = nullptr;  ///< of this program, from its name to a null
};

/// `failure`; where it is about `path`, with what set that: the option, the variable or the file.
error naming_setting(error failure, const std::string& path, const std::string& from);

/// Runs a command whose line is parsed. An error's code decides the exit code.
class action {
public:
  using body = std::function<result<void>(const context&)>;

  template <class Body>
  requires(std::is_constructible_v<body, Body> && !std::is_same_v<Body, action>)
      action(Body run, std::function<bool()> needs_folder = {})
      : run_(std::move(run)), needs_folder_(std::move(needs_folder)) {}

  result<void> operator()(const context& where) const { return run_(where); }
  /// Whether the context has to have the data folder and its settings, as most commands need.
  bool needs_folder() const { return !needs_folder_ || needs_folder_(); }

private:
  body run_;
  std::function<bool()> needs_folder_;
};

/// A command: `declare` adds its options and returns what runs it.
struct subcommand {
  const char* name;
  const char* description;
  action (*declare)(CLI::App&);
  bool needs_folder = true;  ///< the data folder, with its settings; of a group, some of it does
};

/// Adds the commands to `app`, of which one must be given; what is returned runs that one.
action declare_group(CLI::App& app, std::span<const subcommand> commands);

/// The line for somebody who wrote what `app` could not parse, which said `reason`.
std::string usage_error(const CLI::App& app, const std::string& reason);

/// The candidate that `word` was probably meant to be: at most two letters wrong, missing, too many
/// or swapped, and fewer than half of them. Empty if there is none.
std::string_view nearest(std::string_view word, std::span<const std::string> candidates);

// The commands, each in a file of its name.
action declare_asset(CLI::App&);
action declare_asset_duplicates(CLI::App&);  // duplicates.cpp
action declare_asset_similar(CLI::App&);     // similar.cpp
action declare_backup(CLI::App&);
action declare_completion(CLI::App&);
action declare_history(CLI::App&);
action declare_import(CLI::App&);
action declare_job(CLI::App&);
action declare_log(CLI::App&);
action declare_manual(CLI::App&);
action declare_pack(CLI::App&);
action declare_pack_export(CLI::App&);   // pack_export.cpp
action declare_pack_exports(CLI::App&);  // pack_export.cpp
action declare_pack_rebuild(CLI::App&);  // pack_export.cpp
action declare_pack_verify(CLI::App&);   // pack_verify.cpp
action declare_problem(CLI::App&);
action declare_replay(CLI::App&);
action declare_restore(CLI::App&);
action declare_schema(CLI::App&);
action declare_serve(CLI::App&);
action declare_ship(CLI::App&);
action declare_status(CLI::App&);
action declare_sync(CLI::App&);
action declare_undo(CLI::App&);
action declare_watch(CLI::App&);

}  // namespace podstudio
