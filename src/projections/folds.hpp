// SPDX-License-Identifier: MIT
#pragma once

#include "events/command.hpp"
#include "events/enums.hpp"
#include "events/labels.hpp"
#include "projections/statements.hpp"
#include "schema/sqlite.hpp"

#include <array>
#include <concepts>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <utility>

/// INTERNAL to this folder: what the folds work with, and one fold per event type. `std::visit`
/// over the catalogue calls them, so an event without a fold does not compile.
namespace podstudio {

/// The highest id each kind has ever had, as in the row of `checkpoint`.
struct last_ids {
  std::int64_t asset = 0;
  std::int64_t pack = 0;
  std::int64_t job = 0;
  std::int64_t root = 0;
};

/// How many assets there are, as in the row of `checkpoint`.
struct counted_assets {
  std::array<std::int64_t, enum_words<asset_type>.size()> of_type{};
  std::int64_t approved = 0;
  std::int64_t missing = 0;
};

/// How far the deferred indexes are; see schema.sql.
struct lookup_state {
  asset_id indexed_to = 0;
  std::int64_t again = 0;
  asset_id content_to = 0;
};

/// Device and inode of a database, its WAL and the WAL's index; nothing for one that is not there.
using file_identities = std::array<std::optional<std::pair<std::uint64_t, std::uint64_t>>, 3>;

struct fold_context {
  fold_context(database opened, bool in_bulk) : db(std::move(opened)), bulk(in_bulk) {}
  // The statements refer to the database beside them.
  fold_context(const fold_context&) = delete;
  fold_context& operator=(const fold_context&) = delete;

  database db;
  file_identities files{};  ///< of `db`, as they were when it was opened
  statement_preparer prepare{db};
  asset_statements assets{prepare};
  media_statements media{prepare};
  pack_statements packs{prepare};
  job_statements jobs{prepare};
  watch_statements watch{prepare};
  lookup_statements lookup{prepare};
  command_statements commands{prepare};

  /// No index on `asset.path` yet, so nothing may look an asset up by it.
  const bool bulk;

  /// What the indexes that lag behind hold.
  lookup_state indexed;
  std::int64_t enter_at_once = 256;  ///< assets; see `enter_for_lookup`

  // As of the last committed transaction.
  log_head head;
  last_ids committed_ids;
  counted_assets committed_counts;

  // Of the transaction under way.
  last_ids ids;
  /// Of its last command about assets, packs or the seller, see schema.sql; nothing: none was.
  std::optional<log_head> library;
  counted_assets counts;
  std::set<pack_id> resized_packs;  ///< whose members or their sizes changed

  // Of the command under way.
  std::string at;                ///< its time
  sequence_number sequence = 0;  ///< of the event under way
  std::set<asset_id> parked;     ///< whose path went to another asset before they got a new one
};

inline error no_such_row() { return {error_code::internal, "the tables hold no such row"}; }

/// Runs a statement that must change exactly one row; `internal` if there is no such row.
template <class... Values>
result<void> change_one(statement& change, const Values&... values) {
  auto done = change.run(values...);
  if (!done) return done;
  if (change.changed_rows() != 1) return no_such_row();
  return {};
}

// assets.cpp
result<void> fold(fold_context& context, const asset_registered& what);
/// Folds the first `rows_at_once` events together if all of them are `asset.registered`; how many
/// it folded: those, or none. Folding them one by one gives the same rows.
result<std::size_t> fold_together(fold_context& context, std::span<const event> events);
result<void> fold(fold_context& context, const asset_content_changed& what);
result<void> fold(fold_context& context, const asset_touched& what);
result<void> fold(fold_context& context, const asset_moved& what);
result<void> fold(fold_context& context, const asset_missing& what);
result<void> fold(fold_context& context, const asset_returned& what);
/// What a label takes part in besides its column.
struct label_traits {
  bool counted = false;   ///< it is among the counts in `checkpoint`
  bool searched = false;  ///< it is among the texts that are looked up
};
/// Runs what sets a label; all is bound.
result<void> fold_label(fold_context& context, asset_id asset, statement& set,
                        const label_traits& traits);
template <label_event Event>
result<void> fold(fold_context& context, const Event& what) {
  using label = label_of<Event>;
  auto step = label::read(what);
  auto& set = context.assets.set_label[label_index<label>()];
  auto bind = [&](const auto& value) {
    if constexpr (is_beside<label>)
      set.bind(step.asset, value);
    else
      set.bind(step.asset, value, context.at);
  };
  if constexpr (is_word_label<label>)
    bind(word(step.after));
  else if constexpr (is_number_label<label>)
    bind(static_cast<std::int64_t>(step.after));
  else
    bind(step.after);
  return fold_label(context, step.asset, set,
                    {std::same_as<label, approval_label>, is_text_label<label>});
}
result<void> fold(fold_context& context, const asset_tagged& what);
result<void> fold(fold_context& context, const asset_untagged& what);
result<void> fold(fold_context& context, const asset_forgotten& what);
result<counted_assets> read_asset_counts(database& db);

// projection.cpp
/// Folding on in tables that somebody put in the place of these would mix the two: `damaged`.
result<void> expect_untouched(fold_context& context);

// lookup.cpp
result<lookup_state> read_lookup_state(database& db);
/// A text that an asset is looked up by has changed: the index of texts has to take it again.
result<void> mark_stale(fold_context& context, asset_id asset);
/// The content, the file or whether it is there is about to change: the index of contents has to
/// take it again. To be called while the row still says what it was entered as.
result<void> mark_content_stale(fold_context& context, asset_id asset);
/// The same of an id that has been given before, to an asset that was forgotten.
result<void> mark_content_new(fold_context& context, asset_id asset);

// media.cpp
result<void> fold(fold_context& context, const asset_metadata_extracted& what);
/// The asset has other bytes, or goes: what was read of those it had is not true of it.
result<void> forget_media(fold_context& context, asset_id asset);

// packs.cpp
result<void> fold(fold_context& context, const pack_created& what);
result<void> fold(fold_context& context, const pack_edited& what);
result<void> fold(fold_context& context, const pack_asset_added& what);
result<void> fold(fold_context& context, const pack_asset_removed& what);
result<void> fold(fold_context& context, const pack_exported& what);
result<void> fold(fold_context& context, const pack_deleted& what);
result<void> fold(fold_context& context, const seller_described& what);

/// The size of a file changed: the packs it is in are counted anew at the end of the transaction.
result<void> resize_packs_of(fold_context& context, asset_id asset);
/// Counts the members and sizes of the packs that changed in this transaction.
result<void> count_resized_packs(fold_context& context);

// jobs.cpp
result<void> fold(fold_context& context, const job_queued& what);
result<void> fold(fold_context& context, const job_started& what);
result<void> fold(fold_context& context, const job_progressed& what);
result<void> fold(fold_context& context, const job_completed& what);
result<void> fold(fold_context& context, const job_failed& what);
result<void> fold(fold_context& context, const job_cancelled& what);
result<void> fold(fold_context& context, const job_requeued& what);
result<void> fold(fold_context& context, const job_queue_held& what);

// watch.cpp
result<void> fold(fold_context& context, const watch_root_added& what);
result<void> fold(fold_context& context, const watch_root_removed& what);
result<void> fold(fold_context& context, const watch_root_moved& what);
result<void> fold(fold_context& context, const watch_root_lost& what);
result<void> fold(fold_context& context, const watch_root_returned& what);
result<void> fold(fold_context& context, const problem_found& what);
result<void> fold(fold_context& context, const problem_resolved& what);

// commands.cpp
result<void> fold(fold_context& context, const engine_started& what);
result<void> fold(fold_context& context, const engine_stopped& what);

/// Folds a command and its events.
result<void> fold_command(fold_context& context, const committed_command& command);
/// What is written once per transaction: pack totals, the row of `checkpoint`.
result<void> fold_checkpoint(fold_context& context, const log_head& head);

}  // namespace podstudio
