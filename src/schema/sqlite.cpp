// SPDX-License-Identifier: MIT
#include "schema/sqlite.hpp"

#include "platform/fold_text.hpp"
#include "platform/types.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <filesystem>
#include <mutex>

namespace podstudio {

namespace {

constexpr int busy_timeout_ms = 5'000;
/// Of SQLite's virtual machine, between two looks at whether a statement is to end.
constexpr int steps_between_looks = 10'000;

std::string file_of(sqlite3* handle) {
  const char* name = handle ? sqlite3_db_filename(handle, "main") : nullptr;
  return name ? name : "";
}

/// Beside a full disk, a quota or the process's limit of a file's size.
bool is_out_of_room(int system_errno) {
  return system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG;
}

/// The error of a failed call on a file. SQLite's own words are kept: they name the constraint, the
/// table or the system call.
error failure_of(int code, sqlite3* handle, const std::string& path) {
  // SQLite keeps the system's error of a failing statement, but not that of a failing commit.
  auto latest = errno;
  auto kept = handle ? sqlite3_system_errno(handle) : 0;
  auto file = "'" + path + "'";
  std::string reason = handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  switch (code & 0xff) {
  case SQLITE_FULL:
    return {error_code::disk_full,
            "cannot write " + file + ": " + reason + "; free some space and try again"};
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return {error_code::damaged,
            file + " is damaged: " + reason + "; rebuild it with 'podstudio replay'"};
  case SQLITE_INTERRUPT:
    return {error_code::timed_out, "reading " + file + " took too long"};
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return {error_code::busy,
            file + " is locked by another program; close that program and try again"};
  case SQLITE_READONLY:
  case SQLITE_PERM:
    return {error_code::not_permitted, "cannot write " + file + ": " + reason
                                           + "; check the permissions of the file and its folder"};
  case SQLITE_CANTOPEN:
    if (kept != 0) return system_error(kept)("cannot open " + file);
    return {error_code::io_failed, "cannot open " + file + ": " + reason + "; check the path"};
  case SQLITE_IOERR:
  case SQLITE_NOLFS:
    if (is_out_of_room(latest) || is_out_of_room(kept))
      return {error_code::disk_full,
              "cannot write " + file + ": no room; free some space and try again"};
    return {error_code::io_failed,
            "cannot read or write " + file + ": " + reason + "; check the disk"};
  default:
    return {error_code::internal, file + ": " + reason};
  }
}

error failure_of(int code, sqlite3* handle) { return failure_of(code, handle, file_of(handle)); }

/// SQLite as Debian builds it reads a name that starts with "file:" as a URI and ":memory:" as no
/// file at all; here a path is always a path.
std::string plain_path(const std::string& path) {
  return path.starts_with('/') ? path : "./" + path;
}

const char* kind_of(std::filesystem::file_type type) {
  switch (type) {
  case std::filesystem::file_type::directory:
    return "a folder, ";
  case std::filesystem::file_type::symlink:
    return "a symbolic link, ";
  default:
    return "";
  }
}

/// SQLite would wait for ever for somebody to write to a pipe, and its own files are no links.
result<void> check_regular(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code unknown;  // opening it tells more
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    auto file = path + suffix;
    auto type =
        (*suffix == '\0' ? fs::status(file, unknown) : fs::symlink_status(file, unknown)).type();
    if (unknown == std::errc::too_many_symbolic_link_levels)
      return system_error(unknown.value())("cannot open '" + file + "'");
    if (type != fs::file_type::none && type != fs::file_type::not_found
        && type != fs::file_type::regular)
      return error{error_code::refused,
                   "'" + file + "' is " + kind_of(type) + "not a regular file; move it away"};
  }
  return {};
}

int flags_of(database_access access) {
  // One connection is used by one thread at a time, so it needs no mutex of its own.
  constexpr int common = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (access) {
  case database_access::read_only:
    return common | SQLITE_OPEN_READONLY;
  case database_access::read_write:
    return common | SQLITE_OPEN_READWRITE;
  case database_access::create:
    return common | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  }
  return common;
}

std::string_view text_of(sqlite3_value* value) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
  return text == nullptr
             ? std::string_view()
             : std::string_view(text, static_cast<std::size_t>(sqlite3_value_bytes(value)));
}

/// `fold_text(text)`: as `podstudio::fold_text`.
void sql_fold_text(sqlite3_context* context, int, sqlite3_value** given) {
  auto folded = fold_text(text_of(given[0]));
  sqlite3_result_text64(context, folded.data(), folded.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

/// `finds(text, word)`: whether the word, which is folded, is a part of the folded text.
void sql_finds(sqlite3_context* context, int, sqlite3_value** given) {
  auto found = fold_text(text_of(given[0])).find(text_of(given[1])) != std::string::npos;
  sqlite3_result_int(context, found ? 1 : 0);
}

/// `digest_begin(hash)`: the first 16 bytes of a digest in hexadecimal digits; null for another
/// text.
void sql_digest_begin(sqlite3_context* context, int, sqlite3_value** given) {
  std::array<std::uint8_t, 16> bytes;
  std::string digits(text_of(given[0]).substr(0, 2 * bytes.size()));
  if (!from_hex(digits, bytes.data(), bytes.size())) return sqlite3_result_null(context);
  sqlite3_result_blob(context, bytes.data(), static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
}

int add_functions(sqlite3* handle) {
  constexpr int kind = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
  auto add = [handle](const char* name, int arguments, auto function) {
    return sqlite3_create_function_v2(handle, name, arguments, kind, nullptr, function, nullptr,
                                      nullptr, nullptr);
  };
  auto code = add("fold_text", 1, sql_fold_text);
  if (code == SQLITE_OK) code = add("finds", 2, sql_finds);
  return code != SQLITE_OK ? code : add("digest_begin", 1, sql_digest_begin);
}

}  // namespace

void detail::close_database::operator()(sqlite3* handle) const noexcept {
  // v2 lets statements that are still alive finish first.
  sqlite3_close_v2(handle);
}

void detail::finalize_statement::operator()(sqlite3_stmt* handle) const noexcept {
  sqlite3_finalize(handle);
}

// --- statement ---

result<bool> statement::step() {
  auto code = sqlite3_step(handle());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  auto failed = failure_of(code, sqlite3_db_handle(handle()));
  reset();
  return failed;
}

void statement::reset() noexcept { sqlite3_reset(handle()); }

result<void> statement::run_bound() {
  auto code = sqlite3_step(handle());
  assert(code != SQLITE_ROW);
  if (code == SQLITE_DONE) {
    sqlite3_reset(handle());
    return {};
  }
  auto failed = failure_of(code, sqlite3_db_handle(handle()));
  reset();
  return failed;
}

std::int64_t statement::changed_rows() const noexcept {
  return sqlite3_changes64(sqlite3_db_handle(handle()));
}

// A failing bind is a wrong index or a statement that was not reset: our bug, so they assert.
#define PODSTUDIO_BIND(call)                                                                       \
  do {                                                                                             \
    [[maybe_unused]] const int bind_code = (call);                                                 \
    assert(bind_code == SQLITE_OK);                                                                \
  } while (false)

void statement::bind_null(int index) noexcept {
  PODSTUDIO_BIND(sqlite3_bind_null(handle(), index));
}

void statement::bind_integer(int index, std::int64_t value) noexcept {
  PODSTUDIO_BIND(sqlite3_bind_int64(handle(), index, value));
}

void statement::bind_real(int index, double value) noexcept {
  PODSTUDIO_BIND(sqlite3_bind_double(handle(), index, value));
}

void statement::bind_text(int index, std::string_view value) noexcept {
  // A null pointer would bind NULL instead of the empty text.
  const char* data = value.data() ? value.data() : "";
  PODSTUDIO_BIND(
      sqlite3_bind_text64(handle(), index, data, value.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void statement::bind_blob(int index, std::span<const std::uint8_t> value) noexcept {
  if (value.empty())
    PODSTUDIO_BIND(sqlite3_bind_zeroblob(handle(), index, 0));
  else
    PODSTUDIO_BIND(sqlite3_bind_blob64(handle(), index, value.data(), value.size(), SQLITE_STATIC));
}

#undef PODSTUDIO_BIND

int statement::parameter_count() const noexcept { return sqlite3_bind_parameter_count(handle()); }

std::int64_t statement::integer(int column) const noexcept {
  return sqlite3_column_int64(handle(), column);
}

double statement::real(int column) const noexcept {
  return sqlite3_column_double(handle(), column);
}

std::string_view statement::text(int column) const noexcept {
  // The text first, then its size: the other order may give the size of another encoding.
  auto data = reinterpret_cast<const char*>(sqlite3_column_text(handle(), column));
  if (!data) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle(), column))};
}

std::span<const std::uint8_t> statement::blob(int column) const noexcept {
  auto data = static_cast<const std::uint8_t*>(sqlite3_column_blob(handle(), column));
  if (!data) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle(), column))};
}

column_value statement::value(int column) const noexcept {
  switch (sqlite3_column_type(handle(), column)) {
  case SQLITE_INTEGER:
    return integer(column);
  case SQLITE_FLOAT:
    return real(column);
  case SQLITE_TEXT:
    return text(column);
  case SQLITE_BLOB:
    return blob(column);
  default:
    return {};
  }
}

bool statement::is_null(int column) const noexcept {
  return sqlite3_column_type(handle(), column) == SQLITE_NULL;
}

int statement::column_count() const noexcept { return sqlite3_column_count(handle()); }

std::string_view statement::column_name(int column) const noexcept {
  const char* name = sqlite3_column_name(handle(), column);
  return name ? name : "";
}

// --- database ---

result<database> database::open(const std::string& path, database_access access) {
  // Without the count of its memory, SQLite takes no process-wide lock at every allocation: a fifth
  // of the time of an insert. It must be said before the library's first use.
  static std::once_flag configured;
  std::call_once(configured, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });
  if (auto regular = check_regular(path); !regular) return regular.failure();
  sqlite3* handle = nullptr;
  auto code = sqlite3_open_v2(plain_path(path).c_str(), &handle, flags_of(access), nullptr);
  database opened(handle);
  if (code == SQLITE_OK) code = add_functions(handle);
  if (code != SQLITE_OK) return failure_of(code, handle, path);
  sqlite3_busy_timeout(handle, busy_timeout_ms);
  return opened;
}

result<void> database::execute(const std::string& sql) {
  auto code = sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure_of(code, handle());
  return {};
}

result<statement> database::prepare(std::string_view sql) {
  sqlite3_stmt* prepared = nullptr;
  auto code = sqlite3_prepare_v3(handle(), sql.data(), static_cast<int>(sql.size()),
                                 SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  if (code != SQLITE_OK) return failure_of(code, handle());
  return statement(prepared);
}

bool database::is_read_only() const noexcept { return sqlite3_db_readonly(handle(), "main") == 1; }

result<void> database::copy_from(database& source) {
  constexpr int all_pages = -1;
  auto* copying = sqlite3_backup_init(handle(), "main", source.handle(), "main");
  if (!copying) return failure_of(sqlite3_errcode(handle()), handle());
  auto stepped = sqlite3_backup_step(copying, all_pages);
  // What it answers leaves out that somebody holds a lock.
  auto finished = sqlite3_backup_finish(copying);
  if (stepped != SQLITE_DONE) return failure_of(stepped, handle());
  if (finished != SQLITE_OK) return failure_of(finished, handle());
  return {};
}

std::string database::path() const { return file_of(handle()); }

// --- interruption ---

interruption::interruption(database& db, std::function<bool()> over)
    : handle_(db.handle()), over_(std::move(over)) {
  auto ask = [](void* self) { return static_cast<interruption*>(self)->over_() ? 1 : 0; };
  sqlite3_progress_handler(handle_, steps_between_looks, ask, this);
}

interruption::~interruption() { sqlite3_progress_handler(handle_, 0, nullptr, nullptr); }

// --- transaction ---

result<transaction> transaction::begin_write(database& db) {
  auto begun = db.execute("BEGIN IMMEDIATE");
  if (!begun) return begun.failure();
  return transaction(db.handle());
}

result<transaction> transaction::begin_read(database& db) {
  auto begun = db.execute("BEGIN");
  if (!begun) return begun.failure();
  return transaction(db.handle());
}

transaction::~transaction() { roll_back(); }

result<void> transaction::commit() {
  auto code = sqlite3_exec(handle_, "COMMIT", nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) {
    handle_ = nullptr;
    return {};
  }
  auto failed = failure_of(code, handle_);
  roll_back();
  return failed;
}

void transaction::roll_back() noexcept {
  auto* handle = std::exchange(handle_, nullptr);
  // Some errors, such as a full disk, end the transaction by themselves.
  if (handle && !sqlite3_get_autocommit(handle))
    sqlite3_exec(handle, "ROLLBACK", nullptr, nullptr, nullptr);
}

}  // namespace podstudio
