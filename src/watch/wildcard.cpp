// SPDX-License-Identifier: MIT
#include "watch/wildcard.hpp"

#include <algorithm>
#include <array>

namespace podstudio {

namespace {

using byte = unsigned char;

constexpr bool is_lower(byte c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_upper(byte c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_digit(byte c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(byte c) { return is_lower(c) || is_upper(c); }
constexpr bool is_alnum(byte c) { return is_alpha(c) || is_digit(c); }
constexpr bool is_graph(byte c) { return c > ' ' && c < 0x7f; }

struct byte_class {
  std::string_view name;
  bool (*holds)(byte);
};

/// The classes that git knows. They are of ASCII, and `space` lacks the vertical tab and the form
/// feed.
constexpr auto byte_classes = std::to_array<byte_class>({
    {"alnum", is_alnum},
    {"alpha", is_alpha},
    {"blank", [](byte c) { return c == ' ' || c == '\t'; }},
    {"cntrl", [](byte c) { return c < ' ' || c == 0x7f; }},
    {"digit", is_digit},
    {"graph", is_graph},
    {"lower", is_lower},
    {"print", [](byte c) { return c == ' ' || is_graph(c); }},
    {"punct", [](byte c) { return is_graph(c) && !is_alnum(c); }},
    {"space", [](byte c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }},
    {"upper", is_upper},
    {"xdigit",
     [](byte c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }},
});

constexpr int no_byte = -1;

/// Where the name of the class ends that starts at `from`, behind `[:`; nothing if it is none and
/// the bracket stands for itself. `text` has a `]` at or after `from`.
std::optional<std::size_t> class_end(std::string_view text, std::size_t from) {
  auto close = text.find(']', from);
  if (close == from || text[close - 1] != ':') return std::nullopt;
  return close - 1;
}

bool add_class(std::string_view name, std::bitset<256>& set) {
  auto* found = std::find_if(byte_classes.begin(), byte_classes.end(),
                             [&](const byte_class& known) { return known.name == name; });
  if (found == byte_classes.end()) return false;
  for (std::size_t c = 0; c < set.size(); ++c)
    if (found->holds(static_cast<byte>(c))) set.set(c);
  return true;
}

/// The byte at `at`, or the one behind it if that is a backslash; passes it.
int take_byte(std::string_view text, std::size_t& at) {
  if (at < text.size() && text[at] == '\\') ++at;
  return at < text.size() ? static_cast<byte>(text[at++]) : no_byte;
}

}  // namespace

/// One member, a range or a class. `range_from` is the byte that a `-` behind it would start a
/// range at, `no_byte` behind a range and a class. False for what makes the set match nothing.
bool wildcard::parse_set_member(std::string_view text, std::size_t& at, byte_set& set,
                                int& range_from) {
  auto follows = [&](char c) { return at + 1 < text.size() && text[at + 1] == c; };
  if (text[at] == '-' && range_from != no_byte && at + 1 < text.size() && !follows(']')) {
    auto last = take_byte(text, ++at);
    for (int c = range_from; c <= last; ++c)
      set.set(static_cast<std::size_t>(c));
    range_from = no_byte;
    return last != no_byte;
  }
  if (text[at] == '[' && follows(':')) {
    if (text.find(']', at + 2) == std::string_view::npos) return false;
    if (auto end = class_end(text, at + 2)) {
      auto name = text.substr(at + 2, *end - (at + 2));
      at = *end + 2;
      range_from = no_byte;
      return add_class(name, set);
    }
  }
  range_from = take_byte(text, at);
  if (range_from == no_byte) return false;
  set.set(static_cast<std::size_t>(range_from));
  return true;
}

/// A set from behind its `[` to behind its `]`. A `]` that comes first is a member.
std::optional<wildcard::byte_set> wildcard::parse_set(std::string_view text, std::size_t& at) {
  auto negated = at < text.size() && (text[at] == '!' || text[at] == '^');
  if (negated) ++at;
  byte_set set;
  int range_from = no_byte;
  for (auto first = at; at < text.size();) {
    if (text[at] == ']' && at != first) {
      ++at;
      return negated ? ~set : set;
    }
    if (!parse_set_member(text, at, set, range_from)) return std::nullopt;
  }
  return std::nullopt;
}

void wildcard::add(part added) {
  if (added.kind == part_kind::run)
    has_run_ = true;
  else
    ++bytes_min_;
  parts_.push_back(added);
}

std::optional<wildcard> wildcard::parse(std::string_view text, std::size_t& at) {
  wildcard parsed;
  while (at < text.size() && text[at] != '/') {
    char c = text[at++];
    if (c == '\\') {
      if (at == text.size()) return std::nullopt;
      if (text[at] == '/') break;
      parsed.add({.kind = part_kind::byte, .byte = static_cast<byte>(text[at++])});
    } else if (c == '*') {
      at = std::min(text.find_first_not_of('*', at), text.size());
      parsed.add({.kind = part_kind::run});
    } else if (c == '?') {
      parsed.add({.kind = part_kind::one});
    } else if (c == '[') {
      auto set = parse_set(text, at);
      if (!set) return std::nullopt;
      parsed.add({.kind = part_kind::set, .set = static_cast<std::uint32_t>(parsed.sets_.size())});
      parsed.sets_.push_back(*set);
    } else {
      parsed.add({.kind = part_kind::byte, .byte = static_cast<byte>(c)});
    }
  }
  return parsed;
}

wildcard wildcard::any_name() {
  wildcard any;
  any.add({.kind = part_kind::run});
  return any;
}

wildcard wildcard::any_folders() {
  wildcard any;
  any.any_folders_ = true;
  return any;
}

std::optional<unsigned char> wildcard::last_byte() const noexcept {
  if (parts_.empty() || parts_.back().kind != part_kind::byte) return std::nullopt;
  return parts_.back().byte;
}

std::optional<unsigned char> wildcard::first_byte() const noexcept {
  if (parts_.empty() || parts_.front().kind != part_kind::byte) return std::nullopt;
  return parts_.front().byte;
}

bool wildcard::accepts(const part& wanted, unsigned char found) const noexcept {
  switch (wanted.kind) {
  case part_kind::byte:
    return wanted.byte == found;
  case part_kind::one:
    return true;
  case part_kind::set:
    return sets_[wanted.set][found];
  case part_kind::run:
    break;
  }
  return false;
}

bool wildcard::matches(std::string_view name, std::uint64_t& steps) const noexcept {
  ++steps;
  if (name.size() < bytes_min_ || (!has_run_ && name.size() != bytes_min_)) return false;
  if (auto last = last_byte(); last && *last != static_cast<byte>(name.back())) return false;
  // Only the last run that was met is ever made longer: what a longer earlier one could reach, the
  // last one reaches too. That is why nothing here takes exponential time.
  constexpr auto none = static_cast<std::size_t>(-1);
  std::size_t part_at = 0, name_at = 0;
  std::size_t behind_run = none, run_end = 0;
  while (name_at < name.size()) {
    ++steps;
    if (part_at < parts_.size() && parts_[part_at].kind == part_kind::run) {
      behind_run = ++part_at;
      run_end = name_at;
    } else if (part_at < parts_.size()
               && accepts(parts_[part_at], static_cast<byte>(name[name_at]))) {
      ++part_at;
      ++name_at;
    } else if (behind_run == none) {
      return false;
    } else {
      part_at = behind_run;
      name_at = ++run_end;
    }
  }
  while (part_at < parts_.size() && parts_[part_at].kind == part_kind::run)
    ++part_at;
  return part_at == parts_.size();
}

}  // namespace podstudio
