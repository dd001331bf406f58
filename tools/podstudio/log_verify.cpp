// SPDX-License-Identifier: MIT
#include "log_commands.hpp"
#include "output.hpp"

#include "events/backup.hpp"
#include "events/backup_manifest.hpp"
#include "events/file_system.hpp"
#include "platform/text.hpp"
#include "projections/tables_log.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace podstudio {

namespace {

/// A head as `log head` prints it, with a colon: `SEQ:HASH`.
result<log_head> parse_head(const std::string& text) {
  log_head head;
  auto colon = text.find(':');
  auto end = text.data() + std::min(colon, text.size());
  auto [rest, failure] = std::from_chars(text.data(), end, head.sequence);
  if (colon == std::string::npos || failure != std::errc{} || rest != end
      || !from_hex(text.substr(colon + 1), head.hash.data(), head.hash.size()))
    return error{error_code::invalid_argument,
                 "--expect takes a sequence, a colon and a hash of 64 hexadecimal digits, as "
                 "'podstudio log head' prints them, not "
                     + in_quotes(text)};
  return head;
}

error lacks_events(const data_folder& folder, const log_head& held, const log_head& head) {
  return {error_code::damaged,
          "the log " + in_quotes(folder.log()) + " has lost events: it ends at sequence "
              + std::to_string(head.sequence) + ", but the tables in " + in_quotes(folder.database)
              + " hold events up to sequence " + std::to_string(held.sequence)
              + "; restore the log from a backup with 'podstudio --data NEW restore BACKUP'"
              + other_database_hint(folder)};
}

error has_other_events(const data_folder& folder, const log_head& held) {
  return {error_code::damaged,
          "the log " + in_quotes(folder.log()) + " holds other events than the tables in "
              + in_quotes(folder.database) + " at sequence " + std::to_string(held.sequence)
              + "; restore the log from a backup with 'podstudio --data NEW restore BACKUP'"
              + other_database_hint(folder)};
}

result<void> verify(const context& where, const std::string& expected) {
  verify_options options;
  if (!expected.empty()) {
    auto head = parse_head(expected);
    if (!head) return head.failure();
    options.expect = *head;
  }
  if (auto there = check_log_exists(where); !there) return there;
  // First, as a service may go on: its tables are never ahead of its log. A backup has none.
  auto manifest = read_backup_manifest(posix_file_system(), where.folder.root);
  if (!manifest) return manifest.failure();
  auto held = *manifest ? std::nullopt : head_of_tables(where.folder.database);
  auto report = [&]() -> result<verify_report> {
    progress line("bytes");
    auto tell = [&](std::uint64_t done, std::uint64_t all) { line.show(done, all); };
    if (*manifest) {
      auto whole = verify_backup(posix_file_system(), where.folder.root, (*manifest)->head, tell);
      if (!whole || !options.expect) return whole;
    }
    return verify_log(posix_file_system(), where.folder.log(), options, tell);
  }();
  if (!report) return report.failure();
  if (held && held->sequence > 0) {
    auto fit = fit_of_log(posix_file_system(), where.folder.log(), where.folder.database, *held);
    if (!fit) return fit.failure();
    if (*fit == log_fit::is_another)
      return another_library(where.folder.database, where.folder.log());
    if (*fit == log_fit::lacks) return lacks_events(where.folder, *held, report->head);
    if (*fit == log_fit::parts) return has_other_events(where.folder, *held);
  }
  if (where.json) {
    print_json({{"head_sequence", report->head.sequence},
                {"head_hash", to_hex(report->head.hash)},
                {"frames", report->frames},
                {"events", report->events},
                {"segments", report->segments},
                {"bytes", report->bytes},
                {"torn_tail", report->torn_tail}});
    return {};
  }
  table facts({{"log"}, {"intact"}});
  facts.row({"head sequence", std::to_string(report->head.sequence)});
  facts.row({"head hash", to_hex(report->head.hash)});
  if (options.expect)
    facts.row({"extends", "sequence " + std::to_string(options.expect->sequence)});
  facts.row({"events", std::to_string(report->events)});
  facts.row({"commands", std::to_string(report->frames)});
  facts.row({"segments", std::to_string(report->segments)});
  facts.row({"size", human_size(report->bytes)});
  if (report->torn_tail)
    facts.row({"torn tail", "an unfinished write; the next start sets it aside"});
  facts.print();
  return {};
}

}  // namespace

action declare_log_verify(CLI::App& command) {
  auto expected = std::make_shared<std::string>();
  command.add_option("--expect", *expected, "A head noted earlier that this log must extend")
      ->type_name("SEQ:HASH");
  return [expected](const context& where) { return verify(where, *expected); };
}

}  // namespace podstudio
