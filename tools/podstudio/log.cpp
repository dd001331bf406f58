#include "command.hpp"
#include "output.hpp"
#include "session.hpp"

#include "events/codec.hpp"
#include "events/file_system.hpp"
#include "events/log.hpp"
#include "platform/text.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <thread>

namespace podstudio {

namespace {

result<void> check_log_exists(const context& where) {
  std::error_code ignored;
  if (std::filesystem::is_directory(where.folder.log(), ignored)) return {};
  return error{error_code::not_found, "there is no log in " + in_quotes(where.folder.root)
                                          + "; name another data folder with --data"};
}

/// Calls `each` with the commands of a reader until it returns false or there are no more.
template <class Each>
result<void> each_command(log_reader& reader, Each each) {
  for (;;) {
    auto committed = reader.next();
    if (!committed) return committed.failure();
    if (!*committed || !each(**committed)) return {};
  }
}

// log show

struct show_options {
  sequence_number from = 1;
  sequence_number to = UINT64_MAX;
  std::string type, command, since_text, until_text;
  std::uint64_t limit = UINT64_MAX;
  bool reverse = false;
  bool follow = false;

  // Parsed from the texts above.
  std::optional<uuid> id;
  std::int64_t since_us = INT64_MIN;
  std::int64_t until_us = INT64_MAX;
};

result<void> parse(show_options& options) {
  auto wrong = [](const char* option, const char* rule, const std::string& text) {
    return error{error_code::invalid_argument,
                 std::string(option) + " takes " + rule + ", not " + in_quotes(text)};
  };
  if (!options.command.empty()) {
    uuid id{};
    if (!parse_uuid(options.command, id))
      return wrong("--command", "the id of a command (a UUID)", options.command);
    options.id = id;
  }
  for (auto [option, text, at] : {std::tuple{"--since", &options.since_text, &options.since_us},
                                  {"--until", &options.until_text, &options.until_us}}) {
    if (text->empty()) continue;
    auto parsed = parse_timestamp(*text);
    if (!parsed) return wrong(option, "a time such as '2026-01-31 18:00:00' (UTC)", *text);
    *at = *parsed;
  }
  return {};
}

/// Prints the events that the options name, in the order of the log or in reverse.
class event_printer {
public:
  explicit event_printer(const show_options& options) : options_(options), left_(options.limit) {}

  /// Whether more events may be wanted.
  bool print(const committed_command& committed) {
    if (options_.id && *options_.id != committed.what->id) return left_ > 0;
    if (committed.at_us < options_.since_us || committed.at_us > options_.until_us)
      return left_ > 0;
    const auto& events = committed.what->events;
    for (std::size_t i = 0; i < events.size() && left_ > 0; ++i) {
      auto at = options_.reverse ? events.size() - 1 - i : i;
      print(committed, events[at], committed.first_sequence + at);
    }
    return left_ > 0;
  }

private:
  void print(const committed_command& committed, const event& happened, sequence_number sequence) {
    auto type = event_name(happened);
    if (sequence < options_.from || sequence > options_.to) return;
    if (!options_.type.empty() && options_.type != type) return;
    --left_;
    print_json({{"sequence", sequence},
                {"at", to_timestamp(committed.at_us)},
                {"type", type},
                {"version", event_version(happened)},
                {"origin", committed.what->origin},
                {"command", to_string(committed.what->id)},
                {"data", to_json(happened)}});
  }

  const show_options& options_;
  std::uint64_t left_;
};

/// Waits for new events: at the service, or where none runs by looking at the log now and then.
class event_wait {
public:
  explicit event_wait(const context& where) : where_(where) {}

  result<sequence_number> operator()(sequence_number after) {
    constexpr auto look_again = std::chrono::milliseconds(200);
    constexpr std::uint64_t wait_ms = 10'000;
    if (service_ == nullptr) {
      auto opened = session::open(where_, session::need::service);
      if (opened)
        service_ = std::make_shared<session>(std::move(*opened));
      else if (opened.failure().code != error_code::no_service)
        return opened.failure();
    }
    if (service_ != nullptr) {
      auto reply = service_->request("log.wait", {{"after", after}, {"timeout_ms", wait_ms}});
      if (reply) return (*reply)["sequence"].get<sequence_number>();
      service_ = nullptr;  // it ended, or is about to
    }
    std::this_thread::sleep_for(look_again);
    auto head = read_head(posix_file_system(), where_.folder.log());
    if (!head) return head.failure();
    return head->sequence;
  }

private:
  const context& where_;
  std::shared_ptr<session> service_;
};

result<void> follow(const context& where, const show_options& options) {
  auto events = log_subscription::open(posix_file_system(), where.folder.log(), options.from,
                                       event_wait(where));
  if (!events) return events.failure();
  event_printer printer(options);
  for (;;) {
    auto committed = events->next();
    if (!committed) return committed.failure();
    if (*committed && (!printer.print(**committed) || (*committed)->last_sequence() >= options.to))
      return {};
    if (std::fflush(stdout) != 0) return {};  // nobody reads it any more; the caller reports it
  }
}

result<void> show(const context& where, show_options options) {
  if (auto parsed = parse(options); !parsed) return parsed;
  if (auto there = check_log_exists(where); !there) return there;
  if (options.follow) return follow(where, options);
  auto& files = posix_file_system();
  auto reader = options.reverse ? open_backwards(files, where.folder.log(), options.to)
                                : log_reader::open(files, where.folder.log(), options.from);
  if (!reader) return reader.failure();
  event_printer printer(options);
  return each_command(**reader, [&](const committed_command& committed) {
    bool beyond = options.reverse ? committed.first_sequence <= options.from
                                  : committed.last_sequence() >= options.to;
    return printer.print(committed) && !beyond;
  });
}

action declare_show(CLI::App& command) {
  auto options = std::make_shared<show_options>();
  auto add = [&](const char* name, auto& value, const char* type, const char* description) {
    return command.add_option(name, value, description)->type_name(type);
  };
  // Without the check a negative number would be a very large one.
  add("--from", options->from, "N", "The first sequence (1)")->check(CLI::NonNegativeNumber);
  add("--to", options->to, "N", "The last sequence (the head)")->check(CLI::NonNegativeNumber);
  add("--type", options->type, "T", "Only events of this type, such as asset.registered");
  add("--command", options->command, "ID", "Only the events of this command");
  add("--since", options->since_text, "TIME", "Only events from this time on (UTC)");
  add("--until", options->until_text, "TIME", "Only events up to this time (UTC)");
  add("--limit", options->limit, "N", "At most so many events")->check(CLI::NonNegativeNumber);
  auto reverse = command.add_flag("--reverse", options->reverse, "The newest first");
  command.add_flag("--follow", options->follow, "Go on with new events until interrupted")
      ->excludes(reverse);
  return [options](const context& where) { return show(where, *options); };
}

// log verify

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

result<void> verify(const context& where, const std::string& expected) {
  verify_options options;
  if (!expected.empty()) {
    auto head = parse_head(expected);
    if (!head) return head.failure();
    options.expect = *head;
  }
  if (auto there = check_log_exists(where); !there) return there;
  progress line("bytes");
  auto report = verify_log(posix_file_system(), where.folder.log(), options,
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
  if (options.expect)
    facts.row({"extends", "sequence " + std::to_string(options.expect->sequence)});
  facts.row({"events", std::to_string(report->events)});
  facts.row({"commands", std::to_string(report->frames)});
  facts.row({"segments", std::to_string(report->segments)});
  facts.row({"size", human_size(report->bytes)});
  if (report->torn_tail)
    facts.row({"torn tail", "a write that never finished; the next start sets it aside"});
  facts.print();
  return {};
}

action declare_verify(CLI::App& command) {
  auto expected = std::make_shared<std::string>();
  command.add_option("--expect", *expected, "A head noted earlier, which this log must extend")
      ->type_name("SEQ:HASH");
  return [expected](const context& where) { return verify(where, *expected); };
}

// log head

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

// log stats

struct log_stats {
  std::map<std::string, std::uint64_t, std::less<>> types, origins;
  std::uint64_t commands = 0, events = 0, bytes = 0;
  std::uint64_t largest_command_bytes = 0, segments = 0;
  std::int64_t first_us = 0, last_us = 0;

  void add(const committed_command& committed, const frame_location& where) {
    if (commands++ == 0) first_us = committed.at_us;
    last_us = committed.at_us;
    bytes += where.size_bytes;
    largest_command_bytes = std::max(largest_command_bytes, where.size_bytes);
    for (const auto& each : committed.what->events)
      ++types[std::string(event_name(each))];
    events += committed.what->events.size();
    origins[committed.what->origin] += committed.what->events.size();
    if (file_ != where.file) ++segments;
    file_ = where.file;
  }

private:
  std::string file_;
};

void print_counts(const char* heading,
                  const std::map<std::string, std::uint64_t, std::less<>>& counts) {
  std::vector<std::pair<std::string, std::uint64_t>> sorted(counts.begin(), counts.end());
  std::ranges::stable_sort(sorted, std::greater{}, [](const auto& each) { return each.second; });
  table shown({{heading}, {"events", align::right}});
  for (const auto& [what, count] : sorted)
    shown.row({what, std::to_string(count)});
  print_line("");
  shown.print();
}

void print_stats(const log_stats& stats) {
  auto mean = stats.commands == 0 ? 0 : stats.bytes / stats.commands;
  table facts({{"events"}, {std::to_string(stats.events)}});
  facts.row({"commands", std::to_string(stats.commands)});
  facts.row({"segments", std::to_string(stats.segments)});
  facts.row({"size", human_size(stats.bytes)});
  facts.row({"a command",
             human_size(mean) + " on average, at most " + human_size(stats.largest_command_bytes)});
  if (stats.commands > 0) {
    facts.row({"first", to_timestamp(stats.first_us)});
    facts.row({"last", to_timestamp(stats.last_us)});
  }
  facts.print();
  if (stats.events == 0) return;
  print_counts("type", stats.types);
  print_counts("origin", stats.origins);
}

result<void> stats(const context& where) {
  if (auto there = check_log_exists(where); !there) return there;
  auto reader = log_reader::open(posix_file_system(), where.folder.log());
  if (!reader) return reader.failure();
  log_stats counted;
  auto read = each_command(**reader, [&](const committed_command& committed) {
    counted.add(committed, (*reader)->location());
    return true;
  });
  if (!read) return read;
  if (!where.json) {
    print_stats(counted);
    return {};
  }
  auto time = [&](std::int64_t at_us) {
    return counted.commands == 0 ? nlohmann::json() : nlohmann::json(to_timestamp(at_us));
  };
  print_json({{"events", counted.events},
              {"commands", counted.commands},
              {"segments", counted.segments},
              {"bytes", counted.bytes},
              {"largest_command_bytes", counted.largest_command_bytes},
              {"first_at", time(counted.first_us)},
              {"last_at", time(counted.last_us)},
              {"types", counted.types},
              {"origins", counted.origins}});
  return {};
}

constexpr subcommand commands[] = {
    {"show", "Print events as JSON Lines", declare_show},
    {"verify", "Check the whole log: checksums, chain, sequences", declare_verify},
    {"head", "Print the last sequence and hash", [](CLI::App&) -> action { return head; }},
    {"stats", "Count what the log holds", [](CLI::App&) -> action { return stats; }},
};

}  // namespace

action declare_log(CLI::App& command) { return declare_group(command, commands); }

}  // namespace podstudio
