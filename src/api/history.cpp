// SPDX-License-Identifier: MIT
#include "actors/undoer.hpp"
#include "api/declare.hpp"
#include "api/families.hpp"
#include "api/parts.hpp"
#include "model/undo.hpp"
#include "query/library.hpp"

#include <limits>

namespace podstudio::api {

namespace {

json history_page_shape() {
  auto entry = shape::object({{"sequence", shape::count()},
                              {"at", shape::time()},
                              {"type", shape::text()},
                              {"origin", shape::text()},
                              {"command", shape::uuid()},
                              {"before", shape::anything()},
                              {"after", shape::anything()}});
  return shape::object({{"events", shape::list(entry)}, {"next", shape::nullable(shape::count())}});
}

constexpr whole_number any_sequence{1, std::numeric_limits<std::uint64_t>::max()};

struct asset_history {
  static constexpr std::string_view name = "asset.history",
                                    help = "List the events of an asset, oldest first",
                                    example = "podstudio asset history 42";
  static constexpr auto needs = role::viewer;
  asset_key asset;
  sequence_number from = 0;  ///< 0: from the asset's beginning

  static void declare(auto& add) {
    add("asset", &asset_history::asset, asset_id_or_path{});
    add.optional("from", &asset_history::from, any_sequence);
  }
  static json outcome() { return history_page_shape(); }
  result<json> read(historian_state& s) const { return history_of_asset(s, asset, from); }
};

struct pack_history {
  static constexpr std::string_view name = "pack.history",
                                    help = "List the events of a pack, oldest first",
                                    example = "podstudio pack history 3";
  static constexpr auto needs = role::viewer;
  pack_id pack = 0;
  sequence_number from = 0;  ///< 0: from the pack's beginning

  static void declare(auto& add) {
    add("pack", &pack_history::pack, row_id{});
    add.optional("from", &pack_history::from, any_sequence);
  }
  static json outcome() { return history_page_shape(); }
  result<json> read(historian_state& s) const { return history_of_pack(s, pack, from); }
};

/// The newest commands, a page at a time.
struct history {
  static constexpr std::string_view name = "history",
                                    help = "List the commands that people gave, newest first",
                                    example = "podstudio history --limit 20";
  static constexpr auto needs = role::viewer;
  bool all = false;  ///< also those of the engine
  sequence_number before = std::numeric_limits<std::int64_t>::max();
  std::int64_t limit = page_rows;

  static void declare(auto& add) {
    add.if_present("all", &history::all, flag{});
    add.optional("before", &history::before,
                 whole_number{1, std::numeric_limits<std::int64_t>::max()});
    add.optional("limit", &history::limit, rows_of_a_page);
  }
  static json outcome() {
    return shape::list(shape::object({{"id", shape::uuid()},
                                      {"at", shape::time()},
                                      {"origin", shape::text()},
                                      {"summary", shape::text()},
                                      {"first_sequence", shape::count()},
                                      {"last_sequence", shape::count()}}));
  }
  result<json> ask(reader_state& s, const is_over&) const {
    return list_commands(*s.tables, all, before, limit);
  }
};

json to_json(const undo_report& report) {
  json told{{"changed", report.done.changed}, {"command", to_string(report.command)}};
  told["repeated"] = report.repeated;
  if (report.repeated) return told;
  told["left"] = nullptr;
  if (!report.left) return told;
  const auto& left = *report.left;
  told["left"] = {
      {"fields", left.conflicts.size()},         {"first_fields", names_of(left.conflicts)},
      {"commands", report.conflicting},          {"no_room", left.no_room.size()},
      {"first_no_room", names_of(left.no_room)}, {"facts", left.facts}};
  return told;
}

struct undo {
  static constexpr std::string_view name = "undo", help = "Reverse what a command changed",
                                    example = "podstudio undo 6f1c2a34-5b67-4c89-8d01-23456789abcd";
  static constexpr auto needs = role::curator;
  uuid command{};
  bool force = false;  ///< leave what was changed since, instead of refusing

  static void declare(auto& add) {
    add("command", &undo::command, command_id{});
    add.if_present("force", &undo::force, flag{});
  }
  static json outcome() {
    auto left = shape::object({{"fields", shape::count()},
                               {"first_fields", shape::list(shape::text())},
                               {"commands", shape::list(shape::uuid())},
                               {"no_room", shape::count()},
                               {"first_no_room", shape::list(shape::text())},
                               {"facts", shape::map(shape::count())}});
    return shape::object(
        {{"changed", shape::count()}, {"command", shape::uuid()}, {"repeated", shape::flag()}},
        {{"left", shape::nullable(left)}});
  }
  void start(console_state& s, const request& asked, answer reply) const {
    s.self
        ->request(s.peers.undo, caf::infinite, undo_atom::value,
                  undo_command{asked.id, "console", command, force, digest_of(asked)})
        .then(
            [reply](const undo_report& report) mutable {
              reply(to_json(report), report.done.last_sequence);
            },
            reply.failing());
  }
};

}  // namespace

std::vector<operation> history_operations() {
  return rows_of<asset_history, history, pack_history, undo>();
}

}  // namespace podstudio::api
