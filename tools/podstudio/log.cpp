#include "command.hpp"
#include "output.hpp"

#include "events/codec.hpp"
#include "events/file_system.hpp"
#include "events/log.hpp"
#include "platform/text.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>

namespace podstudio {

namespace {

constexpr auto follow_interval = std::chrono::milliseconds(200);

result<void> check_log_exists(const context& where) {
  std::error_code ignored;
  if (std::filesystem::is_directory(where.folder.log(), ignored)) return {};
  return error{error_code::not_found, "there is no log in " + in_quotes(where.folder.root)
                                          + "; name another data folder with --data"};
}

// log show

struct show_options {
  sequence_number from = 1;
  sequence_number to = UINT64_MAX;
  std::string type;
  bool follow = false;
};

void print_events(const committed_command& committed, const show_options& options) {
  auto sequence = committed.first_sequence;
  for (const auto& happened : committed.what->events) {
    auto here = sequence++;
    auto type = event_name(happened);
    if (here < options.from || here > options.to) continue;
    if (!options.type.empty() && options.type != type) continue;
    print_json({{"sequence", here},
                {"at", to_timestamp(committed.at_us)},
                {"type", type},
                {"version", event_version(happened)},
                {"origin", committed.what->origin},
                {"command", to_string(committed.what->id)},
                {"data", to_json(happened)}});
  }
}

result<void> show(const context& where, const show_options& options) {
  if (auto there = check_log_exists(where); !there) return there;
  auto reader = log_reader::open(posix_file_system(), where.folder.log(), options.from);
  if (!reader) return reader.failure();
  for (sequence_number seen = 0; seen < options.to;) {
    auto committed = (*reader)->next();
    if (!committed) return committed.failure();
    if (*committed) {
      print_events(**committed, options);
      seen = (*committed)->last_sequence();
      continue;
    }
    if (!options.follow) break;
    if (std::fflush(stdout) != 0) break;  // nobody reads it any more; the caller reports it
    std::this_thread::sleep_for(follow_interval);
  }
  return {};
}

action declare_show(CLI::App& command) {
  auto options = std::make_shared<show_options>();
  command.add_option("--from", options->from, "The first sequence (1)")->type_name("N");
  command.add_option("--to", options->to, "The last sequence (the head)")->type_name("N");
  command.add_option("--type", options->type, "Only events of this type, such as asset.registered")
      ->type_name("T");
  command.add_flag("--follow", options->follow, "Go on with new events until interrupted");
  return [options](const context& where) { return show(where, *options); };
}

// log verify

result<void> verify(const context& where) {
  if (auto there = check_log_exists(where); !there) return there;
  progress line("bytes");
  auto report = verify_log(posix_file_system(), where.folder.log(),
                           [&](std::uint64_t done, std::uint64_t all) { line.show(done, all); });
  if (!report) return report.failure();
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
  facts.row({"events", std::to_string(report->events)});
  facts.row({"commands", std::to_string(report->frames)});
  facts.row({"segments", std::to_string(report->segments)});
  facts.row({"size", human_size(report->bytes)});
  if (report->torn_tail)
    facts.row({"torn tail", "a write that never finished; the next start sets it aside"});
  facts.print();
  return {};
}

// log head

result<void> head(const context& where) {
  if (auto there = check_log_exists(where); !there) return there;
  auto reader = log_reader::open(posix_file_system(), where.folder.log());
  if (!reader) return reader.failure();
  log_head last;
  for (;;) {
    auto committed = (*reader)->next();
    if (!committed) return committed.failure();
    if (!*committed) break;
    last = {(*committed)->last_sequence(), (*committed)->hash};
  }
  if (where.json)
    print_json({{"head_sequence", last.sequence}, {"head_hash", to_hex(last.hash)}});
  else
    print_line(std::to_string(last.sequence) + " " + to_hex(last.hash));
  return {};
}

constexpr subcommand commands[] = {
    {"show", "Print events as JSON Lines", declare_show},
    {"verify", "Check the whole log: checksums, chain, sequences",
     [](CLI::App&) -> action { return verify; }},
    {"head", "Print the last sequence and hash", [](CLI::App&) -> action { return head; }},
};

}  // namespace

action declare_log(CLI::App& command) { return declare_group(command, commands); }

}  // namespace podstudio
