// SPDX-License-Identifier: MIT
#include "packs/template.hpp"

#include "platform/text.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace podstudio::packs {

namespace {

/// What a template is made of, in order. `text`: what is put out as it is. `variable`: a name.
/// `section` and `inverted`: a name, and in `end` where the section ends.
struct piece {
  enum class kind { text, variable, section, inverted, end } what = kind::text;
  std::string_view text;
  std::size_t line = 0;
  std::size_t end = 0;
};

/// A tag within a template.
struct tag {
  char sign = 0;  ///< `#`, `^`, `/` or `!`; 0 for a variable
  std::string_view name;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

tag tag_of(std::string_view between) {
  auto inner = trimmed(between);
  if (inner.empty() || std::string_view("#^/!").find(inner[0]) == std::string_view::npos)
    return {0, inner};
  return {inner[0], trimmed(inner.substr(1))};
}

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// Names the place of what is wrong.
class error_maker {
public:
  explicit error_maker(std::string_view file) : file_(file) {}

  error at(std::size_t line, const std::string& problem) const {
    return {error_code::invalid_argument,
            std::string(file_) + ", line " + std::to_string(line) + ": " + problem};
  }
  error too_large(const char* what, std::size_t bytes_max) const {
    return {error_code::refused, std::string(file_) + ": the " + what + " is larger than "
                                     + std::to_string(bytes_max >> 10) + " KiB; shorten it"};
  }

private:
  std::string_view file_;
};

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r") == std::string_view::npos;
}

/// Splits a template into its pieces.
class template_parser {
public:
  template_parser(std::string_view text, const error_maker& errors)
      : text_(text), errors_(errors) {}

  result<std::vector<piece>> parse() {
    while (at_ < text_.size()) {
      auto begin = std::min(text_.find("{{", at_), text_.size());
      if (begin > at_) add({piece::kind::text, text_.substr(at_, begin - at_), line_, 0});
      go_to(begin);
      if (begin == text_.size()) break;
      if (auto taken = take_tag(); !taken) return taken.failure();
    }
    if (!open_.empty()) {
      const auto& section = pieces_[open_.back()];
      return errors_.at(section.line, "the section " + in_quotes(section.text)
                                          + " is not closed; add {{/" + std::string(section.text)
                                          + "}} where it ends");
    }
    return std::move(pieces_);
  }

private:
  void go_to(std::size_t place) {
    auto passed = text_.substr(at_, place - at_);
    line_ += static_cast<std::size_t>(std::ranges::count(passed, '\n'));
    at_ = place;
  }

  result<void> take_tag() {
    auto begin = at_, line = line_;
    auto end = text_.find("}}", begin);
    if (end == std::string_view::npos)
      return errors_.at(line, "a tag is not closed; add }} at its end, or write { once");
    auto found = tag_of(text_.substr(begin + 2, end - begin - 2));
    go_to(end + 2);
    if (found.sign != '!' && !is_name(found.name))
      return errors_.at(line,
                        "{{" + printable(cut_text(found.name, shown_bytes_max))
                            + "}} is not a tag; use {{name}}, {{#name}}, {{^name}}, {{/name}} "
                              "or {{! a comment }}, with letters, digits and _ in names");
    if (found.sign != 0) leave_out_line(begin);
    return take(found, line);
  }

  /// A tag that stands alone in its line takes the line with it.
  void leave_out_line(std::size_t begin) {
    auto line_begin = text_.substr(0, begin).rfind('\n') + 1;  // 0 where there is none
    auto line_end = std::min(text_.find('\n', at_), text_.size());
    if (!is_blank(text_.substr(line_begin, begin - line_begin))
        || !is_blank(text_.substr(at_, line_end - at_)))
      return;
    if (begin > line_begin) {
      auto& before = pieces_.back().text;
      before.remove_suffix(std::min(begin - line_begin, before.size()));
    }
    go_to(std::min(line_end + 1, text_.size()));
  }

  void add(piece what) { pieces_.push_back(what); }

  result<void> take(const tag& found, std::size_t line) {
    switch (found.sign) {
    case '!':
      return {};
    case '/':
      return close(found.name, line);
    case 0:
      add({piece::kind::variable, found.name, line, 0});
      return {};
    default:
      if (open_.size() == template_depth_max)
        return errors_.at(line, "sections are nested more than "
                                    + std::to_string(template_depth_max) + " deep; simplify them");
      open_.push_back(pieces_.size());
      add({found.sign == '#' ? piece::kind::section : piece::kind::inverted, found.name, line, 0});
      return {};
    }
  }

  result<void> close(std::string_view name, std::size_t line) {
    if (open_.empty() || pieces_[open_.back()].text != name) {
      auto text = "{{/" + std::string(name) + "}} closes no section";
      if (!open_.empty())
        text += "; the one that is open is " + in_quotes(pieces_[open_.back()].text);
      return errors_.at(line, text);
    }
    pieces_[open_.back()].end = pieces_.size();
    open_.pop_back();
    add({piece::kind::end, name, line, 0});
    return {};
  }

  static constexpr std::size_t shown_bytes_max = 60;

  std::string_view text_;
  std::size_t at_ = 0, line_ = 1;
  const error_maker& errors_;
  std::vector<piece> pieces_;
  std::vector<std::size_t> open_;  ///< sections, by their pieces
};

/// Fills the pieces of a template.
class template_filler {
public:
  template_filler(const std::vector<piece>& pieces, const template_values& values,
                  const error_maker& errors)
      : pieces_(pieces), values_(values), errors_(errors) {}

  result<std::string> fill() {
    // Also what is not put out this time.
    if (auto good = check(0, pieces_.size(), nullptr); !good) return good.failure();
    put(0, pieces_.size());
    if (steps_ == steps_max) return errors_.at(1, "the template repeats too much; simplify it");
    if (full_) return errors_.too_large("text that comes of it", text_bytes_max);
    return std::move(out_);
  }

private:
  /// Whether all names are known; `list` is the innermost one that the pieces are in.
  result<void> check(std::size_t first, std::size_t last, const item_list* list) const {
    for (auto i = first; i < last; ++i) {
      const auto& each = pieces_[i];
      if (each.what == piece::kind::text || each.what == piece::kind::end) continue;
      bool in_item =
          list != nullptr && std::ranges::find(list->names, each.text) != list->names.end();
      const auto* value = in_item ? nullptr : find(each.text);
      if (!in_item && value == nullptr) return unknown(each, list);
      if (each.what == piece::kind::variable) {
        if (in_item || std::holds_alternative<std::string>(*value)) continue;
        return errors_.at(each.line, in_quotes(each.text) + " is not a text; use {{#"
                                         + std::string(each.text) + "}} ... {{/"
                                         + std::string(each.text) + "}}");
      }
      const auto* inner = value == nullptr ? nullptr : std::get_if<item_list>(value);
      bool enters = inner != nullptr && each.what == piece::kind::section;
      if (auto good = check(i + 1, each.end, enters ? inner : list); !good) return good;
      i = each.end;
    }
    return {};
  }

  error unknown(const piece& what, const item_list* list) const {
    std::vector<std::string> names;
    if (list != nullptr) names = list->names;
    for (const auto& [name, value] : values_)
      names.push_back(name);
    std::ranges::sort(names);
    return errors_.at(what.line, "there is no variable " + in_quotes(cut_text(what.text, 60))
                                     + "; known are " + joined(names, ", "));
  }

  void put(std::size_t first, std::size_t last) {
    for (auto i = first; i < last && !full_; ++i) {
      full_ = ++steps_ == steps_max;
      const auto& each = pieces_[i];
      switch (each.what) {
      case piece::kind::text:
        add(each.text);
        break;
      case piece::kind::variable:
        add(text_of(each.text));
        break;
      case piece::kind::section:
      case piece::kind::inverted:
        put_section(each, i + 1);
        i = each.end;
        break;
      case piece::kind::end:
        break;
      }
    }
  }

  void put_section(const piece& section, std::size_t first) {
    bool inverted = section.what == piece::kind::inverted;
    const auto* value = item_text(section.text) ? nullptr : find(section.text);
    const auto* list = value == nullptr ? nullptr : std::get_if<item_list>(value);
    if (list == nullptr || inverted) {
      if (holds(section.text, value) != inverted) put(first, section.end);
      return;
    }
    auto outer_list = std::exchange(list_, list);
    auto outer_item = item_;
    for (const auto& item : list->items) {
      full_ = full_ || ++steps_ == steps_max;
      if (full_) break;
      item_ = &item;
      put(first, section.end);
    }
    list_ = outer_list;
    item_ = outer_item;
  }

  bool holds(std::string_view name, const template_value* value) const {
    if (value == nullptr) return !text_of(name).empty();
    if (const auto* flag = std::get_if<bool>(value)) return *flag;
    if (const auto* list = std::get_if<item_list>(value)) return !list->items.empty();
    return !std::get<std::string>(*value).empty();
  }

  const template_value* find(std::string_view name) const {
    auto at = values_.find(name);
    return at == values_.end() ? nullptr : &at->second;
  }

  /// Of the item that is put out.
  std::optional<std::string_view> item_text(std::string_view name) const {
    if (list_ == nullptr) return std::nullopt;
    auto at = std::ranges::find(list_->names, name);
    if (at == list_->names.end()) return std::nullopt;
    return (*item_)[static_cast<std::size_t>(at - list_->names.begin())];
  }
  std::string_view text_of(std::string_view name) const {
    if (auto text = item_text(name)) return *text;
    const auto* value = find(name);
    return value == nullptr ? std::string_view() : std::get<std::string>(*value);
  }

  void add(std::string_view text) {
    full_ = full_ || out_.size() + text.size() > text_bytes_max;
    if (!full_) out_ += text;
  }

  const std::vector<piece>& pieces_;
  const template_values& values_;
  const error_maker& errors_;
  /// Lists within lists may repeat without end and put nothing out.
  static constexpr std::size_t steps_max = 4'000'000;

  std::string out_;
  std::size_t steps_ = 0;
  bool full_ = false;
  const item_list* list_ = nullptr;  ///< whose item is put out; the innermost
  const std::vector<std::string>* item_ = nullptr;
};

}  // namespace

result<std::string> fill_template(std::string_view text, std::string_view file,
                                  const template_values& values) {
  error_maker errors(file);
  if (text.size() > template_bytes_max) return errors.too_large("template", template_bytes_max);
  if (!is_utf8(text))
    return error{error_code::invalid_argument,
                 std::string(file) + ": the template is not valid UTF-8; save it as UTF-8"};
  auto pieces = template_parser(text, errors).parse();
  if (!pieces) return pieces.failure();
  return template_filler(*pieces, values, errors).fill();
}

}  // namespace podstudio::packs
