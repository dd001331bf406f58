// SPDX-License-Identifier: MIT
#include "log_commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "session.hpp"

#include "events/codec.hpp"
#include "events/file_system.hpp"
#include "platform/text.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <optional>
#include <thread>

namespace podstudio {

namespace {

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

}  // namespace

action declare_log_show(CLI::App& command) {
  auto options = std::make_shared<show_options>();
  auto add = [&](const char* name, auto& value, const char* type, const char* description) {
    return command.add_option(name, value, description)->type_name(type);
  };
  add("--from", options->from, "N", "The first sequence (1)")->check(whole_number(0, UINT64_MAX));
  add("--to", options->to, "N", "The last sequence (the head)")->check(whole_number(0, UINT64_MAX));
  add("--type", options->type, "T", "Only events of this type, such as asset.registered");
  add("--command", options->command, "ID", "Only the events of this command");
  add("--since", options->since_text, "TIME", "Only events from this time on (UTC)");
  add("--until", options->until_text, "TIME", "Only events up to this time (UTC)");
  add("--limit", options->limit, "N", "How many events to print at most")
      ->check(whole_number(0, UINT64_MAX));
  auto reverse = command.add_flag("--reverse", options->reverse, "Newest first");
  command.add_flag("--follow", options->follow, "Keep printing new events until interrupted")
      ->excludes(reverse);
  return [options](const context& where) { return show(where, *options); };
}

}  // namespace podstudio
