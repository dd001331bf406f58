// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace podstudio {

/// Every way in which an operation can fail that a caller is expected to handle.
/// The numbers cross the console's connection; append, never renumber.
enum class error_code : std::uint8_t {
  invalid_argument = 1,  ///< the request makes no sense as given
  not_found,             ///< the thing named does not exist
  refused,               ///< the request is understood, but a rule forbids it
  no_service,            ///< no service runs where one is needed
  in_use,                ///< another process holds the data folder
  damaged,               ///< stored data fails its own checks
  newer_version,         ///< stored data was written by a later version
  disk_full,             ///< no room; nothing was written
  io_failed,             ///< the operating system reported an error
  not_permitted,         ///< the operating system denied access
  changed,               ///< a file changed or vanished while it was read
  outcome_unknown,       ///< a write or sync failed; recovery decides at the next start
  busy,                  ///< a bounded queue is full; try again
  timed_out,             ///< the time allowed ran out
  stopping,              ///< the engine is shutting down
  internal,              ///< a defect of ours
};
inline constexpr std::size_t error_code_count = 16;

/// A short description, for logs.
std::string_view to_string(error_code code) noexcept;

/// The process's exit code for a failure: 1 refused or failed, 2 usage, 3 no service or data folder
/// in use, 4 damaged data (also data of a newer version).
int exit_code(error_code code) noexcept;

/// A failure for a person: `message` is one line that says what happened, to which thing, and what
/// to do next.
struct error {
  error_code code = error_code::internal;
  std::string message;
  bool operator==(const error&) const = default;
};

/// The error of a system call. It captures errno before the message is built, as building it may
/// change errno: `return system_error()("cannot open " + in_quotes(path));`
class system_error {
public:
  system_error() noexcept : code_(errno) {}
  explicit system_error(int code) noexcept : code_(code) {}

  /// An `io_failed`, `not_permitted`, `not_found` or `disk_full` error. `what` is a phrase such as
  /// "cannot open '/a/b'"; the system's own words and a remedy are added.
  error operator()(std::string_view what) const;

private:
  int code_;
};

/// Either a value or an error. Check before use; using the wrong side asserts.
template <class T>
class [[nodiscard]] result {
public:
  result(T value) : data_(std::in_place_index<0>, std::move(value)) {}
  result(error failure) : data_(std::in_place_index<1>, std::move(failure)) {}

  explicit operator bool() const noexcept { return data_.index() == 0; }
  T& operator*() & { return std::get<0>(data_); }
  const T& operator*() const& { return std::get<0>(data_); }
  T&& operator*() && { return std::get<0>(std::move(data_)); }
  T* operator->() { return &std::get<0>(data_); }
  const T* operator->() const { return &std::get<0>(data_); }
  const podstudio::error& failure() const { return std::get<1>(data_); }

private:
  std::variant<T, podstudio::error> data_;
};

/// Success, or an error.
template <>
class [[nodiscard]] result<void> {
public:
  result() = default;
  result(error failure) : failure_(std::move(failure)) {}

  explicit operator bool() const noexcept { return !failure_.has_value(); }
  const podstudio::error& failure() const { return failure_.value(); }

private:
  std::optional<podstudio::error> failure_;
};

}  // namespace podstudio
