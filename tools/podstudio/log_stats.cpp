// SPDX-License-Identifier: MIT
#include "log_commands.hpp"
#include "output.hpp"

#include "events/codec.hpp"
#include "events/file_system.hpp"
#include "platform/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace podstudio {

namespace {

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

}  // namespace

action declare_log_stats(CLI::App&) { return stats; }

}  // namespace podstudio
