// SPDX-License-Identifier: MIT
#pragma once

#include "platform/text.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What people and scripts see. Data goes to stdout; progress and errors go to stderr.
namespace podstudio {

/// Prints a document and a newline. On a terminal everything beyond ASCII is escaped, because JSON
/// lets control characters of other blocks through.
void print_json(const nlohmann::json& document);

void print_line(std::string_view text);

/// Prints each line of a text as `print_line` does.
void print_lines(std::string_view text);

/// Prints the items of a long list as one JSON array, as they come.
class json_array {
public:
  void item(const nlohmann::json& item);
  bool begun() const noexcept { return !empty_; }
  void close();

private:
  bool empty_ = true;
};

/// How many columns a terminal needs for valid UTF-8.
std::size_t display_width(std::string_view text);

enum class align : std::uint8_t { left, right };

/// Rows under headings, in columns as wide as their widest cell. Cells are made `printable`.
/// Printing twice prints the rows added since, in the first widths where they fit, so that a long
/// list can be printed page by page.
class table {
public:
  struct column {
    std::string heading;
    align side = align::left;
    bool escaped = false;  ///< its cells are in printable form already
  };
  explicit table(std::vector<column> columns) : columns_(std::move(columns)) {}

  void row(const std::vector<std::string>& cells);
  void print();
  /// The text of what `print` prints.
  std::string text(bool bold_headings);

private:
  std::vector<column> columns_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> widths_;
};

/// A value of a table's column for a person: text as it is, yes or no, nothing for null.
std::string cell(const nlohmann::json& value);

/// `7, 8 and 3 more`, of a list of ids.
std::string list_of_ids(const nlohmann::json& ids, std::size_t shown_max);

/// A number with at least one and at most `decimals_max` decimals, which is at least 1.
std::string decimal(double number, int decimals_max);

/// The beginning of a text on one line: white space becomes a space, and what is more than
/// `one_line_bytes_max` is cut.
std::string one_line(std::string_view text);
inline constexpr std::size_t one_line_bytes_max = 100;

/// The line that says which media are not taken: `not taken: 3 .psd, 1 .svg`, most first, from
/// counts by ending; nothing is printed where there are none.
void print_not_taken(const nlohmann::json& counts);

/// `1 h 2 min`, `4 s`.
std::string human_time(std::uint64_t seconds);

/// A line on stderr that is written over and over, with the rate and the time left; only on a
/// terminal, at most ten times a second. It is wiped at the end.
class progress {
public:
  explicit progress(std::string unit) : unit_(std::move(unit)) {}
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// `all` is what is known so far of the whole.
  void show(std::uint64_t done, std::uint64_t all);

  /// Whether there is anybody to show it to.
  static bool visible();

private:
  using clock = std::chrono::steady_clock;
  std::string unit_;
  clock::time_point begin_ = clock::now();
  clock::time_point shown_{};
};

/// Whether a stream (1 or 2) may be coloured: a terminal, NO_COLOR not set, no dumb terminal.
bool coloured(int fd);

}  // namespace podstudio
