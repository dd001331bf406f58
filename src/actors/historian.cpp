// SPDX-License-Identifier: MIT
#include "actors/historian.hpp"

#include "console/protocol.hpp"
#include "events/file_system.hpp"
#include "platform/text.hpp"
#include "query/assets.hpp"
#include "query/files.hpp"
#include "schema/schema.hpp"

#include <algorithm>
#include <set>

namespace podstudio {

namespace {

using nlohmann::json;

/// How many entries one page of a history has, at most but for those of its last command.
constexpr std::size_t history_page_entries = 1'000;
/// How many commands that stand in the way one page names, likewise.
constexpr std::size_t conflict_page_commands = 1'000;

/// What the tables hold: nothing beyond it is told of, as it may not be durable yet.
result<sequence_number> visible_sequence(database& tables) {
  return tables.value<sequence_number>("SELECT sequence FROM checkpoint");
}

/// The first command of a time: that one or one before it made what was made then.
result<sequence_number> first_at(database& tables, const std::string& table, std::int64_t id) {
  return tables.value<sequence_number>(
      "SELECT coalesce((SELECT first_sequence FROM command WHERE at ="
      " (SELECT created_at FROM "
          + table + " WHERE id = ?1) ORDER BY first_sequence LIMIT 1), 1)",
      id);
}

/// A page of a history, see `history_of_asset`.
result<json> history(historian_state& s, database& tables, const history_subject& subject,
                     sequence_number from) {
  auto to = visible_sequence(tables);
  if (!to) return to.failure();
  if (from == 0) {
    auto first = subject.asset ? first_at(tables, "asset", *subject.asset)
                               : first_at(tables, "pack", *subject.pack);
    if (!first) return first.failure();
    from = *first;
  }
  auto events = json::array();
  auto next = s.pages->read(from, *to, [&](const committed_command& committed) {
    for (std::size_t i = 0; i < committed.what->events.size(); ++i)
      if (auto entry = history_entry(committed, i, subject); !entry.is_null())
        events.push_back(std::move(entry));
    return events.size() < history_page_entries;
  });
  if (!next) return next.failure();
  return json{{"events", std::move(events)}, {"next", *next ? json(**next) : json()}};
}

result<past_command> find_command(const historian_state& s, const std::string& id) {
  auto tables = open_tables_read_only(s.tables);
  if (!tables) return tables.failure();
  auto found = tables->prepare("SELECT first_sequence FROM command WHERE id = ?1"
                               " ORDER BY first_sequence DESC LIMIT 1");
  if (!found) return found.failure();
  found->bind(id);
  auto row = found->step();
  if (!row) return row.failure();
  if (!*row)
    return error{error_code::not_found,
                 "no command " + id + " changed anything; 'podstudio history' shows command ids"};
  auto first = found->get<sequence_number>(0);
  // Not by the pages, which stay where somebody reads on.
  auto reader = log_reader::open(posix_file_system(), s.log_folder, first);
  if (!reader) return reader.failure();
  auto committed = (*reader)->next();
  if (!committed) return committed.failure();
  if (!*committed || (*committed)->first_sequence != first
      || to_string((*committed)->what->id) != id)
    return error{error_code::damaged, "the tables have a different command at sequence "
                                          + std::to_string(first)
                                          + " than the log; rebuild them with 'podstudio replay'"};
  past_command past{std::move(**committed), {}};
  asset_ids missing;
  for (const auto& each : past.done.what->events)
    if (const auto* gone = std::get_if<asset_missing>(&each)) missing.push_back(gone->asset);
  auto paths = paths_of(*tables, missing);
  if (!paths) return paths.failure();
  past.paths = std::move(*paths);
  return past;
}

result<conflict_page> find_conflicts(historian_state& s, const conflict_search& wanted) {
  auto tables = open_tables_read_only(s.tables);
  if (!tables) return tables.failure();
  auto to = visible_sequence(*tables);
  if (!to) return to.failure();
  conflict_page page;
  auto any_wanted = [&](const std::vector<field_change>& changes) {
    return std::ranges::any_of(changes, [&](const field_change& change) {
      return std::ranges::binary_search(*wanted.fields, change.where);
    });
  };
  auto touches = [&](const event& what) { return any_wanted(changes_of(what)); };
  auto next = s.pages->read(wanted.from, *to, [&](const committed_command& committed) {
    const auto& events = committed.what->events;
    if (std::ranges::any_of(events, touches))
      page.commands.push_back(
          {to_string(committed.what->id),
           any_wanted(effect_of(events, is_by_person(*committed.what)).changes)});
    return page.commands.size() < conflict_page_commands;
  });
  if (!next) return next.failure();
  page.next = *next;
  return page;
}

template <class T>
caf::result<T> answer(result<T> found) {
  if (!found) return to_caf(found.failure());
  return std::move(*found);
}

}  // namespace

result<json> history_of_asset(historian_state& s, const asset_key& key, sequence_number from) {
  auto tables = open_tables_read_only(s.tables);
  if (!tables) return tables.failure();
  auto asset = find_asset(*tables, key);
  if (!asset) return asset.failure();
  return history(s, *tables, {.asset = *asset, .pack = {}}, from);
}

result<json> history_of_pack(historian_state& s, pack_id pack, sequence_number from) {
  auto tables = open_tables_read_only(s.tables);
  if (!tables) return tables.failure();
  auto last = tables->value<pack_id>("SELECT id FROM last_id WHERE kind = 'pack'");
  if (!last) return last.failure();
  if (pack > *last)
    return error{error_code::not_found, "there has never been a pack " + std::to_string(pack)
                                            + "; see 'podstudio pack list'"};
  return history(s, *tables, {.asset = {}, .pack = pack}, from);
}

historian_actor::behavior_type historian(historian_actor::stateful_pointer<historian_state> self,
                                         std::string log_folder, std::string tables) {
  self->state.pages = std::make_unique<log_pages>(posix_file_system(), log_folder);
  self->state.log_folder = std::move(log_folder);
  self->state.tables = std::move(tables);
  return {
      [self](query_atom, const log_query_ptr& question,
             const given_up& gone) -> caf::result<std::string> {
        if (gone && *gone)
          return to_caf({error_code::stopping,
                         "the client has gone that asked for " + std::string(question->name())});
        auto page = question->answer(self->state);
        if (!page) return to_caf(page.failure());
        return to_text(*page);
      },
      [self](undo_atom, const std::string& id) -> caf::result<past_command> {
        return answer(find_command(self->state, id));
      },
      [self](find_atom, const conflict_search& wanted) -> caf::result<conflict_page> {
        return answer(find_conflicts(self->state, wanted));
      },
  };
}

}  // namespace podstudio
