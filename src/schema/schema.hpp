// SPDX-License-Identifier: MIT
#pragma once

#include "schema/sqlite.hpp"

#include <cstdint>
#include <string>

/// Creates the tables of the read side, and tells whether a file holds them. See SCHEMA.md.
namespace podstudio {

/// "PODS", in the file's header: this is a PODStudio database.
inline constexpr std::int32_t tables_application_id = 0x504f4453;

/// Raise the first with any change of schema.sql, the second with any change of what a fold writes
/// or of what texts are looked up by.
/// There are no migrations: a file of another version is built again from the log.
inline constexpr std::int32_t tables_layout_version = 12;
inline constexpr std::int32_t tables_fold_version = 4;
inline constexpr std::int32_t tables_version = tables_layout_version * 1000 + tables_fold_version;

/// Opens the tables to read them, beside the service and any number of other readers. Errors:
/// - `not_found`: no file, or one without any table in it: there is nothing yet;
/// - `damaged`: ours, and broken; or `newer_version`: ours, of another version (in either
/// direction).
///   Both are cured by a rebuild (`needs_rebuild`);
/// - `refused`: somebody else's file, which must never be overwritten by itself: no SQLite
/// database, or
///   one that another program made;
/// - those of sqlite.hpp.
result<database> open_tables_read_only(const std::string& path);

/// Whether the file holds nothing that SQLite can read as a database, or tables of ours that lost
/// their mark: in the library's own place it is what became of its tables, and elsewhere it may be
/// a person's picture.
bool is_ruined(const std::string& path);

/// Whether tables can be built at a path that a person named without removing a file of anybody
/// else: beside it stands what SQLite keeps there, and what an interrupted build left. Error:
/// `refused`, naming the file that is in the way.
result<void> check_nothing_beside(const std::string& path, const std::string& aside);

/// Opens the tables to fold into them, and makes them where there is nothing yet. Errors as above,
/// without `not_found`.
result<database> open_tables(const std::string& path);

/// Makes empty tables in a new file with settings for loading in bulk: no journal, no sync, up to
/// 512 MiB of pages in memory, and without the indexes that `finish_bulk_tables` makes. Begins the
/// one transaction in which all is loaded, so that each page is written once. A crash leaves a
/// broken file, so this is for files aside only.
result<database> create_bulk_tables(const std::string& path);

/// Makes what was left out, commits, and brings the file into the form in which it is used (WAL).
/// Error `internal`: two assets have one path.
result<void> finish_bulk_tables(database& db);

/// Replaces what the tables at `to` hold, of whatever version, with the tables at `from`, in one
/// durable transaction: a program that reads them goes on, and sees the old ones or the new ones.
/// False: there are none, or none that SQLite can use, and nothing was changed. On an error nothing
/// was changed either: `refused` where they are another program's, else those of sqlite.hpp.
result<bool> overwrite_tables(const std::string& from, const std::string& to);

/// True for errors of opening or using the tables that a rebuild from the log cures.
bool needs_rebuild(const error& failure) noexcept;

}  // namespace podstudio
