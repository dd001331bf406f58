// SPDX-License-Identifier: MIT
#include "projections/folds.hpp"

#include "events/enums.hpp"
#include "events/extension.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <variant>

namespace podstudio {

std::string repeated(std::string_view begin, std::string_view row, int times) {
  std::string sql(begin);
  for (int i = 0; i < times; ++i)
    sql.append(i == 0 ? "" : ", ").append(row);
  return sql;
}

namespace {

/// A digest as the `hash` column has it, without an allocation.
class hash_column {
public:
  hash_column() = default;
  explicit hash_column(const digest& bytes) noexcept {
    constexpr std::string_view digits = "0123456789abcdef";
    char* out = text_;
    for (auto byte : bytes) {
      *out++ = digits[byte >> 4];
      *out++ = digits[byte & 0xf];
    }
  }
  operator std::string_view() const noexcept { return {text_, sizeof text_}; }

private:
  char text_[2 * std::tuple_size_v<digest>];
};

template <class... Values>
void bind_next(statement& into, int& index, const Values&... values) {
  (into.bind_at(++index, values), ...);
}

/// Inserts the rows of files by statements that take that many.
template <std::size_t count>
result<void> insert_rows(fold_context& context, statement& insert, statement& insert_files,
                         const std::array<const asset_registered*, count>& rows) {
  // Bound, not copied: they must stay until the statement is run.
  std::array<hash_column, count> hashes;
  int asset_at = 0, file_at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& [asset, path, type, content] = *rows[i];
    hashes[i] = hash_column(content.sha256);
    bind_next(insert, asset_at, asset, path, word(type), hashes[i], context.at, context.at);
    const auto& facts = content.facts;
    bind_next(insert_files, file_at, asset, facts.size_bytes, facts.mtime_ns, facts.ctime_ns,
              facts.inode, facts.device);
    context.ids.asset = std::max(context.ids.asset, asset);
    ++context.counts.of_type[static_cast<std::size_t>(type)];
  }
  auto inserted = insert.run_bound();
  if (inserted) inserted = insert_files.run_bound();
  // Only one that was forgotten has an id from before.
  for (std::size_t i = 0; inserted && i < count; ++i) {
    inserted = mark_stale(context, rows[i]->asset);
    if (inserted) inserted = mark_content_new(context, rows[i]->asset);
  }
  return inserted;
}

result<void> set_facts(fold_context& context, asset_id asset, const file_facts& before,
                       const file_facts& after) {
  result<void> done;
  if (before.size_bytes != after.size_bytes || before.inode != after.inode
      || before.device != after.device)
    done = mark_content_stale(context, asset);
  if (done)
    done = change_one(context.assets.set_facts, asset, after.size_bytes, after.mtime_ns,
                      after.ctime_ns, after.inode, after.device);
  if (!done || before.size_bytes == after.size_bytes) return done;
  return resize_packs_of(context, asset);
}

/// Adds an asset to the counts, or takes it from them, as its row is now.
result<void> count(fold_context& context, asset_id asset, std::int64_t sign) {
  auto& find = context.assets.find_counted;
  find.bind(asset);
  return find.for_each_row([&](const statement& row) {
    auto& counts = context.counts;
    if (auto type = from_word<asset_type>(row.get<std::string_view>(0)))
      counts.of_type[static_cast<std::size_t>(*type)] += sign;
    if (row.get<bool>(1)) counts.approved += sign;
    if (row.get<bool>(2)) counts.missing += sign;
  });
}

/// Changes a row by what it is counted by.
template <class... Values>
result<void> change_counted(fold_context& context, statement& change, asset_id asset,
                            const Values&... values) {
  auto done = count(context, asset, -1);
  if (done) done = change_one(change, asset, values...);
  if (done) done = count(context, asset, 1);
  return done;
}

/// Makes room at `path` for `asset`. Files can swap their names within one command, and then the
/// first move arrives where the other asset still is. That one waits aside; the command must move
/// it on.
result<void> park_occupant(fold_context& context, const std::string& path, asset_id asset) {
  // In bulk two assets may share a path for a while: there is no index yet to forbid it.
  if (context.bulk) return {};
  auto& find = context.assets.find_occupant;
  find.bind(path, asset);
  std::optional<asset_id> occupant;
  auto found = find.for_each_row([&](const statement& row) { occupant = row.get<asset_id>(0); });
  if (!found || !occupant) return found;
  context.parked.insert(*occupant);
  return change_one(context.assets.park, *occupant);
}

result<void> set_path(fold_context& context, asset_id asset, const std::string& path) {
  auto free = park_occupant(context, path, asset);
  if (!free) return free;
  context.parked.erase(asset);
  auto set = change_one(context.assets.set_path, asset, path, context.at);
  if (!set) return set;
  return mark_stale(context, asset);
}

result<void> relocate(fold_context& context, asset_id asset, const std::string& before,
                      const std::string& after) {
  auto moved = set_path(context, asset, after);
  if (moved && has_other_extension(before, after)) moved = context.media.set_unread.run(asset);
  return moved;
}

}  // namespace

result<void> fold(fold_context& context, const asset_registered& what) {
  return insert_rows(context, context.assets.insert, context.assets.insert_file, std::array{&what});
}

result<std::size_t> fold_together(fold_context& context, std::span<const event> events) {
  std::array<const asset_registered*, rows_at_once> rows;
  if (events.size() < rows.size()) return 0;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i] = std::get_if<asset_registered>(&events[i]); !rows[i]) return 0;
  auto inserted =
      insert_rows(context, context.assets.insert_many, context.assets.insert_many_files, rows);
  if (!inserted) return inserted.failure();
  return rows.size();
}

result<void> fold(fold_context& context, const asset_content_changed& what) {
  auto changed = mark_content_stale(context, what.asset);
  if (changed)
    changed =
        change_one(context.assets.set_hash, what.asset, hash_column(what.after.sha256), context.at);
  if (changed) changed = forget_media(context, what.asset);
  if (!changed) return changed;
  return set_facts(context, what.asset, what.before.facts, what.after.facts);
}

result<void> fold(fold_context& context, const asset_touched& what) {
  return set_facts(context, what.asset, what.before, what.after);
}

result<void> fold(fold_context& context, const asset_moved& what) {
  auto moved = relocate(context, what.asset, what.path_before, what.path_after);
  if (!moved) return moved;
  return set_facts(context, what.asset, what.before, what.after);
}

result<void> fold(fold_context& context, const asset_missing& what) {
  auto marked = mark_content_stale(context, what.asset);
  if (!marked) return marked;
  return change_counted(context, context.assets.set_missing_since, what.asset, context.at);
}

result<void> fold(fold_context& context, const asset_returned& what) {
  if (what.path_after != what.path_before) {
    auto moved = relocate(context, what.asset, what.path_before, what.path_after);
    if (!moved) return moved;
  }
  auto returned = mark_content_stale(context, what.asset);
  if (returned)
    returned = change_counted(context, context.assets.set_missing_since, what.asset,
                              std::optional<std::string_view>());
  if (!returned) return returned;
  return set_facts(context, what.asset, what.before, what.after);
}

result<void> fold_label(fold_context& context, asset_id asset, statement& set,
                        const label_traits& traits) {
  auto done = traits.counted ? count(context, asset, -1) : result<void>();
  if (done) done = set.run_bound();
  if (done && set.changed_rows() != 1) done = no_such_row();
  if (done && traits.counted) done = count(context, asset, 1);
  if (done && traits.searched) done = mark_stale(context, asset);
  return done;
}

result<void> fold(fold_context& context, const asset_tagged& what) {
  auto added = context.assets.add_tag.run(what.asset, what.tag);
  if (!added) return added;
  return mark_stale(context, what.asset);
}

result<void> fold(fold_context& context, const asset_untagged& what) {
  return change_one(context.assets.remove_tag, what.asset, what.tag);
}

result<void> fold(fold_context& context, const asset_forgotten& what) {
  context.parked.erase(what.asset);
  // Its jobs stay in the history; they only lose the reference.
  auto done = context.jobs.forget_asset.run(what.asset);
  if (done) done = mark_content_stale(context, what.asset);
  if (done) done = count(context, what.asset, -1);
  if (!done) return done;
  done = forget_media(context, what.asset);
  if (done) done = context.assets.remove_review.run(what.asset);
  if (done) done = change_one(context.assets.remove_file, what.asset);
  if (!done) return done;
  return change_one(context.assets.remove, what.asset);
}

result<counted_assets> read_asset_counts(database& db) {
  auto query = db.prepare("SELECT image, audio, video, approved, missing FROM checkpoint");
  if (!query) return query.failure();
  counted_assets counts;
  auto read = query->for_each_row([&](const statement& row) {
    for (std::size_t i = 0; i < counts.of_type.size(); ++i)
      counts.of_type[i] = row.get<std::int64_t>(static_cast<int>(i));
    counts.approved = row.get<std::int64_t>(3);
    counts.missing = row.get<std::int64_t>(4);
  });
  if (!read) return read.failure();
  return counts;
}

}  // namespace podstudio
