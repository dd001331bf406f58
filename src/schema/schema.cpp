// SPDX-License-Identifier: MIT
#include "schema/schema.hpp"

#include "schema/schema_sql.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <unistd.h>

namespace podstudio {

namespace {

/// Where the part of schema.sql begins that a bulk load makes last.
constexpr std::string_view last_part = "-- Made last by a bulk load";

// Page size and journal mode are properties of the file and must be set before its first table.
constexpr const char* new_file_settings = "PRAGMA page_size = 4096;";

constexpr const char* writer_settings =
    // The log is the truth: a power cut may cost the last transactions of the tables, which are
    // folded again, but never their consistency.
    "PRAGMA synchronous = NORMAL;"
    // 16 MB of WAL before a commit has to copy it back; the projector does so in idle times.
    "PRAGMA wal_autocheckpoint = 4000;"
    "PRAGMA journal_size_limit = 67108864;"
    "PRAGMA cache_size = -16384;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA secure_delete = OFF;"
    // Every reference was checked when the command was decided; tests check that none dangles.
    "PRAGMA foreign_keys = OFF;";

constexpr const char* bulk_settings = "PRAGMA journal_mode = OFF;"
                                      "PRAGMA synchronous = OFF;"
                                      "PRAGMA locking_mode = EXCLUSIVE;"
                                      "PRAGMA cache_size = -524288;"
                                      "PRAGMA temp_store = MEMORY;"
                                      "PRAGMA secure_delete = OFF;"
                                      "PRAGMA foreign_keys = OFF;"
                                      // The folds write words of the enumerations only.
                                      "PRAGMA ignore_check_constraints = ON;";

constexpr const char* reader_settings = "PRAGMA query_only = ON;"
                                        // Few: the system keeps the file's pages, too.
                                        "PRAGMA cache_size = -2048;"
                                        // What a query sorts beyond that goes to a file, which the
                                        // system keeps in memory as well while there is room.
                                        "PRAGMA temp_store = FILE;";

std::size_t last_part_at() {
  auto at = schema_sql.find(last_part);
  assert(at != std::string_view::npos);
  return at;
}

enum class contents { none, ours };

/// Whether the file begins as a database of ours, whatever follows.
bool has_our_mark(const std::string& path) {
  // https://www.sqlite.org/fileformat.html: the magic, and at 68 the application's id, big-endian.
  constexpr std::string_view magic("SQLite format 3\0", 16), mark("PODS");
  constexpr std::size_t mark_at = 68;
  std::array<char, mark_at + mark.size()> begin{};
  std::ifstream file(path, std::ios::binary);
  file.read(begin.data(), begin.size());
  std::string_view text(begin.data(), static_cast<std::size_t>(file.gcount()));
  return text.size() == begin.size() && text.starts_with(magic) && text.ends_with(mark);
}

/// What is in the file, or why it is not for us.
result<contents> inspect(database& db, const std::string& path) {
  auto application = db.value<std::int32_t>("PRAGMA application_id");
  if (!application) {
    auto failure = application.failure();
    // What has our mark is ours, cut or not; a file without it may be a person's picture.
    bool is_no_database =
        failure.code == error_code::damaged || failure.code == error_code::internal;
    if (!is_no_database) return failure;
    if (has_our_mark(path)) return error{error_code::damaged, failure.message};
    return error{error_code::refused,
                 "'" + path + "' is not a database; move it away, or name another file"};
  }
  auto tables = db.value<std::int64_t>("SELECT count(*) FROM sqlite_schema");
  bool is_ours = *application == tables_application_id;
  bool is_empty = *application == 0 && tables && *tables == 0;
  // A schema that this SQLite cannot read, it may be too old for.
  bool is_foreign = !is_ours && !is_empty
                    && (tables || tables.failure().code == error_code::damaged
                        || tables.failure().code == error_code::internal);
  if (is_foreign)
    return error{error_code::refused,
                 "'" + path + "' belongs to another program; move it away, or name another file"};
  if (!tables) {
    auto failure = tables.failure();
    if (failure.code == error_code::internal) failure.code = error_code::damaged;
    return failure;
  }
  if (is_empty) return contents::none;
  auto version = db.value<std::int32_t>("PRAGMA user_version");
  if (!version) return version.failure();
  if (*version != tables_version)
    return error{error_code::newer_version, "'" + path + "' has tables of version "
                                                + std::to_string(*version) + ", this program has "
                                                + std::to_string(tables_version)
                                                + "; rebuild it with 'podstudio replay'"};
  return contents::ours;
}

result<bool> has_other_pages(database& one, database& other) {
  auto bytes = one.value<std::int64_t>("PRAGMA page_size");
  if (!bytes) return bytes.failure();
  auto others = other.value<std::int64_t>("PRAGMA page_size");
  if (!others) return others.failure();
  return *bytes != *others;
}

/// Whether SQLite does not write to it although the system would.
bool is_read_only_by_its_header(const database& db, const std::string& path) {
  return db.is_read_only() && ::access(path.c_str(), W_OK) == 0;
}

/// All or nothing, so that a crash leaves a file that counts as empty.
result<void> create_tables(database& db, std::string_view sql) {
  auto writing = transaction::begin_write(db);
  if (!writing) return writing.failure();
  auto created = db.execute(std::string(sql));
  if (!created) return created;
  auto marked = db.execute("PRAGMA application_id = " + std::to_string(tables_application_id)
                           + ";PRAGMA user_version = " + std::to_string(tables_version));
  if (!marked) return marked;
  return writing->commit();
}

}  // namespace

result<database> open_tables_read_only(const std::string& path) {
  auto db = database::open(path, database_access::read_only);
  if (!db) return db;
  auto found = inspect(*db, path);
  if (!found) return found.failure();
  if (*found == contents::none)
    return error{error_code::not_found,
                 "'" + path + "' holds no tables yet; start the service or run 'podstudio replay'"};
  auto set = db->execute(reader_settings);
  if (!set) return set.failure();
  return db;
}

bool is_ruined(const std::string& path) {
  auto db = database::open(path, database_access::read_only);
  if (!db || has_our_mark(path)) return false;  // with the mark it is damaged
  auto cannot_be_read = [](const error& why) {
    return why.code == error_code::damaged || why.code == error_code::internal;
  };
  auto application = db->value<std::int32_t>("PRAGMA application_id");
  if (!application) return cannot_be_read(application.failure());
  auto ours = db->value<std::int64_t>(
      "SELECT count(*) FROM sqlite_schema WHERE name IN ('checkpoint', 'asset_file', 'last_id')");
  if (!ours) return cannot_be_read(ours.failure());
  constexpr int all = 3;
  return *application != tables_application_id && *ours == all;
}

result<void> check_nothing_beside(const std::string& path, const std::string& aside) {
  std::error_code ignored;
  auto is_there = [&](const std::string& file) {
    return std::filesystem::symlink_status(file, ignored).type()
           != std::filesystem::file_type::not_found;
  };
  for (const auto& base : {path, aside}) {
    bool is_aside = base == aside;
    bool made = std::filesystem::is_regular_file(std::filesystem::symlink_status(base, ignored));
    // An interrupted build may not have come to write its mark.
    bool ours =
        made && (!is_aside || has_our_mark(base) || std::filesystem::file_size(base, ignored) == 0);
    if (ours) continue;  // what stands beside it, SQLite put there
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
      auto file = base + suffix;
      if ((is_aside || *suffix != '\0') && is_there(file))
        return error{error_code::refused, "'" + file + "' would be overwritten by building '" + path
                                              + "'; move it away, or choose another name"};
    }
  }
  return {};
}

result<database> open_tables(const std::string& path) {
  auto db = database::open(path, database_access::create);
  if (!db) return db;
  auto found = inspect(*db, path);
  if (!found) return found.failure();
  if (*found == contents::none) {
    auto set = db->execute(new_file_settings);
    if (!set) return set.failure();
  }
  if (is_read_only_by_its_header(*db, path))
    return error{error_code::damaged, "'" + path + "' is marked read-only in its own header"};
  if (db->is_read_only())
    return error{error_code::not_permitted,
                 "cannot write '" + path + "'; check the permissions of the file and its folder"};
  auto mode = db->value<std::string>("PRAGMA journal_mode = WAL");
  if (!mode) return mode.failure();
  auto set = db->execute(writer_settings);
  if (!set) return set.failure();
  if (*found == contents::none) {
    auto created = create_tables(*db, schema_sql);
    if (!created) return created.failure();
  }
  return db;
}

result<database> create_bulk_tables(const std::string& path) {
  auto db = database::open(path, database_access::create);
  if (!db) return db;
  auto set = db->execute(std::string(new_file_settings) + bulk_settings);
  if (!set) return set.failure();
  auto created = create_tables(*db, schema_sql.substr(0, last_part_at()));
  if (!created) return created.failure();
  // All of it is one transaction, so that a page is written once, however often it changes.
  auto begun = db->execute("BEGIN IMMEDIATE");
  if (!begun) return begun.failure();
  return db;
}

result<void> finish_bulk_tables(database& db) {
  auto indexed = db.execute(std::string(schema_sql.substr(last_part_at())));
  if (!indexed) return indexed;
  auto committed = db.execute("COMMIT");
  if (!committed) return committed;
  auto mode = db.execute("PRAGMA locking_mode = NORMAL; PRAGMA journal_mode = WAL;");
  if (!mode) return mode;
  return {};
}

result<bool> overwrite_tables(const std::string& from, const std::string& to) {
  auto source = open_tables_read_only(from);
  if (!source) return source.failure();
  auto unless_damaged = [](const error& failure) -> result<bool> {
    if (failure.code == error_code::damaged || failure.code == error_code::not_found) return false;
    return failure;
  };
  auto db = database::open(to, database_access::read_write);
  if (!db) return unless_damaged(db.failure());
  auto found = inspect(*db, to);
  bool is_other_version = !found && found.failure().code == error_code::newer_version;
  if (!found && !is_other_version) return unless_damaged(found.failure());
  // Neither can be copied over. One damaged bit of the header can say either.
  auto other_pages = has_other_pages(*source, *db);
  if (!other_pages) return unless_damaged(other_pages.failure());
  if (*other_pages || is_read_only_by_its_header(*db, to)) return false;
  auto mode = db->value<std::string>("PRAGMA journal_mode = WAL");
  if (!mode) return unless_damaged(mode.failure());
  auto set = db->execute(std::string(writer_settings) + "PRAGMA synchronous = FULL");
  if (!set) return unless_damaged(set.failure());
  if (auto copied = db->copy_from(*source); !copied) {
    // Tables of another version are of no use to anybody here, and a new file takes less room.
    if (is_other_version && copied.failure().code == error_code::disk_full) return false;
    return unless_damaged(copied.failure());
  }
  // They are in the WAL, durable. What is not copied back now is copied back later.
  (void)db->execute("PRAGMA wal_checkpoint(PASSIVE)");
  return true;
}

bool needs_rebuild(const error& failure) noexcept {
  return failure.code == error_code::damaged || failure.code == error_code::newer_version;
}

}  // namespace podstudio
