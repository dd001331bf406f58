// SPDX-License-Identifier: MIT
#include "log_commands.hpp"

#include "platform/text.hpp"
#include "projections/tables_log.hpp"

#include <filesystem>

namespace podstudio {

result<void> check_log_exists(const context& where) {
  std::error_code ignored;
  if (std::filesystem::is_directory(where.folder.log(), ignored)) return {};
  if (auto lost = lost_log(where.folder)) return *lost;
  return error{error_code::not_found, "there is no log in " + in_quotes(where.folder.root)
                                          + "; name another data folder with --data"};
}

namespace {

constexpr subcommand commands[] = {
    {"show", "Print events as JSON Lines", declare_log_show},
    {"verify", "Check the whole log: checksums, chain, sequences", declare_log_verify},
    {"head", "Print the last sequence and hash", declare_log_head},
    {"stats", "Count what the log contains", declare_log_stats},
};

}  // namespace

action declare_log(CLI::App& command) { return declare_group(command, commands); }

}  // namespace podstudio
