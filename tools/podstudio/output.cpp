// SPDX-License-Identifier: MIT
#include "output.hpp"

#include "platform/text.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <functional>
#include <unistd.h>

namespace podstudio {

namespace {

void pad(std::string& line, std::size_t columns) { line.append(columns, ' '); }

/// As it is: data, or with our own colours.
void write_line(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

}  // namespace

void print_line(std::string_view text) { write_line(for_terminal(text)); }

void print_lines(std::string_view text) {
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    print_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void json_array::item(const nlohmann::json& item) {
  std::fputs(empty_ ? "[" : ",", stdout);
  empty_ = false;
  print_json(item);
}

void json_array::close() { write_line(empty_ ? "[]" : "]"); }

void print_json(const nlohmann::json& document) {
  bool escape = ::isatty(STDOUT_FILENO) == 1;
  write_line(document.dump(-1, ' ', escape, nlohmann::json::error_handler_t::replace));
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  std::mbstate_t state{};
  while (!text.empty()) {
    wchar_t letter = 0;
    auto size = std::mbrtowc(&letter, text.data(), text.size(), &state);
    if (size == 0 || size > text.size()) return width + text.size();  // no UTF-8: count bytes
    if (auto columns = ::wcwidth(letter); columns > 0) width += static_cast<std::size_t>(columns);
    text.remove_prefix(size);
  }
  return width;
}

void table::row(const std::vector<std::string>& cells) {
  auto& added = rows_.emplace_back();
  added.resize(columns_.size());
  for (std::size_t i = 0; i < cells.size() && i < added.size(); ++i)
    added[i] = for_terminal(columns_[i].escaped ? cells[i] : printable(cells[i]));
}

std::string table::text(bool bold_headings) {
  bool first = widths_.empty();
  widths_.resize(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    widths_[i] = std::max(widths_[i], display_width(columns_[i].heading));
    for (const auto& cells : rows_)
      widths_[i] = std::max(widths_[i], display_width(cells[i]));
  }
  std::string out;
  auto add = [&](auto&& cell_of) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& text = cell_of(i);
      auto room = widths_[i] - std::min(widths_[i], display_width(text));
      if (i > 0) line += "  ";
      if (columns_[i].side == align::right) pad(line, room);
      line += text;
      if (columns_[i].side == align::left) pad(line, room);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
  };
  if (first) {
    auto headings = add([&](std::size_t i) -> const std::string& { return columns_[i].heading; });
    out += bold_headings ? "\x1b[1m" + headings + "\x1b[0m\n" : headings + "\n";
  }
  for (const auto& cells : rows_)
    out += add([&](std::size_t i) -> const std::string& { return cells[i]; }) + "\n";
  rows_.clear();
  return out;
}

void table::print() {
  auto lines = text(coloured(STDOUT_FILENO));
  std::fwrite(lines.data(), 1, lines.size(), stdout);
}

std::string cell(const nlohmann::json& value) {
  if (value.is_null()) return "";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) {
    std::string list;
    for (const auto& item : value)
      list += (list.empty() ? "" : ", ") + cell(item);
    return list;
  }
  if (value.is_number_float()) return decimal(value.get<double>(), 6);
  return value.dump();
}

std::string list_of_ids(const nlohmann::json& ids, std::size_t shown_max) {
  std::string list;
  for (std::size_t i = 0; i < std::min(ids.size(), shown_max); ++i)
    list += (i == 0 ? "" : ", ") + cell(ids[i]);
  if (ids.size() > shown_max) list += " and " + std::to_string(ids.size() - shown_max) + " more";
  return list;
}

std::string decimal(double number, int decimals_max) {
  char text[400];  // what the largest number takes
  std::snprintf(text, sizeof text, "%.*f", decimals_max, number);
  std::string_view shown(text);
  while (shown.ends_with('0') && !shown.ends_with(".0"))
    shown.remove_suffix(1);
  if (shown == "-0.0") shown.remove_prefix(1);
  return std::string(shown);
}

std::string one_line(std::string_view text) {
  auto is_blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  std::string line;
  for (char c : text) {
    if (line.size() > one_line_bytes_max) break;
    if (!is_blank(c))
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  while (line.ends_with(' '))
    line.pop_back();
  auto kept = cut_text(line, one_line_bytes_max);
  return kept.size() == line.size() ? line : std::string(kept) + "...";
}

void print_not_taken(const nlohmann::json& counts) {
  std::vector<std::pair<std::uint64_t, std::string>> endings;
  for (const auto& [ending, count] : counts.items())
    endings.emplace_back(count.get<std::uint64_t>(), ending);
  std::ranges::stable_sort(endings, std::greater(), [](const auto& each) { return each.first; });
  std::string line;
  for (const auto& [count, ending] : endings)
    line += (line.empty() ? "not taken: " : ", ") + std::to_string(count) + " ." + ending;
  if (!line.empty()) print_line(line);
}

std::string human_time(std::uint64_t seconds) {
  auto number = [](std::uint64_t n, const char* unit) { return std::to_string(n) + unit; };
  if (seconds < 60) return number(seconds, " s");
  if (seconds < 3600) return number(seconds / 60, " min ") + number(seconds % 60, " s");
  if (seconds < 86'400) return number(seconds / 3600, " h ") + number(seconds / 60 % 60, " min");
  return number(seconds / 86'400, " d ") + number(seconds / 3600 % 24, " h");
}

bool progress::visible() { return ::isatty(STDERR_FILENO) == 1; }

void progress::show(std::uint64_t done, std::uint64_t all) {
  auto now = clock::now();
  if (!visible() || now - shown_ < std::chrono::milliseconds(100)) return;
  shown_ = now;
  auto seconds = std::chrono::duration<double>(now - begin_).count();
  auto rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  auto left = all > done && rate > 0
                  ? static_cast<std::uint64_t>(static_cast<double>(all - done) / rate)
                  : 0;
  std::fprintf(stderr, "\r\x1b[K%llu of %llu %s, %.0f per second, %s left",
               static_cast<unsigned long long>(done), static_cast<unsigned long long>(all),
               unit_.c_str(), rate, human_time(left).c_str());
}

progress::~progress() {
  if (shown_ != clock::time_point{}) std::fputs("\r\x1b[K", stderr);
}

bool coloured(int fd) {
  auto no_colour = std::getenv("NO_COLOR"), terminal = std::getenv("TERM");
  bool wanted = no_colour == nullptr || *no_colour == '\0';
  return wanted && ::isatty(fd) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

}  // namespace podstudio
