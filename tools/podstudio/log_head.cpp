// SPDX-License-Identifier: MIT
#include "log_commands.hpp"
#include "output.hpp"

#include "events/file_system.hpp"
#include "platform/text.hpp"

#include <nlohmann/json.hpp>

namespace podstudio {

namespace {

result<void> head(const context& where) {
  if (auto there = check_log_exists(where); !there) return there;
  auto last = read_head(posix_file_system(), where.folder.log());
  if (!last) return last.failure();
  if (where.json)
    print_json({{"head_sequence", last->sequence}, {"head_hash", to_hex(last->hash)}});
  else
    print_line(std::to_string(last->sequence) + ":" + to_hex(last->hash));
  return {};
}

}  // namespace

action declare_log_head(CLI::App&) { return head; }

}  // namespace podstudio
