#include "projections/folds.hpp"

#include "projections/projection.hpp"

#include <algorithm>
#include <chrono>

namespace podstudio {

namespace {

/// How long entering some assets is to take, and how many they are: as many as the last time would
/// have taken so long. What one asset takes depends on the disk and on how large the indexes are.
constexpr auto aim = std::chrono::milliseconds(50);
constexpr std::int64_t at_once_min = 64, at_once_max = 4096;
/// From so many stale entries more than good ones on, starting over makes the indexes smaller.
constexpr std::int64_t stale_entries_min = 100'000;

/// The highest id of what is to be entered next; 0 where there is nothing.
template <class... Values>
result<asset_id> highest(statement& find, const Values&... values) {
  find.bind(values...);
  asset_id id = 0;
  auto found = find.for_each_row([&](const statement& row) { id = row.get<asset_id>(0); });
  if (!found) return found.failure();
  return id;
}

void adapt(fold_context& context, std::chrono::steady_clock::duration taken) {
  auto& many = context.enter_at_once;
  many = std::clamp(taken > aim ? many / 2 : many * 2, at_once_min, at_once_max);
}

result<void> enter_new(fold_context& context, asset_id to) {
  auto& lookup = context.lookup;
  auto from = context.indexed.indexed_to;
  auto done = lookup.add_texts.run(from, to);
  if (done) done = lookup.add_content.run(from, to);
  if (done) done = lookup.add_copies.run(from, to);
  if (done) done = lookup.set_state.run(to, context.indexed.again);
  return done;
}

result<void> enter_stale(fold_context& context, asset_id to) {
  auto& lookup = context.lookup;
  auto done = lookup.add_stale_texts.run(to);
  if (done) done = lookup.add_stale_content.run(to);
  if (done) done = lookup.add_stale_copies.run(to);
  if (done) done = lookup.remove_stale.run(to);
  if (done)
    done = lookup.set_state.run(context.indexed.indexed_to,
                                context.indexed.again + lookup.remove_stale.changed_rows());
  return done;
}

result<void> start_over(database& db) {
  return db.execute("INSERT INTO lookup_text (lookup_text) VALUES ('delete-all');"
                    "DELETE FROM lookup_content; DELETE FROM lookup_copy; DELETE FROM lookup_stale;"
                    "UPDATE lookup_state SET indexed_to = 0, again = 0");
}

}  // namespace

result<lookup_state> read_lookup_state(database& db) {
  auto query = db.prepare("SELECT indexed_to, again FROM lookup_state");
  if (!query) return query.failure();
  lookup_state state;
  auto read = query->for_each_row([&](const statement& row) {
    state = {row.get<asset_id>(0), row.get<std::int64_t>(1)};
  });
  if (!read) return read.failure();
  return state;
}

result<void> mark_stale(fold_context& context, asset_id asset) {
  if (asset > context.indexed.indexed_to) return {};
  return context.lookup.mark_stale.run(asset);
}

result<bool> projection::enter_for_lookup() {
  auto& context = *context_;
  auto& lookup = context.lookup;
  auto begun = std::chrono::steady_clock::now();
  auto writing = transaction::begin_write(context.db);
  if (!writing) return writing.failure();
  if (auto ours = expect_untouched(context); !ours) return ours.failure();
  auto stale = highest(lookup.next_stale, context.enter_at_once);
  if (!stale) return stale.failure();
  auto fresh = highest(lookup.next_new, context.indexed.indexed_to, context.enter_at_once);
  if (!fresh) return fresh.failure();
  if (*stale == 0 && *fresh == 0) return false;
  result<void> entered;
  if (context.indexed.again > context.indexed.indexed_to + stale_entries_min)
    entered = start_over(context.db);
  else
    entered = *stale != 0 ? enter_stale(context, *stale) : enter_new(context, *fresh);
  if (!entered) return entered.failure();
  auto state = read_lookup_state(context.db);
  if (!state) return state.failure();
  auto committed = writing->commit();
  if (!committed) return committed.failure();
  context.indexed = *state;
  adapt(context, std::chrono::steady_clock::now() - begun);
  return true;
}

}  // namespace podstudio
