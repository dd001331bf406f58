// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

#include <cassert>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

struct sqlite3;
struct sqlite3_stmt;

/// A thin RAII wrapper for SQLite. Nothing here throws: what the outside world can cause is a
/// `result`; what only a wrong call can cause (a bad index, a misspelt type) asserts.
///
/// Error codes: `timed_out` (see `interruption`), `disk_full`, `damaged` (not a database, or
/// malformed), `busy` (another program holds the lock), `not_permitted`, `not_found` (no such
/// file), `io_failed`, `internal` (a broken constraint or bad SQL). Every message names the file.
namespace podstudio {

namespace detail {
struct close_database {
  void operator()(sqlite3* handle) const noexcept;
};
struct finalize_statement {
  void operator()(sqlite3_stmt* handle) const noexcept;
};
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
}  // namespace detail

/// A value in SQLite's storage classes: NULL, INTEGER, REAL, TEXT, BLOB.
using column_value = std::variant<std::monostate, std::int64_t, double, std::string_view,
                                  std::span<const std::uint8_t>>;

/// A prepared statement: bind, step, read columns, reset; prepare once and use often. Parameters
/// count from 1 and columns from 0, as in SQLite. The connection stays open until its statements
/// are gone.
class statement {
public:
  statement() = default;  ///< empty: may only be assigned to
  explicit statement(sqlite3_stmt* handle) noexcept : handle_(handle) {}

  /// Binds parameters 1, 2, ... Text and blobs are NOT copied: they must stay where they are until
  /// the statement is reset. An empty optional is NULL; integers of 64 bits without sign are kept
  /// as two's complement.
  template <class... Values>
  void bind(const Values&... values) {
    int index = 0;
    (bind_at(++index, values), ...);
    assert(index == parameter_count());
  }

  /// Binds one parameter, as `bind` does.
  template <class T>
  void bind_at(int index, const T& value) {
    if constexpr (detail::is_optional<T>) {
      if (value)
        bind_at(index, *value);
      else
        bind_null(index);
    } else if constexpr (std::is_integral_v<T>) {
      bind_integer(index, static_cast<std::int64_t>(value));
    } else if constexpr (std::is_floating_point_v<T>) {
      bind_real(index, static_cast<double>(value));
    } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      bind_text(index, value);
    } else {
      bind_blob(index, std::span<const std::uint8_t>(value));
    }
  }

  /// True: there is a row to read. False: done.
  result<bool> step();
  void reset() noexcept;

  /// Binds, runs to the end and resets; for statements that return no rows.
  template <class... Values>
  result<void> run(const Values&... values) {
    bind(values...);
    return run_bound();
  }

  /// The same with what is bound already.
  result<void> run_bound();

  /// Calls `visit(*this)` for each row of what is bound, then resets.
  template <class Visitor>
  result<void> for_each_row(Visitor&& visit) {
    for (;;) {
      auto row = step();
      if (!row) return row.failure();
      if (!*row) break;
      visit(std::as_const(*this));
    }
    reset();
    return {};
  }

  /// The rows that the last INSERT, UPDATE or DELETE of the connection changed.
  std::int64_t changed_rows() const noexcept;

  /// A column of the current row as bool, an integer, double, std::string, std::string_view (valid
  /// until the next step) or an optional of one of these. NULL in a type that is not optional reads
  /// as 0 or "".
  template <class T>
  T get(int column) const {
    if constexpr (detail::is_optional<T>) {
      if (is_null(column)) return std::nullopt;
      return get<typename T::value_type>(column);
    } else if constexpr (std::is_same_v<T, bool>) {
      return integer(column) != 0;
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(integer(column));
    } else if constexpr (std::is_floating_point_v<T>) {
      return real(column);
    } else {
      static_assert(std::is_constructible_v<T, std::string_view>);
      return T(text(column));
    }
  }
  std::span<const std::uint8_t> blob(int column) const noexcept;
  /// Whatever is there, valid until the next step.
  column_value value(int column) const noexcept;
  bool is_null(int column) const noexcept;
  int column_count() const noexcept;
  std::string_view column_name(int column) const noexcept;

  sqlite3_stmt* handle() const noexcept { return handle_.get(); }

private:
  void bind_null(int index) noexcept;
  void bind_integer(int index, std::int64_t value) noexcept;
  void bind_real(int index, double value) noexcept;
  void bind_text(int index, std::string_view value) noexcept;
  void bind_blob(int index, std::span<const std::uint8_t> value) noexcept;
  int parameter_count() const noexcept;

  std::int64_t integer(int column) const noexcept;
  double real(int column) const noexcept;
  std::string_view text(int column) const noexcept;

  std::unique_ptr<sqlite3_stmt, detail::finalize_statement> handle_;
};

enum class database_access {
  read_only,   ///< the file must exist; any number of readers, beside a writer
  read_write,  ///< the file must exist
  create,      ///< makes the file where there is none
};

/// A connection. One thread at a time. Its SQL has the functions `fold_text`, `finds` and
/// `digest_begin`; see sqlite.cpp.
class database {
public:
  /// Waits up to five seconds for another program's lock before an operation fails as `busy`. Error
  /// `refused` besides those above: a file of it is no regular one.
  static result<database> open(const std::string& path, database_access access);

  /// Runs SQL text of one or more statements that take no parameters.
  result<void> execute(const std::string& sql);
  /// Errors: `internal` for bad SQL, or as above where the file cannot be read.
  result<statement> prepare(std::string_view sql);
  /// The first column of the only row of a query, such as a pragma or a count.
  template <class T, class... Values>
  result<T> value(std::string_view sql, const Values&... values) {
    auto query = prepare(sql);
    if (!query) return query.failure();
    query->bind(values...);
    auto row = query->step();
    if (!row) return row.failure();
    if (!*row) return error{error_code::internal, "no row came of: " + std::string(sql)};
    return query->template get<T>(0);
  }

  /// Whether it was opened to be read only, whatever was asked for.
  bool is_read_only() const noexcept;
  /// Replaces all there is with what `source` holds, in one transaction: another connection sees
  /// the old or the new. Both must have pages of the same size.
  result<void> copy_from(database& source);

  std::string path() const;
  sqlite3* handle() const noexcept { return handle_.get(); }

private:
  explicit database(sqlite3* handle) noexcept : handle_(handle) {}

  std::unique_ptr<sqlite3, detail::close_database> handle_;
};

/// While it exists, a statement of the connection ends as `timed_out` once `over` returns true.
/// `over` is called about every millisecond of a statement's work.
class interruption {
public:
  interruption(database& db, std::function<bool()> over);
  ~interruption();
  interruption(const interruption&) = delete;
  interruption& operator=(const interruption&) = delete;

private:
  sqlite3* handle_;
  std::function<bool()> over_;
};

/// A transaction that is rolled back unless it is committed. The database must outlive it.
class transaction {
public:
  /// Takes the write lock at once, so that nothing after it can fail as `busy`.
  static result<transaction> begin_write(database& db);
  /// All reads within see one state: that of the first of them.
  static result<transaction> begin_read(database& db);
  transaction(transaction&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  transaction& operator=(transaction&&) = delete;
  ~transaction();

  /// On an error the transaction is rolled back.
  result<void> commit();

private:
  explicit transaction(sqlite3* handle) noexcept : handle_(handle) {}
  void roll_back() noexcept;

  sqlite3* handle_ = nullptr;
};

}  // namespace podstudio
