// SPDX-License-Identifier: MIT
#include "projections/projection.hpp"

#include "platform/files.hpp"
#include "projections/folds.hpp"
#include "schema/schema.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <optional>
#include <string_view>

namespace podstudio {

namespace {

result<last_ids> read_last_ids(database& db) {
  auto query = db.prepare("SELECT last_asset, last_pack, last_job, last_root FROM checkpoint");
  if (!query) return query.failure();
  last_ids ids;
  auto read = query->for_each_row([&](const statement& row) {
    ids = {.asset = row.get<std::int64_t>(0),
           .pack = row.get<std::int64_t>(1),
           .job = row.get<std::int64_t>(2),
           .root = row.get<std::int64_t>(3)};
  });
  if (!read) return read.failure();
  return ids;
}

constexpr std::array suffixes{"", "-wal", "-shm"};

/// What the paths of a database name now.
file_identities identities_of(const std::string& path) {
  file_identities all;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (auto file = find_named_file(AT_FDCWD, (path + suffixes[i]).c_str(), 0))
      all[i].emplace(file->device, file->inode);
  }
  return all;
}

result<log_head> read_checkpoint(statement& query, const std::string& path) {
  log_head head;
  bool found = false;
  auto read = query.for_each_row([&](const statement& row) {
    found = row.blob(1).size() == head.hash.size();
    if (!found) return;
    head.sequence = row.get<sequence_number>(0);
    std::ranges::copy(row.blob(1), head.hash.begin());
  });
  if (!read) return read.failure();
  if (found) return head;
  return error{error_code::damaged,
               "there is no checkpoint in '" + path + "'; rebuild it with 'podstudio replay'"};
}

/// Whether the commands follow `head` and each other without a gap.
result<void> expect_in_order(const log_head& head, std::span<const committed_command> commands) {
  auto expected = head.sequence + 1;
  for (const auto& command : commands) {
    if (command.first_sequence != expected)
      return error{error_code::internal, "cannot fold the command at sequence "
                                             + std::to_string(command.first_sequence)
                                             + ": the tables expect " + std::to_string(expected)
                                             + "; restart the service"};
    expected = command.last_sequence() + 1;
  }
  return {};
}

}  // namespace

result<void> expect_untouched(fold_context& context) {
  // Other programs would read another WAL than is written, or not see who else is at work.
  auto files = identities_of(context.db.path());
  if (auto [now, then] = std::ranges::mismatch(files, context.files); now != files.end())
    return error{error_code::damaged,
                 "'" + context.db.path() + suffixes[static_cast<std::size_t>(now - files.begin())]
                     + "' was removed or replaced by another file; restart the "
                       "service, which rebuilds it"};
  auto head = read_checkpoint(context.commands.checkpoint, context.db.path());
  if (!head) return head.failure();
  if (*head == context.head) return {};
  return error{error_code::damaged, "'" + context.db.path()
                                        + "' was written by another program; restart the service, "
                                          "which brings it up to date"};
}

projection::projection(std::unique_ptr<fold_context> context) : context_(std::move(context)) {}
projection::~projection() = default;

result<std::unique_ptr<projection>> projection::start(database db, bool bulk) {
  auto context = std::make_unique<fold_context>(std::move(db), bulk);
  // A statement that cannot be prepared on tables of this version means that somebody changed them.
  if (const auto& failure = context->prepare.failure())
    return error{failure->code == error_code::internal ? error_code::damaged : failure->code,
                 failure->message + "; rebuild it with 'podstudio replay'"};
  auto head = read_checkpoint(context->db);
  if (!head) return head.failure();
  auto ids = read_last_ids(context->db);
  if (!ids) return ids.failure();
  auto counts = read_asset_counts(context->db);
  if (!counts) return counts.failure();
  auto indexed = read_lookup_state(context->db);
  if (!indexed) return indexed.failure();
  context->files = identities_of(context->db.path());
  context->indexed = *indexed;
  context->head = *head;
  context->committed_ids = *ids;
  context->committed_counts = *counts;
  return std::unique_ptr<projection>(new projection(std::move(context)));
}

result<std::unique_ptr<projection>> projection::open(const std::string& path) {
  auto db = open_tables(path);
  if (!db) return db.failure();
  return start(*std::move(db), false);
}

result<std::unique_ptr<projection>> projection::create_bulk(const std::string& path) {
  auto db = create_bulk_tables(path);
  if (!db) return db.failure();
  return start(*std::move(db), true);
}

log_head projection::checkpoint() const noexcept { return context_->head; }

result<void> projection::fold(std::span<const committed_command> commands) {
  if (commands.empty()) return {};
  auto& context = *context_;
  auto in_order = expect_in_order(context.head, commands);
  if (!in_order) return in_order;
  // Whatever a failed attempt left behind counts no more.
  context.ids = context.committed_ids;
  context.counts = context.committed_counts;
  context.resized_packs.clear();
  context.library.reset();
  std::optional<transaction> writing;
  if (!context.bulk) {
    auto begun = transaction::begin_write(context.db);
    if (!begun) return begun.failure();
    writing.emplace(*std::move(begun));
    if (auto ours = expect_untouched(context); !ours) return ours;
  }
  for (const auto& command : commands) {
    auto folded = fold_command(context, command);
    if (!folded) return folded;
  }
  log_head head{commands.back().last_sequence(), commands.back().hash};
  auto stored = fold_checkpoint(context, head);
  if (!stored) return stored;
  if (writing)
    if (auto committed = writing->commit(); !committed) return committed;
  context.head = head;
  context.committed_ids = context.ids;
  context.committed_counts = context.counts;
  return {};
}

result<void> projection::checkpoint_wal() {
  // Returns a row that says how far it got; a reader in the way is no failure.
  return context_->db.execute("PRAGMA wal_checkpoint(PASSIVE); PRAGMA shrink_memory");
}

result<void> projection::finish_bulk() { return finish_bulk_tables(context_->db); }

result<log_head> read_checkpoint(database& db) {
  auto query = db.prepare(checkpoint_sql);
  if (!query) return query.failure();
  return read_checkpoint(*query, db.path());
}

error as_damage(error failure) {
  if (failure.code == error_code::internal) failure.code = error_code::damaged;
  return failure;
}

}  // namespace podstudio
