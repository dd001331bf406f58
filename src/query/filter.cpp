// SPDX-License-Identifier: MIT
#include "query/filter.hpp"

#include "media/generation/tools.hpp"
#include "platform/fold_text.hpp"
#include "platform/text.hpp"
#include "query/shapes.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <limits>
#include <locale>
#include <sstream>
#include <string_view>
#include <system_error>

namespace podstudio {

namespace {

using nlohmann::json;

error invalid(std::string_view key, const std::string& problem) {
  return {error_code::invalid_argument, "filter '" + std::string(key) + "' " + problem};
}

result<bool> read_flag(std::string_view key, const json& value) {
  if (!value.is_boolean()) return invalid(key, "must be true or false");
  return value.get<bool>();
}

result<std::string> read_text(std::string_view key, const json& value) {
  if (!value.is_string()) return invalid(key, "must be text");
  auto text = value.get<std::string>();
  if (!is_utf8(text)) return invalid(key, "must be valid UTF-8 without NUL");
  return text;
}

template <class E>
result<E> read_word(std::string_view key, const json& value) {
  auto text = read_text(key, value);
  if (!text) return text.failure();
  auto known = from_word<E>(*text);
  if (!known)
    return invalid(key,
                   "is '" + printable(*text) + "'; use one of: " + joined(enum_words<E>, ", "));
  return *known;
}

result<std::int64_t> read_number(std::string_view key, const json& value, std::int64_t low,
                                 std::int64_t high) {
  // A number above the signed range would wrap around in a conversion.
  bool fits = value.is_number_unsigned()
                  ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(high)
                  : value.is_number_integer();
  if (!fits || value.get<std::int64_t>() < low || value.get<std::int64_t>() > high)
    return invalid(key, "must be a whole number from " + std::to_string(low) + " to "
                            + std::to_string(high));
  return value.get<std::int64_t>();
}

/// Puts what was read where it belongs.
template <class T, class Target>
result<void> store(result<T> read, Target& target) {
  if (!read) return read.failure();
  target = *std::move(read);
  return {};
}

/// The words for a flag and for its absence are one choice, so both at once choose nothing.
template <class Label>
result<void> read_flag_label(asset_filter& filter, std::string_view key, const json& value) {
  auto given = read_flag(key, value);
  if (!given) return given.failure();
  if (!*given) return {};
  auto& wanted = filter.labels.*Label::wanted;
  bool is_wanted = key == Label::key;
  if (wanted && *wanted != is_wanted)
    return invalid(key, "contradicts the other of '" + std::string(Label::key) + "' and '"
                            + std::string(Label::not_key) + "'");
  wanted = is_wanted;
  return {};
}

/// The ends of `4`, `3..5`, `3..` or `..2`, of which one may be empty; nothing for another form.
struct range_ends {
  std::string low, high;
};
std::optional<range_ends> ends_of(const json& value) {
  auto text = value.is_number()   ? value.dump()
              : value.is_string() ? value.get<std::string>()
                                  : std::string();
  if (text.empty() || text == "..") return std::nullopt;
  auto dots = text.find("..");
  if (dots == std::string::npos) return range_ends{text, text};
  return range_ends{text.substr(0, dots), text.substr(dots + 2)};
}

/// What was given instead of a range, as a message names it.
error not_a_range(std::string_view key, const json& value, std::string_view example,
                  std::uint64_t highest) {
  constexpr std::size_t shown_bytes_max = 60;
  auto given = value.is_string() ? value.get<std::string>()
                                 : value.dump(-1, ' ', true, json::error_handler_t::replace);
  return invalid(key, "is " + in_quotes(std::string_view(given).substr(0, shown_bytes_max))
                          + "; it must be a number or a range such as " + std::string(example)
                          + ", from 0 to " + std::to_string(highest));
}

/// `4`, `3..5`, `3..` or `..2`.
result<number_range> read_range(std::string_view key, const json& value, std::uint64_t highest,
                                std::string_view example = "3..5, 3.. or ..2") {
  auto wrong = [&] { return not_a_range(key, value, example, highest); };
  auto number = [&](const std::string& text,
                    std::uint64_t otherwise) -> std::optional<std::uint64_t> {
    if (text.empty()) return otherwise;
    std::uint64_t parsed = 0;
    auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (failure != std::errc() || end != text.data() + text.size() || parsed > highest)
      return std::nullopt;
    return parsed;
  };
  auto ends = ends_of(value);
  if (!ends) return wrong();
  auto low = number(ends->low, 0), high = number(ends->high, highest);
  if (!low || !high || *low > *high) return wrong();
  return number_range{*low, *high};
}

/// Digits, and decimals where there is a point.
std::optional<double> decimal(std::string_view text, double highest) {
  auto point = text.find('.');
  auto are_digits = [](std::string_view part) {
    return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (!are_digits(text.substr(0, point))) return std::nullopt;
  if (point != std::string_view::npos && !are_digits(text.substr(point + 1))) return std::nullopt;
  double parsed = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (failure != std::errc() || end != text.data() + text.size() || parsed > highest)
    return std::nullopt;
  return parsed;
}

/// The same of numbers that may have decimals: `2.5..10`.
result<decimal_range> read_decimals(std::string_view key, const json& value, std::uint64_t highest,
                                    std::string_view example) {
  auto most = static_cast<double>(highest);
  auto ends = ends_of(value);
  if (!ends) return not_a_range(key, value, example, highest);
  auto low = ends->low.empty() ? 0 : decimal(ends->low, most);
  auto high = ends->high.empty() ? most : decimal(ends->high, most);
  if (!low || !high || *low > *high) return not_a_range(key, value, example, highest);
  return decimal_range{*low, *high};
}

constexpr std::string_view pixels_example = "512, 512..1024, 4000.. or ..800";

result<std::string> read_folder(std::string_view key, const json& value) {
  auto text = read_text(key, value);
  if (!text) return text;
  if (!text->starts_with('/')) return invalid(key, "must be an absolute path");
  return lexical_path(*text);
}

/// Text to look for.
result<std::string> read_searched(std::string_view key, const json& value) {
  auto text = read_text(key, value);
  if (text && (text->empty() || text->size() > max_search_bytes))
    return invalid(key, "must have 1 to " + std::to_string(max_search_bytes) + " bytes");
  return text;
}

/// Words to look for.
result<std::string> read_words(std::string_view key, const json& value) {
  auto text = read_searched(key, value);
  if (text && search_words(*text).size() > max_search_words)
    return invalid(key, "must have at most " + std::to_string(max_search_words) + " words");
  return text;
}

/// A number of 64 bits without a sign, which many a script can hold only as text.
result<std::uint64_t> read_seed(std::string_view key, const json& value) {
  auto text = value.is_string()           ? value.get<std::string>()
              : value.is_number_integer() ? value.dump()
                                          : std::string();
  std::uint64_t seed = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (text.empty() || failure != std::errc() || end != text.data() + text.size())
    return invalid(key, "must be a whole number from 0 to "
                            + std::to_string(std::numeric_limits<std::uint64_t>::max()));
  return seed;
}

/// `alpha` and `no_alpha` are one choice, likewise.
result<void> read_alpha(asset_filter& filter, std::string_view key, const json& value) {
  auto given = read_flag(key, value);
  if (!given) return given.failure();
  if (!*given) return {};
  bool wanted = key == "alpha";
  if (filter.alpha && *filter.alpha != wanted)
    return invalid(key, "contradicts the other of 'alpha' and 'no_alpha'");
  filter.alpha = wanted;
  return {};
}

template <class Label>
result<void> read_label(asset_filter& filter, std::string_view key, const json& value) {
  auto& wanted = filter.labels.*Label::wanted;
  if constexpr (is_flag_label<Label>)
    return read_flag_label<Label>(filter, key, value);
  else if constexpr (is_word_label<Label>)
    return store(read_word<typename Label::value>(key, value), wanted);
  else if constexpr (is_number_label<Label>)
    return store(read_range(key, value, number_max<Label>), wanted);
  else
    return store(read_text(key, value), wanted);
}

struct filter_key {
  std::string_view name;
  json (*schema)();
  result<void> (*read)(asset_filter& filter, std::string_view key, const json& value);
};

// The shapes of values, for the schema.
json searched_shape() {
  return {{"type", "string"}, {"minLength", 1}, {"maxLength", max_search_bytes}};
}
json folder_shape() { return {{"type", "string"}, {"pattern", "^/"}}; }
/// A number, or a range with at least one end: `4`, `3..5`, `3..` or `..2`.
json range_shape(json number, const std::string& digits) {
  auto pattern = "^(" + digits + "|" + digits + "\\.\\.(" + digits + ")?|\\.\\." + digits + ")$";
  return {{"anyOf", {std::move(number), {{"type", "string"}, {"pattern", pattern}}}}};
}
template <std::uint64_t highest>
json whole_range_shape() {
  return range_shape(shape::whole(0, highest), "[0-9]+");
}
template <std::uint64_t highest>
json decimal_range_shape() {
  return range_shape({{"type", "number"}, {"minimum", 0}, {"maximum", highest}},
                     "[0-9]+(\\.[0-9]+)?");
}
json seed_shape() {
  return {{"anyOf", {shape::count(), {{"type", "string"}, {"pattern", "^[0-9]+$"}}}}};
}

template <class Label>
json label_shape() {
  if constexpr (is_flag_label<Label>)
    return shape::flag();
  else if constexpr (is_word_label<Label>)
    return shape::word<typename Label::value>();
  else if constexpr (is_number_label<Label>)
    return whole_range_shape<number_max<Label>>();
  else
    return shape::text();
}

constexpr auto keys_besides_labels = std::to_array<filter_key>({
    {"type", shape::word<asset_type>,
     [](auto& f, auto key, auto& v) { return store(read_word<asset_type>(key, v), f.type); }},
    {"missing", shape::flag,
     [](auto& f, auto key, auto& v) { return store(read_flag(key, v), f.missing); }},
    {"duplicates", shape::flag,
     [](auto& f, auto key, auto& v) { return store(read_flag(key, v), f.duplicates); }},
    {"undecided", shape::flag,
     [](auto& f, auto key, auto& v) -> result<void> {
       auto given = read_flag(key, v);
       if (!given || !*given) return given ? result<void>() : given.failure();
       for (auto* decided : {&f.labels.approved, &f.labels.rejected}) {
         if (*decided == true) return invalid(key, "contradicts 'approved' and 'rejected'");
         *decided = false;
       }
       return {};
     }},
    {"tag", shape::text,
     [](auto& f, auto key, auto& v) { return store(read_text(key, v), f.tag); }},
    {"folder", folder_shape,
     [](auto& f, auto key, auto& v) { return store(read_folder(key, v), f.folder); }},
    {"search", searched_shape,
     [](auto& f, auto key, auto& v) { return store(read_words(key, v), f.search); }},
    {"width", whole_range_shape<filter_pixels_max>,
     [](auto& f, auto key, auto& v) {
       return store(read_range(key, v, filter_pixels_max, pixels_example), f.width);
     }},
    {"height", whole_range_shape<filter_pixels_max>,
     [](auto& f, auto key, auto& v) {
       return store(read_range(key, v, filter_pixels_max, pixels_example), f.height);
     }},
    {"duration", decimal_range_shape<filter_seconds_max>,
     [](auto& f, auto key, auto& v) {
       return store(read_decimals(key, v, filter_seconds_max, "10, 2.5..10, 60.. or ..1"),
                    f.duration_sec);
     }},
    {"fps", decimal_range_shape<filter_fps_max>,
     [](auto& f, auto key, auto& v) {
       return store(read_decimals(key, v, filter_fps_max, "25, 23.976..30, 50.. or ..24"), f.fps);
     }},
    {"tool", searched_shape,
     [](auto& f, auto key, auto& v) -> result<void> {
       auto text = read_searched(key, v);
       if (!text) return text.failure();
       // People know it by the name that `asset show` suggests.
       auto known = media::tool_of_name(*text);
       f.tool = known.empty() ? *std::move(text) : std::string(known);
       return {};
     }},
    {"model", searched_shape,
     [](auto& f, auto key, auto& v) { return store(read_searched(key, v), f.model); }},
    {"prompt", searched_shape,
     [](auto& f, auto key, auto& v) { return store(read_words(key, v), f.prompt); }},
    {"seed", seed_shape,
     [](auto& f, auto key, auto& v) { return store(read_seed(key, v), f.seed); }},
    {"alpha", shape::flag, read_alpha},
    {"no_alpha", shape::flag, read_alpha},
    {"broken", shape::flag,
     [](auto& f, auto key, auto& v) { return store(read_flag(key, v), f.broken); }},
    {"unread", shape::flag,
     [](auto& f, auto key, auto& v) { return store(read_flag(key, v), f.unread); }},
    {"after", [] { return shape::whole(0, std::numeric_limits<std::int64_t>::max()); },
     [](auto& f, auto key, auto& v) {
       return store(read_number(key, v, 0, std::numeric_limits<std::int64_t>::max()), f.after);
     }},
    {"limit", [] { return shape::whole(1, max_assets_per_page); },
     [](auto& f, auto key, auto& v) {
       return store(read_number(key, v, 1, max_assets_per_page), f.limit);
     }},
});

const std::vector<filter_key>& keys() {
  static const auto all = [] {
    std::vector<filter_key> made(keys_besides_labels.begin(), keys_besides_labels.end());
    each_label([&made]<class Label>() {
      if constexpr (is_filter_label<Label>)
        made.push_back({Label::key, label_shape<Label>, read_label<Label>});
      if constexpr (is_flag_label<Label>)
        made.push_back({Label::not_key, label_shape<Label>, read_label<Label>});
    });
    return made;
  }();
  return all;
}

std::string key_names() {
  std::string text;
  for (const auto& key : keys())
    text += (text.empty() ? "" : ", ") + std::string(key.name);
  return text;
}

}  // namespace

std::vector<std::string> search_words(const std::string& search) {
  std::istringstream words(fold_text(search));
  words.imbue(std::locale::classic());
  return {std::istream_iterator<std::string>(words), {}};
}

bool is_quick(const asset_filter& filter) {
  // A label beside `asset` may hold for few of those that are looked at.
  bool label_beside = false;
  each_label([&]<class Label>() {
    if constexpr (is_beside<Label> && is_filter_label<Label>)
      label_beside = label_beside || (filter.labels.*Label::wanted).has_value();
  });
  bool fact = filter.width || filter.height || filter.duration_sec || filter.fps || filter.model
              || filter.prompt || filter.alpha || filter.unread;
  return filter.limit <= quick_rows_max && !filter.search && !filter.folder && !filter.duplicates
         && !label_beside && !fact;
}

json filter_schema() {
  auto schema = shape::object({});
  for (const auto& key : keys())
    schema["properties"][std::string(key.name)] = shape::nullable(key.schema());
  return schema;
}

result<asset_filter> parse_filter(const json& given) {
  if (!given.is_object())
    return error{error_code::invalid_argument,
                 "a filter must be a JSON object with: " + key_names()};
  asset_filter filter;
  for (const auto& [name, value] : given.items()) {
    auto key = std::ranges::find(keys(), std::string_view(name), &filter_key::name);
    if (key == keys().end()) return invalid(printable(name), "is unknown; use: " + key_names());
    if (value.is_null()) continue;
    auto read = key->read(filter, key->name, value);
    if (!read) return read.failure();
  }
  return filter;
}

}  // namespace podstudio
