// SPDX-License-Identifier: MIT
#include "projections/folds.hpp"

#include "projections/projection.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <functional>
#include <optional>
#include <vector>

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

result<void> enter_new_texts(fold_context& context, asset_id to) {
  auto& lookup = context.lookup;
  auto done = lookup.add_texts.run(context.indexed.indexed_to, to);
  if (done) done = lookup.set_state.run(to, context.indexed.again);
  return done;
}

result<void> enter_stale_texts(fold_context& context, asset_id to) {
  auto& lookup = context.lookup;
  auto done = lookup.add_stale_texts.run(to);
  if (done) done = lookup.remove_stale.run(to);
  if (done)
    done = lookup.set_state.run(context.indexed.indexed_to,
                                context.indexed.again + lookup.remove_stale.changed_rows());
  return done;
}

result<void> start_over(database& db) {
  return db.execute("INSERT INTO lookup_text (lookup_text) VALUES ('delete-all');"
                    "DELETE FROM lookup_stale;"
                    "UPDATE lookup_state SET indexed_to = 0, again = 0");
}

/// A row of `lookup_content`, and the size of the file.
struct content_entry {
  std::array<std::uint8_t, 16> digest{};
  std::int64_t device = 0, inode = 0;
  asset_id asset = 0;
  std::int64_t size_bytes = 0;
};

/// In the order of the digests, so that a page is found once.
result<std::vector<content_entry>> entries_of(statement& bound) {
  std::vector<content_entry> entries;
  auto read = bound.for_each_row([&](const statement& row) {
    content_entry one{{},
                      row.get<std::int64_t>(1),
                      row.get<std::int64_t>(2),
                      row.get<asset_id>(3),
                      row.get<std::int64_t>(4)};
    assert(row.blob(0).size() == one.digest.size());
    std::ranges::copy(row.blob(0), one.digest.begin());
    entries.push_back(one);
  });
  if (!read) return read.failure();
  std::ranges::sort(entries, std::less<>(), &content_entry::digest);
  return entries;
}

/// What there is of one content.
struct content_count {
  std::int64_t size_bytes = 0, files = 0, names = 0;
};

/// All zero where there are less than two names.
result<content_count> count_of(lookup_statements& lookup, const content_entry& one) {
  content_count count;
  lookup.find_copies.bind(one.digest);
  auto read = lookup.find_copies.for_each_row([&](const statement& row) {
    count = {row.get<std::int64_t>(0), row.get<std::int64_t>(1), row.get<std::int64_t>(2)};
  });
  if (!read) return read.failure();
  return count;
}

/// Whether there is an entry of the same file.
result<bool> has_file(lookup_statements& lookup, const content_entry& one) {
  lookup.find_file.bind(one.digest, one.device, one.inode);
  bool found = false;
  auto read = lookup.find_file.for_each_row([&](const statement&) { found = true; });
  if (!read) return read.failure();
  return found;
}

/// Any entry of the same content.
result<std::optional<content_entry>> any_entry(lookup_statements& lookup,
                                               const content_entry& one) {
  std::optional<content_entry> found;
  lookup.find_content.bind(one.digest);
  auto read = lookup.find_content.for_each_row([&](const statement& row) {
    found = {one.digest, row.get<std::int64_t>(0), row.get<std::int64_t>(1), row.get<asset_id>(2),
             0};
  });
  if (!read) return read.failure();
  return found;
}

result<void> set_count(lookup_statements& lookup, const content_entry& one,
                       const content_count& count) {
  return lookup.set_copies.run(one.digest, count.size_bytes, count.files, count.names);
}

result<void> add_entry(lookup_statements& lookup, const content_entry& one) {
  auto count = count_of(lookup, one);
  if (!count) return count.failure();
  result<void> done;
  if (count->names == 0) {
    auto other = any_entry(lookup, one);
    if (!other) return other.failure();
    if (*other) {
      bool same_file = (*other)->device == one.device && (*other)->inode == one.inode;
      done = set_count(lookup, one, {one.size_bytes, same_file ? 1 : 2, 2});
      if (done) done = lookup.add_copy.run((*other)->asset);
      if (done) done = lookup.add_copy.run(one.asset);
    }
  } else {
    auto known = has_file(lookup, one);
    if (!known) return known.failure();
    done = set_count(lookup, one,
                     {count->size_bytes, count->files + (*known ? 0 : 1), count->names + 1});
    if (done) done = lookup.add_copy.run(one.asset);
  }
  if (done) done = lookup.add_content.run(one.digest, one.device, one.inode, one.asset);
  return done;
}

result<void> remove_entry(lookup_statements& lookup, const content_entry& one) {
  auto done = lookup.remove_content.run(one.digest, one.device, one.inode, one.asset);
  if (!done || lookup.remove_content.changed_rows() == 0) return done;
  auto count = count_of(lookup, one);
  if (!count) return count.failure();
  if (count->names == 0) return {};
  auto known = has_file(lookup, one);
  if (!known) return known.failure();
  done = lookup.remove_copy.run(one.asset);
  if (!done) return done;
  if (count->names > 2)
    return set_count(lookup, one,
                     {count->size_bytes, count->files - (*known ? 0 : 1), count->names - 1});
  auto last = any_entry(lookup, one);
  if (!last) return last.failure();
  done = lookup.remove_copies.run(one.digest);
  if (done && *last) done = lookup.remove_copy.run((*last)->asset);
  return done;
}

result<void> change_each(lookup_statements& lookup,
                         const result<std::vector<content_entry>>& entries,
                         result<void> (*change)(lookup_statements&, const content_entry&)) {
  if (!entries) return entries.failure();
  for (const auto& one : *entries)
    if (auto changed = change(lookup, one); !changed) return changed;
  return {};
}

result<void> enter_new_contents(fold_context& context, asset_id to) {
  auto& lookup = context.lookup;
  lookup.new_contents.bind(context.indexed.content_to, to);
  auto done = change_each(lookup, entries_of(lookup.new_contents), add_entry);
  if (done) done = lookup.set_content_to.run(to);
  return done;
}

result<void> enter_stale_contents(fold_context& context, asset_id to) {
  auto& lookup = context.lookup;
  lookup.stale_contents.bind(to);
  auto done = change_each(lookup, entries_of(lookup.stale_contents), remove_entry);
  if (!done) return done;
  lookup.changed_contents.bind(to);
  done = change_each(lookup, entries_of(lookup.changed_contents), add_entry);
  if (done) done = lookup.remove_stale_content.run(to);
  return done;
}

/// Enters some of what comes next: contents first, as that takes seconds and texts take minutes.
/// Whether there was anything.
result<bool> enter_some(fold_context& context) {
  auto& lookup = context.lookup;
  const auto& indexed = context.indexed;
  auto many = context.enter_at_once;
  auto enter = [&](result<void> (*what)(fold_context&, asset_id), asset_id to) -> result<bool> {
    if (auto entered = what(context, to); !entered) return entered.failure();
    return true;
  };
  auto next = highest(lookup.next_stale_content, many);
  if (!next || *next != 0) return !next ? next.failure() : enter(enter_stale_contents, *next);
  next = highest(lookup.next_new, indexed.content_to, many);
  if (!next || *next != 0) return !next ? next.failure() : enter(enter_new_contents, *next);
  auto stale = highest(lookup.next_stale, many);
  if (!stale) return stale.failure();
  next = highest(lookup.next_new, indexed.indexed_to, many);
  if (!next) return next.failure();
  if (*stale == 0 && *next == 0) return false;
  if (indexed.again > indexed.indexed_to + stale_entries_min) {
    if (auto begun = start_over(context.db); !begun) return begun.failure();
    return true;
  }
  return *stale != 0 ? enter(enter_stale_texts, *stale) : enter(enter_new_texts, *next);
}

}  // namespace

result<lookup_state> read_lookup_state(database& db) {
  auto query = db.prepare("SELECT indexed_to, again, content_to FROM lookup_state");
  if (!query) return query.failure();
  lookup_state state;
  auto read = query->for_each_row([&](const statement& row) {
    state = {row.get<asset_id>(0), row.get<std::int64_t>(1), row.get<asset_id>(2)};
  });
  if (!read) return read.failure();
  return state;
}

result<void> mark_stale(fold_context& context, asset_id asset) {
  if (asset > context.indexed.indexed_to) return {};
  return context.lookup.mark_stale.run(asset);
}

result<void> mark_content_stale(fold_context& context, asset_id asset) {
  if (asset > context.indexed.content_to) return {};
  return context.lookup.mark_content_stale.run(asset);
}

result<void> mark_content_new(fold_context& context, asset_id asset) {
  if (asset > context.indexed.content_to) return {};
  return context.lookup.mark_content_new.run(asset);
}

result<bool> projection::enter_for_lookup() {
  auto& context = *context_;
  auto begun = std::chrono::steady_clock::now();
  auto writing = transaction::begin_write(context.db);
  if (!writing) return writing.failure();
  if (auto ours = expect_untouched(context); !ours) return ours.failure();
  auto entered = enter_some(context);
  if (!entered || !*entered) return entered;
  auto state = read_lookup_state(context.db);
  if (!state) return state.failure();
  auto committed = writing->commit();
  if (!committed) return committed.failure();
  context.indexed = *state;
  adapt(context, std::chrono::steady_clock::now() - begun);
  return true;
}

}  // namespace podstudio
